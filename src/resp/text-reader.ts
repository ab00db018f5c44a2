// Text out of the bytes being read. A stretch of ASCII is decoded once, as a window, and handed out as substrings.
// Called by the decoder for every string. It must never keep more than 4 KiB alive beside a string that is kept.
//
// Why windows: one call into the engine costs as much as 500 bytes of text; a substring costs a tenth of that. Why
// no larger ones: V8's substrings hold the whole string that they are cut from.

import { findTextDecoders } from './utf8.ts';

const SMALLEST_WINDOW = 128;
const LARGEST_WINDOW = 4096;
/**
 * Longer strings are decoded on their own: by then the call is cheap beside the bytes (measured: a window for texts of
 * 1 KiB saves 15 %).
 */
const LONGEST_IN_WINDOW = 1280;
/** The same of text that is not ASCII, for which most windows are in vain. */
const LONGEST_IF_WIDE = 512;

const DECODERS = /* @__PURE__ */ findTextDecoders();

export class TextReader {
  /** The bytes `[#start, #end)` as text, one character a byte. */
  #window = '';
  #start = 0;
  #end = 0;
  #size = SMALLEST_WINDOW;
  /** Strings for which no window is tried, and how many after the next failure: not all text is ASCII. */
  #pause = 0;
  #nextPause = 1;
  /** Whether the bytes up to `#checked` are ASCII: asked once for all that came, and not before text is read. */
  #isAscii = true;
  #checked = 0;

  /** The bytes in use begin `offset` bytes later from here on, and there are `length` of them. */
  move(offset: number, length: number): void {
    this.#start = this.#end = 0;
    this.#checked = Math.max(0, this.#checked - offset);
    if (length > LARGEST_WINDOW && !this.#isAscii && this.#checked > 0) return;
    if (!this.#isAscii || length === 0) this.#checked = 0;
    this.#isAscii = true;
  }

  /** Text of `bytes[start, end)` of the bytes in use; they go on to `limit`. */
  part(bytes: Uint8Array, start: number, end: number, limit: number): string {
    const from = this.#start;
    if (start >= from && end <= this.#end) return this.#window.substring(start - from, end - from);
    return this.#other(bytes, start, end, limit);
  }

  /** Apart, so that the usual case is small enough to be inlined. */
  #other(bytes: Uint8Array, start: number, end: number, limit: number): string {
    const { utf8, ascii, isAscii } = DECODERS;
    if (this.#checked < limit) {
      this.#isAscii &&= isAscii(bytes.subarray(this.#checked, limit));
      this.#checked = limit;
    }
    const decode = this.#isAscii ? ascii : utf8;
    const longest = this.#isAscii ? LONGEST_IN_WINDOW : LONGEST_IF_WIDE;
    if (end - start > longest || --this.#pause >= 0) return decode(bytes, start, end);
    // Larger while strings follow each other closely, small again after a jump.
    this.#size = start - this.#end < 64 ? Math.min(this.#size * 2, LARGEST_WINDOW) : SMALLEST_WINDOW;
    const stop = Math.min(limit, end + this.#size);
    const window = decode(bytes, start, stop);
    // As many characters as bytes: each is ASCII or one invalid byte, so that offsets are the same in both.
    if (window.length === stop - start) {
      this.#window = window;
      this.#start = start;
      this.#end = stop;
      this.#nextPause = 1;
      return window.substring(0, end - start);
    }
    this.#pause = this.#nextPause = Math.min(this.#nextPause * 2, LONGEST_IF_WIDE);
    return decode(bytes, start, end);
  }

  /** Text of `bytes[start, end)`, cut from the window where that goes on to `stop`: two texts of a message keep one. */
  within(bytes: Uint8Array, start: number, end: number, stop: number): string {
    const from = this.#start;
    if (start >= from && stop <= this.#end) return this.#window.substring(start - from, end - from);
    return this.whole(bytes, start, end);
  }

  /** Text of any bytes. */
  whole(bytes: Uint8Array, start: number, end: number): string {
    return DECODERS.utf8(bytes, start, end);
  }

  /** The text that bytes are; any other value as it is. */
  of<T>(value: T): T | string {
    return value instanceof Uint8Array ? this.whole(value, 0, value.length) : value;
  }
}
