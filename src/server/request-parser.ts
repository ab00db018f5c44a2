// Reads Redis requests from the bytes of one connection: arrays of bulk strings, and inline commands.
// Called by the session. The general decoder of `resp` is not used here: requests are a small part of RESP, Redis has
// its own words for what is wrong with them, and inline commands are no RESP at all.
// It must never copy more than once: an argument becomes a byte string straight from the chunk that holds it.

import { ARGUMENT_BYTES, type Limits, UNAUTHENTICATED_ARGUMENT_COUNT, UNAUTHENTICATED_BULK_BYTES } from './limits.ts';
import { splitInline } from './split-inline.ts';

const CR = 13;
const LF = 10;
const STAR = 42;
const DOLLAR = 36;
const EMPTY = Buffer.alloc(0);

export class RequestParser {
  /** False until AUTH where a password is set: the narrower limits hold. */
  authenticated = true;
  /** Why reading ended, in Redis's words without `ERR`; undefined while all is well. */
  failure: string | undefined;
  readonly #limits: Limits;
  #chunk: Buffer = EMPTY;
  #at = 0;
  /** The begin of a line whose end has not come. */
  #line = '';
  #args: string[] = [];
  /** Arguments of the current array still to come; 0 between requests. */
  #missing = 0;
  /** Length of the bulk that is being read; -1 when its header is next. */
  #bulkLength = -1;
  #bulk = '';
  /** The CR LF after a bulk: bytes of it still to come. */
  #trailer = 0;
  /** Declared by the bulk headers of the current request, and received of them in whole arguments. */
  #requestBytes = 0;
  #receivedBytes = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** Bytes kept of a request that is not whole. */
  get pendingBytes(): number {
    return this.#line.length + this.#bulk.length + this.#receivedBytes + this.#args.length * ARGUMENT_BYTES;
  }

  /** The chunk must be read to its end, by `next()`, before the next one is pushed. */
  push(chunk: Buffer): void {
    this.#chunk = chunk;
    this.#at = 0;
  }

  /** The next whole request, or undefined: more bytes are needed, or `failure` is set. */
  next(): string[] | undefined {
    while (this.failure === undefined && this.#at < this.#chunk.length) {
      if (this.#missing > 0) {
        if (this.#readBulk() && this.#missing === 0) return this.#take();
        continue;
      }
      const request = this.#line === '' && this.#chunk[this.#at] === STAR ? this.#readHeader() : this.#readInline();
      if (request !== undefined) return request;
    }
    return undefined;
  }

  /** The bytes of the chunk that were not read yet, for a session that must stop in between. */
  takeRest(): Buffer {
    const rest = this.#chunk.subarray(this.#at);
    this.#at = this.#chunk.length;
    return rest;
  }

  #take(): string[] {
    const args = this.#args;
    this.#args = [];
    this.#requestBytes = 0;
    this.#receivedBytes = 0;
    return args;
  }

