// Virtual time: a queue of events that runs in order as fast as the machine allows.
// The simulator's world stands on it. Between two events all promise jobs of the first one are done, so that code
// under test sees the same order as on a real event loop. Nothing here reads a real clock.

interface Event {
  at: number;
  order: number;
  run: (() => void) | undefined;
}

/** A handle that cancels an event. */
export type EventHandle = Event;

/** The clock and the queue of what happens next. */
export class VirtualTime {
  #now = 0;
  #order = 0;
  readonly #heap: Event[] = [];
  readonly #deferred: (() => void)[] = [];
  readonly #afterRead: (() => void)[] = [];
  /** Events run so far. */
  eventCount = 0;

  now(): number {
    return this.#now;
  }

  /** Live events that have not run yet. */
  get pendingCount(): number {
    return this.#heap.reduce((count, event) => count + (event.run === undefined ? 0 : 1), 0);
  }

  schedule(delayMs: number, run: () => void): EventHandle {
    const event: Event = { at: this.#now + Math.max(0, delayMs), order: this.#order++, run };
    this.#push(event);
    return event;
  }

  cancel(handle: EventHandle): void {
    handle.run = undefined;
  }

  defer(callback: () => void): void {
    this.#deferred.push(callback);
  }

  afterRead(callback: () => void): void {
    this.#afterRead.push(callback);
  }

  /** Runs everything that is due up to `until` (virtual ms), then stands at `until`. */
  async runUntil(until: number): Promise<void> {
    await this.#settle();
    for (;;) {
      const first = this.#heap[0];
      // "After the next read" means: after all that is due at this very moment.
      if ((first === undefined || first.at > this.#now) && this.#afterRead.length > 0) {
        for (const callback of this.#afterRead.splice(0)) callback();
        await this.#settle();
        continue;
      }
      if (first === undefined || first.at > until) break;
      this.#pop();
      const run = first.run;
      if (run === undefined) continue;
      first.run = undefined;
      this.#now = first.at;
      this.eventCount++;
      run();
      await this.#settle();
    }
    this.#now = Math.max(this.#now, until);
  }

  async runFor(durationMs: number): Promise<void> {
    await this.runUntil(this.#now + durationMs);
  }

  /** Promise jobs, then what was deferred, until neither is left. */
  async #settle(): Promise<void> {
    for (;;) {
      await promiseJobs();
      if (this.#deferred.length === 0) return;
      for (const callback of this.#deferred.splice(0)) callback();
    }
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let index = heap.push(event) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!before(event, heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, last)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
  }
}

function before(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** Resolves after every promise job that is queued now, and those that these queue. */
function promiseJobs(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
