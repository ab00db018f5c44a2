// A map of channels for very many of them: its look-up for messages fits the cache, with a fingerprint for each name in
// place of the name, and values that many names share are held once. Used by the subscription table. Pure.
//
// A look-up in a `Map` of 100,000 names waits four times for memory: bucket, entry, name, value (measured: 600 ns a
// message), and holds 46 bytes a name; here it is one wait and 21 bytes. What comes for a channel that is not in the map
// is taken for another's about once in 2^24 times; only a server that sends what nobody subscribed to could bring it,
// and that server could as well send the other's name.

/** The part of a mark that says which value it has, from 1. */
const NUMBER = 255;
/** The mark of a slot whose name was deleted: no fingerprint is 0. */
const GONE = 1;
const FEW = 256;
const NO_SLOTS = new Int32Array(8);

const FIRST_PRIME = 0x01000193;
const SECOND_PRIME = 0x9e3779b1;

export class ChannelMap<V> {
  /** So that nobody can choose names that all want one slot. */
  readonly #seed: number;
  /** In the order of their coming, with a hole for each that went. Made anew when slots are. */
  #names: (string | undefined)[] = [];
  /** Of each slot: a fingerprint and the number of the value; 0 for an empty one. */
  #marks: Int32Array = NO_SLOTS;
  /** Of each slot: the place of its name. */
  #places: Int32Array = NO_SLOTS;
  /** By number; none is 0. */
  #values: (V | undefined)[] = [undefined];
  #useCounts = [0];
  /** By place, in their stead, once there were more values than numbers. */
  #each: (V | undefined)[] | undefined;
  /** Slots that are not empty. */
  #taken = 0;
  /** Two names were seen with one fingerprint and near each other: all are looked for by name. */
  #hasTwins = false;
  /** The name looked for last, since programs ask for one again and again; its fingerprint, its slot or where it would be. */
  #last: string | undefined;
  #mark = 0;
  #slot = 0;
  size = 0;

  /** `seed` is any integer that others don't know. */
  constructor(seed: number) {
    this.#seed = seed | 0;
  }

  get(name: string): V | undefined {
    return this.#valueAt(this.#locate(name));
  }

  /** {@link get}, for messages. */
  find(name: string): V | undefined {
    if (this.size <= FEW || this.#hasTwins) return this.get(name);
    this.#last = undefined;
    return this.#valueAt(this.#slotOf(name));
  }

  /** Makes room for `count` names more, at once. */
  reserve(count: number): void {
    const { length } = this.#marks;
    if (this.#marks === NO_SLOTS || (this.#taken + count) * 20 > length * 17) this.#rebuild(this.size + count);
  }

  set(name: string, value: V): void {
    this.reserve(1);
    const slot = this.#locate(name);
    if (this.#marks[slot] === 0) {
      this.#places[slot] = this.#names.push(name) - 1;
      this.#taken++;
      this.size++;
    } else this.#release(slot);
    this.#marks[slot] = this.#mark | this.#numberFor(value, this.#places[slot]!);
  }

  delete(name: string): boolean {
    const slot = this.#locate(name);
    if (this.#marks[slot] === 0) return false;
    this.#last = undefined;
    this.#release(slot);
    this.#names[this.#places[slot]!] = undefined;
    this.#marks[slot] = GONE;
    this.size--;
    if (this.size === 0) this.clear();
    else if (this.size * 4 < this.#names.length && this.#names.length > FEW) this.#rebuild(this.size);
    return true;
  }

  clear(): void {
    this.#last = undefined;
    this.#names = [];
    this.#marks = this.#places = NO_SLOTS;
    this.#values = [undefined];
    this.#useCounts = [0];
    this.#each = undefined;
    this.#taken = this.size = 0;
    this.#hasTwins = false;
  }

  /** In the order of their coming. What is set meanwhile is not visited; what is deleted neither. */
  *[Symbol.iterator](): IterableIterator<[string, V]> {
    const names = this.#names;
    for (let place = 0, end = names.length; place < end; place++) {
      const name = names[place];
      const value = name === undefined ? undefined : this.get(name);
      if (value !== undefined) yield [name as string, value];
    }
  }

  /** The values, each with how many names have it; one may come more than once. */
  *counts(): IterableIterator<[V, number]> {
    const values = this.#each ?? this.#values;
    for (let index = 0; index < values.length; index++) {
      const value = values[index];
      if (value !== undefined) yield [value, this.#each ? 1 : this.#useCounts[index]!];
    }
  }

  #valueAt(slot: number): V | undefined {
    const mark = this.#marks[slot]!;
    if (this.#each !== undefined) return mark === 0 ? undefined : this.#each[this.#places[slot]!];
    return this.#values[mark & NUMBER];
  }

  /** The first slot with the fingerprint of this name, or the empty one where it would be; `#mark` is the fingerprint. */
  #slotOf(name: string): number {
    const marks = this.#marks;
    let hash = this.#seed;
    let mark = ~hash;
    for (let index = 0; index < name.length; index++) {
      const code = name.charCodeAt(index);
      hash = Math.imul(hash ^ code, FIRST_PRIME);
      mark = Math.imul(mark ^ code, SECOND_PRIME);
    }
    this.#mark = mark = mark & ~NUMBER || NUMBER + 1;
    const last = marks.length - 1;
    let slot = (hash ^ (hash >>> 15)) & last;
    while (marks[slot] !== 0 && (marks[slot]! & ~NUMBER) !== mark) slot = (slot + 1) & last;
    return slot;
  }

  /** The slot of this name, or the empty one where it would be. */
  #locate(name: string): number {
    if (name === this.#last) return this.#slot;
    const marks = this.#marks;
    let slot = this.#slotOf(name);
    while (
      marks[slot] !== 0 &&
      ((marks[slot]! & ~NUMBER) !== this.#mark || this.#names[this.#places[slot]!] !== name)
    ) {
      this.#hasTwins = true;
      slot = (slot + 1) & (marks.length - 1);
    }
    this.#last = name;
    this.#slot = slot;
    return slot;
  }

  #numberFor(value: V, place: number): number {
    if (this.#each === undefined) {
      // Most of the time the newest one.
      let number = this.#values.lastIndexOf(value);
      if (number < 1) number = this.#values.indexOf(undefined, 1);
      if (number < 1) number = this.#values.length;
      if (number <= NUMBER) {
        this.#values[number] = value;
        this.#useCounts[number] = (this.#useCounts[number] ?? 0) + 1;
        return number;
      }
      const each: (V | undefined)[] = new Array(this.#names.length);
      for (let slot = 0; slot < this.#marks.length; slot++) {
        const mark = this.#marks[slot]!;
        if (mark !== 0 && mark !== GONE) each[this.#places[slot]!] = this.#values[mark & NUMBER];
      }
      this.#each = each;
    }
    this.#each[place] = value;
    return 1;
  }

  #release(slot: number): void {
    if (this.#each !== undefined) {
      this.#each[this.#places[slot]!] = undefined;
      return;
    }
    const number = this.#marks[slot]! & NUMBER;
    if (--this.#useCounts[number]! === 0) this.#values[number] = undefined;
  }

  /** Slots for `count` names, a little more than they need: it is not done again for the next few. */
  #rebuild(count: number): void {
    const entries = [...this];
    let slots = NO_SLOTS.length;
    while (slots * 25 < count * 32) slots *= 2;
    this.clear();
    this.#marks = new Int32Array(slots);
    this.#places = new Int32Array(slots);
    for (const [name, value] of entries) this.set(name, value);
  }
}
