// The data: strings with a time to live, in memory, one keyspace a database.
// Called by the command handlers of both dialects. Keys and values are "byte strings": JavaScript strings in which
// each character is one byte (latin1), so that they are binary safe, hashable and written without conversion.
// It must never know sockets, dialects or replies.

import { Entry } from './entry.ts';
import type { Glob } from './glob.ts';

/** What one key costs beside its bytes: the map's slot, the entry, the headers of two strings. An estimate. */
const ENTRY_OVERHEAD_BYTES = 128;
const EXPIRE_STEP_COUNT = 500;
/** About 10 ms of work: a million keys of one age must not hold up their server and the program around it. */
const EXPIRED_AT_ONCE = 16_384;
const MAX_SUSPENDED_SCANS = 32;

/** The bytes that all databases of a server hold together, and how many they may. */
export class MemoryMeter {
  usedBytes = 0;
  peakBytes = 0;
  /** 0: no limit. */
  maxBytes: number;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  add(bytes: number): void {
    this.usedBytes += bytes;
    if (this.usedBytes > this.peakBytes) this.peakBytes = this.usedBytes;
  }

  /** True when `bytes` more would pass the limit. */
  refuses(bytes: number): boolean {
    return this.maxBytes > 0 && this.usedBytes + bytes > this.maxBytes;
  }
}

/** Seconds for OBJECT IDLETIME, kept by the server: a look at the clock for each read would cost more than the read. */
export interface CoarseClock {
  seconds: number;
}

export class Keyspace {
  readonly index: number;
  readonly memory: MemoryMeter;
  /** Told of every key whose value or life changed, for WATCH. */
  readonly #onChange: (key: string) => void;
  readonly #now: () => number;
  readonly #clock: CoarseClock;
  #entries = new Map<string, Entry>();
  /** Keys with a time to live. */
  #volatile = new Set<string>();
  #expireWalk: Iterator<string> | undefined;
  #randomWalk: Iterator<string> | undefined;
  #sequence = 0;
  /** Scans that wait for their next call, by cursor; a forgotten one is found again by its number. */
  #scans = new Map<number, Iterator<[string, Entry]>>();
  expiredCount = 0;
  hitCount = 0;
  missCount = 0;

  constructor(
    index: number,
    memory: MemoryMeter,
    now: () => number,
    onChange: (key: string) => void,
    clock: CoarseClock = { seconds: 0 },
  ) {
    this.index = index;
    this.memory = memory;
    this.#now = now;
    this.#onChange = onChange;
    this.#clock = clock;
  }

  get size(): number {
    return this.#entries.size;
  }

  get volatileCount(): number {
    return this.#volatile.size;
  }

  /** The living entry; one whose time is over is removed on the way. */
  get(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (entry.expiresAt !== 0 && entry.expiresAt <= this.#now()) {
      this.#expire(key, entry);
      return undefined;
    }
    return entry;
  }

  /** As `get`, and counted as a hit or a miss. */
  look(key: string): Entry | undefined {
    const entry = this.get(key);
    if (entry === undefined) this.missCount++;
    else this.hitCount++;
    return entry;
  }

  /** As `look`, and as a use of the key. */
  use(key: string): Entry | undefined {
    const entry = this.look(key);
    if (entry !== undefined) entry.usedAt = this.#clock.seconds;
    return entry;
  }

  read(key: string): string | undefined {
    return this.use(key)?.value;
  }

