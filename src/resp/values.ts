// The JavaScript values of RESP replies, and the few classes that RESP needs beyond JavaScript's own.
// Used by the decoder, the encoder and everybody who reads replies. Data only: no parsing here.

/** Given by `read()` when the bytes pushed so far hold no further whole reply. */
export const NEED_DATA: unique symbol = Symbol('NEED_DATA');

/** An error reply (`-` or `!`): a value, not an exception. */
export class RespError {
  /** The first word when it is in capitals (`WRONGTYPE`), else `ERR`. */
  readonly code: string;
  /** The whole text that the server sent, with its prefix. */
  readonly message: string;

  constructor(message: string) {
    this.code = /^[A-Z][A-Z0-9_]*(?= |$)/.exec(message)?.[0] ?? 'ERR';
    this.message = message;
  }

  toString(): string {
    return `RespError: ${this.message}`;
  }
}

/** A push (`>`): out of band, never the reply to a command. RESP3 specification, "Push type". */
export class RespPush {
  /** The first element: `message`, `invalidate`, … */
  readonly kind: string;
  /** The elements after the kind. */
  readonly values: RespValue[];

  constructor(kind: string, values: RespValue[]) {
    this.kind = kind;
    this.values = values;
  }
}

/**
 * A published message, in the shape that the subscriber's connection reads: made by the decoder in place of the
 * array or push `message channel payload` when its option `messages` is on.
 */
export class RespMessage {
  /** The channel it was published to. */
  readonly channel: string;
  /** The pattern that matched, or undefined for `message` and `smessage`. */
  readonly pattern: string | undefined;
  /** Text, or bytes when the decoder gives strings as bytes. */
  readonly payload: string | Uint8Array;
  /** True for `smessage` (shard channels). */
  readonly shard: boolean;

  constructor(channel: string, pattern: string | undefined, payload: string | Uint8Array, shard: boolean) {
    this.channel = channel;
    this.pattern = pattern;
    this.payload = payload;
    this.shard = shard;
  }
}

/** Every value that a decoder gives. Integers beyond 2^53 and big numbers are `bigint`. */
export type RespValue =
  | string
  | Uint8Array
  | number
  | bigint
  | boolean
  | null
  | RespError
  | RespPush
  | RespMessage
  | RespValue[]
  | Map<RespValue, RespValue>
  | Set<RespValue>;

/** What a command's argument may be. Numbers must be finite; strings are sent as UTF-8. */
export type CommandArgument = string | Uint8Array | number | bigint;
