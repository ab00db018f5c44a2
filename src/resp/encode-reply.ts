// From values to the bytes of a reply, in RESP2 or RESP3: the decoder's mirror. Called by servers and tests.
// In RESP3 decoding what was encoded gives the same value; RESP2 has fewer types, and the nearest is taken.

import { UsageError } from '../errors/index.ts';
import { joinParts } from './encode-command.ts';
import { utf8Length } from './utf8.ts';
import { RespError, RespMessage, RespPush, type RespValue } from './values.ts';

export interface EncodeReplyOptions {
  /** Default 3. */
  protocol?: 2 | 3;
}

const MAX_DEPTH = 128;
/** In UTF-16 units, of which one takes three bytes at most. */
const LONGEST_LINE = 21_845;
const INT64_LIMIT = 2n ** 63n;

/** The bytes of one reply or push. Throws a `UsageError` for what is no RESP value, and for a push inside a value. */
export function encodeReply(value: RespValue, options: EncodeReplyOptions = {}): Uint8Array {
  const writer = new Writer(options.protocol !== 2);
  writer.value(value, 0);
  return joinParts(writer.parts, writer.length);
}

class Writer {
  readonly parts: (string | Uint8Array)[] = [];
  length = 0;
  readonly #resp3: boolean;

  constructor(resp3: boolean) {
    this.#resp3 = resp3;
  }

  value(value: RespValue, depth: number): void {
    if (depth > MAX_DEPTH) throw new UsageError(`Cannot encode a reply: it is deeper than ${MAX_DEPTH} values`);
    if (typeof value === 'string') return this.#bulk(value);
    if (typeof value === 'number') return this.#number(value);
    if (typeof value === 'bigint') return this.#bigint(value);
    if (value === null) return this.#ascii(this.#resp3 ? '_\r\n' : '$-1\r\n');
    if (typeof value === 'boolean') {
      const letter = value ? 't' : 'f';
      return this.#ascii(this.#resp3 ? `#${letter}\r\n` : `:${Number(value)}\r\n`);
    }
    if (value instanceof Uint8Array) return this.#bulk(value);
    if (value instanceof RespError) return this.#error(value.message);
    if (Array.isArray(value)) return this.#aggregate('*', value.length, value, depth);
    if (value instanceof Set) return this.#aggregate(this.#resp3 ? '~' : '*', value.size, value, depth);
    if (value instanceof Map) {
      this.#ascii(this.#resp3 ? `%${value.size}\r\n` : `*${value.size * 2}\r\n`);
      for (const [key, entry] of value) {
        this.value(key, depth + 1);
        this.value(entry, depth + 1);
      }
      return;
    }
    if (value instanceof RespMessage || value instanceof RespPush) {
      if (depth > 0) throw new UsageError('Cannot encode a reply: a push is out of band');
      const items = value instanceof RespPush ? [value.kind, ...value.values] : messageItems(value);
      return this.#aggregate(this.#resp3 ? '>' : '*', items.length, items, depth);
    }
    throw new UsageError(`Cannot encode a reply: found ${typeof value}, allowed are RESP values`);
  }

  #aggregate(type: string, count: number, items: Iterable<RespValue>, depth: number): void {
    this.#ascii(`${type}${count}\r\n`);
    for (const item of items) this.value(item, depth + 1);
  }

  #number(value: number): void {
    // -0 and numbers beyond 2^53 are doubles: as integers they would come back as something else.
    if (Number.isSafeInteger(value) && !Object.is(value, -0)) return this.#ascii(`:${value}\r\n`);
    const text = Object.is(value, -0) ? '-0' : String(value).replace('Infinity', 'inf').replace('NaN', 'nan');
    if (this.#resp3) this.#ascii(`,${text}\r\n`);
    else this.#bulk(text);
  }

  #bigint(value: bigint): void {
    const isInt64 = value >= -INT64_LIMIT && value < INT64_LIMIT;
    // Inside 2^53 an integer would come back as a number, a big number stays a bigint.
    const isSafe = value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER;
    if (this.#resp3 && (isSafe || !isInt64)) this.#ascii(`(${value}\r\n`);
    else if (isInt64) this.#ascii(`:${value}\r\n`);
    else this.#bulk(String(value));
  }

  #error(message: string): void {
    // What a decoder's limit on lines might refuse goes as a bulk.
    if (this.#resp3 && (message.length > LONGEST_LINE || /[\r\n]/.test(message))) return this.#bulk(message, '!');
    const line = `-${message.replace(/[\r\n]/g, ' ')}\r\n`;
    this.parts.push(line);
    this.length += utf8Length(line);
  }

  #bulk(value: string | Uint8Array, type = '$'): void {
    const size = typeof value === 'string' ? utf8Length(value) : value.length;
    this.#ascii(`${type}${size}\r\n`);
    this.parts.push(value, '\r\n');
    this.length += size + 2;
  }

  #ascii(text: string): void {
    this.parts.push(text);
    this.length += text.length;
  }
}

function messageItems({ channel, pattern, payload, shard }: RespMessage): RespValue[] {
  if (pattern !== undefined) return ['pmessage', pattern, channel, payload];
  return [shard ? 'smessage' : 'message', channel, payload];
}
