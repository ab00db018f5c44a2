// Every error that this package raises, and nothing else.
// Called by every room. It imports nothing and keeps no state, so that `ashredis/resp` can carry it anywhere.
//
//   AshRedisError (abstract)
//   ├── UsageError            the caller asked for what can't be done; nothing was sent
//   │   └── MissingKeyError   a record without `__dagserver_key`
//   ├── ProtocolError         the peer's bytes break the protocol; the connection ends
//   │   └── LimitError        the peer's bytes are legal but larger than a limit
//   ├── ConnectionError
//   │   ├── ConnectError      no address could be reached
//   │   ├── HandshakeError    reached, but refused (credentials, TLS, dialect)
//   │   ├── LinkLostError     the network went away under a command
//   │   └── ClosedError       we were closed
//   ├── ReplyError            the server answered with an error
//   ├── TimeoutError          a time limit passed
//   └── OverflowError         a bounded queue is full

/** What every constructor of an error takes beside its message. */
export interface ErrorDetails {
  /** Stable code, `ASHREDIS_…`, or the server's own prefix for a {@link ReplyError}. Default: the class's code. */
  code?: string;
  /** The error below, for example Node's `ECONNREFUSED`. */
  cause?: unknown;
  /** True only for what was not handed to the socket, or was refused unexecuted. Default false. */
  safeToRetry?: boolean;
  /** What to do about it. The message says it too. */
  hint?: string;
}

const LINK = / \(docs\/errors\.md#[\w-]+\)/g;

/**
 * The root of all errors of this package. `code` is stable and has a paragraph in `docs/errors.md`.
 * The message says what failed, what was found and allowed, what to do and where that paragraph is; it never holds a secret.
 */
export abstract class AshRedisError extends Error {
  /** Stable code: `ASHREDIS_…`, or the server's prefix (`NOPERM`) for a {@link ReplyError}. */
  declare readonly code: string;
  /** True only when the command was never executed: not handed to the socket, or refused unexecuted. */
  declare readonly safeToRetry: boolean;
  /** What to do about it, or undefined. */
  declare readonly hint: string | undefined;

  constructor(name: string, code: string, message: string, details: ErrorDetails = {}) {
    const { hint, cause } = details;
    // Of an error within an error the outer link is enough.
    const text = (hint === undefined ? message : `${message}; ${hint}`).replace(LINK, '');
    const ownCode = details.code ?? code;
    const paragraph = code === 'ERR' ? 'codes-of-the-server' : ownCode.toLowerCase();
    super(`${text} (docs/errors.md#${paragraph})`, cause === undefined ? undefined : { cause });
    // Set, not inherited from the class's name: minifiers rename classes.
    Object.defineProperty(this, 'name', { value: name, configurable: true, writable: true });
    this.code = ownCode;
    this.safeToRetry = details.safeToRetry ?? false;
    this.hint = hint;
  }
}

/** The caller asked for what can't be done. Nothing was sent; `safeToRetry` is true. */
export class UsageError extends AshRedisError {
  constructor(message: string, details?: ErrorDetails, name = 'UsageError', code = 'ASHREDIS_USAGE') {
    super(name, code, message, { safeToRetry: true, ...details });
  }
}

/** A record for the key publisher has no `__dagserver_key`, or one that is not a non-empty string. */
export class MissingKeyError extends UsageError {
  constructor(message: string, details?: ErrorDetails) {
    super(message, details, 'MissingKeyError', 'ASHREDIS_MISSING_KEY');
  }
}

/** Where in the stream a {@link ProtocolError} was found. */
export interface ProtocolErrorDetails extends ErrorDetails {
  /** Offset of the offending byte, counted from the connection's first byte. */
  offset?: number;
  /** A short escaped excerpt of the bytes found there. */
  excerpt?: string;
}

/** The peer's bytes break the protocol. The connection that carried them is ended. */
export class ProtocolError extends AshRedisError {
  /** Offset of the offending byte, counted from the connection's first byte. */
  declare readonly offset: number;
  /** A short escaped excerpt of the bytes found there. */
  declare readonly excerpt: string;

  constructor(message: string, details: ProtocolErrorDetails = {}, name = 'ProtocolError', code = 'ASHREDIS_PROTOCOL') {
    super(name, code, message, details);
    this.offset = details.offset ?? 0;
    this.excerpt = details.excerpt ?? '';
  }
}

/** The peer's bytes are legal, but larger or deeper than a limit of the decoder; the message names the limit. */
export class LimitError extends ProtocolError {
  constructor(message: string, details?: ProtocolErrorDetails) {
    super(message, details, 'LimitError', 'ASHREDIS_LIMIT');
  }
}

/** Everything that is wrong between us and the server's door. */
export class ConnectionError extends AshRedisError {
  constructor(message: string, details?: ErrorDetails, name = 'ConnectionError', code = 'ASHREDIS_CONNECTION') {
    super(name, code, message, details);
  }
}

/** No address of the server could be reached in time. Nothing was sent; `safeToRetry` is true. */
export class ConnectError extends ConnectionError {
  constructor(message: string, details?: ErrorDetails) {
    super(message, { safeToRetry: true, ...details }, 'ConnectError', 'ASHREDIS_CONNECT');
  }
}

/** The server was reached, but refused us or speaks something else. Waiting commands were not sent. */
export class HandshakeError extends ConnectionError {
  constructor(message: string, details?: ErrorDetails) {
    super(message, { safeToRetry: true, ...details }, 'HandshakeError', 'ASHREDIS_HANDSHAKE');
  }
}

/** The link went away. `safeToRetry` tells whether the command had been handed to the socket. */
export class LinkLostError extends ConnectionError {
  constructor(message: string, details?: ErrorDetails) {
    super(message, details, 'LinkLostError', 'ASHREDIS_LINK_LOST');
  }
}

/** The object was stopped or closed by its user. */
export class ClosedError extends ConnectionError {
  constructor(message: string, details?: ErrorDetails) {
    super(message, details, 'ClosedError', 'ASHREDIS_CLOSED');
  }
}

/** What a {@link ReplyError} is made from. */
export interface ReplyErrorDetails extends ErrorDetails {
  /** The command that the server refused, in upper case, without its arguments. */
  command: string;
}

/** The server answered a command with an error. `code` is the server's own prefix: `ERR`, `NOPERM`, `WRONGTYPE`, … */
export class ReplyError extends AshRedisError {
  /** The command that the server refused, in upper case, without its arguments. */
  declare readonly command: string;

  constructor(message: string, details: ReplyErrorDetails) {
    super('ReplyError', 'ERR', message, details);
    this.command = details.command;
  }
}

/** A time limit passed. `safeToRetry` is true only when the command was never handed to the socket. */
export class TimeoutError extends AshRedisError {
  constructor(message: string, details?: ErrorDetails) {
    super('TimeoutError', 'ASHREDIS_TIMEOUT', message, details);
  }
}

/** A bounded queue is full. What was refused was not sent; `safeToRetry` is true. */
export class OverflowError extends AshRedisError {
  constructor(message: string, details?: ErrorDetails) {
    super('OverflowError', 'ASHREDIS_OVERFLOW', message, { safeToRetry: true, ...details });
  }
}
