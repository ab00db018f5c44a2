// A queue on one array that grows by doubling and gives its memory back when it has been emptied.
// Used by the command queue for what is unsent and what is in flight. It must never know what it holds.

const SMALLEST = 16;
const KEPT_WHEN_EMPTY = 4096;

export class Ring<T> {
  #slots: (T | undefined)[] = new Array(SMALLEST).fill(undefined);
  #head = 0;
  #count = 0;

  get length(): number {
    return this.#count;
  }

  push(item: T): void {
    if (this.#count === this.#slots.length) this.#grow();
    this.#slots[(this.#head + this.#count) & (this.#slots.length - 1)] = item;
    this.#count++;
  }

  unshift(item: T): void {
    if (this.#count === this.#slots.length) this.#grow();
    this.#head = (this.#head - 1) & (this.#slots.length - 1);
    this.#slots[this.#head] = item;
    this.#count++;
  }

  peek(): T | undefined {
    return this.#count === 0 ? undefined : this.#slots[this.#head];
  }

  shift(): T | undefined {
    if (this.#count === 0) return undefined;
    const item = this.#slots[this.#head];
    this.#slots[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#slots.length - 1);
    if (--this.#count === 0 && this.#slots.length > KEPT_WHEN_EMPTY) this.#reset();
    return item;
  }

  pop(): T | undefined {
    if (this.#count === 0) return undefined;
    const index = (this.#head + --this.#count) & (this.#slots.length - 1);
    const item = this.#slots[index];
    this.#slots[index] = undefined;
    return item;
  }

  /** `index` counts from the head. */
  at(index: number): T | undefined {
    return this.#slots[(this.#head + index) & (this.#slots.length - 1)];
  }

  replace(index: number, item: T): void {
    this.#slots[(this.#head + index) & (this.#slots.length - 1)] = item;
  }

  /** Empties the ring and gives what it held, in order. */
  drain(): T[] {
    const items: T[] = [];
    for (let index = 0; index < this.#count; index++) items.push(this.at(index) as T);
    this.#reset();
    return items;
  }

  #reset(): void {
    this.#slots = new Array(SMALLEST).fill(undefined);
    this.#head = 0;
    this.#count = 0;
  }

  #grow(): void {
    const size = this.#slots.length;
    const larger: (T | undefined)[] = new Array(size * 2).fill(undefined);
    for (let index = 0; index < size; index++) larger[index] = this.#slots[(this.#head + index) & (size - 1)];
    this.#slots = larger;
    this.#head = 0;
  }
}