  #fail(text: string): undefined {
    this.failure = `Protocol error: ${text}`;
    this.#args = [];
    this.#line = '';
    this.#bulk = '';
    this.#receivedBytes = 0;
  }

  /** The index of the next LF, or -1 after the rest of the chunk was put aside. */
  #lineEnd(tooLong: string): number {
    const chunk = this.#chunk;
    // A loop, not indexOf: header lines are shorter than the call is dear.
    let end = this.#at;
    while (end < chunk.length && chunk[end] !== LF) end++;
    if (end - this.#at + this.#line.length > this.#limits.maxInlineBytes) {
      this.#fail(tooLong);
      return -1;
    }
    if (end < chunk.length) return end;
    this.#line += chunk.toString('latin1', this.#at, end);
    this.#at = end;
    return -1;
  }

  /** The number after the type byte of a header that ends at `end`; NaN for anything else. */
  #headerNumber(end: number): number {
    if (this.#line !== '') {
      const text = this.#line + this.#chunk.toString('latin1', this.#at, end);
      this.#line = '';
      return /^.(0|-?[1-9]\d{0,9})\r$/.test(text) ? Number(text.slice(1, -1)) : Number.NaN;
    }
    const chunk = this.#chunk;
    let at = this.#at + 1;
    const stop = end - 1;
    if (chunk[stop] !== CR || stop === at) return Number.NaN;
    const negative = chunk[at] === 45;
    if (negative && ++at === stop) return Number.NaN;
    // As in Redis, each number has one spelling.
    if (chunk[at] === 48 && (negative || stop - at > 1)) return Number.NaN;
    let value = 0;
    for (; at < stop; at++) {
      const digit = (chunk[at] as number) - 48;
      if (digit < 0 || digit > 9) return Number.NaN;
      value = value * 10 + digit;
    }
    return negative ? -value : value;
  }

  #readHeader(): undefined {
    const end = this.#lineEnd('too big mbulk count string');
    if (end < 0) return;
    this.#startArray(this.#headerNumber(end), end);
  }

  #startArray(count: number, end: number): void {
    this.#at = end + 1;
    if (Number.isNaN(count) || count > this.#limits.maxArgumentCount) return this.#fail('invalid multibulk length');
    if (count > UNAUTHENTICATED_ARGUMENT_COUNT && !this.authenticated) {
      return this.#fail('unauthenticated multibulk length');
    }
    // `*0` and `*-1` ask nothing and get no answer, as in Redis.
    if (count > 0) this.#missing = count;
  }

  #readInline(): string[] | undefined {
    const isArray = this.#line.charCodeAt(0) === STAR;
    const end = this.#lineEnd(isArray ? 'too big mbulk count string' : 'too big inline request');
    if (end < 0) return undefined;
    if (isArray) {
      this.#startArray(this.#headerNumber(end), end);
      return undefined;
    }
    // A CR before the LF is a blank like any other.
    const text = this.#line + this.#chunk.toString('latin1', this.#at, end);
    this.#line = '';
    this.#at = end + 1;
    const args = splitInline(text);
    if (args === undefined) return this.#fail('unbalanced quotes in request');
    return args.length === 0 ? undefined : args;
  }

  /** True when an argument became whole. */
  #readBulk(): boolean {
    if (this.#trailer > 0) return this.#readTrailer();
    if (this.#bulkLength < 0 && !this.#readBulkHeader()) return false;
    const chunk = this.#chunk;
    const start = this.#at;
    const length = this.#bulkLength;
    const end = start + length - this.#bulk.length;
    // The usual case: the whole argument and its CR LF are here.
    if (this.#bulk === '' && end + 2 <= chunk.length && chunk[end] === CR && chunk[end + 1] === LF) {
      this.#args.push(chunk.toString('latin1', start, end));
      this.#at = end + 2;
      this.#receivedBytes += length;
      this.#bulkLength = -1;
      this.#missing--;
      return true;
    }
    const stop = Math.min(end, chunk.length);
    this.#bulk += chunk.toString('latin1', start, stop);
    this.#at = stop;
    if (stop === end) {
      this.#trailer = 2;
      if (this.#at < chunk.length) return this.#readTrailer();
    }
    return false;
  }

  #readTrailer(): boolean {
    while (this.#trailer > 0 && this.#at < this.#chunk.length) {
      const byte = this.#chunk[this.#at++];
      if (byte !== (this.#trailer === 2 ? CR : LF)) {
        this.#fail('expected CRLF after a bulk');
        return false;
      }
      this.#trailer--;
    }
    if (this.#trailer > 0) return false;
    this.#args.push(this.#bulk);
    this.#receivedBytes += this.#bulkLength;
    this.#bulk = '';
    this.#bulkLength = -1;
    this.#missing--;
    return true;
  }

  #readBulkHeader(): boolean {
    const first = this.#line === '' ? (this.#chunk[this.#at] as number) : this.#line.charCodeAt(0);
    const end = this.#lineEnd('too big bulk count string');
    if (end < 0) return false;
    if (first !== DOLLAR) {
      this.#fail(`expected '$', got '${String.fromCharCode(first)}'`);
      return false;
    }
    const length = this.#headerNumber(end);
    this.#at = end + 1;
    const limits = this.#limits;
    if (Number.isNaN(length) || length < 0 || length > 512 * 1024 * 1024) this.#fail('invalid bulk length');
    else if (length > UNAUTHENTICATED_BULK_BYTES && !this.authenticated) this.#fail('unauthenticated bulk length');
    else if (length > limits.maxBulkBytes) {
      this.#fail(`invalid bulk length: ${length} exceeds the limit of ${limits.maxBulkBytes} bytes`);
    } else if (this.#requestBytes + length > limits.maxRequestBytes) {
      this.#fail(`request exceeds the limit of ${limits.maxRequestBytes} bytes`);
    } else {
      this.#bulkLength = length;
      this.#requestBytes += length;
      return this.#at < this.#chunk.length || length === 0;
    }
    return false;
  }
}
