// From the bytes of a RESP2 or RESP3 stream to values, in whatever pieces they come. Called by the connection's reader.
// Pull only: no user code runs in here. It must never trust a length, never recurse, never go on after an error.
//
//   push(chunk) -> take() -> [bytes: pos .. end] -> read(): short replies, or quick(): whole bulks and messages,
//                     ^               |                     or #next(): tokens (#line, #bulk) onto the stack of frames
//                     |    cut        v
//                     +----------- more()
//
// What is there and what comes next is the input's (`byte-input.ts`), what comes most the quick reader's, which is made
// on it (`quick-reader.ts`, with `quick()`); what a line alone means is `scalar.ts`.

import { type ProtocolError, UsageError } from '../errors/index.ts';
import { ByteStore } from './byte-store.ts';
import { makeFailure } from './failure.ts';
import { Frame, toMap, toMessage } from './frame.ts';
import { type CompleteLimits, completeLimits, type RespDecoderOptions } from './limits.ts';
import { QuickReader } from './quick-reader.ts';
import { scalarOf } from './scalar.ts';
import {
  ARRAY,
  ATTRIBUTE,
  BULK,
  BULK_ERROR,
  CHUNK,
  CR,
  ERROR,
  INTEGER,
  LF,
  MAP,
  PUSH,
  SET,
  SIMPLE,
  TYPES,
  VERBATIM,
} from './types.ts';
import { startOfLast } from './utf8.ts';
import { NEED_DATA, RespError, type RespMessage, RespPush, type RespValue } from './values.ts';

/** The place of each byte in TYPES; 255 for what is no type. */
const TYPE_OF = Uint8Array.from({ length: 256 }, (_, byte) => TYPES.indexOf(String.fromCharCode(byte)));
/** A text of which so much is there is decoded piece by piece: a store of its size would be as much memory again. */
const PIECE = 65_536;
/** From here on Node keeps ASCII text outside of V8's heap, in memory that is used again (measured: 0.8 to 3.9 ms). */
const EXTERNAL_BYTES = 1_031_914;
/** Of 10 to 15 digits up to `end`, of which `low` holds the lowest 32 bits: all but nine of them are read again. */
function longNumber(bytes: Uint8Array, from: number, end: number, low: number): number {
  let high = 0;
  for (let at = from; at < end - 9; at++) high = high * 10 + (bytes[at]! ^ 48);
  return high * 1e9 + ((low - Math.imul(high, 1e9)) >>> 0);
}

/** A token that gave no value: an aggregate was opened, an attribute ended, a part of a streamed string was read. */
const OPENED: unique symbol = Symbol('opened');
/** The end of an aggregate that is streamed or empty. */
const ENDED: unique symbol = Symbol('ended');

type Token = RespValue | typeof OPENED | typeof ENDED | typeof NEED_DATA;

/**
 * Decodes a stream of replies and pushes.
 *
 *     const decoder = new RespDecoder();
 *     decoder.push(chunk);
 *     for (let value = decoder.read(); value !== NEED_DATA; value = decoder.read()) use(value);
 */
export class RespDecoder extends QuickReader {
  /** True: strings of the replies read next are bytes. To be changed between replies only. */
  declare asBytes: boolean;

  readonly #limits: CompleteLimits;
  readonly #bigints: boolean;
  readonly #entries: boolean;
  readonly #fewDigits: number;

  /** True inside a reply and after a failure: the quick ways are for what begins between replies. */
  #isBusy = false;
  /** Of the token being read: its type, and the offset in the stream where it began. */
  #type = 0;
  #start = 0;
  /** Length of the payload that comes next; −1: a line comes next. */
  #payload = -1;
  /** What was decoded of a long text so far. */
  #pieces = '';
  /** The chunks of a streamed string so far. */
  #stream: ByteStore | undefined = undefined;
  #top = new Frame();
  /** Offsets in the stream: where the reply began, where a value given from within it ended, where a line goes on. */
  #began = 0;
  #consumed = 0;
  #searched = 0;
  #failure: ProtocolError | undefined = undefined;

