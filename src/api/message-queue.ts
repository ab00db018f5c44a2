// The messages of one subscription that wait for its user: bounded by count and size, with a policy when full; gaps
// stand among them and no policy drops them. Pure: no clock, no user code.
// Used by the message stream.

import { OverflowError } from '../errors/index.ts';
import type { Gap } from '../pubsub/index.ts';
import type { Overflow } from './config-types.ts';
import { canMerge, mergeGaps } from './gap.ts';

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

/** `conflate`: a message with its key; undefined once a newer one has replaced it. */
class Replaceable<M> {
  message: M | undefined;
  readonly key: string;

  constructor(message: M, key: string) {
    this.message = message;
    this.key = key;
  }
}

type Slot<M> = M | GapEntry | Replaceable<M>;

export interface QueueOptions {
  readonly maxCount: number;
  /** Of the messages' `raw`: bytes, or characters of text. */
  readonly maxBytes: number;
  readonly overflow: Overflow;
}

export interface QueueOwner<M> {
  /** For `conflate`: messages of one key replace each other. */
  keyOf(message: M): string;
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
  readonly #options: QueueOptions;
  readonly #owner: QueueOwner<M>;
  /** Its length is 0 or a power of 2: a queue that nothing came for holds none. */
  #slots: (Slot<M> | undefined)[] = [];
  #head = 0;
  /** Slots in use, with gaps and with messages that were replaced. */
  #length = 0;
  /** Messages, without gaps. */
  count = 0;
  bytes = 0;
  #full = false;
  /** An episode that `onSlow` told goes on. */
  isSlow = false;
  /** Nothing is accepted any more. */
  #ended = false;
  droppedCount = 0;
  /** `conflate`: the one of each key that waits. */
  #newest: Map<string, Replaceable<M>> | undefined;
  /** Slots whose message was replaced. */
  #replacedCount = 0;

  constructor(options: QueueOptions, owner: QueueOwner<M>) {
    this.#options = options;
    this.#owner = owner;
  }

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  /** Slots of the ring, for tests of its memory. */
  get slotCount(): number {
    return this.#slots.length;
  }

