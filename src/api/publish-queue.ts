// The framework's queue of a publisher: records that wait for the next flush, in order or by priority.
// Used by DataPublisher when `publishInterval` is set or publishing is suspended. Pure: no clock, no sending.

import { OverflowError } from '../errors/index.ts';

const LOWEST = 5;

/** Order holds within a priority: 1 is high, 5 low, 5 also what has none or another one. */
export class PublishQueue<E> {
  readonly #lanes: E[][];
  readonly #heads: number[];
  readonly #maxDepth: number;
  #size = 0;

  constructor(options: { queueType: 'fifo' | 'priority'; maxQueueDepth: number }) {
    const lanes = options.queueType === 'priority' ? LOWEST : 1;
    this.#lanes = Array.from({ length: lanes }, () => []);
    this.#heads = new Array<number>(lanes).fill(0);
    this.#maxDepth = options.maxQueueDepth;
  }

  get size(): number {
    return this.#size;
  }

  /** Throws an `OverflowError` when full. */
  checkRoom(): void {
    if (this.#size >= this.#maxDepth) {
      throw new OverflowError(
        `Cannot queue record: ${this.#size} records wait, allowed by "maxQueueDepth" is ${this.#maxDepth}`,
        { hint: 'publish more slowly or raise "maxQueueDepth"' },
      );
    }
  }

  /** `data` is looked at for its `_dag_priority`. */
  push(entry: E, data: unknown): void {
    this.#lanes[this.#lanes.length === 1 ? 0 : priorityOf(data) - 1]?.push(entry);
    this.#size++;
  }

  /** At most `max` entries, the most urgent first. */
  take(max: number): E[] {
    const taken: E[] = [];
    for (let lane = 0; lane < this.#lanes.length && taken.length < max; lane++) {
      const entries = this.#lanes[lane] as E[];
      let head = this.#heads[lane] as number;
      const end = Math.min(entries.length, head + max - taken.length);
      while (head < end) taken.push(entries[head++] as E);
      // Cut when half is used up: each entry is then moved once at most on average, and memory is given back.
      if (head * 2 >= entries.length) {
        entries.splice(0, head);
        head = 0;
      }
      this.#heads[lane] = head;
    }
    this.#size -= taken.length;
    return taken;
  }
}

function priorityOf(data: unknown): number {
  const value =
    typeof data === 'object' && data !== null ? (data as { _dag_priority?: unknown })._dag_priority : LOWEST;
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= LOWEST ? (value as number) : LOWEST;
}
