// The messages of one subscription that wait for its user: bounded by count and size, with a policy when full; gaps
// stand among them and no policy drops them. Pure: no clock, no user code.
// Used by the message stream.

import { OverflowError } from '../errors/index.ts';
import type { Gap } from '../pubsub/index.ts';
import type { Overflow } from './config-types.ts';
import { mergeGaps } from './gap.ts';

/** What the queue needs to know of a message. */
export interface Queued {
  readonly raw: string | Uint8Array;
}

/** A gap in its place among the messages. */
export class GapEntry {
  gap: Gap;

  constructor(gap: Gap) {
    this.gap = gap;
  }
}

export interface QueueOptions<M> {
  readonly maxCount: number;
  /** Of the messages' `raw`: bytes, or characters of text. */
  readonly maxBytes: number;
  readonly overflow: Overflow;
  /** For `conflate`: messages of one key replace each other. */
  readonly conflateKey: (message: M) => string;
}

export interface QueueOwner {
  /** `block`: full; reading is to stop until `onRoom`. */
  onFull(): void;
  onRoom(): void;
  /** Once an episode: from the first drop, or from full, until half is free again. */
  onSlow(): void;
  /** `fail`: nothing more is accepted. */
  onFail(error: OverflowError): void;
}

const SMALLEST = 16;

export class MessageQueue<M extends Queued> {
  readonly #options: QueueOptions<M>;
  readonly #owner: QueueOwner;
  #slots: (M | GapEntry | undefined)[] = new Array(SMALLEST).fill(undefined);
  #head = 0;
  /** Slots in use, with gaps and with messages that were replaced. */
  #length = 0;
  #count = 0;
  #bytes = 0;
  #full = false;
  #slow = false;
  #failed = false;
  #droppedCount = 0;
  /** `conflate`: the newest of each key, and those that a newer one replaced. */
  readonly #newest = new Map<string, M>();
  readonly #replaced = new Set<M>();

  constructor(options: QueueOptions<M>, owner: QueueOwner) {
    this.#options = options;
    this.#owner = owner;
  }

