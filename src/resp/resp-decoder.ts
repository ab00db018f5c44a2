// From the bytes of a RESP2 or RESP3 stream to values, in whatever pieces they come. Called by the connection's reader.
// Pull only: no user code runs in here. It must never trust a length, never recurse, never go on after an error.
//
//   push(chunk) -> [current bytes: pos .. end] -> #token (line, payload) -> #next (stack of frames) -> read()
//                      |                  ^
//                      | cut token        | the token, once it is whole; then the rest of the chunk
//                      v                  |
//                     #cut ---------------+
//
// Only the token that a chunk's end cuts is copied, once. So cost is linear and errors are the same for any cuts.
//
// Chosen where the specification leaves room: `:+5`, `(+5` and `,+5` are accepted; leading zeros and `:-0` are not
// (one spelling for each number); nulls are `_`, `$-1`, `*-1` only; `-nan` is NaN (redis-server 7.0 writes it).

import { type ProtocolError, UsageError } from '../errors/index.ts';
import { ByteStore } from './byte-store.ts';
import { makeFailure } from './failure.ts';
import { Frame, toMap, toMessage } from './frame.ts';
import { completeLimits, type RespDecoderOptions, type RespLimits } from './limits.ts';
import { NameTable } from './name-table.ts';
import { TextReader } from './text-reader.ts';
import { NEED_DATA, RespError, RespMessage, RespPush, type RespValue } from './values.ts';

const CR = 13;
const LF = 10;
// Types by their place in TYPES: first the lines that stand for themselves, then numbers, payloads, aggregates.
const SIMPLE = 0;
const ERROR = 1;
const NULL = 2;
const BOOLEAN = 3;
const DOUBLE = 4;
const BIG_NUMBER = 5;
const END = 6;
const INTEGER = 7;
const BULK = 8;
const BULK_ERROR = 9;
const VERBATIM = 10;
const CHUNK = 11;
const ARRAY = 12;
const PUSH = 13;
const MAP = 14;
const SET = 15;
const ATTRIBUTE = 16;
/** The place of each byte in TYPES; 255 for what is no type. */
const TYPE_OF = Uint8Array.from({ length: 256 }, (_, byte) => '+-_#,(.:$!=;*>%~|'.indexOf(String.fromCharCode(byte)));
const NO_BYTES = new Uint8Array(0);
const NO_VIEW = new DataView(NO_BYTES.buffer);
/** A bulk whose payload is not all there. */
const CUT = -2;
/** A short reply that is cut is read again in one piece with a next chunk up to this long: cheaper than in tokens. */
const LONGEST_TAIL = 2048;
const LONGEST_JOINED = 4096;
/** The store of cut tokens keeps up to here for its next use: new room costs more than the copy into it. */
const KEPT_BYTES = 2_097_152;
/** Four bytes as the number that they are in little-endian order. */
const word = (text: string) => [...text].reduceRight((sum, unit) => (sum << 8) | unit.charCodeAt(0), 0);
// What messages begin with behind their type, in words: `3 $7 message`, `3 $8 smessage`, `4 $8 pmessage`.
const THREE = word('3\r\n$');
const FOUR = word('4\r\n$');
const MESSAGE = word('7\r\nm');
const SMESSAGE = word('8\r\ns');
const PMESSAGE = word('8\r\np');
const ESSA = word('essa');
const GE = word('ge\r\n');
const MESS = word('mess');
const AGE = word('age\r');
/** A token that gave no value: an aggregate was opened, an attribute ended, a cut token was kept. */
const OPENED: unique symbol = Symbol('opened');
/** The end of a streamed aggregate. */
const ENDED: unique symbol = Symbol('ended');

type Token = RespValue | typeof OPENED | typeof ENDED;

/**
 * Decodes a stream of replies and pushes.
 *
 *     const decoder = new RespDecoder();
 *     decoder.push(chunk);
 *     for (let value = decoder.read(); value !== NEED_DATA; value = decoder.read()) use(value);
 */
export class RespDecoder {
  /** True: strings of the replies read next are bytes. To be changed between replies only. */
  asBytes: boolean;

