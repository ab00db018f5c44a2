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

export interface LineDecoderLimits {
  /** Longest text of a `+` or `-` reply or a header, in bytes. Default 4 MiB: errors echo the request. */
  maxLineBytes?: number;
  /** Longest `$n`, in UTF-16 units, as the server counts. Default 512 Mi. */
  maxBulkLength?: number;
  /** Largest `*n`. Default 1 Mi. */
  maxElements?: number;
}

const LF = 10;
const CR = 13;

export class LineDecoder {
  readonly #limits: Required<LineDecoderLimits>;
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
  /** How many `#items` will be. */
  #itemCount = 0;
  #failure: ProtocolError | undefined;

  constructor(limits: LineDecoderLimits = {}) {
    this.#limits = { maxLineBytes: 2 ** 22, maxBulkLength: 2 ** 29, maxElements: 2 ** 20, ...limits };
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
      if (this.#items.push(value as string | null) < this.#itemCount) continue;
      const items = this.#items;
      this.#items = undefined;
      return items;
    }
  }

  /** One header or one-line reply; undefined when a body or items follow. */
  #readLine(): LineValue | typeof NEED_LINE_DATA | undefined {
    const buffer = this.#buffer;
    if (this.#scan === this.#start) {
      while (this.#start < this.#end && (buffer[this.#start] === LF || buffer[this.#start] === CR)) this.#start++;
      this.#scan = this.#start;
      if (this.#start === this.#end) return NEED_LINE_DATA;
    }
    const from = this.#start;
    const kind = String.fromCharCode(buffer[from]!);
    if (this.#items === undefined) {
      if (!'+-:$*'.includes(kind)) this.#fail('a reply begins with none of + - : $ *');
    } else if (kind !== '$') this.#fail('an element of an array is no bulk');
    const found = buffer.subarray(0, this.#end).indexOf(LF, this.#scan);
    this.#scan = found < 0 ? this.#end : found;
    this.#limit('byte length', this.#scan - from, this.#limits.maxLineBytes);
    if (found < 0) return NEED_LINE_DATA;
    const value = this.#lineValue(kind, this.#decode(from + 1, buffer[found - 1] === CR ? found - 1 : found));
    this.#start = this.#scan = found + 1;
    return value;
  }

  #lineValue(kind: string, text: string): LineValue | undefined {
    if (kind === '+') return text;
    if (kind === '-') return new LineError(text);
    if (kind === ':') {
      if (!/^-?\d{1,19}$/.test(text)) this.#fail('an integer is not 1 to 19 digits');
      const number = Number(text);
      return Number.isSafeInteger(number) ? number : BigInt(text);
    }
    if (text === '-1') return null;
    const what = kind === '$' ? 'bulk length' : 'array length';
    if (!/^\d{1,15}$/.test(text)) this.#fail(`the ${what} is not a plain number`);
    const count = Number(text);
    this.#limit(what, count, kind === '$' ? this.#limits.maxBulkLength : this.#limits.maxElements);
    if (kind === '$') this.#unitsLeft = count;
    else if (count === 0) return [];
    else {
      this.#items = [];
      this.#itemCount = count;
    }
    return undefined;
  }

  #readBody(): string | typeof NEED_LINE_DATA {
    const buffer = this.#buffer;
    let at = this.#scan;
    let left = this.#unitsLeft;
    // Characters are stepped over by their first byte alone, before their last has come; the decoding below looks at it.
    while (left > 0 && at < this.#end) {
      const lead = buffer[at]!;
      const size = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
      if (size === 0) this.#fail('text is not UTF-8', at);
      if (size === 4 && left === 1) this.#fail('a bulk ends inside a character', at);
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
    this.#start = this.#scan = end + 1;
    return text;
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

  #limit(what: string, found: number, limit: number): void {
    if (found > limit) this.#fail(`the ${what} of ${found} exceeds the limit of ${limit}`, this.#start, LimitError);
  }

  #fail(what: string, at = this.#start, Kind: typeof ProtocolError | typeof LimitError = ProtocolError): never {
    const offset = this.#base + at;
    const bytes = this.#buffer.subarray(at, Math.min(this.#end, at + 24));
    const excerpt = JSON.stringify(String.fromCharCode(...bytes))
      .slice(1, -1)
      .replace(/[^ -~]/g, (character) => `\\x${character.charCodeAt(0).toString(16)}`);
    this.#failure = new Kind(`Cannot parse reply of the line server: ${what} (offset ${offset}, found "${excerpt}")`, {
      offset,
      excerpt,
    });
    throw this.#failure;
  }
}
