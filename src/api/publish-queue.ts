// The framework's queue of a publisher: records that wait for the next flush, in order or by priority.
// Used by DataPublisher when `publishInterval` is set or publishing is suspended. Pure: no clock, no sending.

import { OverflowError } from '../errors/index.ts';

const LOWEST = 5;

/** Order holds within a priority: 1 is high, 5 low, 5 also what has none or another one. */
export class PublishQueue<E> {
  /** Sets keep the order, and let an entry go from anywhere. */
  readonly #lanes: Set<E>[];
  readonly #maxDepth: number;

  constructor(options: { queueType: 'fifo' | 'priority'; maxQueueDepth: number }) {
    this.#lanes = Array.from({ length: options.queueType === 'priority' ? LOWEST : 1 }, () => new Set());
    this.#maxDepth = options.maxQueueDepth;
  }

  get size(): number {
    return this.#lanes.reduce((sum, { size }) => sum + size, 0);
  }

  /** Throws an `OverflowError` when full. */
  checkRoom(): void {
    const { size } = this;
    if (size >= this.#maxDepth) {
      throw new OverflowError(
        `Cannot queue record: ${size} records wait, allowed by "maxQueueDepth" is ${this.#maxDepth}`,
        { hint: 'publish more slowly or raise "maxQueueDepth"' },
      );
    }
  }

  /** `data` is looked at for its `_dag_priority`. */
  push(entry: E, data: unknown): void {
    this.#lanes[this.#lanes.length === 1 ? 0 : priorityOf(data) - 1]?.add(entry);
  }

  /** It was given up. */
  delete(entry: E): void {
    for (const lane of this.#lanes) lane.delete(entry);
  }

  /** At most `max` entries, the most urgent first. */
  take(max: number): E[] {
    const taken: E[] = [];
    for (const lane of this.#lanes) {
      for (const entry of lane) {
        if (taken.length >= max) return taken;
        lane.delete(entry);
        taken.push(entry);
      }
    }
    return taken;
  }
}

function priorityOf(data: unknown): number {
  const value = (data as { _dag_priority?: unknown } | null | undefined)?._dag_priority;
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) < LOWEST ? (value as number) : LOWEST;
}
