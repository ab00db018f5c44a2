// The two codecs of the core: JSON and raw bytes; and the exact refusal of what JSON can't hold.
// Called by publishers and subscriptions for every record. It must never change the caller's object.

import { UsageError } from '../errors/index.ts';
import type { Codec } from './config-types.ts';

/** JSON as text. Functions, symbols, cycles, BigInt and a top that is undefined are refused by path. */
export const jsonCodec: Codec = Object.freeze({
  name: 'json',
  encode: encodeJson,
  decode(raw: string | Uint8Array): unknown {
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

/** Deeper than this the quick look gives up and the exact one, which knows cycles, takes over. */
const QUICK_DEPTH = 32;

/** JSON text of `value`; a `UsageError` names the path of what JSON can't hold. Undefined members are left out. */
export function encodeJson(value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    const found = findRefused(value, 'data', []);
    throw new UsageError(`Cannot encode data as JSON: ${found ?? `its ${describe(cause)}`}`, { cause });
  }
  // JSON.stringify drops functions without a word, so that the text alone can't tell: the values must be looked at.
  if (text === undefined || looksRefused(value, 0)) {
    const found = findRefused(value, 'data', []);
    if (found !== undefined) throw new UsageError(`Cannot encode data as JSON: ${found}`);
    if (text === undefined) throw new UsageError('Cannot encode data as JSON: data gives undefined by its toJSON()');
  }
  return text;
}

function describe(cause: unknown): string {
  return cause instanceof RangeError
    ? 'nesting or length is beyond what JSON.stringify can do'
    : 'toJSON() or getter threw';
}

function looksRefused(value: unknown, depth: number): boolean {
  if (typeof value === 'function' || typeof value === 'symbol') return true;
  if (typeof value !== 'object' || value === null) return false;
  if (depth > QUICK_DEPTH) return true;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const type = typeof value[i];
      if (type === 'string' || type === 'number') continue;
      if (looksRefused(value[i], depth + 1)) return true;
    }
    return false;
  }
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function') return false;
  for (const key in value) {
    const member = (value as Record<string, unknown>)[key];
    const type = typeof member;
    if (type === 'string' || type === 'number') continue;
    if (looksRefused(member, depth + 1)) return true;
  }
  return false;
}

/** What is refused and where, exactly as JSON.stringify walks; undefined when nothing is. */
function findRefused(value: unknown, path: string, above: object[]): string | undefined {
  if (typeof value === 'function') return `${path} is a function`;
  if (typeof value === 'symbol') return `${path} is a symbol`;
  if (typeof value === 'undefined') return above.length === 0 ? `${path} is undefined` : undefined;
  if (typeof value === 'bigint') {
    const toJson = (value as { toJSON?: unknown }).toJSON;
    return typeof toJson === 'function' ? undefined : `${path} is a BigInt; send it as a string`;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  if (above.includes(value)) return `${path} refers back to an object that contains it (a cycle)`;
  if (above.length > 2000) return `${path.slice(0, 60)}… is nested deeper than 2000 levels`;
  const toJson = (value as { toJSON?: (key: string) => unknown }).toJSON;
  if (typeof toJson === 'function') {
    try {
      const replaced = toJson.call(value, '');
      return replaced === value ? undefined : findRefused(replaced, path, [...above, value]);
    } catch {
      return `${path}.toJSON() threw`;
    }
  }
  above.push(value);
  const found = Array.isArray(value) ? findInArray(value, path, above) : findInObject(value, path, above);
  above.pop();
  return found;
}

function findInArray(value: unknown[], path: string, above: object[]): string | undefined {
  for (let i = 0; i < value.length; i++) {
    const found = findRefused(value[i], `${path}[${i}]`, above);
    if (found !== undefined) return found;
  }
  return undefined;
}

function findInObject(value: object, path: string, above: object[]): string | undefined {
  for (const key of Object.keys(value)) {
    const step = /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key.slice(0, 40))}]`;
    const found = findRefused((value as Record<string, unknown>)[key], path + step, above);
    if (found !== undefined) return found;
  }
  return undefined;
}