  push(message: M): void {
    const size = message.raw.length;
    const { overflow } = this.#options;
    const replaceable = overflow === 'conflate' ? new Replaceable(message, this.#owner.keyOf(message)) : undefined;
    // Perhaps while its key was asked for.
    if (this.#ended) return;
    if (replaceable !== undefined) this.#replaceOlder(replaceable.key);
    if (this.#wouldExceed(size)) {
      if (overflow === 'fail') return this.#fail();
      if (overflow === 'drop-newest') return this.#dropped();
      if (overflow !== 'block') {
        while (this.#wouldExceed(size)) this.#dropOldest();
      }
    }
    if (replaceable !== undefined) {
      this.#newest ??= new Map();
      this.#newest.set(replaceable.key, replaceable);
    }
    this.#append(replaceable ?? message);
    this.count++;
    this.bytes += size;
    if (overflow === 'block' && !this.#full && this.#isAtLimit()) {
      this.#full = true;
      this.#owner.onFull();
      this.#tellSlow();
    }
  }

  /** Merges with a gap that stands last: two that say the same never follow each other. */
  pushGap(gap: Gap): void {
    // Of an empty queue every slot is.
    const last = this.#slots[(this.#head + this.#length - 1) & (this.#slots.length - 1)];
    if (last instanceof GapEntry && canMerge(last.gap, gap)) last.gap = mergeGaps(last.gap, gap);
    else this.#append(new GapEntry(gap));
  }

  shift(): M | GapEntry | undefined {
    while (this.#length > 0) {
      const slot = this.#shiftAny() as Slot<M>;
      if (slot instanceof GapEntry) {
        if (this.#replacedCount > 0) this.#mergeFollowing(slot);
        return slot;
      }
      const message = this.#take(slot);
      if (message === undefined) continue;
      if (this.#full || this.isSlow) this.#afterShift();
      return message;
    }
    return undefined;
  }

  /** Empties the queue for good; gives how many messages were in it. */
  clear(): number {
    this.#ended = true;
    const count = this.count;
    this.#slots = [];
    this.#head = 0;
    this.#length = 0;
    this.count = 0;
    this.bytes = 0;
    this.#newest?.clear();
    this.#replacedCount = 0;
    this.isSlow = false;
    if (this.#full) {
      this.#full = false;
      this.#owner.onRoom();
    }
    return count;
  }

  #isAtLimit(): boolean {
    return this.count >= this.#options.maxCount || this.bytes >= this.#options.maxBytes;
  }

  /** A message larger than the whole queue is accepted when nothing waits. */
  #wouldExceed(size: number): boolean {
    if (this.count === 0) return false;
    return this.count >= this.#options.maxCount || this.bytes + size > this.#options.maxBytes;
  }

  #afterShift(): void {
    const half = this.count <= this.#options.maxCount / 2 && this.bytes <= this.#options.maxBytes / 2;
    if (!half) return;
    this.isSlow = false;
    if (!this.#full) return;
    this.#full = false;
    this.#owner.onRoom();
  }

  #dropOldest(): void {
    // Gaps before the oldest message stay, and merge with those behind it.
    const gaps: GapEntry[] = [];
    this.#dropped();
    for (let slot = this.#shiftAny(); slot !== undefined; slot = this.#shiftAny()) {
      if (slot instanceof GapEntry) gaps.push(slot);
      else if (this.#take(slot) !== undefined) break;
    }
    for (let gap = gaps.pop(); gap !== undefined; gap = gaps.pop()) this.#prependGap(gap);
  }

  #prependGap(gap: GapEntry): void {
    const next = this.#slots[this.#head];
    if (next instanceof GapEntry && canMerge(gap.gap, next.gap)) next.gap = mergeGaps(gap.gap, next.gap);
    else this.#prepend(gap);
  }

  #shiftAny(): Slot<M> | undefined {
    if (this.#length === 0) return undefined;
    const slot = this.#slots[this.#head];
    this.#slots[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#slots.length - 1);
    this.#length--;
    return slot;
  }

  /** A slot has left the ring: its message, or undefined when it was replaced before. */
  #take(slot: M | Replaceable<M>): M | undefined {
    let message: M | undefined;
    if (slot instanceof Replaceable) {
      message = slot.message;
      if (message === undefined) {
        this.#replacedCount--;
        return undefined;
      }
      this.#newest?.delete(slot.key);
    } else message = slot;
    this.count--;
    this.bytes -= message.raw.length;
    return message;
  }

  /** Gaps that only replaced messages stand between. */
  #mergeFollowing(entry: GapEntry): void {
    while (this.#length > 0) {
      const next = this.#slots[this.#head] as Slot<M>;
      if (next instanceof GapEntry) {
        if (!canMerge(entry.gap, next.gap)) return;
        entry.gap = mergeGaps(entry.gap, next.gap);
      } else if (next instanceof Replaceable && next.message === undefined) this.#replacedCount--;
      else return;
      this.#shiftAny();
    }
  }

  #replaceOlder(key: string): void {
    const older = this.#newest?.get(key);
    if (!older?.message) return;
    // The newer one goes to the end: before the gaps that stand between them it would be told too early.
    this.count--;
    this.bytes -= older.message.raw.length;
    older.message = undefined;
    this.#newest?.delete(key);
    this.#replacedCount++;
    this.droppedCount++;
    if (this.#replacedCount > this.count + 1024) this.#compact();
  }

  /** Replaced messages give their memory back. */
  #compact(): void {
    const kept: Slot<M>[] = [];
    for (let slot = this.#shiftAny(); slot !== undefined; slot = this.#shiftAny()) {
      if (!(slot instanceof Replaceable) || slot.message !== undefined) kept.push(slot);
    }
    this.#replacedCount = 0;
    for (const slot of kept) {
      if (slot instanceof GapEntry) this.pushGap(slot.gap);
      else this.#append(slot);
    }
  }

  #dropped(): void {
    this.droppedCount++;
    this.#tellSlow();
  }

  #tellSlow(): void {
    if (this.isSlow) return;
    this.isSlow = true;
    this.#owner.onSlow();
  }

  #fail(): void {
    this.#ended = true;
    const { maxCount, maxBytes } = this.#options;
    this.#owner.onFail(
      new OverflowError(
        `Cannot queue message: ${this.count} messages of ${this.bytes} bytes wait, allowed are ${maxCount} and ${maxBytes}`,
        {
          hint: 'read faster, raise "queueMaxCount" or "queueMaxBytes", or choose another "overflow"',
          safeToRetry: false,
        },
      ),
    );
  }

  #append(entry: Slot<M>): void {
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
    const larger: (Slot<M> | undefined)[] = new Array(Math.max(SMALLEST, size * 2)).fill(undefined);
    for (let index = 0; index < size; index++) larger[index] = this.#slots[(this.#head + index) & (size - 1)];
    this.#slots = larger;
    this.#head = 0;
  }
}
