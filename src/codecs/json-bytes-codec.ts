// The shape that both codecs of this room have, and the JSON in them.
// It must agree with `Codec` of the api room, which this room may not import.

import { UsageError } from '../errors/index.ts';
import { encodeJson } from '../json/index.ts';

type JsonValue = string | number | boolean | null | JsonValue[] | JsonObject;
/** What the publisher sent, an object by default: the type that subscribers without a type of their own have. */
export type JsonObject = { [key: string]: JsonValue };

/** Fits `config.codec`: values to bytes and back. Their limit is their own: what arrives may be longer than what is in it. */
export interface JsonBytesCodec {
  readonly name: string;
  readonly binary: true;
  encode(value: unknown): Uint8Array;
  decode(raw: string | Uint8Array): JsonObject;
}

export const DEFAULT_MAX_DECODED_BYTES = 64 * 1024 * 1024;

export function jsonBytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(encodeJson(value));
}

export function bytesOf(raw: string | Uint8Array, name: string): Uint8Array {
  if (typeof raw !== 'string') return raw;
  throw new UsageError(`Cannot decode message with codec "${name}": found text, allowed is bytes`);
}

export function jsonValue(bytes: Uint8Array): JsonObject {
  return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
}

/** A limit with its name misspelt would be none. */
export function checkOptions(options: unknown, codec: string, allowed: readonly string[]): void {
  const isObject = typeof options === 'object' && options !== null && !(options instanceof Uint8Array);
  const wrong = isObject ? Object.keys(options).find((name) => !allowed.includes(name)) : 'no object';
  if (wrong === undefined) return;
  const found = isObject ? JSON.stringify(wrong) : wrong;
  throw new UsageError(`Cannot use options of ${codec}: found ${found}, allowed are ${allowed.join(', ')}`);
}

export function checkLimit(value: unknown, option: string, min: number): number {
  if (!Number.isSafeInteger(value) || (value as number) < min) {
    const found = typeof value === 'number' ? String(value) : typeof value;
    throw new UsageError(`Cannot use codec option "${option}": found ${found}, allowed is an integer, at least ${min}`);
  }
  return value as number;
}
