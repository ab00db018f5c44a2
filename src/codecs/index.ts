// The door of `ashredis/codecs`: JSON that is compressed or encrypted.
// Imported by users alone; the core never needs `node:zlib` or `node:crypto`.

export { type EncryptedCodecOptions, type EncryptionKey, encryptedCodec } from './encrypted-codec.ts';
export { type GzipCodecOptions, gzipCodec } from './gzip-codec.ts';
export type { JsonBytesCodec } from './json-bytes-codec.ts';
