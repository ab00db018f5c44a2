// The two codecs of the core: JSON and raw bytes; and what a codec of a user's may give.
// Called by publishers and subscriptions for every record. It must never change the caller's object.

import { UsageError } from '../errors/index.ts';
import { encodeJson } from '../json/index.ts';
import { asError } from '../net/index.ts';
import type { Codec, JsonCodec, JsonObject } from './config-types.ts';
import { present } from './handled.ts';

/** JSON as text. Functions, symbols, cycles, BigInt and a top that is undefined are refused by path. */
export const jsonCodec: JsonCodec = Object.freeze({
  name: 'json',
  encode: encodeJson,
  decode(raw: string | Uint8Array): JsonObject {
    return JSON.parse(typeof raw === 'string' ? raw : new TextDecoder().decode(raw));
  },
});

/** Bytes as they are. */
export const bytesCodec: Codec<Uint8Array> = Object.freeze({
  name: 'bytes',
  binary: true,
  encode(value: Uint8Array): Uint8Array {
    if (!(value instanceof Uint8Array)) {
      throw new UsageError(`Cannot encode data as bytes: found ${typeof value}, allowed is a Uint8Array`);
    }
    // A copy: the caller may use the buffer again before the turn's bytes are written.
    return value.slice();
  },
  decode(raw: string | Uint8Array): Uint8Array {
    return typeof raw === 'string' ? new TextEncoder().encode(raw) : raw;
  },
});

/** What a codec makes of it. What it throws, and what is neither text nor bytes, becomes a `UsageError`. */
export function encodeBy(codec: Codec, value: unknown): string | Uint8Array {
  try {
    const payload: unknown = present(codec.encode(value));
    if (typeof payload === 'string' || payload instanceof Uint8Array) return payload;
    throw new TypeError(`it gave ${typeof payload}, allowed is text or bytes`);
  } catch (cause) {
    if (cause instanceof UsageError) throw cause;
    throw new UsageError(`Cannot encode data by codec "${codec.name}": ${asError(cause).message}`, { cause });
  }
}