  constructor(given?: RespDecoderOptions | null) {
    const options = given ?? {};
    const limits = completeLimits(options);
    super(limits, options);
    this.#limits = limits;
    this.#bigints = options.integers === 'bigint';
    this.#entries = options.maps === 'entries';
    this.#fewDigits = this.#bigints ? 0 : this.quickDigits;
  }

  /** Bytes of the stream up to the end of the value that `read()` gave last. */
  get bytesConsumed(): number {
    return this.#isBusy ? this.#consumed : this.base + this.pos;
  }

  /**
   * Takes the next bytes of the stream, cut anywhere. They must stay as they are until `read()` gave `NEED_DATA`;
   * nothing of the chunk is used afterwards.
   */
  push(chunk: Uint8Array): void {
    if (!(chunk instanceof Uint8Array)) throw new UsageError('Cannot decode: the chunk is no Uint8Array');
    if (this.#failure !== undefined || chunk.length === 0) return;
    if (this.take(chunk, this.#limits.maxBufferedBytes) > this.#limits.maxBufferedBytes) {
      this.#consumed = this.#start = this.bytesConsumed;
      this.#isBusy = true;
      this.#type = -1;
      try {
        this.#exceeds('maxBufferedBytes');
      } catch {
        // Told by `read()`: the pusher is not the one who reads.
      }
    }
  }

  /** The next value, or `NEED_DATA`. Throws a `ProtocolError` for bytes that are no RESP, and the same one ever after. */
  read(): RespValue | typeof NEED_DATA {
    let isCut = false;
    if (!this.#isBusy) {
      // Short numbers and `+OK` at once (measured: half the time that a call takes).
      const { bytes, end } = this;
      let at = this.pos;
      if (at + 4 <= end) {
        const type = bytes[at]!;
        if (type === 58) {
          const first = ++at;
          let number = 0;
          let digit = 0;
          // 0 to 9 for a digit, more for anything else.
          while (at < end && (digit = bytes[at]! ^ 48) <= 9) {
            // Of 32 bits (measured: 10 to 20 % less than where the engine looks whether it still is).
            number = (Math.imul(number, 10) + digit) | 0;
            at = (at + 1) | 0;
          }
          // One condition, each part nearly always true (measured: what is mispredicted or kept costs 7 ns).
          if (
            at + 1 < end &&
            bytes[at] === CR &&
            bytes[at + 1] === LF &&
            at - first <= this.#fewDigits &&
            // Where there is no digit, the first byte is the CR.
            (bytes[first]! > 48 || at === first + 1)
          ) {
            this.pos = at + 2;
            return at - first > 9 ? longNumber(bytes, first, at, number) : number;
          }
        } else if (type === 43 && at + 5 <= end && bytes[at + 1] === 79 && bytes[at + 2] === 75) {
          if (bytes[at + 3] === CR && bytes[at + 4] === LF) {
            this.pos = at + 5;
            return 'OK';
          }
        }
      }
      const value = this.quick();
      if (value !== undefined) return value;
      isCut = this.isCut;
    }
    return this.#general(isCut);
  }

  #general(isCut: boolean): RespValue | typeof NEED_DATA {
    for (;;) {
      const value = isCut ? NEED_DATA : this.#next();
      if (value !== NEED_DATA || !this.more()) return value;
      isCut = false;
      if (this.#isBusy) continue;
      const quick = this.quick();
      if (quick !== undefined) return quick;
      isCut = this.isCut;
    }
  }

  #next(): RespValue | typeof NEED_DATA {
    if (this.#failure !== undefined) throw this.#failure;
    for (;;) {
      let token = this.#payload < 0 ? this.#line() : this.#bulk();
      if (token === NEED_DATA) return token;
      // Puts the value where it belongs; a frame that it completes is a value in its turn.
      while (token !== OPENED) {
        const frame = this.#top;
        const parent = frame.parent;
        if (token !== ENDED) {
          frame.attributes = 0;
          if (parent === undefined) {
            this.#isBusy = false;
            return token as RespValue;
          }
          frame.items.push(token as RespValue);
          if (--frame.remaining !== 0) {
            if (frame.remaining < 0 && frame.items.length > this.#limits.maxElements) this.#exceeds('maxElements');
            break;
          }
        }
        this.#top = parent as Frame;
        const items = frame.take();
        token = items;
        switch (frame.kind) {
          case ARRAY:
            if (frame.depth === 1) token = this.#message(items) ?? items;
            break;
          case SET:
            token = new Set(items);
            break;
          case MAP:
            token = toMap(items, this.#entries);
            break;
          case ATTRIBUTE:
            if (++this.#top.attributes > this.#limits.maxAttributes) this.#exceeds('maxAttributes');
            token = OPENED;
            break;
          default: {
            const kind = this.text.of(items[0]);
            if (typeof kind !== 'string') {
              this.#type = PUSH;
              this.#fail('its kind is no string');
            }
            // Out of band: given at once, also from inside an aggregate, which goes on with the next read.
            this.#top.attributes = 0;
            this.#isBusy = frame.depth > 1;
            this.#consumed = this.base + this.pos;
            return this.#message(items) ?? new RespPush(kind as string, items.slice(1));
          }
        }
      }
    }
  }

  #message(items: RespValue[]): RespMessage | undefined {
    // A confirmation, for example `subscribe channel 7`: so many names are to be expected.
    if (items.length === 3 && typeof items[2] === 'number') this.expectNames(items[2]);
    return this.messages ? toMessage(items, this.text) : undefined;
  }

  /** Reads one line, with the payload that it declares. */
  #line(): Token {
    const pos = this.pos;
    if (pos === this.end) return this.wait(pos + 1);
    const type = TYPE_OF[this.bytes[pos]!]!;
    const offset = this.base + pos;
    this.#start = offset;
    this.#type = type;
    if (!this.#isBusy) this.#began = this.#consumed = offset;
    this.#isBusy = true;
    if (type > ATTRIBUTE) this.#fail('no type of RESP');
    if ((type === CHUNK) !== (this.#stream !== undefined)) this.#fail('it is out of place');
    if (offset - this.#began > this.#limits.maxBufferedBytes) this.#exceeds('maxBufferedBytes');
    // Not again for each piece of a line that is no number.
    if (type >= INTEGER && this.#searched - offset < 20) {
      const isNegative = type === INTEGER && pos + 1 < this.end && this.bytes[pos + 1] === 45;
      const number = this.digits(isNegative ? pos + 2 : pos + 1);
      if (number >= 0) {
        if (type >= ARRAY) return this.#openAggregate(type, type === MAP || type === ATTRIBUTE ? number * 2 : number);
        if (type >= BULK) return this.#openBulk(type, number);
        if (!isNegative || number > 0) {
          const value = isNegative ? -number : number;
          return this.#bigints ? BigInt(value) : value;
        }
        this.pos = pos;
      }
    }
    const end = this.#lineEnd();
    if (end < 0) return NEED_DATA;
    this.pos = end + 2;
    return this.#lineValue(type, pos + 1, end);
  }

  #openBulk(type: number, length: number): Token {
    const { maxBulkBytes, maxBufferedBytes } = this.#limits;
    const stream = this.#stream;
    if (length + (stream?.length ?? 0) > maxBulkBytes) this.#exceeds('maxBulkBytes');
    if (this.base + this.pos + length - this.#began > maxBufferedBytes) this.#exceeds('maxBufferedBytes');
    if (type === VERBATIM && length < 4) this.#fail('no format');
    if (stream !== undefined && length === 0) {
      this.#stream = undefined;
      return this.#string(stream.bytes, 0, stream.length);
    }
    this.#payload = length;
    return this.#bulk();
  }

  /** Reads a payload and its CRLF. */
  #bulk(): Token {
    const start = this.pos;
    const stop = start + this.#payload;
    const bytes = this.bytes;
    if (stop + 2 > this.end) {
      const isText = this.#type === BULK && !this.asBytes;
      if (!isText || (this.#pieces === '' && this.#payload >= EXTERNAL_BYTES)) return this.wait(stop + 2);
      // What came of a long text is decoded: it needs no room of its own then.
      if (this.end - start >= PIECE) {
        this.pos = startOfLast(bytes, Math.min(stop, this.end));
        this.#payload = stop - this.pos;
        this.#pieces += this.#decode(bytes, start, this.pos);
      }
      return this.wait(this.pos + Math.min(this.#payload + 2, PIECE));
    }
    if (bytes[stop] !== CR || bytes[stop + 1] !== LF) this.#failAt(bytes[stop] === CR ? stop + 1 : stop, 'no CRLF');
    this.pos = stop + 2;
    this.#payload = -1;
    const pieces = this.#pieces;
    this.#pieces = '';
    switch (this.#type) {
      case BULK:
        return pieces === '' ? this.#string(bytes, start, stop) : pieces + this.#decode(bytes, start, stop);
      case BULK_ERROR:
        return new RespError(this.#decode(bytes, start, stop));
      case VERBATIM:
        if (bytes[start + 3] !== 58) this.#failAt(start + 3, 'no colon');
        return this.#string(bytes, start + 4, stop);
    }
    (this.#stream as ByteStore).append(bytes, start, stop, this.#limits.maxBulkBytes);
    return OPENED;
  }

  #string(bytes: Uint8Array, start: number, end: number): string | Uint8Array {
    return this.asBytes ? bytes.slice(start, end) : this.#decode(bytes, start, end);
  }

  #decode(bytes: Uint8Array, start: number, end: number): string {
    try {
      if (bytes === this.bytes) return this.text.part(bytes, start, end, this.end);
      return this.text.whole(bytes, start, end);
    } catch {
      // Engines have a longest string (V8: 2^29 - 24 units).
      return this.#fail('too long for a string', true);
    }
  }

  #openAggregate(type: number, count: number): Token {
    const top = this.#top;
    if (count > this.#limits.maxElements) this.#exceeds('maxElements');
    if (count !== 0 && top.depth >= this.#limits.maxDepth) this.#exceeds('maxDepth');
    this.#top = top.child ??= new Frame(top);
    this.#top.open(type, count);
    return count === 0 ? ENDED : OPENED;
  }

  /** The value of the line that ends at `end` and is no plain number. */
  #lineValue(type: number, start: number, end: number): Token {
    const text = this.#decode(this.bytes, start, end);
    if (type === SIMPLE) return text;
    if (type === ERROR) return new RespError(text);
    const line = TYPES[type] + text;
    const value = scalarOf(line, this.#bigints);
    if (value !== undefined) return value;
    if (line === '$?') {
      this.#stream = new ByteStore();
      return OPENED;
    }
    if (/^[*>%~]\?$/.test(line)) return this.#openAggregate(type, -1);
    if (line === '.') {
      const { kind, items, remaining, attributes } = this.#top;
      const isWhole = kind === MAP ? items.length % 2 === 0 : kind !== PUSH || items.length > 0;
      if (remaining < 0 && attributes === 0 && isWhole) return ENDED;
    }
    const isLong = type > INTEGER && /^[1-9]\d{15}/.test(text);
    return this.#fail(isLong ? 'it exceeds every limit' : 'this is not its form', isLong);
  }

  /** The offset of the CR that ends the line at `pos`, or −1 when it is cut. */
  #lineEnd(): number {
    const bytes = this.bytes;
    const end = this.end;
    const pos = this.pos;
    let at = Math.max(pos + 1, this.#searched - this.base);
    while (at < end && bytes[at] !== CR && bytes[at] !== LF) at++;
    if (at - pos > this.#limits.maxLineBytes + 1) this.#exceeds('maxLineBytes');
    if (this.base + at - this.#began > this.#limits.maxBufferedBytes) this.#exceeds('maxBufferedBytes');
    if (at < end && (bytes[at] === LF || (at + 1 < end && bytes[at + 1] !== LF))) this.#failAt(at, 'a bare CR or LF');
    if (at + 1 < end) return at;
    this.#searched = this.base + at;
    this.wait(end + 1);
    return -1;
  }

  #exceeds(name: keyof CompleteLimits): never {
    return this.#fail(`it exceeds the limit ${name} = ${this.#limits[name]}`, true);
  }

  #failAt(at: number, what: string): never {
    this.#start = this.base + at;
    return this.#fail(what);
  }

  /** For good: every later `read()` throws this error. */
  #fail(what: string, isLimit = false): never {
    const { bytes, base, end } = this;
    const found = bytes.subarray(Math.max(0, this.#start - base), end);
    this.#failure = makeFailure(isLimit, this.#type, what, this.#start, found);
    this.clear();
    throw this.#failure;
  }
}
