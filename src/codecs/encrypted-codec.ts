// JSON under AES-256-GCM, with the id of its key in front, so that keys can be changed while messages travel.
// Given by users as `config.codec`. It must never use a nonce twice with one key, nor show a key.
//
//   version 01 | length of key id (1) | key id (UTF-8) | nonce (12) | ciphertext | tag (16)
//   the bytes before the nonce are authenticated with it

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { UsageError } from '../errors/index.ts';
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

/** A key by its name, so that keys can be changed while messages travel. */
export interface EncryptionKey {
  /** Travels in the clear; at most 255 bytes. */
  readonly id: string;
  /** 32 bytes. */
  readonly key: Uint8Array;
}

export interface EncryptedCodecOptions {
  /**
   * Called without an id for the key to encrypt with, with an id for the key of a message; undefined when there is none.
   * Or 32 bytes, where there is one key for ever: its id is empty.
   */
  key: Uint8Array | ((id?: string) => EncryptionKey | undefined);
  /** Longest plain text. Default 64 MiB. */
  maxDecodedBytes?: number | undefined;
}

const NONCE = 12;
const TAG = 16;

/**
 * JSON under AES-256-GCM. Throws a `UsageError` for a key that is none. A message that was changed, or whose key is not
 * known, is `invalid`.
 */
export function encryptedCodec(options: EncryptedCodecOptions): JsonBytesCodec {
  const name = 'json+aes-256-gcm';
  const keyOf = keyFunction(options?.key);
  checkOptions(options, 'encryptedCodec', ['key', 'maxDecodedBytes']);
  const maxDecodedBytes = checkLimit(options.maxDecodedBytes ?? DEFAULT_MAX_DECODED_BYTES, 'maxDecodedBytes', 1);
  return Object.freeze({
    name,
    binary: true as const,
    encode(value: unknown): Uint8Array {
      const plain = jsonBytes(value);
      const { id, key } = usable(keyOf(), undefined);
      const idBytes = new TextEncoder().encode(id);
      if (idBytes.length > 255) throw new UsageError('Cannot encrypt: the id of the key is longer than 255 bytes');
      const head = new Uint8Array(2 + idBytes.length);
      head.set([1, idBytes.length]);
      head.set(idBytes, 2);
      const nonce = randomBytes(NONCE);
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(head);
      const first = cipher.update(plain);
      return concat([head, nonce, first, cipher.final(), cipher.getAuthTag()]);
    },
    decode(raw: string | Uint8Array): JsonObject {
      const bytes = bytesOf(raw, name);
      const headLength = 2 + (bytes[1] ?? 0);
      if (bytes[0] !== 1 || bytes.length < headLength + NONCE + TAG) {
        throw new Error('Cannot decrypt message: it is not in the form of encryptedCodec');
      }
      const length = bytes.length - headLength - NONCE - TAG;
      if (length > maxDecodedBytes) {
        throw new RangeError(`Cannot decrypt message: ${length} bytes exceed the limit of ${maxDecodedBytes}`);
      }
      const id = new TextDecoder().decode(bytes.subarray(2, headLength));
      const { key } = usable(keyOf(id), id);
      const start = headLength + NONCE;
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(headLength, start), { authTagLength: TAG });
      decipher.setAAD(bytes.subarray(0, headLength)).setAuthTag(bytes.subarray(bytes.length - TAG));
      const first = decipher.update(bytes.subarray(start, bytes.length - TAG));
      return jsonValue(concat([first, decipher.final()]));
    },
  });
}

function keyFunction(given: unknown): (id?: string) => EncryptionKey | undefined {
  if (typeof given === 'function') return given as (id?: string) => EncryptionKey | undefined;
  if (!(given instanceof Uint8Array) || given.length !== 32) {
    throw new UsageError(
      'Cannot make encryptedCodec: option "key" must be 32 bytes, or a function that gives { id, key }',
    );
  }
  const only: EncryptionKey = { id: '', key: given.slice() };
  return (id) => (id === undefined || id === '' ? only : undefined);
}

function usable(key: EncryptionKey | undefined, id: string | undefined): EncryptionKey {
  const which = id === undefined ? 'to encrypt with' : `with the id ${JSON.stringify(id.slice(0, 40))}`;
  if (key === undefined || key === null) throw new UsageError(`Cannot find a key ${which}: the key function gave none`);
  if (!(key.key instanceof Uint8Array) || key.key.length !== 32 || typeof key.id !== 'string') {
    throw new UsageError(`Cannot use the key ${which}: allowed is { id: string, key: 32 bytes }`);
  }
  return key;
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
