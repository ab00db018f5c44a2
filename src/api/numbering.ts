// Counts what numbered messages show: holes, repetitions, and messages that come late. Pure.
// Used by the message reader of a subscription with `numbered: true`, for each publisher's life (epoch) by itself.

export interface Finding {
  readonly kind: 'in-order' | 'hole' | 'duplicate' | 'late';
  /** Messages that are missing before this one; only for a hole. */
  readonly missed: number;
}

interface Life {
  last: number;
  /** Offsets that were counted as missing, as ranges with both ends included, oldest first. */
  missing: [number, number][];
}

const IN_ORDER: Finding = Object.freeze({ kind: 'in-order', missed: 0 });
const DUPLICATE: Finding = Object.freeze({ kind: 'duplicate', missed: 0 });
const LATE: Finding = Object.freeze({ kind: 'late', missed: 0 });
/** Publishers come and go: the longest silent are forgotten. */
const MAX_LIVES = 10_000;
const MAX_RANGES = 100;

export class Numbering {
  readonly #lives = new Map<string, Life>();

  /**
   * `sinceStart`: this life began after our subscription did, so that its first message should be number 1.
   * Of a life that began before we cannot know where we should have come in.
   */
  note(channel: string, epoch: string, offset: number, sinceStart: boolean): Finding {
    const key = `${channel}\u0000${epoch}`;
    const life = this.#lives.get(key);
    if (life === undefined) {
      this.#remember(key, offset);
      if (!sinceStart || offset === 1) return IN_ORDER;
      this.#lives.get(key)?.missing.push([1, offset - 1]);
      return { kind: 'hole', missed: offset - 1 };
    }
    if (offset === life.last + 1) {
      life.last = offset;
      return IN_ORDER;
    }
    if (offset > life.last) {
      const missed = offset - life.last - 1;
      life.missing.push([life.last + 1, offset - 1]);
      if (life.missing.length > MAX_RANGES) life.missing.shift();
      life.last = offset;
      return { kind: 'hole', missed };
    }
    return takeOut(life.missing, offset) ? LATE : DUPLICATE;
  }

  #remember(key: string, offset: number): void {
    if (this.#lives.size >= MAX_LIVES) {
      const oldest = this.#lives.keys().next().value;
      if (oldest !== undefined) this.#lives.delete(oldest);
    }
    this.#lives.set(key, { last: offset, missing: [] });
  }
}

function takeOut(ranges: [number, number][], offset: number): boolean {
  const index = ranges.findIndex(([low, high]) => low <= offset && offset <= high);
  const range = ranges[index];
  if (range === undefined) return false;
  const [low, high] = range;
  const parts: [number, number][] = [];
  if (low < offset) parts.push([low, offset - 1]);
  if (offset < high) parts.push([offset + 1, high]);
  ranges.splice(index, 1, ...parts);
  return true;
}
