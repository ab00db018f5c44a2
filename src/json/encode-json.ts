// JSON text, or the refusal that says what JSON can't hold and where it stands.
// Called for every record by the api's publishers and by the codecs. It must never change the caller's object.

import { UsageError } from '../errors/index.ts';

/** Deeper than this the quick look gives up and the exact one, which knows cycles, takes over. */
const QUICK_DEPTH = 32;

/** JSON text of `value`; a `UsageError` names the path of what JSON can't hold. Undefined members are left out. */
export function encodeJson(value: unknown): string {
  let text: string | undefined;
  let cause: unknown;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    cause = error;
  }
  // JSON.stringify drops functions without a word, so that the text alone can't tell: the values must be looked at.
  if (text === undefined || looksRefused(value, 0)) {
    let found = text === undefined ? describe(cause) : undefined;
    try {
      found = findRefused(value, 'data', []) ?? found;
    } catch {
      // The getter that JSON.stringify fell over.
    }
    if (found !== undefined) throw new UsageError(`Cannot encode data as JSON: ${found}`, { cause });
  }
  return text as string;
}

function describe(cause: unknown): string {
  if (cause === undefined) return 'its toJSON() gives undefined';
  return cause instanceof RangeError ? 'it is too deep or too long' : 'its toJSON() or getter threw';
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
  const type = typeof value;
  if (type === 'function' || type === 'symbol') return `${path} is a ${type}`;
  if (type === 'undefined') return above.length === 0 ? `${path} is undefined` : undefined;
  if (value === null || (type !== 'object' && type !== 'bigint')) return undefined;
  const toJson = (value as { toJSON?: (key: string) => unknown }).toJSON;
  const hasToJson = typeof toJson === 'function';
  if (type === 'bigint') return hasToJson ? undefined : `${path} is a BigInt; send it as a string`;
  const object = value as object;
  if (above.includes(object)) return `${path} refers back to what contains it (a cycle)`;
  if (above.length > 2000) return `${path.slice(0, 60)}… is nested deeper than 2000 levels`;
  if (hasToJson) {
    try {
      const replaced = toJson.call(value, '');
      return replaced === value ? undefined : findRefused(replaced, path, [...above, object]);
    } catch {
      return `${path}.toJSON() threw`;
    }
  }
  above.push(object);
  for (const [key, member] of Array.isArray(value) ? value.entries() : Object.entries(object)) {
    const found = findRefused(member, path + step(key), above);
    if (found !== undefined) return found;
  }
  above.pop();
  return undefined;
}

function step(key: string | number): string {
  if (typeof key === 'number') return `[${key}]`;
  return /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key.slice(0, 40))}]`;
}
