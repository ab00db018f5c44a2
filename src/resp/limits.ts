// The decoder's options and limits, with their defaults. Called by the decoder's constructor.
// Every limit is judged when a length is declared, before anything is allocated for it.

import { UsageError } from '../errors/index.ts';

/** What a peer may make the decoder hold. Beyond it `read()` throws a `LimitError` that names the limit. */
export interface RespLimits {
  /** Bytes of one bulk string, bulk error or verbatim string, streamed or not. Default 512 MiB. */
  maxBulkBytes?: number | undefined;
  /** Bytes of one line between its type and its CRLF. Default 64 KiB. */
  maxLineBytes?: number | undefined;
  /** Elements of one aggregate; a pair of a map counts as two. Default 16,777,216. */
  maxElements?: number | undefined;
  /** Aggregates within each other. Default 128. */
  maxDepth?: number | undefined;
  /** Bytes of one whole reply with all that is in it, and bytes pushed but not read. Default 1 GiB. */
  maxBufferedBytes?: number | undefined;
  /** Attributes in a row before one value. Default 64. */
  maxAttributes?: number | undefined;
}

export interface RespDecoderOptions {
  /** What bulk and verbatim strings become. Simple strings and errors are always text. Default `text`. */
  strings?: 'text' | 'bytes' | undefined;
  /** `auto`: `number` inside ±(2^53 − 1), `bigint` outside. `bigint`: always. Default `auto`. */
  integers?: 'auto' | 'bigint' | undefined;
  /** `map`: a `Map`; the last of equal keys holds. `entries`: an array of pairs, as they came. Default `map`. */
  maps?: 'map' | 'entries' | undefined;
  /** Published messages come as `RespMessage`, from RESP2's arrays and RESP3's pushes alike. Default false. */
  messages?: boolean | undefined;
  limits?: RespLimits | undefined;
}

/** All of them, each with its value. */
export type CompleteLimits = Readonly<Record<keyof RespLimits, number>>;

const DEFAULTS: CompleteLimits = {
  maxBulkBytes: 536_870_912,
  maxLineBytes: 65_536,
  maxElements: 16_777_216,
  maxDepth: 128,
  maxBufferedBytes: 1_073_741_824,
  maxAttributes: 64,
};

/** Beside `limits`. */
const CHOICES = /* @__PURE__ */ new Map<string, readonly unknown[]>([
  ['strings', ['text', 'bytes']],
  ['integers', ['auto', 'bigint']],
  ['maps', ['map', 'entries']],
  ['messages', [false, true]],
]);

/** All limits; throws a `UsageError` for an option or limit that is none, or is none of what is allowed. */
export function completeLimits(given: RespDecoderOptions): CompleteLimits {
  const { limits, ...options } = given;
  if (typeof given !== 'object' || typeof (limits ?? given) !== 'object') {
    throw new UsageError('Cannot make a decoder: its options or "limits" are no object');
  }
  for (const [name, value] of Object.entries(options)) {
    const allowed = CHOICES.get(name);
    if (value === undefined || allowed?.includes(value)) continue;
    const what = allowed ? `found ${String(value)}, allowed are ${allowed.join(' and ')}` : 'no such option';
    throw new UsageError(`Cannot make a decoder with "${name}": ${what}`);
  }
  if (!limits) return DEFAULTS;
  const all = { ...DEFAULTS };
  for (const [name, value] of Object.entries(limits)) {
    if (value === undefined) continue;
    if (!Object.hasOwn(DEFAULTS, name) || typeof value !== 'number' || !(value >= 0)) {
      const names = Object.keys(DEFAULTS).join(', ');
      throw new UsageError(`Cannot limit a decoder by ${name} = ${String(value)}: allowed are 0 and more, of ${names}`);
    }
    all[name as keyof RespLimits] = value as number;
  }
  return all;
}
