// Replies of an AshRedis line server, bytes to values. Wire document, sections 4 and 11.
// Called by net; pull, like the RESP decoder: push bytes, then read until NEED_LINE_DATA.
// It must never guess where a reply ends: what does not fit is a ProtocolError, and the decoder stays failed.
//
//   reply = "+" text LF / "-" text LF / ":" int LF / "$-1" LF / "$" units CRLF body LF / "*" n CRLF n*bulk LF
//
// LF and CRLF are the same everywhere, and any before a reply's first byte are skipped: an array is followed by one LF
// too many, which may come in a later packet.

import { LimitError, ProtocolError } from '../errors/index.ts';
import { LineError, type LineValue, NEED_LINE_DATA } from './line-values.ts';

export interface LineDecoderOptions {
  /** `utf16` as the server counts, or `bytes` in case it is ever repaired. Default `utf16`. */
  lengths?: 'utf16' | 'bytes';
  /** Longest text of a `+` or `-` reply or a header, in bytes. Default 4 MiB: errors echo the request. */
  maxLineBytes?: number;
  /** Longest `$n`. Default 512 Mi. */
  maxBulkLength?: number;
  /** Largest `*n`. Default 1 Mi. */
  maxElements?: number;
}

const LF = 10;
const CR = 13;

export class LineDecoder {
  readonly #byBytes: boolean;
  readonly #maxLineBytes: number;
  readonly #maxBulkLength: number;
  readonly #maxElements: number;
  readonly #text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  #buffer = new Uint8Array(1024);
  #start = 0;
  #end = 0;
  /** Where the search for the end of the current part goes on, so that no byte is looked at twice. */
  #scan = 0;
  /** Stream offset of `#buffer[0]`. */
  #base = 0;
  /** Units of the body that are still missing, or -1 outside a body; `#start` is the body's first byte. */
  #unitsLeft = -1;
  #items: (string | null)[] | undefined;
  #itemsLeft = 0;
  #failure: ProtocolError | undefined;

  constructor(options: LineDecoderOptions = {}) {
    this.#byBytes = options.lengths === 'bytes';
    this.#maxLineBytes = options.maxLineBytes ?? 4 * 1024 * 1024;
    this.#maxBulkLength = options.maxBulkLength ?? 512 * 1024 * 1024;
    this.#maxElements = options.maxElements ?? 1024 * 1024;
  }

  /** Bytes pushed and not yet read. */
  get bufferedBytes(): number {
    return this.#end - this.#start;
  }

