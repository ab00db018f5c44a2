// From values to the bytes of a reply, in RESP2 or RESP3: the decoder's mirror. Called by servers and tests.
// In RESP3 decoding what was encoded gives the same value; RESP2 has fewer types, and the nearest is taken.

import { UsageError } from '../errors/index.ts';
import { RespError, RespMessage, RespPush, type RespValue } from './values.ts';
import { Writer } from './write.ts';

export interface EncodeReplyOptions {
  /** Default 3. */
  protocol?: 2 | 3;
}

const MAX_DEPTH = 128;
/** In UTF-16 units, of which one takes three bytes at most. */
const LONGEST_LINE = 21_845;

/**
 * The bytes of one reply or push; they may lie in one `ArrayBuffer` with others. Throws a `UsageError` for what is no RESP
 * value, and for a push inside a value.
 */
export function encodeReply(value: RespValue, options: EncodeReplyOptions = {}): Uint8Array {
  const { protocol = 3 } = options;
  if (protocol !== 2 && protocol !== 3) throw refusal(`"protocol" is ${String(protocol)}, allowed is 2 or 3`);
  const writer = new Writer();
  write(writer, value, protocol === 3, 0);
  return writer.take();
}

function write(writer: Writer, value: RespValue, isResp3: boolean, depth: number): void {
  if (depth > MAX_DEPTH) throw refusal(`it is deeper than ${MAX_DEPTH} values`);
  if (typeof value === 'string' || value instanceof Uint8Array) return writer.bulk(value);
  if (typeof value === 'number' || typeof value === 'bigint') return writeNumber(writer, value, isResp3);
  if (value === null) return writer.line(isResp3 ? '_' : '$-1');
  if (typeof value === 'boolean') return writer.line(isResp3 ? `#${value ? 't' : 'f'}` : `:${Number(value)}`);
  if (value instanceof RespError) {
    const { message } = value;
    // What a decoder's limit on lines might refuse goes as a bulk.
    if (isResp3 && (message.length > LONGEST_LINE || /[\r\n]/.test(message))) return writer.bulk(message, 33);
    return writer.line(`-${message.replace(/[\r\n]/g, ' ')}`);
  }
  let type = '*';
  let items: RespValue[];
  if (Array.isArray(value)) items = value;
  else if (value instanceof Set) {
    type = '~';
    items = [...value];
  } else if (value instanceof Map) {
    type = '%';
    items = [...value].flat();
  } else if (value instanceof RespPush || value instanceof RespMessage) {
    if (depth > 0) throw refusal('a push is out of band');
    type = '>';
    if (value instanceof RespPush) items = [value.kind, ...value.values];
    else {
      const { pattern, channel, payload, shard } = value;
      items =
        pattern === undefined
          ? [`${shard ? 's' : ''}message`, channel, payload]
          : ['pmessage', pattern, channel, payload];
    }
  } else throw refusal(`found ${typeof value}, allowed are RESP values`);
  writer.line(isResp3 ? `${type}${type === '%' ? items.length / 2 : items.length}` : `*${items.length}`);
  for (const item of items) write(writer, item, isResp3, depth + 1);
}

function writeNumber(writer: Writer, value: number | bigint, isResp3: boolean): void {
  const isSafe = Number.isSafeInteger(Number(value));
  let type = ':';
  // What would come back as something else is a double or a big number: -0 and numbers beyond 2^53, bigints inside.
  if (typeof value === 'number') {
    if (!isSafe || Object.is(value, -0)) type = ',';
  } else if (value !== BigInt.asIntN(64, value) || (isSafe && isResp3)) type = '(';
  const text = Object.is(value, -0) ? '-0' : String(value).replace('Infinity', 'inf').replace('NaN', 'nan');
  if (type === ':' || isResp3) writer.line(type + text);
  else writer.bulk(text);
}

function refusal(what: string): UsageError {
  return new UsageError(`Cannot encode a reply: ${what}`);
}
