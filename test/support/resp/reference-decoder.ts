// A second decoder, slow and plain: one recursion over a whole buffer. The tests and the fuzzer compare the real one
// with it. It shares the value classes with src/resp and nothing else, so that a mistake is not made twice.

import { RespError, RespMessage, RespPush, type RespValue } from '../../../src/resp/index.ts';

export interface ReferenceOptions {
  strings?: 'text' | 'bytes' | undefined;
  integers?: 'auto' | 'bigint' | undefined;
  maps?: 'map' | 'entries' | undefined;
  messages?: boolean | undefined;
}

export interface ReferenceResult {
  /** Replies and pushes in the order in which they are whole. */
  values: RespValue[];
  /** `end`: all bytes used; `more`: the last reply is not whole; `error`: the bytes are no RESP. */
  outcome: 'end' | 'more' | 'error';
}

class NeedMore extends Error {}
class Broken extends Error {}

const LIMITS = { bulk: 512 * 1024 * 1024, line: 65_536, elements: 16_777_216, depth: 128, attributes: 64 };
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** Decodes all that is in `bytes`. */
export function referenceDecode(bytes: Uint8Array, options: ReferenceOptions = {}): ReferenceResult {
  const values: RespValue[] = [];
  let at = 0;

  function line(): string {
    let text = '';
    for (let index = at; ; index++) {
      if (index - at > LIMITS.line && bytes[index] !== 13) throw new Broken('line too long');
      if (index >= bytes.length) throw new NeedMore();
      if (bytes[index] === 10) throw new Broken('bare LF');
      if (bytes[index] === 13) {
        if (index + 1 >= bytes.length) throw new NeedMore();
        if (bytes[index + 1] !== 10) throw new Broken('bare CR');
        if (index - at > LIMITS.line) throw new Broken('line too long');
        at = index + 2;
        return text;
      }
      text += String.fromCharCode(bytes[index]!);
    }
  }

  function payload(length: number): Uint8Array {
    if (at + length + 2 > bytes.length) throw new NeedMore();
    if (bytes[at + length] !== 13 || bytes[at + length + 1] !== 10) throw new Broken('no CRLF after payload');
    const part = bytes.slice(at, at + length);
    at += length + 2;
    return part;
  }

  function length(text: string, limit: number): number {
    if (!/^(0|[1-9][0-9]*)$/.test(text)) throw new Broken('no length');
    if (BigInt(text) > BigInt(limit)) throw new Broken('limit');
    return Number(text);
  }

  const text = (part: Uint8Array) => utf8.decode(part);
  const lineText = (part: string) => utf8.decode(Uint8Array.from(part, (unit) => unit.charCodeAt(0)));
  const string = (part: Uint8Array) => (options.strings === 'bytes' ? part : text(part));
  const asText = (value: RespValue | undefined) => (value instanceof Uint8Array ? text(value) : value);

  function integer(part: string): RespValue {
    if (!/^(0|\+0|[+-]?[1-9][0-9]*)$/.test(part)) throw new Broken('no integer');
    const value = BigInt(part.replace('+', ''));
    if (BigInt.asIntN(64, value) !== value) throw new Broken('beyond int64');
    const isSafe = value <= 9007199254740991n && value >= -9007199254740991n;
    return options.integers !== 'bigint' && isSafe ? Number(value) : value;
  }

  function double(part: string): number {
    if (part === 'inf') return Infinity;
    if (part === '-inf') return -Infinity;
    if (part === 'nan' || part === '-nan') return NaN;
    if (!/^[+-]?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$/.test(part)) throw new Broken('no double');
    return Number.parseFloat(part);
  }

  /** A value in its place: attributes and pushes before it are taken out of the way. `undefined`: a stream's end. */
  function element(depth: number, mayEnd: boolean): RespValue | undefined {
    let attributes = 0;
    for (;;) {
      if (at >= bytes.length) throw new NeedMore();
      const type = String.fromCharCode(bytes[at]!);
      if (type === '|') {
        items(depth);
        if (++attributes > LIMITS.attributes) throw new Broken('attributes');
      } else if (type === '>') {
        const parts = items(depth);
        const kind = asText(parts[0]);
        if (typeof kind !== 'string') throw new Broken('no kind');
        const message = options.messages ? toMessage([kind, ...parts.slice(1)]) : undefined;
        const push = message ?? new RespPush(kind, parts.slice(1));
        if (depth === 0) return push;
        values.push(push);
        attributes = 0; // they were the push's
      } else if (type === '.') {
        at++;
        if (line() !== '' || !mayEnd || attributes > 0) throw new Broken('end out of place');
        return undefined;
      } else return value(depth);
    }
  }

  /** The elements of the aggregate that begins here, pairs flat. */
  function items(depth: number): RespValue[] {
    const type = String.fromCharCode(bytes[at++]!);
    const declared = line();
    const isPaired = type === '%' || type === '|';
    const list: RespValue[] = [];
    if (declared === '?' && type !== '|') {
      if (depth >= LIMITS.depth) throw new Broken('depth');
      for (let item = element(depth + 1, true); item !== undefined; item = element(depth + 1, true)) list.push(item);
      if (isPaired && list.length % 2 === 1) throw new Broken('odd map');
    } else {
      const count = length(declared, isPaired ? LIMITS.elements / 2 : LIMITS.elements) * (isPaired ? 2 : 1);
      if (count > 0 && depth >= LIMITS.depth) throw new Broken('depth');
      for (let index = 0; index < count; index++) list.push(element(depth + 1, false)!);
    }
    if (type === '>' && list.length === 0) throw new Broken('empty push');
    return list;
  }

  function value(depth: number): RespValue {
    const type = String.fromCharCode(bytes[at]!);
    if (!'+-:$*_#,(!=%~'.includes(type)) throw new Broken('type');
    const begin = at;
    at++;
    if (type === '*' || type === '%' || type === '~') {
      const peek = at;
      if (type === '*' && line() === '-1') return null;
      at = peek - 1;
      const list = items(depth);
      if (type === '~') return new Set(list);
      if (type === '*') return (options.messages && depth === 0 ? toMessage(list) : undefined) ?? list;
      const pairs: [RespValue, RespValue][] = [];
      for (let index = 0; index < list.length; index += 2) pairs.push([list[index]!, list[index + 1]!]);
      return options.maps === 'entries' ? pairs : new Map(pairs);
    }
    const first = line();
    switch (type) {
      case '+':
        return lineText(first);
      case '-':
        return new RespError(lineText(first));
      case ':':
        return integer(first);
      case ',':
        return double(first);
      case '(':
        if (!/^(0|\+0|[+-]?[1-9][0-9]*)$/.test(first)) throw new Broken('no big number');
        return BigInt(first.replace('+', ''));
      case '_':
        if (first !== '') throw new Broken('null');
        return null;
      case '#':
        if (first !== 't' && first !== 'f') throw new Broken('boolean');
        return first === 't';
      case '!':
        return new RespError(text(payload(length(first, LIMITS.bulk))));
      case '=': {
        const size = length(first, LIMITS.bulk);
        if (size < 4) throw new Broken('format');
        const part = payload(size);
        if (part[3] !== 58) throw new Broken('colon');
        return string(part.slice(4));
      }
    }
    if (first === '-1') return null;
    if (first !== '?') return string(payload(length(first, LIMITS.bulk)));
    const parts: number[] = [];
    for (;;) {
      if (at >= bytes.length) throw new NeedMore();
      if (bytes[at] !== 59) throw new Broken(`a stream begun at ${begin} is not ended`);
      at++;
      const size = length(line(), LIMITS.bulk - parts.length);
      if (size === 0) return string(Uint8Array.from(parts));
      for (const byte of payload(size)) parts.push(byte);
    }
  }

  function toMessage(list: RespValue[]): RespMessage | undefined {
    const kind = asText(list[0]);
    const size = kind === 'message' || kind === 'smessage' ? 3 : kind === 'pmessage' ? 4 : -1;
    if (list.length !== size) return undefined;
    const body = list[size - 1];
    const names = list.slice(1, -1).map(asText);
    if (names.some((name) => typeof name !== 'string')) return undefined;
    if (typeof body !== 'string' && !(body instanceof Uint8Array)) return undefined;
    const [pattern, channel] = size === 4 ? names : [undefined, names[0]];
    return new RespMessage(channel as string, pattern as string | undefined, body, kind === 'smessage');
  }

  try {
    while (at < bytes.length) values.push(element(0, false)!);
    return { values, outcome: 'end' };
  } catch (error) {
    if (error instanceof NeedMore) return { values, outcome: 'more' };
    if (error instanceof Broken) return { values, outcome: 'error' };
    throw error;
  }
}