  /** Messages, without gaps. */
  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get droppedCount(): number {
    return this.#droppedCount;
  }

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  push(message: M): void {
    if (this.#failed) return;
    const size = message.raw.length;
    const { overflow } = this.#options;
    if (overflow === 'conflate') this.#replaceOlder(message);
    if (this.#wouldExceed(size)) {
      if (overflow === 'fail') return this.#fail();
      if (overflow === 'drop-newest') return this.#dropped();
      if (overflow !== 'block') {
        while (this.#count > 0 && this.#wouldExceed(size)) this.#dropOldest();
      }
    }
    this.#append(message);
    this.#count++;
    this.#bytes += size;
    if (overflow === 'block' && !this.#full && this.#isAtLimit()) {
      this.#full = true;
      this.#owner.onFull();
      this.#tellSlow();
    }
  }

  /** Merges with a gap that stands last, so that two never follow each other. */
  pushGap(gap: Gap): void {
    const last =
      this.#length === 0 ? undefined : this.#slots[(this.#head + this.#length - 1) & (this.#slots.length - 1)];
    if (last instanceof GapEntry) last.gap = mergeGaps(last.gap, gap);
    else this.#append(new GapEntry(gap));
  }

  shift(): M | GapEntry | undefined {
    while (this.#length > 0) {
      const entry = this.#slots[this.#head] as M | GapEntry;
      this.#slots[this.#head] = undefined;
      this.#head = (this.#head + 1) & (this.#slots.length - 1);
      this.#length--;
      if (entry instanceof GapEntry) return entry;
      if (this.#replaced.size > 0 && this.#replaced.delete(entry)) continue;
      this.#count--;
      this.#bytes -= entry.raw.length;
      if (this.#options.overflow === 'conflate') this.#forgetNewest(entry);
      if (this.#full || this.#slow) this.#afterShift();
      return entry;
    }
    return undefined;
  }

  /** Empties the queue; gives how many messages were in it. */
  clear(): number {
    const count = this.#count;
    this.#slots = new Array(SMALLEST).fill(undefined);
    this.#head = 0;
    this.#length = 0;
    this.#count = 0;
    this.#bytes = 0;
    this.#newest.clear();
    this.#replaced.clear();
    if (this.#full) {
      this.#full = false;
      this.#owner.onRoom();
    }
    return count;
  }

  #isAtLimit(): boolean {
    return this.#count >= this.#options.maxCount || this.#bytes >= this.#options.maxBytes;
  }

  /** A message larger than the whole queue is accepted when nothing waits. */
  #wouldExceed(size: number): boolean {
    if (this.#count === 0) return false;
    return this.#count >= this.#options.maxCount || this.#bytes + size > this.#options.maxBytes;
  }

  #afterShift(): void {
    const half = this.#count <= this.#options.maxCount / 2 && this.#bytes <= this.#options.maxBytes / 2;
    if (!half) return;
    this.#slow = false;
    if (!this.#full) return;
    this.#full = false;
    this.#owner.onRoom();
  }

  #dropOldest(): void {
    // Gaps before the oldest message stay, and merge with those behind it.
    let gap: Gap | undefined;
    for (let entry = this.#shiftAny(); entry !== undefined; entry = this.#shiftAny()) {
      if (entry instanceof GapEntry) gap = gap === undefined ? entry.gap : mergeGaps(gap, entry.gap);
      else if (!this.#replaced.delete(entry)) {
        this.#count--;
        this.#bytes -= entry.raw.length;
        this.#forgetNewest(entry);
        this.#dropped();
        break;
      }
    }
    if (gap === undefined) return;
    const next = this.#length === 0 ? undefined : this.#slots[this.#head];
    if (next instanceof GapEntry) next.gap = mergeGaps(gap, next.gap);
    else this.#prepend(new GapEntry(gap));
  }

  #shiftAny(): M | GapEntry | undefined {
    if (this.#length === 0) return undefined;
    const entry = this.#slots[this.#head];
    this.#slots[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#slots.length - 1);
    this.#length--;
    return entry;
  }

  #replaceOlder(message: M): void {
    const key = this.#options.conflateKey(message);
    const older = this.#newest.get(key);
    this.#newest.set(key, message);
    if (older === undefined) return;
    // The newer one goes to the end: before the gaps that stand between them it would be told too early.
    this.#replaced.add(older);
    this.#count--;
    this.#bytes -= older.raw.length;
    this.#dropped();
    if (this.#replaced.size > this.#count + 1024) this.#compact();
  }

  #forgetNewest(message: M): void {
    if (this.#newest.size === 0) return;
    const key = this.#options.conflateKey(message);
    if (this.#newest.get(key) === message) this.#newest.delete(key);
  }

  /** Replaced messages give their memory back. */
  #compact(): void {
    const kept: (M | GapEntry)[] = [];
    for (let entry = this.#shiftAny(); entry !== undefined; entry = this.#shiftAny()) {
      const last = kept.at(-1);
      if (entry instanceof GapEntry && last instanceof GapEntry) last.gap = mergeGaps(last.gap, entry.gap);
      else if (entry instanceof GapEntry || !this.#replaced.has(entry)) kept.push(entry);
    }
    this.#replaced.clear();
    for (const entry of kept) this.#append(entry);
  }

  #dropped(): void {
    this.#droppedCount++;
    this.#tellSlow();
  }

  #tellSlow(): void {
    if (this.#slow) return;
    this.#slow = true;
    this.#owner.onSlow();
  }

  #fail(): void {
    this.#failed = true;
    const { maxCount, maxBytes } = this.#options;
    this.#owner.onFail(
      new OverflowError(
        `Cannot queue message: ${this.#count} messages of ${this.#bytes} bytes wait, allowed are ${maxCount} and ${maxBytes}`,
        {
          hint: 'read faster, raise "queueMaxCount" or "queueMaxBytes", or choose another "overflow"',
          safeToRetry: false,
        },
      ),
    );
  }

  #append(entry: M | GapEntry): void {
    if (this.#length === this.#slots.length) this.#grow();
    this.#slots[(this.#head + this.#length) & (this.#slots.length - 1)] = entry;
    this.#length++;
  }

  #prepend(entry: GapEntry): void {
    if (this.#length === this.#slots.length) this.#grow();
    this.#head = (this.#head - 1) & (this.#slots.length - 1);
    this.#slots[this.#head] = entry;
    this.#length++;
  }

  #grow(): void {
    const size = this.#slots.length;
    const larger: (M | GapEntry | undefined)[] = new Array(size * 2).fill(undefined);
    for (let index = 0; index < size; index++) larger[index] = this.#slots[(this.#head + index) & (size - 1)];
    this.#slots = larger;
    this.#head = 0;
  }
}