  readonly #limits: Required<RespLimits>;
  readonly #bigints: boolean;
  readonly #entries: boolean;
  /** Payloads up to here may be read by the quick ways: no limit can be passed by them. */
  readonly #quickBytes: number;
  readonly #names: NameTable | undefined;
  readonly #text = new TextReader();
  readonly #decodeAny = (bytes: Uint8Array, start: number, end: number) => this.#text.whole(bytes, start, end);
  readonly #textOf = (value?: RespValue) =>
    value instanceof Uint8Array ? this.#decodeAny(value, 0, value.length) : value;

  /** The bytes being read: a chunk, or a token that was cut. */
  #bytes: Uint8Array = NO_BYTES;
  /** Of the same bytes, where messages are wanted: four bytes are compared at once. */
  #view: DataView = NO_VIEW;
  #pos = 0;
  #end = 0;
  /** Offset in the stream of `#bytes[0]`. */
  #base = 0;
  /** Chunks not looked at, and their length. */
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  readonly #cut = new ByteStore();
  /** The beginning of a reply that a chunk's end cut, with room for the next chunk. */
  #tail = NO_BYTES;
  #tailView: DataView = NO_VIEW;
  #tailLength = 0;

  /** True inside a reply and after a failure: the quick ways are for what begins between replies. */
  #isBusy = false;
  /** Of the token being read: its type, where it began. */
  #type = 0;
  #start = 0;
  /** Length of the payload that comes next; −1: a line comes next. */
  #payload = -1;
  /** The chunks of a streamed string so far. */
  #stream: ByteStore | undefined = undefined;
  #top = new Frame();
  /** Offsets in the stream: where the reply being read began, where the last value that was given ended. */
  #began = 0;
  #consumed = 0;
  #failure: ProtocolError | undefined = undefined;

  constructor(options: RespDecoderOptions = {}) {
    const limits = completeLimits(options.limits);
    this.#limits = limits;
    this.asBytes = options.strings === 'bytes';
    this.#bigints = options.integers === 'bigint';
    this.#entries = options.maps === 'entries';
    const isUsual = limits.maxElements > 3 && limits.maxDepth > 0;
    this.#quickBytes = isUsual ? Math.min(limits.maxBulkBytes, limits.maxBufferedBytes / 4) : -1;
    this.#names = options.messages ? new NameTable(this.#decodeAny) : undefined;
  }

  /** Bytes of the stream up to the end of the value that `read()` gave last. */
  get bytesConsumed(): number {
    return this.#consumed;
  }

