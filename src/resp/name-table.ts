// Names that come again and again, channels above all: found by their bytes, without making a string each time.
// Called by the decoder for messages. Bounded: a slot holds one name, and names keep nothing else alive.

import type { DecodeUtf8 } from './utf8.ts';

const SLOTS = 512;
const LONGEST = 64;

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
    let hash = length;
    for (let at = start; at < end; at++) hash = Math.imul(hash, 31) + bytes[at]!;
    const slot = (hash ^ (hash >>> 9)) & (SLOTS - 1);
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
