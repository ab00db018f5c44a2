// Text out of the bytes being read. A stretch of ASCII is decoded once, as a window, and handed out as substrings.
// Called by the decoder for every string. It must never keep more than 4 KiB alive beside a string that is kept.
//
// Why windows: one call into the engine costs as much as 500 bytes of text; a substring costs a tenth of that. Why
// no larger ones: V8's substrings hold the whole string that they are cut from.

import { findTextDecoders } from './utf8.ts';

const SMALLEST_WINDOW = 128;
const LARGEST_WINDOW = 4096;
/** Longer strings are decoded on their own: by then the call is cheap beside the bytes. */
const LONGEST_IN_WINDOW = 512;

export class TextReader {
  readonly #decoders = findTextDecoders();
  /** The bytes `[#start, #end)` as text, one character a byte. */
  #window = '';
  #start = 0;
  #end = 0;
  #size = SMALLEST_WINDOW;
  /** Strings for which no window is tried, and how many after the next failure: not all text is ASCII. */
  #pause = 0;
  #nextPause = 1;
  #decode = this.#decoders.utf8;
  /** Bytes of which it was not asked yet whether they are ASCII: many hold no text. */
  #unknown: Uint8Array | undefined = undefined;

  /** Other bytes from here on. */
  use(bytes: Uint8Array): void {
    this.#start = this.#end = 0;
    this.#unknown = bytes;
  }

  /** Text of `bytes[start, end)` of the bytes in use; they go on to `limit`. */
  part(bytes: Uint8Array, start: number, end: number, limit: number): string {
    const from = this.#start;
    if (start >= from && end <= this.#end) return this.#window.substring(start - from, end - from);
    if (this.#unknown === bytes) {
      const { utf8, ascii, isAscii } = this.#decoders;
      this.#decode = isAscii?.(bytes) ? ascii : utf8;
      this.#unknown = undefined;
    }
    if (end - start > LONGEST_IN_WINDOW || --this.#pause >= 0) return this.#decode(bytes, start, end);
    // Larger while strings follow each other closely, small again after a jump.
    this.#size = start - this.#end < 64 ? Math.min(this.#size * 2, LARGEST_WINDOW) : SMALLEST_WINDOW;
    const stop = Math.min(limit, Math.max(end, start + this.#size));
    const window = this.#decode(bytes, start, stop);
    // As many characters as bytes: each is ASCII or one invalid byte, so that offsets are the same in both.
    if (window.length === stop - start) {
      this.#window = window;
      this.#start = start;
      this.#end = stop;
      this.#nextPause = 1;
      return window.substring(0, end - start);
    }
    this.#pause = this.#nextPause = Math.min(this.#nextPause * 2, LONGEST_IN_WINDOW);
    return this.#decode(bytes, start, end);
  }

  /** Text of any bytes. */
  whole(bytes: Uint8Array, start: number, end: number): string {
    return this.#decoders.utf8(bytes, start, end);
  }
}