  /** The chunk is copied: its buffer may be used again. */
  push(chunk: Uint8Array): void {
    if (this.#end + chunk.length > this.#buffer.length) this.#makeRoom(chunk.length);
    this.#buffer.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /** The next whole reply. Throws a ProtocolError, and then again at every call. */
  read(): LineValue | typeof NEED_LINE_DATA {
    if (this.#failure !== undefined) throw this.#failure;
    for (;;) {
      const value = this.#unitsLeft >= 0 ? this.#readBody() : this.#readLine();
      if (value === NEED_LINE_DATA) return value;
      if (value === undefined) continue;
      if (this.#items === undefined) return value;
      this.#items.push(value as string | null);
      if (--this.#itemsLeft > 0) continue;
      const items = this.#items;
      this.#items = undefined;
      return items;
    }
  }

  /** One header or one-line reply; undefined when a body or items follow. */
  #readLine(): LineValue | typeof NEED_LINE_DATA | undefined {
    if (this.#scan === this.#start) {
      while (this.#start < this.#end && (this.#buffer[this.#start] === LF || this.#buffer[this.#start] === CR))
        this.#start++;
      this.#scan = this.#start;
      if (this.#start === this.#end) return NEED_LINE_DATA;
      const first = this.#buffer[this.#start]!;
      // `$` alone may stand in an array; `+ - : $ *` may open a reply.
      if (this.#items === undefined ? !'+-:$*'.includes(String.fromCharCode(first)) : first !== 0x24) {
        this.#fail(
          this.#items === undefined ? 'a reply begins with none of + - : $ *' : 'an element of an array is no bulk',
        );
      }
    }
    const found = this.#buffer.subarray(0, this.#end).indexOf(LF, this.#scan);
    const length = (found < 0 ? this.#end : found) - this.#start;
    if (length > this.#maxLineBytes) this.#limit('a line', length, this.#maxLineBytes, 'bytes');
    if (found < 0) {
      this.#scan = this.#end;
      return NEED_LINE_DATA;
    }
    const from = this.#start;
    const stop = this.#buffer[found - 1] === CR ? found - 1 : found;
    const text = this.#decode(from + 1, stop);
    const value = this.#lineValue(this.#buffer[from]!, text);
    this.#start = found + 1;
    this.#scan = this.#start;
    return value;
  }

  #lineValue(first: number, text: string): LineValue | undefined {
    switch (first) {
      case 0x2b:
        return text;
      case 0x2d:
        return new LineError(text);
      case 0x3a: {
        if (!/^-?\d{1,19}$/.test(text)) this.#fail('an integer is not made of 1 to 19 digits');
        const number = Number(text);
        return Number.isSafeInteger(number) ? number : BigInt(text);
      }
      case 0x24: {
        if (text === '-1') return null;
        this.#unitsLeft = this.#count(text, 'bulk length', this.#maxBulkLength);
        return undefined;
      }
      default: {
        if (text === '-1') return null;
        const count = this.#count(text, 'array length', this.#maxElements);
        if (count === 0) return [];
        this.#items = [];
        this.#itemsLeft = count;
        return undefined;
      }
    }
  }

  #readBody(): string | typeof NEED_LINE_DATA {
    const buffer = this.#buffer;
    let at = this.#scan;
    let left = this.#unitsLeft;
    // Characters are stepped over by their first byte alone; the decoding below looks at the rest.
    while (left > 0 && at < this.#end) {
      const lead = buffer[at]!;
      if (lead < 0x80 || this.#byBytes) {
        at += 1;
        left -= 1;
        continue;
      }
      if (lead < 0xc2 || lead > 0xf4) this.#fail('a bulk is not UTF-8', at);
      const size = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
      if (at + size > this.#end) break;
      if (size === 4 && left === 1) this.#fail('a bulk length ends inside a character of two units', at);
      at += size;
      left -= size === 4 ? 2 : 1;
    }
    this.#scan = at;
    this.#unitsLeft = left;
    if (left > 0) return NEED_LINE_DATA;
    let end = at;
    if (end < this.#end && buffer[end] === CR) end++;
    if (end >= this.#end) return NEED_LINE_DATA;
    if (buffer[end] !== LF) this.#fail('a bulk is not followed by a line end', end);
    const text = this.#decode(this.#start, at);
    this.#unitsLeft = -1;
    this.#start = end + 1;
    this.#scan = this.#start;
    return text;
  }

  #count(text: string, what: string, limit: number): number {
    if (!/^\d{1,15}$/.test(text)) this.#fail(`the ${what} is not a plain number`);
    const count = Number(text);
    if (count > limit) this.#limit(`the ${what}`, count, limit, '');
    return count;
  }

  #decode(from: number, to: number): string {
    try {
      return this.#text.decode(this.#buffer.subarray(from, to));
    } catch {
      return this.#fail('text is not UTF-8', from);
    }
  }

  #makeRoom(extra: number): void {
    const used = this.#end - this.#start;
    const old = this.#buffer;
    // Doubling keeps the copies linear in what was pushed; moving down is only done when half of the room is free.
    if (used + extra > old.length / 2) this.#buffer = new Uint8Array(Math.max(old.length * 2, (used + extra) * 2));
    this.#buffer.set(old.subarray(this.#start, this.#end));
    this.#base += this.#start;
    this.#scan -= this.#start;
    this.#start = 0;
    this.#end = used;
  }

  #fail(what: string, at = this.#start): never {
    this.#failure = new ProtocolError(...this.#found(what, at));
    throw this.#failure;
  }

  #limit(what: string, found: number, limit: number, unit: string): never {
    const suffix = unit === '' ? '' : ` ${unit}`;
    this.#failure = new LimitError(
      ...this.#found(`${what} of ${found} exceeds the limit of ${limit}${suffix}`, this.#start),
    );
    throw this.#failure;
  }

  #found(what: string, at: number): [string, { offset: number; excerpt: string }] {
    const offset = this.#base + at;
    const bytes = this.#buffer.subarray(at, Math.min(this.#end, at + 24));
    const excerpt = Array.from(bytes, escapedByte).join('');
    return [
      `Cannot parse reply of the line server: ${what} (offset ${offset}, found "${excerpt}")`,
      { offset, excerpt },
    ];
  }
}

function escapedByte(byte: number): string {
  if (byte === LF) return '\\n';
  if (byte === CR) return '\\r';
  if (byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c) return String.fromCharCode(byte);
  return `\\x${byte.toString(16).padStart(2, '0')}`;
}
