// A queue of segments: it grows without copying what it holds, and gives its memory back as it is emptied.
// Used by the command queue, by its deadlines and by the memory source. It must never know what it holds.
//
// Segments stay below what V8 keeps among its large objects; one array that doubles gets there with 100,000 commands,
// and is copied whole each time (measured: a tenth of the cost of as many promises made at once).

const SEGMENT = 1024;

type Segment<T> = (T | undefined)[];

export class Ring<T> {
  /** All of them, once there are more than one. */
  #segments: Segment<T>[] | undefined = undefined;
  #first: Segment<T>;
  #last: Segment<T>;
  /** Of the first item in `#first`. */
  #head = 0;
  /** Behind the last item in `#last`. */
  #tail = 0;
  #count = 0;
  /** An emptied segment for the next that is needed. */
  #spare: Segment<T> | undefined = undefined;

  constructor() {
    // It begins small and grows as an array does: most queues never fill a segment. An empty array would begin with 17.
    this.#first = this.#last = [undefined, undefined, undefined, undefined];
  }

  get length(): number {
    return this.#count;
  }

  push(item: T): void {
    if (this.#tail === SEGMENT) {
      this.#last = this.#spare ?? [];
      this.#spare = undefined;
      this.#segments ??= [this.#first];
      this.#segments.push(this.#last);
      this.#tail = 0;
    }
    this.#last[this.#tail++] = item;
    this.#count++;
  }

  unshift(item: T): void {
    if (this.#head === 0) {
      this.#first = new Array(SEGMENT).fill(undefined);
      this.#segments ??= [this.#last];
      this.#segments.unshift(this.#first);
      this.#head = SEGMENT;
    }
    this.#first[--this.#head] = item;
    this.#count++;
  }

  peek(): T | undefined {
    return this.#count === 0 ? undefined : this.#first[this.#head];
  }

  shift(): T | undefined {
    if (this.#count === 0) return undefined;
    const item = this.#first[this.#head];
    this.#first[this.#head++] = undefined;
    if (--this.#count === 0) this.#restart();
    else if (this.#head === SEGMENT) {
      this.#spare = this.#first;
      this.#segments?.shift();
      this.#first = this.#segments?.[0] ?? this.#last;
      this.#head = 0;
    }
    return item;
  }

  pop(): T | undefined {
    if (this.#count === 0) return undefined;
    if (this.#tail === 0) {
      this.#segments?.pop();
      this.#last = this.#segments?.at(-1) ?? this.#first;
      this.#tail = SEGMENT;
    }
    const item = this.#last[--this.#tail];
    this.#last[this.#tail] = undefined;
    if (--this.#count === 0) this.#restart();
    return item;
  }

  /** Empties the ring and gives what it held, in order. */
  drain(): T[] {
    const items: T[] = [];
    while (this.#count > 0) items.push(this.shift() as T);
    return items;
  }

  /** Empty: an empty ring holds one segment, and begins at its start again. */
  #restart(): void {
    this.#segments = undefined;
    this.#last = this.#first;
    this.#head = 0;
    this.#tail = 0;
  }
}
