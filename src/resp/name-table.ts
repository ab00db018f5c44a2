// Names that come again and again, channels above all: found by their bytes, without making a string each time.
// Called by the decoder for messages. Bounded: a slot holds one name, and names keep nothing else alive.

import type { TextReader } from './text-reader.ts';

const FEWEST_SLOTS = 512;
/** 64 bytes each: 1 MiB. What no cache holds takes longer to look up than to decode (measured: 306 and 137 ns). */
const MOST_SLOTS = 16_384;
const LONGEST = 64;
const WORDS = LONGEST / 4;
/** 2^32 divided by the golden ratio. */
const PRIME = 0x9e3779b1;

export class NameTable {
  #names: string[] = [];
  #lengths = new Uint8Array(0);
  /** The words of the name in slot n begin at n * WORDS. */
  #words = new Int32Array(0);
  /** What is left of a hash when it is shifted by this is a slot. */
  #shift = 0;
  #misses = 0;
  #expected = 0;
  readonly #text: TextReader;

  constructor(text: TextReader) {
    this.#text = text;
    this.#use(FEWEST_SLOTS);
  }

  /** There will be about as many names. Room for them is made when one misses: not all who subscribe are told much. */
  expect(count: number): void {
    this.#expected = count;
  }

  /** True when there is other room now, all of it free. */
  #makeRoom(): boolean {
    const slots = this.#lengths.length;
    let wanted = FEWEST_SLOTS;
    while (wanted < this.#expected * 1.5) wanted *= 2;
    if (wanted > MOST_SLOTS) wanted = FEWEST_SLOTS;
    // Smaller only where it does not help: names that come and go must not make it swing.
    const isOther = wanted > slots || (wanted < slots && this.#expected > MOST_SLOTS);
    if (isOther) this.#use(wanted);
    return isOther;
  }

  #use(slots: number): void {
    this.#names = new Array(slots).fill('');
    this.#lengths = new Uint8Array(slots);
    this.#words = new Int32Array(slots * WORDS);
    this.#shift = Math.clz32(slots) + 1;
  }

  /**
   * The text of `bytes[start, end)`, behind which there are at least four bytes more; `view` is of the same bytes.
   * Read in words of four bytes, the last of which overlaps (measured: a third of the time that bytes take).
   */
  get(bytes: Uint8Array, view: DataView, start: number, end: number): string {
    const length = end - start;
    if (length > LONGEST) return this.#text.whole(bytes, start, end);
    const last = Math.max(start, end - 4);
    const mask = length < 4 ? (1 << (length * 8)) - 1 : -1;
    let hash = length;
    for (let at = start; at < last; at += 4) hash = Math.imul(hash, 31) ^ Math.imul(view.getInt32(at, true), PRIME);
    const lastWord = view.getInt32(last, true) & mask;
    hash = Math.imul(hash, 31) ^ Math.imul(lastWord, PRIME);
    // Multiplication carries upwards only: the topmost bits depend on every byte.
    let slot = Math.imul(hash ^ (hash >>> 15), PRIME) >>> this.#shift;
    const words = this.#words;
    let word = slot * WORDS;
    if (this.#lengths[slot] === length) {
      let at = start;
      for (; at < last && words[word] === view.getInt32(at, true); at += 4) word++;
      if (at >= last && words[word] === lastWord) return this.#names[slot]!;
    }
    // Not in its own slot: the one beside it.
    slot ^= 1;
    word = slot * WORDS;
    if (this.#lengths[slot] === length) {
      let at = start;
      for (; at < last && words[word] === view.getInt32(at, true); at += 4) word++;
      if (at >= last && words[word] === lastWord) return this.#names[slot]!;
    }
    const name = this.#text.whole(bytes, start, end);
    if (this.#names[slot] !== '') slot ^= 1;
    if (this.#names[slot] !== '') {
      // A taken slot changes hands only now and then: more names than slots must not cost a copy each time.
      if ((++this.#misses & 15) !== 0 || this.#makeRoom()) return name;
    }
    this.#names[slot] = name;
    this.#lengths[slot] = length;
    word = slot * WORDS;
    for (let at = start; at < last; at += 4) words[word++] = view.getInt32(at, true);
    words[word] = lastWord;
    return name;
  }
}