  /** Seconds since the key was used. */
  idleSeconds(entry: Entry): number {
    return Math.max(0, this.#clock.seconds - entry.usedAt);
  }

  /** Replaces value and time to live. `expiresAt` 0 for none. */
  set(key: string, value: string, expiresAt: number): void {
    const entry = this.get(key);
    if (entry === undefined) {
      this.#entries.set(key, new Entry(value, expiresAt, ++this.#sequence, this.#clock.seconds));
      this.memory.add(key.length + value.length + ENTRY_OVERHEAD_BYTES);
      if (expiresAt !== 0) this.#volatile.add(key);
    } else {
      this.memory.add(value.length - entry.byteCount);
      entry.value = value;
      entry.usedAt = this.#clock.seconds;
      if (entry.expiresAt !== expiresAt) this.#setExpiry(key, entry, expiresAt);
    }
    this.#onChange(key);
  }

  /** Replaces the value and keeps the time to live. */
  replace(key: string, value: string): void {
    const entry = this.get(key);
    this.set(key, value, entry === undefined ? 0 : entry.expiresAt);
  }

  /** Writes into the value, which grows as needed, and keeps the time to live. Returns the value's new length. */
  write(key: string, offset: number, part: string): number {
    let entry = this.get(key);
    if (entry === undefined) {
      this.set(key, '', 0);
      entry = this.get(key) as Entry;
    }
    const before = entry.byteCount;
    entry.write(offset, part);
    entry.usedAt = this.#clock.seconds;
    this.memory.add(entry.byteCount - before);
    this.#onChange(key);
    return entry.length;
  }

  /** Sets or (0) removes the time to live of a living key; one in the past removes the key. */
  expireAt(key: string, expiresAt: number): void {
    const entry = this.get(key);
    if (entry === undefined) return;
    if (expiresAt !== 0 && expiresAt <= this.#now()) {
      this.delete(key);
      return;
    }
    this.#setExpiry(key, entry, expiresAt);
    this.#onChange(key);
  }

  delete(key: string): boolean {
    const entry = this.get(key);
    if (entry === undefined) return false;
    this.#remove(key, entry);
    this.#onChange(key);
    return true;
  }

  clear(): void {
    for (const [key, entry] of this.#entries) {
      this.memory.add(-(key.length + entry.byteCount + ENTRY_OVERHEAD_BYTES));
      this.#onChange(key);
    }
    this.#entries = new Map();
    this.#volatile = new Set();
    this.#forgetWalks();
  }

  /** Exchanges all keys with another database, for SWAPDB. */
  swap(other: Keyspace): void {
    const mine = { entries: this.#entries, volatile: this.#volatile };
    this.#entries = other.#entries;
    this.#volatile = other.#volatile;
    other.#entries = mine.entries;
    other.#volatile = mine.volatile;
    // The numbers of new keys must be above all that either has given.
    const sequence = Math.max(this.#sequence, other.#sequence);
    for (const keyspace of [this, other]) {
      keyspace.#sequence = sequence;
      keyspace.#forgetWalks();
    }
    for (const entries of [this.#entries, other.#entries]) {
      for (const key of entries.keys()) {
        this.#onChange(key);
        other.#onChange(key);
      }
    }
  }

  *keys(glob?: Glob): Generator<string> {
    const now = this.#now();
    for (const [key, entry] of this.#entries) {
      if ((entry.expiresAt === 0 || entry.expiresAt > now) && (glob === undefined || glob.matches(key))) yield key;
    }
  }

  /** Any key. The walk goes on where the last call stopped, so that a large map need not be counted through. */
  randomKey(random: () => number): string | undefined {
    let skip = Math.floor(random() * Math.min(this.#entries.size, 64));
    while (this.#entries.size > 0) {
      this.#randomWalk ??= this.#entries.keys();
      const step = this.#randomWalk.next();
      if (step.done === true) this.#randomWalk = undefined;
      else if (skip > 0) skip--;
      else if (this.get(step.value) !== undefined) return step.value;
    }
    return undefined;
  }

  /**
   * One step of SCAN: at most `count` keys are looked at. A key that is there from the first call to the last is
   * given exactly once, since the map keeps the order of insertion and the cursor is the last number seen.
   */
  scan(cursor: number, count: number, glob: Glob | undefined): { cursor: number; keys: string[] } {
    let walk = this.#scans.get(cursor);
    this.#scans.delete(cursor);
    let pending: [string, Entry] | undefined;
    if (walk === undefined || cursor === 0) {
      walk = this.#entries.entries();
      for (let step = walk.next(); step.done !== true; step = walk.next()) {
        if (step.value[1].sequence > cursor) {
          pending = step.value;
          break;
        }
      }
      if (pending === undefined) return { cursor: 0, keys: [] };
    }
    const now = this.#now();
    const keys: string[] = [];
    let last = cursor;
    for (let looked = 0; looked < count; looked++) {
      if (pending === undefined) {
        const step = walk.next();
        if (step.done === true) return { cursor: 0, keys };
        pending = step.value;
      }
      const [key, entry] = pending;
      pending = undefined;
      last = entry.sequence;
      if ((entry.expiresAt === 0 || entry.expiresAt > now) && (glob === undefined || glob.matches(key))) keys.push(key);
    }
    if (last >= this.#sequence) return { cursor: 0, keys };
    this.#scans.set(last, walk);
    if (this.#scans.size > MAX_SUSPENDED_SCANS) {
      for (const oldest of this.#scans.keys()) {
        this.#scans.delete(oldest);
        break;
      }
    }
    return { cursor: last, keys };
  }

  /** Removes keys whose time is over, a bounded number of looks a call. Called by the server's timer. */
  expireSome(): void {
    const now = this.#now();
    const until = this.expiredCount + EXPIRED_AT_ONCE;
    for (let looked = 0; looked < EXPIRE_STEP_COUNT && this.#volatile.size > 0; looked++) {
      if (this.expiredCount >= until) return;
      this.#expireWalk ??= this.#volatile.values();
      const step = this.#expireWalk.next();
      if (step.done === true) {
        this.#expireWalk = undefined;
        if (looked > 0) return;
        continue;
      }
      const entry = this.#entries.get(step.value);
      if (entry !== undefined && entry.expiresAt <= now) {
        this.#expire(step.value, entry);
        // Found one: worth a longer look.
        looked = Math.max(0, looked - 3);
      }
    }
  }

  #forgetWalks(): void {
    this.#scans = new Map();
    this.#expireWalk = undefined;
    this.#randomWalk = undefined;
  }

  #setExpiry(key: string, entry: Entry, expiresAt: number): void {
    entry.expiresAt = expiresAt;
    if (expiresAt === 0) this.#volatile.delete(key);
    else this.#volatile.add(key);
  }

  #expire(key: string, entry: Entry): void {
    this.expiredCount++;
    this.#remove(key, entry);
    this.#onChange(key);
  }

  #remove(key: string, entry: Entry): void {
    this.#entries.delete(key);
    if (entry.expiresAt !== 0) this.#volatile.delete(key);
    this.memory.add(-(key.length + entry.byteCount + ENTRY_OVERHEAD_BYTES));
  }
}
