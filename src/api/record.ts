// A record of the key publisher: its key, its own time to live, and the JSON that is stored.
// Called once a publish. It must never change the caller's object.

import { MissingKeyError } from '../errors/index.ts';
import { encodeJson } from '../json/index.ts';
import { ttlToMs } from './config.ts';

const KEY = '__dagserver_key';
const TTL = '__ttl_seconds';
const OPENING = `{"${KEY}":"`;

/** The key, or a {@link MissingKeyError}. `toJSON` is honoured, as JSON.stringify does. */
export function keyOf(data: unknown): string {
  const key = typeof data === 'object' && data !== null ? (data as Record<string, unknown>)[KEY] : undefined;
  if (typeof key === 'string' && key !== '') return key;
  const found = key === undefined ? 'nothing' : key === '' ? 'an empty string' : `a value of type ${typeof key}`;
  throw new MissingKeyError(
    `No ${KEY} found in data: found ${found}, allowed is a non-empty string; add it to the record`,
  );
}

/** The record's time to live in ms; absent and null mean the configured one. */
export function recordTtlMs(data: object): number | undefined {
  const ttl = (data as Record<string, unknown>)[TTL] ?? undefined;
  return ttl === undefined ? undefined : ttlToMs(ttl, TTL);
}

/** What the object is for JSON: itself, or what its `toJSON` gives. */
export function recordOf(data: unknown): unknown {
  const toJson = (data as { toJSON?: (key: string) => unknown } | null | undefined)?.toJSON;
  return typeof toJson === 'function' ? toJson.call(data, '') : data;
}

/** JSON of a record without its control fields. `key` is `keyOf(record)`. */
export function recordJson(record: object, key: string): string {
  // A record usually opens with its key: then the text is cut, which costs no copy of the object.
  if (!(TTL in record)) {
    const text = encodeJson(record);
    const end = OPENING.length + key.length;
    if (text.startsWith(OPENING) && text.startsWith(key, OPENING.length) && text.charCodeAt(end) === 0x22) {
      // A comma follows, or the end.
      return text.charCodeAt(end + 1) === 0x2c ? `{${text.slice(end + 2)}` : '{}';
    }
  }
  return encodeJson(withoutControlFields(record));
}

/** The record as a codec gets it. */
export function withoutControlFields(record: object): object {
  // Rest, not assignment: no prototype setter may run for a member that is named `__proto__`.
  const { [KEY]: _key, [TTL]: _ttl, ...rest } = record as Record<string, unknown>;
  return rest;
}
