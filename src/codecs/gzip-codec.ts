// JSON with gzip, readable by Python's `json.loads(gzip.decompress(raw))` and made by its counterpart.
// Given by users as `config.codec`. It must never inflate beyond `maxDecodedBytes`.

import { gunzipSync, gzipSync } from 'node:zlib';
import {
  bytesOf,
  checkLimit,
  checkOptions,
  DEFAULT_MAX_DECODED_BYTES,
  type JsonBytesCodec,
  type JsonObject,
  jsonBytes,
  jsonValue,
} from './json-bytes-codec.ts';

export interface GzipCodecOptions {
  /** Below so many bytes JSON travels plain; 0 compresses all. Default 0, so that Python's snippet reads every message. */
  thresholdBytes?: number | undefined;
  /** 1 fast to 9 small. Default 6. */
  level?: number | undefined;
  /** What a message may inflate to. Default 64 MiB. */
  maxDecodedBytes?: number | undefined;
}

/**
 * JSON with gzip. Plain JSON is read as well: it never begins with gzip's 1f 8b. Throws a `UsageError` for an option that
 * is none; a message beyond `maxDecodedBytes` is `invalid`.
 */
export function gzipCodec(options: GzipCodecOptions = {}): JsonBytesCodec {
  const name = 'json+gzip';
  checkOptions(options, 'gzipCodec', ['thresholdBytes', 'level', 'maxDecodedBytes']);
  const thresholdBytes = checkLimit(options.thresholdBytes ?? 0, 'thresholdBytes', 0);
  const level = Math.min(9, checkLimit(options.level ?? 6, 'level', 1));
  const maxDecodedBytes = checkLimit(options.maxDecodedBytes ?? DEFAULT_MAX_DECODED_BYTES, 'maxDecodedBytes', 1);
  return Object.freeze({
    name,
    binary: true as const,
    encode(value: unknown): Uint8Array {
      const bytes = jsonBytes(value);
      return bytes.length < thresholdBytes ? bytes : gzipSync(bytes, { level });
    },
    decode(raw: string | Uint8Array): JsonObject {
      const bytes = bytesOf(raw, name);
      if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) {
        if (bytes.length > maxDecodedBytes)
          throw new RangeError(`Cannot decode message: ${bytes.length} bytes exceed the limit of ${maxDecodedBytes}`);
        return jsonValue(bytes);
      }
      return jsonValue(gunzipSync(bytes, { maxOutputLength: maxDecodedBytes }));
    },
  });
}
