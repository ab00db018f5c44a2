// A map of channels whose look-up for messages stays quick where there are many: a snapshot that fits the cache, with a
// fingerprint for each name in place of the name. Used by the subscription table. Pure.
//
// A look-up in a `Map` of 100,000 names waits four times for memory: bucket, entry, name, value (measured: 600 ns a
// message). The snapshot is of a moment: any change throws it away, and it is made again once enough messages have come
// to pay for it. Names that it can't tell apart are found when it is made, and then there is none. What comes for a
// channel that is not in the map is taken for another's once in 2^40 times; only a server that sends what nobody
// subscribed to could bring it, and that server could as well send the other's name.

/** Up to this many names the map itself stays in the cache. */
const MANY = 256;
/** The part of a mark that says which value it has, from 1. */
const NUMBER = 255;

const FIRST_PRIME = 0x01000193;
const SECOND_PRIME = 0x9e3779b1;

interface Snapshot<V> {
  /**
   * A fingerprint and a number, or 0 for an empty slot. Four bytes a name: 100,000 take half a megabyte (measured: a
   * message over 100,000 channels costs 690 ns; with 16 bytes a slot 900).
   */
  readonly marks: Int32Array;
  /** In place of the number in the mark where there are more values than that can tell. */
  readonly numbers: Int32Array;
  /** By number; none is 0. */
  readonly values: readonly (V | undefined)[];
}

export class ChannelMap<V> extends Map<string, V> {
  /** So that nobody can choose names that all want one slot. */
  readonly #seed: number;
  #snapshot: Snapshot<V> | undefined;
  /** Look-ups since the last change. */
  #lookups = 0;
  /** Of the name that was looked for last. */
  #mark = 0;

  /** `seed` is any integer that others don't know. */
  constructor(seed: number) {
    super();
    this.#seed = seed | 0;
  }

  override set(name: string, value: V): this {
    this.#changed();
    return super.set(name, value);
  }

  override delete(name: string): boolean {
    this.#changed();
    return super.delete(name);
  }

  override clear(): void {
    this.#changed();
    super.clear();
  }

  /** {@link get}, for messages. */
  find(name: string): V | undefined {
    const snapshot = this.#snapshot;
    if (snapshot === undefined) {
      if (this.size > MANY && ++this.#lookups === this.size >> 1) this.#snapshot = this.#makeSnapshot();
      return this.get(name);
    }
    const { marks, numbers, values } = snapshot;
    const slot = this.#slotOf(marks, name);
    const number = numbers.length === 0 ? marks[slot]! & NUMBER : numbers[slot]!;
    return values[number];
  }

  get hasSnapshot(): boolean {
    return this.#snapshot !== undefined;
  }

  #changed(): void {
    this.#snapshot = undefined;
    this.#lookups = 0;
  }

  /** The slot of a name, or the empty one where it would be; its fingerprint is in `#mark`. */
  #slotOf(marks: Int32Array, name: string): number {
    let hash = this.#seed;
    let mark = ~hash;
    for (let index = 0; index < name.length; index++) {
      const code = name.charCodeAt(index);
      hash = Math.imul(hash ^ code, FIRST_PRIME);
      mark = Math.imul(mark ^ code, SECOND_PRIME);
    }
    this.#mark = mark &= ~NUMBER;
    const last = marks.length - 1;
    let slot = (hash ^ (hash >>> 15)) & last;
    while (marks[slot] !== 0 && (marks[slot]! & ~NUMBER) !== mark) slot = (slot + 1) & last;
    return slot;
  }

  /** Undefined when two names have one fingerprint. */
  #makeSnapshot(): Snapshot<V> | undefined {
    const values = [undefined, ...new Set(this.values())];
    let count = 2 * MANY;
    while (count < this.size * 1.25) count *= 2;
    const marks = new Int32Array(count);
    const numbers = new Int32Array(values.length - 1 > NUMBER ? count : 0);
    const numberOf = new Map(values.map((value, index) => [value, index]));
    for (const [name, value] of this) {
      const slot = this.#slotOf(marks, name);
      if (marks[slot] !== 0) return undefined;
      const number = numberOf.get(value)!;
      marks[slot] = this.#mark | (numbers.length === 0 ? number : 1);
      numbers[slot] = number;
    }
    return { marks, numbers, values };
  }
}
