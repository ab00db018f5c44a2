// What comes most, read by fixed offsets: bulk strings and published messages that are whole. Called by the decoder,
// which is made on it, for what begins between replies. It must never judge: what is odd it leaves to the decoder.

import { ByteInput } from './byte-input.ts';
import type { CompleteLimits, RespDecoderOptions } from './limits.ts';
import { NameTable } from './name-table.ts';
import { AGE, CR, ESSA, FOUR, GE, LF, MESS, MESSAGE, PMESSAGE, SMESSAGE, THREE } from './types.ts';
import { RespMessage, RespPush, type RespValue } from './values.ts';

/** No offset: what is there is odd; the end of it was met. */
const ODD = -1;
const CUT = -2;
const MOST_BYTES = 131_072;

export abstract class QuickReader extends ByteInput {
  /** Bulk strings are given as bytes. @internal */
  asBytes: boolean;
  /** Numbers of so many digits pass no limit. @internal */
  protected readonly quickDigits: number;
  /** Messages are given as objects. @internal */
  protected readonly messages: boolean;
  /** Whether `quick()` gave nothing since what is there is cut. @internal */
  protected isCut = false;
  /** Payloads up to here pass no limit. */
  readonly #quickBytes: number;
  /** Once a message came, and how many names there will be. */
  #names: NameTable | undefined = undefined;
  #nameCount = 0;

  /** @internal */
  constructor(limits: CompleteLimits, options: RespDecoderOptions) {
    super();
    const { maxElements, maxDepth, maxLineBytes, maxBulkBytes, maxBufferedBytes } = limits;
    this.asBytes = options.strings === 'bytes';
    this.messages = options.messages === true;
    this.quickDigits = Math.min(15, maxLineBytes);
    const isUsual = maxElements > 3 && maxDepth > 0 && maxLineBytes > 15 && maxBulkBytes > 7;
    // Three of them and what stands around them are no more than one reply may be.
    this.#quickBytes = isUsual ? Math.min(maxBulkBytes, (maxBufferedBytes - 64) / 4, MOST_BYTES) : -1;
  }

  /** So many names are to be expected. @internal */
  protected expectNames(count: number): void {
    this.#nameCount = count;
    this.#names?.expect(count);
  }

  /** The value that comes next, when it is such a one and all of it is there. @internal */
  protected quick(): RespValue | undefined {
    const bytes = this.bytes;
    const pos = this.pos;
    const end = this.end;
    this.need = 1;
    this.isCut = pos === end;
    if (pos === end) return undefined;
    const type = bytes[pos];
    let stop = ODD;
    if (type === 36) {
      stop = this.#bulkEnd(pos);
      if (stop >= 0) return this.#string(stop);
    } else if ((type === 42 || type === 62) && (this.messages || !this.asBytes)) {
      // No message is shorter; of what is, it may be known already that it is one.
      if (pos + 17 > end) {
        this.isCut = pos + 9 <= end && this.#isMessage(pos);
        return undefined;
      }
      const view = this.view;
      const count = view.getInt32(pos + 1, true);
      const kind = view.getInt32(pos + 5, true);
      const third = view.getInt32(pos + 9, true);
      const fourth = view.getInt32(pos + 13, true);
      let at = pos + 17;
      if (kind === MESSAGE) {
        if (count !== THREE || third !== ESSA || fourth !== GE) return undefined;
      } else if (!this.#isMessage(pos) || third !== MESS || fourth !== AGE || bytes[at++] !== LF) return undefined;
      const isPattern = kind === PMESSAGE;
      let patternStart = 0;
      let patternStop = 0;
      stop = this.#bulkEnd(at);
      if (isPattern && stop >= 0) {
        patternStart = this.pos;
        patternStop = stop;
        stop = this.#bulkEnd(stop + 2);
      }
      const start = this.pos;
      const channelStop = stop;
      if (stop >= 0) stop = this.#bulkEnd(stop + 2);
      if (stop >= 0) {
        const names = (this.#names ??= new NameTable(this.text, this.#nameCount));
        const channel = names.get(bytes, view, start, channelStop, stop);
        const pattern = isPattern ? names.get(bytes, view, patternStart, patternStop, stop) : undefined;
        const payload = this.#string(stop);
        const isShard = kind === SMESSAGE;
        if (this.messages) return new RespMessage(channel, pattern, payload, isShard);
        const name = isPattern ? 'pmessage' : isShard ? 'smessage' : 'message';
        if (type === 62) return new RespPush(name, isPattern ? [pattern!, channel, payload] : [channel, payload]);
        return isPattern ? [name, pattern!, channel, payload] : [name, channel, payload];
      }
    }
    this.pos = pos;
    this.isCut = stop === CUT;
    return undefined;
  }

  /** Whether an array or push of which nine bytes are there begins as a message does. */
  #isMessage(pos: number): boolean {
    const count = this.view.getInt32(pos + 1, true);
    const kind = this.view.getInt32(pos + 5, true);
    return kind === PMESSAGE ? count === FOUR : count === THREE && (kind === MESSAGE || kind === SMESSAGE);
  }

  /** The payload from `pos` to `stop`; moves behind it. */
  #string(stop: number): string | Uint8Array {
    const start = this.pos;
    const bytes = this.bytes;
    this.pos = stop + 2;
    return this.asBytes ? bytes.slice(start, stop) : this.text.part(bytes, start, stop, this.end);
  }

  /** Where the payload of the bulk at `at` ends when it is whole (`pos` is then its start), else ODD or CUT. */
  #bulkEnd(at: number): number {
    const bytes = this.bytes;
    if (at >= this.end) return CUT;
    const length = bytes[at] === 36 ? this.digits(at + 1) : ODD;
    if (length < 0) return length;
    if (length > this.#quickBytes) return ODD;
    const stop = this.pos + length;
    if (stop + 2 > this.end) {
      this.wait(stop + 2);
      return CUT;
    }
    return bytes[stop] === CR && bytes[stop + 1] === LF ? stop : ODD;
  }

  /** The number of few digits that makes up the rest of the line, or ODD or CUT; moves behind the line. @internal */
  protected digits(at: number): number {
    const bytes = this.bytes;
    const end = this.end;
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
    if (at + 1 >= end) return digits <= this.quickDigits && (at === end || bytes[at] === CR) ? CUT : ODD;
    if (bytes[at] !== CR || bytes[at + 1] !== LF || digits === 0 || digits > this.quickDigits) return ODD;
    if (bytes[first] === 48 && digits > 1) return ODD;
    this.pos = at + 2;
    return value;
  }
}
