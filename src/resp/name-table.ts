// Names that come again and again, channels above all: found by their bytes, without making a string each time.
// Called by the decoder for messages. Bounded: a slot holds one name, and names keep nothing else alive.

import type { DecodeUtf8 } from './utf8.ts';

const SLOTS = 512;
const LONGEST = 64;
/** 2^32 divided by the golden ratio. */
const PRIME = 0x9e3779b1;

export class NameTable {
  readonly #names: string[] = new Array(SLOTS).fill('');
  readonly #lengths = new Uint8Array(SLOTS);
  /** The bytes of the name in slot n begin at n * LONGEST. */
  readonly #bytes = new Uint8Array(SLOTS * LONGEST);
  #misses = 0;
  readonly #decode: DecodeUtf8;

  constructor(decode: DecodeUtf8) {
    this.#decode = decode;
  }

  /** The text of `bytes[start, end)`. */
  get(bytes: Uint8Array, start: number, end: number): string {
    const length = end - start;
    if (length > LONGEST) return this.#decode(bytes, start, end);
    // Four bytes a step: the multiplications are what it waits for. The slot is in the topmost bits.
    let hash = length;
    let from = start;
    for (; from + 3 < end; from += 4) {
      const four = bytes[from]! | (bytes[from + 1]! << 8) | (bytes[from + 2]! << 16) | (bytes[from + 3]! << 24);
      hash = Math.imul(hash, 31) ^ Math.imul(four, PRIME);
    }
    for (; from < end; from++) hash = Math.imul(hash, 31) ^ bytes[from]!;
    const slot = Math.imul(hash, PRIME) >>> 23;
    const known = this.#bytes;
    const base = slot * LONGEST;
    if (this.#lengths[slot] === length) {
      let at = 0;
      while (at < length && known[base + at] === bytes[start + at]) at++;
      if (at === length) return this.#names[slot]!;
    }
    const name = this.#decode(bytes, start, end);
    // A taken slot changes hands only now and then: more names than slots must not cost a copy each time.
    if (this.#lengths[slot] === 0 || (++this.#misses & 15) === 0) {
      this.#names[slot] = name;
      this.#lengths[slot] = length;
      for (let at = 0; at < length; at++) known[base + at] = bytes[start + at]!;
    }
    return name;
  }
}
