// From the bytes of a RESP2 or RESP3 stream to values, in whatever pieces they come. Called by the connection's reader.
// Pull only: no user code runs in here. It must never trust a length, never recurse, never go on after an error.
//
//   push(chunk) -> [current bytes: pos .. end] -> #token -> #next (stack of frames) -> read()
//                      |                  ^
//                      | cut line         | the line, once it is whole; then the rest of the chunk
//                      v                  |
//                    #line ---------------+           cut payload -> #body, until its last byte came
//
// Only what a chunk's end cuts is copied, once. Values that are whole stay in the frames.
//
// Chosen where the specification leaves room: `:+5`, `(+5` and `,+5` are accepted; leading zeros and `:-0` are not
// (one spelling for each number); nulls are `_`, `$-1`, `*-1` only; `-nan` is NaN (redis-server 7.0 writes it).

import { type ProtocolError, UsageError } from '../errors/index.ts';
import { ByteStore } from './byte-store.ts';
import { makeFailure } from './failure.ts';
import { ARRAY, ATTRIBUTE, Frame, MAP, PUSH, SET, toMap, toMessage, toPush } from './frame.ts';
import { completeLimits, type RespDecoderOptions, type RespLimits } from './limits.ts';
import { TextReader } from './text-reader.ts';
import { NEED_DATA, RespError, type RespValue } from './values.ts';

const CR = 13;
const LF = 10;
const BULK = 36; // $
const BULK_ERROR = 33; // !
const VERBATIM = 61; // =
const STREAM_CHUNK = 59; // ;
const STREAM_END = 46; // .
const NO_BYTES = new Uint8Array(0);
const INT64_LIMIT = 2n ** 63n;
/** A token that gave no value: an aggregate was opened, an attribute ended, a cut line was kept. */
const OPENED: unique symbol = Symbol('opened');
/** The end of a streamed aggregate. */
const ENDED: unique symbol = Symbol('ended');

