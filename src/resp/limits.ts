// The decoder's options and limits, with their defaults. Called by the decoder's constructor.
// Every limit is judged when a length is declared, before anything is allocated for it.

import { UsageError } from '../errors/index.ts';

/** What a peer may make the decoder hold. Beyond it `read()` throws a `LimitError` that names the limit. */
export interface RespLimits {
  /** Bytes of one bulk string, bulk error or verbatim string, streamed or not. Default 512 MiB. */
  maxBulkBytes?: number;
  /** Bytes of one line between its type and its CRLF. Default 64 KiB. */
  maxLineBytes?: number;
  /** Elements of one aggregate; a pair of a map counts as two. Default 16,777,216. */
  maxElements?: number;
  /** Aggregates within each other. Default 128. */
  maxDepth?: number;
  /** Bytes of one whole reply with all that is in it, and bytes pushed but not read. Default 1 GiB. */
  maxBufferedBytes?: number;
  /** Attributes in a row before one value. Default 64. */
  maxAttributes?: number;
}

export interface RespDecoderOptions {
  /** What bulk and verbatim strings become. Simple strings and errors are always text. Default `text`. */
  strings?: 'text' | 'bytes';
  /** `auto`: `number` inside ±(2^53 − 1), `bigint` outside. `bigint`: always. Default `auto`. */
  integers?: 'auto' | 'bigint';
  /** `map`: a `Map`; the last of equal keys holds. `entries`: an array of pairs, as they came. Default `map`. */
  maps?: 'map' | 'entries';
  /** Published messages come as `RespMessage`, from RESP2's arrays and RESP3's pushes alike. Default false. */
  messages?: boolean;
  limits?: RespLimits;
}

const DEFAULTS: Required<RespLimits> = {
  maxBulkBytes: 536_870_912,
  maxLineBytes: 65_536,
  maxElements: 16_777_216,
  maxDepth: 128,
  maxBufferedBytes: 1_073_741_824,
  maxAttributes: 64,
};

/** All limits; throws a `UsageError` for a name or value that is none. */
export function completeLimits(limits: RespLimits = {}): Required<RespLimits> {
  const all = { ...DEFAULTS, ...limits };
  for (const [name, value] of Object.entries(all)) {
    if (!(name in DEFAULTS) || !(value >= 0)) throw new UsageError(`Cannot limit a decoder by ${name} = ${value}`);
  }
  return all;
}
