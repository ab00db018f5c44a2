// Names that come again and again, channels above all: found by their bytes, without making a string each time.
// Called by the decoder for messages. Bounded: a slot holds one name, and names keep nothing else alive.

import type { TextReader } from './text-reader.ts';

const SLOTS = 512;
/** What is left of a hash when it is shifted by this is a slot. */
const SHIFT = 23;
/** With more names than this, cutting each from the text around it is quicker than finding it (measured: 85 and 120 ns). */
const MOST_NAMES = 256;
const LONGEST = 64;
/** So many words of four bytes hold the longest. */
const WORDS = 16;
/** 2^32 divided by the golden ratio. */
const PRIME = 0x9e3779b1;

export class NameTable {
  readonly #names: string[] = new Array(SLOTS).fill('');
  readonly #lengths = new Uint8Array(SLOTS);
  /** The words of the name in slot n begin at n * WORDS. */
  readonly #words = new Int32Array(SLOTS * WORDS);
  #misses = 0;
  #isUsed: boolean;
  readonly #text: TextReader;

  constructor(text: TextReader, count: number) {
    this.#text = text;
    this.#isUsed = count <= MOST_NAMES;
  }

  /** There will be about as many names. */
  expect(count: number): void {
    this.#isUsed = count <= MOST_NAMES;
  }

  /**
   * The text of `bytes[start, end)`, behind which there are at least four bytes more; `view` is of the same bytes, and
   * the message ends at `stop`. Read in words of four bytes, the last of which overlaps (measured: a third of the time
   * that bytes take).
   */
  get(bytes: Uint8Array, view: DataView, from: number, end: number, stop: number): string {
    // `| 0`: else the engine counts in doubles, for all that it knows of their sums.
    const start = from | 0;
    const length = (end - start) | 0;
    if (length > LONGEST || !this.#isUsed) return this.#text.within(bytes, start, end, stop);
    const last = length > 4 ? (end - 4) | 0 : start;
    const mask = length < 4 ? (1 << (length * 8)) - 1 : -1;
    const lastWord = view.getInt32(last, true) & mask;
    let hash = length;
    for (let at = start; at < last; at = (at + 4) | 0)
      hash = Math.imul(hash, 31) ^ Math.imul(view.getInt32(at, true), PRIME);
    hash = Math.imul(hash, 31) ^ Math.imul(lastWord, PRIME);
    // Multiplication carries upwards only: the topmost bits depend on every byte.
    let slot = Math.imul(hash ^ (hash >>> 15), PRIME) >>> SHIFT;
    if (this.#holds(slot, view, start, last, length, lastWord)) return this.#names[slot]!;
    // Not in its own slot: the one beside it.
    slot ^= 1;
    if (this.#holds(slot, view, start, last, length, lastWord)) return this.#names[slot]!;
    if (this.#names[slot] !== '') slot ^= 1;
    // A taken slot changes hands only now and then: more names than slots must not cost a copy each time.
    if (this.#names[slot] !== '' && (++this.#misses & 15) !== 0) return this.#text.within(bytes, start, end, stop);
    const name = this.#text.whole(bytes, start, end);
    this.#names[slot] = name;
    this.#lengths[slot] = length;
    const words = this.#words;
    let word = slot * WORDS;
    for (let at = start; at < last; at += 4) words[word++] = view.getInt32(at, true);
    words[word] = lastWord;
    return name;
  }

  /** Whether the slot's name is the one whose words begin at `start`, the last of them at `last`. */
  #holds(slot: number, view: DataView, start: number, last: number, length: number, lastWord: number): boolean {
    if (this.#lengths[slot] !== length) return false;
    const words = this.#words;
    let word = slot * WORDS;
    let at = start;
    for (; at < last && words[word] === view.getInt32(at, true); at = (at + 4) | 0) word++;
    return at >= last && words[word] === lastWord;
  }
}