type Token = RespValue | typeof NEED_DATA | typeof OPENED | typeof ENDED;

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
  readonly #messages: boolean;
  readonly #text = new TextReader();
  readonly #textOf = (value: RespValue): RespValue =>
    value instanceof Uint8Array ? this.#text.whole(value, 0, value.length) : value;

  /** The bytes being read: a chunk, or the store of a line that was cut. */
  #bytes: Uint8Array = NO_BYTES;
  #pos = 0;
  #end = 0;
  /** Offset in the stream of `#bytes[0]`. */
  #base = 0;
  /** What follows once `#bytes` is read: the rest of the chunk that ended a cut line, then chunks not looked at. */
  #rest: Uint8Array | undefined = undefined;
  #restPos = 0;
  #queue: Uint8Array[] = [];
  #queueAt = 0;
  #queuedBytes = 0;
  /** Offset in the stream behind the last chunk that was looked at. */
  #loaded = 0;

  readonly #line = new ByteStore();
  readonly #body = new ByteStore();
  /** Of the payload being read: its type, its length (−1: none), whether it was cut, how much of its CRLF came. */
  #bulkType = 0;
  #bulkLength = -1;
  #bulkCut = false;
  #bulkTail = 0;
  /** The chunks of a streamed string so far. */
  #stream: ByteStore | undefined = undefined;

  readonly #ground = new Frame();
  #top: Frame = this.#ground;
  /** Where the reply being read began, and where the last value that was given ended. */
  #started = 0;
  #consumed = 0;
  #failure: ProtocolError | undefined = undefined;

  constructor(options: RespDecoderOptions = {}) {
    const { strings = 'text', integers = 'auto', maps = 'map', messages = false, limits } = options;
    this.#limits = completeLimits(limits);
    this.asBytes = oneOf('strings', strings, 'text', 'bytes');
    this.#bigints = oneOf('integers', integers, 'auto', 'bigint');
    this.#entries = oneOf('maps', maps, 'map', 'entries');
    this.#messages = messages === true;
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
    if (!(chunk instanceof Uint8Array)) {
      throw new UsageError(`Cannot decode: found a chunk of type ${typeof chunk}, allowed is a Uint8Array`);
    }
    if (this.#failure !== undefined || chunk.length === 0) return;
    // A plain view: one shape for the hot loop, and none of what subclasses override.
    const bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length);
    if (this.#pos === this.#end && this.#rest === undefined && this.#queueAt === this.#queue.length) {
      this.#load(bytes);
      return;
    }
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.length;
    if (this.#queuedBytes > this.#limits.maxBufferedBytes) {
      // Told by `read()`: the pusher is not the one who reads.
      this.#giveUp('bytes pushed but not read exceed the limit (maxBufferedBytes)', this.#pos, 0, true);
    }
  }

  /** The next value, or `NEED_DATA`. Throws a `ProtocolError` for bytes that are no RESP, and the same one ever after. */
  read(): RespValue | typeof NEED_DATA {
    if (this.#failure !== undefined) throw this.#failure;
    return this.#next();
  }

  #next(): RespValue | typeof NEED_DATA {
    for (;;) {
      let token = this.#token();
      if (token === NEED_DATA) return NEED_DATA;
      // Puts the value where it belongs; a frame that it completes is a value in its turn.
      while (token !== OPENED) {
        const frame = this.#top;
        if (token !== ENDED) {
          if (frame.kind === 0) {
            frame.attributes = 0;
            this.#consumed = this.#base + this.#pos;
            return token as RespValue;
          }
          frame.items.push(token as RespValue);
          frame.attributes = 0;
          if (--frame.remaining !== 0) {
            if (frame.remaining < 0) this.#checkStreamed(frame);
            break;
          }
        }
        const kind = frame.kind;
        const value = this.#close(frame);
        if (kind === PUSH) {
          // Out of band: given at once, also from inside an aggregate, which goes on with the next read.
          this.#top.attributes = 0;
          this.#consumed = this.#base + this.#pos;
          return value;
        }
        if (kind === ATTRIBUTE) {
          this.#countAttribute();
          break;
        }
        token = value;
      }
    }
  }

  #close(frame: Frame): RespValue {
    const parent = frame.parent as Frame;
    this.#top = parent;
    const items = frame.take();
    switch (frame.kind) {
      case MAP:
        return toMap(items, this.#entries);
      case SET:
        return new Set(items);
      case PUSH: {
        const kind = this.#textOf(items[0]!);
        if (typeof kind !== 'string') this.#fail('its kind is no string', this.#pos, PUSH);
        items[0] = kind;
        return toPush(items, this.#messages, this.#textOf);
      }
    }
    const isMessage = this.#messages && frame.kind === ARRAY && parent.kind === 0;
    return (isMessage ? toMessage(items, this.#textOf) : undefined) ?? items;
  }

  /** Reads one line or payload. */
  #token(): Token {
    if (this.#bulkLength >= 0) return this.#payload();
    while (this.#pos === this.#end) if (!this.#advance()) return NEED_DATA;
    const bytes = this.#bytes;
    const pos = this.#pos;
    const type = bytes[pos]!;
    if (this.#stream !== undefined && type !== STREAM_CHUNK) this.#fail('a streamed string is not ended', pos, type);
    if (this.#top.depth === 0 && this.#stream === undefined) this.#started = this.#base + pos;
    else if (this.#base + pos - this.#started > this.#limits.maxBufferedBytes) this.#failReply(pos, type);
    switch (type) {
      case 58: // :
        return this.#integer(pos);
      case BULK:
      case BULK_ERROR:
      case VERBATIM:
      case STREAM_CHUNK: {
        const length = this.#length(pos);
        return length < 0 ? this.#oddLength(type) : this.#openBulk(type, length, pos);
      }
      case ARRAY:
      case PUSH:
      case MAP:
      case SET:
      case ATTRIBUTE: {
        const count = this.#length(pos);
        return count < 0 ? this.#oddLength(type) : this.#openAggregate(type, count, pos);
      }
      case 43: // +
      case 45: // -
      case 95: // _
      case 35: // #
      case 44: // ,
      case 40: // (
      case STREAM_END: {
        const lineEnd = this.#lineEnd();
        return lineEnd < 0 ? OPENED : this.#lineValue(type, pos + 1, lineEnd);
      }
    }
    return this.#fail('this byte is no type of RESP', pos, 0);
  }

  /** An integer of up to 15 digits, read straight from the bytes. */
  #integer(pos: number): Token {
    const bytes = this.#bytes;
    const end = this.#end;
    let at = pos + 1;
    const isNegative = at < end && bytes[at] === 45;
    if (isNegative) at++;
    const first = at;
    let value = 0;
    while (at < end) {
      const digit = bytes[at]! - 48;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
      at++;
    }
    const digits = at - first;
    const isPlain = digits > 0 && digits < 16 && (bytes[first] !== 48 || (digits === 1 && !isNegative));
    if (isPlain && at + 1 < end && bytes[at] === CR && bytes[at + 1] === LF) {
      this.#pos = at + 2;
      if (isNegative) value = -value;
      return this.#bigints ? BigInt(value) : value;
    }
    const lineEnd = this.#lineEnd();
    return lineEnd < 0 ? OPENED : this.#lineValue(58, pos + 1, lineEnd);
  }

  /** The length that is declared at `pos`, or −1 for what is no plain length or not whole. */
  #length(pos: number): number {
    const bytes = this.#bytes;
    const end = this.#end;
    let at = pos + 1;
    let value = 0;
    while (at < end) {
      const digit = bytes[at]! - 48;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
      at++;
    }
    const digits = at - pos - 1;
    if (digits === 0 || digits > 15 || at + 1 >= end || bytes[at] !== CR || bytes[at + 1] !== LF) return -1;
    if (digits > 1 && bytes[pos + 1] === 48) return -1;
    this.#pos = at + 2;
    return value;
  }

  /** What else may stand in place of a length: nothing yet, a null, a stream's mark. */
  #oddLength(type: number): Token {
    const pos = this.#pos;
    const lineEnd = this.#lineEnd();
    if (lineEnd < 0) return OPENED;
    const line = latin1(this.#bytes, pos + 1, lineEnd);
    if (line === '-1' && (type === BULK || type === ARRAY)) {
      this.#pos = lineEnd + 2;
      return null;
    }
    if (line === '?' && type === BULK) {
      this.#pos = lineEnd + 2;
      this.#stream = new ByteStore();
      return OPENED;
    }
    if (line === '?' && (type === ARRAY || type === PUSH || type === MAP || type === SET)) {
      this.#pos = lineEnd + 2;
      this.#openFrame(type, -1, pos);
      return OPENED;
    }
    const isLarge = /^[1-9]\d*$/.test(line);
    return this.#fail(isLarge ? 'the length exceeds every limit' : 'this is no length', pos, type, isLarge);
  }

  #openBulk(type: number, length: number, pos: number): Token {
    const limits = this.#limits;
    const before = this.#stream === undefined ? 0 : this.#stream.length;
    if (length + before > limits.maxBulkBytes) {
      const total = length + before;
      this.#fail(`length ${total} exceeds the limit of ${limits.maxBulkBytes} bytes (maxBulkBytes)`, pos, type, true);
    }
    if (this.#base + this.#pos + length - this.#started > limits.maxBufferedBytes) this.#failReply(pos, type);
    if (type === STREAM_CHUNK) {
      if (this.#stream === undefined) this.#fail('no streamed string was begun', pos, type);
      if (length === 0) return this.#endStream(this.#stream);
    }
    if (type === VERBATIM && length < 4) this.#fail('its length leaves no room for a format', pos, type);
    this.#bulkType = type;
    this.#bulkLength = length;
    return this.#payload();
  }

  #payload(): Token {
    const length = this.#bulkLength;
    if (!this.#bulkCut) {
      const start = this.#pos;
      const stop = start + length;
      if (stop + 2 <= this.#end) {
        const bytes = this.#bytes;
        if (bytes[stop] !== CR) this.#fail('no CRLF after the payload', stop, this.#bulkType);
        if (bytes[stop + 1] !== LF) this.#fail('no CRLF after the payload', stop + 1, this.#bulkType);
        this.#pos = stop + 2;
        this.#bulkLength = -1;
        return this.#bulkValue(bytes, start, stop);
      }
      this.#bulkCut = true;
    }
    const body = this.#body;
    for (;;) {
      const take = Math.min(this.#end - this.#pos, length - body.length);
      if (take > 0) {
        body.append(this.#bytes, this.#pos, this.#pos + take, length);
        this.#pos += take;
      }
      while (body.length === length && this.#pos < this.#end) {
        if (this.#bytes[this.#pos] !== (this.#bulkTail === 0 ? CR : LF)) {
          this.#fail('no CRLF after the payload', this.#pos, this.#bulkType);
        }
        this.#pos++;
        if (++this.#bulkTail === 2) {
          this.#bulkTail = 0;
          this.#bulkLength = -1;
          this.#bulkCut = false;
          const value = this.#bulkValue(body.bytes, 0, length, true);
          body.clear();
          return value;
        }
      }
      if (!this.#advance()) return NEED_DATA;
    }
  }

  /** `isOwn`: the bytes are the store's, and may be handed over when they are exactly the value. */
  #bulkValue(bytes: Uint8Array, start: number, end: number, isOwn = false): Token {
    switch (this.#bulkType) {
      case BULK:
        break;
      case BULK_ERROR:
        return new RespError(this.#decode(bytes, start, end, isOwn));
      case VERBATIM:
        if (bytes[start + 3] !== 58) {
          this.#fail('no colon after its format', isOwn ? this.#pos : start + 3, VERBATIM);
        }
        start += 4;
        break;
      default: {
        const stream = this.#stream as ByteStore;
        stream.append(bytes, start, end, this.#limits.maxBulkBytes);
        return OPENED;
      }
    }
    if (!this.asBytes) return this.#decode(bytes, start, end, isOwn);
    if (isOwn && start === 0 && end === bytes.length && end > 0) {
      this.#body.bytes = NO_BYTES;
      return bytes;
    }
    return bytes.slice(start, end);
  }

  #endStream(stream: ByteStore): RespValue {
    this.#stream = undefined;
    if (this.asBytes) return stream.bytes.slice(0, stream.length);
    return this.#decode(stream.bytes, 0, stream.length, true);
  }

  #decode(bytes: Uint8Array, start: number, end: number, isOwn: boolean): string {
    if (!isOwn && end - start < 65_536) return this.#text.part(bytes, start, end, this.#end);
    try {
      return this.#text.whole(bytes, start, end);
    } catch {
      // Engines have a longest string (V8: 2^29 - 24 units).
      return this.#fail('longer than the longest string here; read it as bytes', this.#pos, BULK, true);
    }
  }

  #openAggregate(type: number, count: number, pos: number): Token {
    const elements = type === MAP || type === ATTRIBUTE ? count * 2 : count;
    if (elements > this.#limits.maxElements) this.#failElements(elements, pos, type);
    if (elements > 0) {
      this.#openFrame(type, elements, pos);
      return OPENED;
    }
    switch (type) {
      case ARRAY:
        return [];
      case MAP:
        return toMap([], this.#entries);
      case SET:
        return new Set();
      case ATTRIBUTE:
        this.#countAttribute();
        return OPENED;
    }
    return this.#fail('it has no kind', pos, type);
  }

  #openFrame(type: number, count: number, pos: number): void {
    const top = this.#top;
    if (top.depth >= this.#limits.maxDepth) {
      this.#fail(`depth exceeds the limit of ${this.#limits.maxDepth} (maxDepth)`, pos, type, true);
    }
    const frame = (top.child ??= new Frame(top));
    frame.open(type, count);
    this.#top = frame;
  }

  #countAttribute(): void {
    if (++this.#top.attributes > this.#limits.maxAttributes) {
      const { maxAttributes } = this.#limits;
      this.#fail(`more than ${maxAttributes} attributes in a row (maxAttributes)`, this.#pos, ATTRIBUTE, true);
    }
  }

  #checkStreamed(frame: Frame): void {
    if (frame.items.length > this.#limits.maxElements) this.#failElements(frame.items.length, this.#pos, frame.kind);
  }

  /** The value of the line in `[start, end)`, which is whole; moves behind its CRLF. */
  #lineValue(type: number, start: number, end: number): Token {
    const bytes = this.#bytes;
    this.#pos = end + 2;
    switch (type) {
      case 43: // +
        return this.#text.part(bytes, start, end, this.#end);
      case 45: // -
        return new RespError(this.#text.part(bytes, start, end, this.#end));
      case 95: // _
        if (start === end) return null;
        break;
      case 35: // #
        if (end - start === 1 && (bytes[start] === 116 || bytes[start] === 102)) return bytes[start] === 116;
        break;
      case STREAM_END: {
        const frame = this.#top;
        const isOpen = start === end && frame.remaining < 0 && frame.attributes === 0;
        const isOdd = frame.kind === MAP && frame.items.length % 2 === 1;
        if (isOpen && !isOdd && (frame.kind !== PUSH || frame.items.length > 0)) return ENDED;
        break;
      }
      default: {
        const value = this.#numberOf(type, latin1(bytes, start, end));
        if (value !== undefined) return value;
      }
    }
    return this.#fail('this is not the form of its type', start - 1, type);
  }

  #numberOf(type: number, line: string): RespValue | undefined {
    if (type === 44) {
      if (/^[+-]?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(line)) return Number(line);
      if (line === 'inf') return Infinity;
      if (line === '-inf') return -Infinity;
      return line === 'nan' || line === '-nan' ? NaN : undefined;
    }
    if (!/^(0|[+-]?[1-9]\d*|\+0)$/.test(line)) return undefined;
    const value = BigInt(line.charCodeAt(0) === 43 ? line.slice(1) : line);
    if (type === 40) return value;
    if (value >= INT64_LIMIT || value < -INT64_LIMIT) return undefined;
    return this.#bigints || !Number.isSafeInteger(Number(value)) ? value : Number(value);
  }

  /**
   * The offset of the CR that ends the line at `#pos`, or −1 when it is not whole: it is then kept, and read again
   * from its store once the byte that decides has come. So errors are the same however the line was cut.
   */
  #lineEnd(): number {
    const bytes = this.#bytes;
    const end = this.#end;
    const pos = this.#pos;
    let at = pos + 1;
    while (at < end && bytes[at] !== CR && bytes[at] !== LF) at++;
    if (at - pos - 1 > this.#limits.maxLineBytes) this.#failLine(pos);
    if (at < end && bytes[at] === LF) this.#fail('a bare LF in the line', at, bytes[pos]!);
    if (at + 1 < end) {
      if (bytes[at + 1] !== LF) this.#fail('a bare CR in the line', at, bytes[pos]!);
      return at;
    }
    this.#line.append(bytes, pos, end, this.#limits.maxLineBytes + 3);
    this.#base += pos;
    this.#bytes = NO_BYTES;
    this.#pos = this.#end = 0;
    return -1;
  }

  /** Makes the next bytes current; false when all are read, and then nothing refers to a chunk. */
  #advance(): boolean {
    const rest = this.#rest;
    if (rest !== undefined) {
      this.#rest = undefined;
      this.#setBytes(rest, this.#restPos, rest.length, this.#loaded - rest.length);
      return true;
    }
    if (this.#queueAt < this.#queue.length) {
      const chunk = this.#queue[this.#queueAt++]!;
      this.#queuedBytes -= chunk.length;
      this.#load(chunk);
      return true;
    }
    if (this.#queueAt > 0) {
      this.#queue = [];
      this.#queueAt = 0;
    }
    if (this.#line.length === 0) this.#setBytes(NO_BYTES, 0, 0, this.#loaded);
    return false;
  }

  /** Looks at the next chunk: it is read as it is, or first gives what a cut line lacks. */
  #load(chunk: Uint8Array): void {
    const line = this.#line;
    const base = this.#loaded;
    this.#loaded += chunk.length;
    if (line.length === 0) {
      this.#setBytes(chunk, 0, chunk.length, base);
      return;
    }
    let take = 1;
    let isDecided = line.bytes[line.length - 1] === CR;
    if (!isDecided) {
      let at = 0;
      while (at < chunk.length && chunk[at] !== CR && chunk[at] !== LF) at++;
      isDecided = at < chunk.length && (chunk[at] === LF || at + 1 < chunk.length);
      take = Math.min(chunk.length, at + 2);
    }
    // No more than shows that the limit is passed.
    take = Math.min(take, this.#limits.maxLineBytes + 3);
    line.append(chunk, 0, take, this.#limits.maxLineBytes + 3);
    const length = line.length;
    // Counted without the type and a CR: what `#lineEnd` would say of the whole line.
    const content = length - 1 - (line.bytes[length - 1] === CR ? 1 : 0);
    if (isDecided || content > this.#limits.maxLineBytes) {
      const start = this.#base;
      this.#rest = take < chunk.length ? chunk : undefined;
      this.#restPos = take;
      const bytes = line.bytes;
      line.clear();
      this.#setBytes(bytes, 0, length, start);
    }
  }

  #setBytes(bytes: Uint8Array, pos: number, end: number, base: number): void {
    this.#bytes = bytes;
    this.#pos = pos;
    this.#end = end;
    this.#base = base;
    this.#text.forget();
  }

  #failLine(pos: number): never {
    const { maxLineBytes } = this.#limits;
    return this.#fail(
      `the line exceeds the limit of ${maxLineBytes} bytes (maxLineBytes)`,
      pos,
      this.#bytes[pos]!,
      true,
    );
  }

  #failElements(count: number, pos: number, type: number): never {
    const { maxElements } = this.#limits;
    return this.#fail(`${count} elements exceed the limit of ${maxElements} (maxElements)`, pos, type, true);
  }

  #failReply(pos: number, type: number): never {
    const { maxBufferedBytes } = this.#limits;
    return this.#fail(`the reply exceeds the limit of ${maxBufferedBytes} bytes (maxBufferedBytes)`, pos, type, true);
  }

  #fail(what: string, at: number, type: number, isLimit = false): never {
    throw this.#giveUp(what, at, type, isLimit);
  }

  /** For good: every later `read()` throws this error, and what was kept is let go. */
  #giveUp(what: string, at: number, type: number, isLimit: boolean): ProtocolError {
    const failure = makeFailure(isLimit, type, what, this.#base + at, this.#bytes, at, this.#end);
    this.#failure = failure;
    this.#rest = undefined;
    this.#queue = [];
    this.#stream = undefined;
    this.#line.bytes = this.#body.bytes = NO_BYTES;
    this.#top = this.#ground;
    this.#ground.child = undefined;
    this.#setBytes(NO_BYTES, 0, 0, 0);
    return failure;
  }
}

function latin1(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let at = start; at < end; at++) text += String.fromCharCode(bytes[at]!);
  return text;
}

/** True for the second of the two allowed values. */
function oneOf(name: string, found: string, first: string, second: string): boolean {
  if (found !== first && found !== second) {
    throw new UsageError(
      `Cannot make a decoder: found ${name} ${JSON.stringify(found)}, allowed are ${first} and ${second}`,
    );
  }
  return found === second;
}