  /**
   * Takes the next bytes of the stream, cut anywhere. They must stay as they are until `read()` gave `NEED_DATA`;
   * nothing of the chunk is used afterwards.
   */
  push(chunk: Uint8Array): void {
    if (!(chunk instanceof Uint8Array)) throw new UsageError('Cannot decode: the chunk is no Uint8Array');
    if (this.#failure !== undefined || chunk.length === 0) return;
    if (this.#pos === this.#end && this.#queue.length === 0) {
      this.#load(chunk);
      return;
    }
    this.#queue.push(chunk);
    this.#queuedBytes += chunk.length;
    if (this.#queuedBytes > this.#limits.maxBufferedBytes) {
      // Told by `read()`: the pusher is not the one who reads.
      this.#isBusy = true;
      this.#failure = makeFailure(true, -1, 'it exceeds the limit maxBufferedBytes', this.#base, NO_BYTES);
    }
  }

  /** The next value, or `NEED_DATA`. Throws a `ProtocolError` for bytes that are no RESP, and the same one ever after. */
  read(): RespValue | typeof NEED_DATA {
    if (!this.#isBusy) {
      const value = this.#quick();
      if (value !== undefined) {
        this.#consumed = this.#base + this.#pos;
        return value;
      }
    }
    if (this.#failure !== undefined) throw this.#failure;
    const value = this.#next();
    this.#isBusy = this.#top.depth > 0 || this.#payload >= 0 || this.#stream !== undefined;
    return value;
  }

  /** What comes most and is whole in the current bytes, read by fixed offsets; undefined for anything else. */
  #quick(): RespValue | typeof NEED_DATA | undefined {
    const bytes = this.#bytes;
    const pos = this.#pos;
    const type = pos < this.#end ? TYPE_OF[bytes[pos]!] : -1;
    const names = this.#names;
    let stop = -1;
    if (type === SIMPLE) {
      if (pos + 5 <= this.#end && bytes[pos + 1] === 79 && bytes[pos + 2] === 75) {
        if (bytes[pos + 3] === CR && bytes[pos + 4] === LF) {
          this.#pos = pos + 5;
          return 'OK';
        }
      }
    } else if (type === INTEGER && !this.#bigints) {
      stop = this.#digits(pos + 1);
      if (stop >= 0) return stop;
    } else if (type === BULK) {
      stop = this.#wholeBulk(pos);
      if (stop >= 0) return this.#quickString(stop);
    } else if ((type === ARRAY || type === PUSH) && names !== undefined && pos + 32 <= this.#end) {
      // The shortest possible message is there, so that its head can be read without looking for the end.
      const view = this.#view;
      const count = view.getInt32(pos + 1, true);
      const kind = view.getInt32(pos + 5, true);
      const third = view.getInt32(pos + 9, true);
      const fourth = view.getInt32(pos + 13, true);
      let at = pos + 17;
      if (kind === MESSAGE) {
        if (count !== THREE || third !== ESSA || fourth !== GE) return undefined;
      } else {
        const isOther = (kind === SMESSAGE && count === THREE) || (kind === PMESSAGE && count === FOUR);
        if (!isOther || third !== MESS || fourth !== AGE || bytes[at++] !== LF) return undefined;
      }
      const isPattern = kind === PMESSAGE;
      let patternStart = 0;
      let patternStop = 0;
      stop = this.#wholeBulk(at);
      if (isPattern && stop >= 0) {
        patternStart = this.#pos;
        patternStop = stop;
        stop = this.#wholeBulk(stop + 2);
      }
      const start = this.#pos;
      const channelStop = stop;
      if (stop >= 0) stop = this.#wholeBulk(stop + 2);
      if (stop >= 0) {
        const channel = names.get(bytes, view, start, channelStop);
        const pattern = isPattern ? names.get(bytes, view, patternStart, patternStop) : undefined;
        return new RespMessage(channel, pattern, this.#quickString(stop), kind === SMESSAGE);
      }
    }
    this.#pos = pos;
    if (stop === CUT && this.#end - pos <= LONGEST_TAIL && this.#queue.length === 0) return this.#keepTail(bytes, pos);
    // Cut, or odd: the general way says what it is.
    return undefined;
  }

  #quickString(stop: number): string | Uint8Array {
    const start = this.#pos;
    this.#pos = stop + 2;
    return this.asBytes ? this.#bytes.slice(start, stop) : this.#text.part(this.#bytes, start, stop, this.#end);
  }

  /** Where the payload of the bulk at `at` ends when it is whole (`#pos` is then its start), else −1 or CUT. */
  #wholeBulk(at: number): number {
    const bytes = this.#bytes;
    if (at >= this.#end || bytes[at] !== 36) return -1;
    const length = this.#digits(at + 1);
    if (length < 0 || length > this.#quickBytes) return -1;
    const stop = this.#pos + length;
    if (stop + 2 > this.#end) return CUT;
    return bytes[stop] === CR && bytes[stop + 1] === LF ? stop : -1;
  }

  #keepTail(bytes: Uint8Array, pos: number): typeof NEED_DATA {
    if (this.#tail.length === 0) {
      this.#tail = new Uint8Array(LONGEST_TAIL + LONGEST_JOINED);
      this.#tailView = new DataView(this.#tail.buffer);
    }
    this.#tailLength = this.#end - pos;
    this.#tail.set(bytes.subarray(pos, this.#end));
    this.#setBytes(NO_BYTES, 0, this.#base + pos);
    return NEED_DATA;
  }

  #next(): RespValue | typeof NEED_DATA {
    for (;;) {
      while (this.#pos === this.#end) if (!this.#advance()) return NEED_DATA;
      let token = this.#payload < 0 ? this.#line() : this.#bulk();
      // Puts the value where it belongs; a frame that it completes is a value in its turn.
      while (token !== OPENED) {
        const frame = this.#top;
        const parent = frame.parent;
        if (token !== ENDED) {
          frame.attributes = 0;
          if (parent === undefined) {
            this.#consumed = this.#base + this.#pos;
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
            if (this.#names !== undefined && frame.depth === 1) token = toMessage(items, this.#textOf) ?? items;
            break;
          case SET:
            token = new Set(items);
            break;
          case MAP:
            token = toMap(items, this.#entries);
            break;
          case ATTRIBUTE:
            token = this.#attribute();
            break;
          default: {
            const kind = this.#textOf(items[0]);
            if (typeof kind !== 'string') this.#fail('its kind is no string');
            // Out of band: given at once, also from inside an aggregate, which goes on with the next read.
            this.#top.attributes = 0;
            this.#consumed = this.#base + this.#pos;
            return (this.#names && toMessage(items, this.#textOf)) ?? new RespPush(kind as string, items.slice(1));
          }
        }
      }
    }
  }

  #attribute(): typeof OPENED {
    if (++this.#top.attributes > this.#limits.maxAttributes) this.#exceeds('maxAttributes');
    return OPENED;
  }

  /** Reads one line, with the payload that it declares. */
  #line(): Token {
    const bytes = this.#bytes;
    const pos = this.#pos;
    const type = TYPE_OF[bytes[pos]!]!;
    this.#start = pos;
    this.#type = type;
    if (type > ATTRIBUTE) this.#fail('no type of RESP');
    if ((type === CHUNK) !== (this.#stream !== undefined)) this.#fail('it is out of place');
    if (this.#top.depth > 0) {
      if (this.#base + pos - this.#began > this.#limits.maxBufferedBytes) this.#exceeds('maxBufferedBytes');
    } else if (type !== CHUNK) this.#began = this.#base + pos;
    if (type >= INTEGER) {
      const isNegative = type === INTEGER && pos + 1 < this.#end && bytes[pos + 1] === 45;
      const number = this.#digits(isNegative ? pos + 2 : pos + 1);
      if (number >= 0) {
        if (type >= ARRAY) return this.#openAggregate(type, type === MAP || type === ATTRIBUTE ? number * 2 : number);
        if (type >= BULK) return this.#openBulk(type, number);
        if (!isNegative) return this.#integer(number);
        if (number > 0) return this.#integer(-number);
        this.#pos = pos;
      }
    }
    const end = this.#lineEnd();
    if (end < 0) return OPENED;
    this.#pos = end + 2;
    return this.#lineValue(type, pos + 1, end);
  }

  #integer(value: number): Token {
    return this.#bigints ? BigInt(value) : value;
  }

  /** The number of up to 15 digits that makes up the rest of the line, or −1; moves behind the line. */
  #digits(at: number): number {
    const bytes = this.#bytes;
    const end = this.#end;
    const first = at;
    let value = 0;
    while (at < end) {
      // 0 to 9 for a digit, more for anything else.
      const digit = bytes[at]! ^ 48;
      if (digit > 9) break;
      value = value * 10 + digit;
      at++;
    }
    const digits = at - first;
    if (at + 1 >= end || bytes[at] !== CR || bytes[at + 1] !== LF || digits === 0 || digits > 15) return -1;
    if (digits > 1 && bytes[first] === 48) return -1;
    this.#pos = at + 2;
    return value;
  }

  #openBulk(type: number, length: number): Token {
    const { maxBulkBytes, maxBufferedBytes } = this.#limits;
    const stream = this.#stream;
    if (length + (stream === undefined ? 0 : stream.length) > maxBulkBytes) this.#exceeds('maxBulkBytes');
    if (this.#base + this.#pos + length - this.#began > maxBufferedBytes) this.#exceeds('maxBufferedBytes');
    if (type === VERBATIM && length < 4) this.#fail('no format');
    if (type === CHUNK && stream !== undefined && length === 0) {
      this.#stream = undefined;
      return this.#string(stream.bytes, 0, stream.length);
    }
    this.#payload = length;
    return this.#bulk();
  }

  /** Reads a payload and its CRLF. */
  #bulk(): Token {
    const start = this.#pos;
    const stop = start + this.#payload;
    if (stop + 2 > this.#end) return this.#keep(this.#payload + 2);
    const bytes = this.#bytes;
    if (bytes[stop] !== CR || bytes[stop + 1] !== LF) this.#fail('no CRLF', bytes[stop] === CR ? stop + 1 : stop);
    this.#pos = stop + 2;
    this.#payload = -1;
    switch (this.#type) {
      case BULK:
        return this.#string(bytes, start, stop);
      case BULK_ERROR:
        return new RespError(this.#decode(bytes, start, stop));
      case VERBATIM:
        if (bytes[start + 3] !== 58) this.#fail('no colon', start + 3);
        return this.#string(bytes, start + 4, stop);
    }
    (this.#stream as ByteStore).append(bytes, start, stop, this.#limits.maxBulkBytes);
    return OPENED;
  }

  #string(bytes: Uint8Array, start: number, end: number): Token {
    return this.asBytes ? bytes.slice(start, end) : this.#decode(bytes, start, end);
  }

  #decode(bytes: Uint8Array, start: number, end: number): string {
    try {
      if (bytes === this.#bytes) return this.#text.part(bytes, start, end, this.#end);
      return this.#decodeAny(bytes, start, end);
    } catch {
      // Engines have a longest string (V8: 2^29 - 24 units).
      return this.#fail('too long for a string', this.#start, true);
    }
  }

  #openAggregate(type: number, count: number): Token {
    if (count > this.#limits.maxElements) this.#exceeds('maxElements');
    if (count !== 0) {
      const top = this.#top;
      if (top.depth >= this.#limits.maxDepth) this.#exceeds('maxDepth');
      this.#top = top.child ??= new Frame(top);
      this.#top.open(type, count);
      return OPENED;
    }
    switch (type) {
      case PUSH:
        this.#fail('it has no kind');
        break;
      case MAP:
        return toMap([], this.#entries);
      case SET:
        return new Set();
      case ATTRIBUTE:
        return this.#attribute();
    }
    return [];
  }

  /** The value of the line in `[start, end)` that is no plain number. */
  #lineValue(type: number, start: number, end: number): Token {
    const bytes = this.#bytes;
    if (type === SIMPLE) return this.#decode(bytes, start, end);
    if (type === ERROR) return new RespError(this.#decode(bytes, start, end));
    const line = this.#decodeAny(bytes, start, end);
    if (line === '?') {
      if (type >= ARRAY && type !== ATTRIBUTE) return this.#openAggregate(type, -1);
      if (type === BULK) {
        this.#stream = new ByteStore();
        return OPENED;
      }
    } else if (line === '') {
      if (type === NULL) return null;
      const { kind, items, remaining, attributes } = this.#top;
      const isWhole = kind === MAP ? items.length % 2 === 0 : kind !== PUSH || items.length > 0;
      if (type === END && remaining < 0 && attributes === 0 && isWhole) return ENDED;
    } else if (line === '-1') {
      if (type === BULK || type === ARRAY) return null;
    } else if (type === BOOLEAN) {
      if (line === 't' || line === 'f') return line === 't';
    }
    if (type === DOUBLE) {
      if (/^[+-]?(0|[1-9]\d*)(\.\d+)?(e[+-]?\d+)?$/i.test(line)) return Number(line);
      if (/^-?(inf|nan)$/.test(line)) return Number(line.replace('inf', 'Infinity'));
    }
    if ((type === INTEGER || type === BIG_NUMBER) && /^(\+?0|[+-]?[1-9]\d*)$/.test(line)) {
      const value = BigInt(line.replace('+', ''));
      if (type === BIG_NUMBER) return value;
      if (value === BigInt.asIntN(64, value)) {
        return Number.isSafeInteger(Number(value)) ? this.#integer(Number(value)) : value;
      }
    }
    const isLong = type > INTEGER && /^[1-9]\d{15}/.test(line);
    return this.#fail(isLong ? 'it exceeds every limit' : 'this is not its form', this.#start, isLong);
  }

  /** The offset of the CR that ends the line at `#pos`, or −1 when it is cut. */
  #lineEnd(): number {
    const bytes = this.#bytes;
    const end = this.#end;
    let at = this.#pos + 1;
    while (at < end && bytes[at] !== CR && bytes[at] !== LF) at++;
    if (at - this.#pos > this.#limits.maxLineBytes + 1) this.#exceeds('maxLineBytes');
    if (at < end && (bytes[at] === LF || (at + 1 < end && bytes[at + 1] !== LF))) this.#fail('a bare CR or LF', at);
    if (at + 1 < end) return at;
    this.#keep(this.#limits.maxLineBytes + 3);
    return -1;
  }

  /** Keeps what came of a token of up to `expected` bytes; it is read again once the byte that decides has come. */
  #keep(expected: number): typeof OPENED {
    this.#cut.append(this.#bytes, this.#pos, this.#end, expected);
    this.#base += this.#pos;
    this.#setBytes(NO_BYTES, 0, this.#base);
    return OPENED;
  }

  /** Makes the next bytes current; false when all are read, and then nothing refers to a chunk. */
  #advance(): boolean {
    const cut = this.#cut;
    if (cut.length === 0 && cut.bytes.length > KEPT_BYTES) cut.bytes = NO_BYTES;
    const chunk = this.#queue.shift();
    if (chunk !== undefined) {
      this.#queuedBytes -= chunk.length;
      this.#load(chunk);
      return true;
    }
    if (cut.length === 0) this.#setBytes(NO_BYTES, 0, this.#base + this.#end);
    return false;
  }

  /** Looks at the next chunk: it is read as it is, or first gives what a cut token lacks. */
  #load(chunk: Uint8Array): void {
    const cut = this.#cut;
    const tail = this.#tailLength;
    if (tail > 0) {
      this.#tailLength = 0;
      if (chunk.length <= LONGEST_JOINED) {
        this.#tail.set(chunk, tail);
        this.#setBytes(this.#tail, tail + chunk.length, this.#base);
        return;
      }
      this.#setBytes(this.#tail, tail, this.#base);
      this.#queue.unshift(chunk);
      this.#queuedBytes += chunk.length;
      this.#isBusy = true;
      return;
    }
    if (cut.length === 0) {
      // A plain view: one shape for the hot loop, and none of what subclasses override.
      const bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length);
      this.#setBytes(bytes, chunk.length, this.#base + this.#end);
      return;
    }
    let expected = this.#payload + 2;
    let take = expected - cut.length;
    let isWhole = take <= chunk.length;
    if (this.#payload < 0) {
      // A line is decided by the byte after its first CR, by an LF, or by being too long.
      expected = this.#limits.maxLineBytes + 3;
      let at = 0;
      if (cut.bytes[cut.length - 1] !== CR) while (at < chunk.length && chunk[at] !== CR && chunk[at] !== LF) at++;
      else at = -1;
      isWhole = at + 1 < chunk.length || chunk[at] === LF;
      take = at + 2;
    }
    take = Math.min(take, chunk.length, expected);
    cut.append(chunk, 0, take, expected);
    // Too long already, not counting its type and a CR.
    if (this.#payload < 0 && cut.length > expected - 2 + Number(cut.bytes[cut.length - 1] === CR)) isWhole = true;
    if (take < chunk.length) {
      this.#queue.unshift(chunk.subarray(take));
      this.#queuedBytes += chunk.length - take;
    }
    if (isWhole) {
      this.#setBytes(cut.bytes, cut.length, this.#base);
      cut.length = 0;
    }
  }

  #setBytes(bytes: Uint8Array, end: number, base: number): void {
    this.#bytes = bytes;
    this.#pos = 0;
    this.#end = end;
    this.#base = base;
    this.#text.use(bytes);
    if (bytes === this.#tail) this.#view = this.#tailView;
    else if (this.#names !== undefined && end > 0) {
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    }
  }

  #exceeds(name: keyof RespLimits): never {
    return this.#fail(`it exceeds the limit ${name} = ${this.#limits[name]}`, this.#start, true);
  }

  /** For good: every later `read()` throws this error. */
  #fail(what: string, at = this.#start, isLimit = false): never {
    this.#isBusy = true;
    this.#failure = makeFailure(isLimit, this.#type, what, this.#base + at, this.#bytes.subarray(at, this.#end));
    this.#setBytes(NO_BYTES, 0, 0);
    this.#queue = [];
    throw this.#failure;
  }
}
