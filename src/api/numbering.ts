// Counts what numbered messages show: holes, repetitions, and messages that come late. Pure.
// Used by the message reader of a subscription with `numbered: true`, for each publisher's life (epoch) by itself.

interface Life {
  last: number;
  /** Offsets that were counted as missing, as ranges with both ends included, oldest first. */
  missing: [number, number][];
}

/** Publishers come and go: who was silent while so many others, or twice as many, came is forgotten. */
const MAX_LIVES = 5000;
const MAX_RANGES = 100;

export class Numbering {
  #lives = new Map<string, Life>();
  /** Those from before `#lives` was full. Who is heard of again goes over. */
  #older = this.#lives;

  /**
   * Gives how many messages are missing before this one; 0 for one that came before, -1 for one that was counted as
   * missing and comes late, undefined for the next in order.
   * `sinceStart`: this life began after our subscription did, so that its first message should be number 1.
   * Of a life that began before we cannot know where we should have come in.
   */
  note(channel: string, epoch: string, offset: number, sinceStart: boolean): number | undefined {
    const key = `${channel}\u0000${epoch}`;
    let life = this.#lives.get(key);
    if (life === undefined) {
      if (this.#lives.size >= MAX_LIVES) {
        this.#older = this.#lives;
        this.#lives = new Map();
      }
      life = this.#older.get(key) ?? { last: sinceStart ? 0 : offset - 1, missing: [] };
      this.#lives.set(key, life);
    }
    const { last, missing } = life;
    if (offset <= last) return takeOut(missing, offset) ? -1 : 0;
    life.last = offset;
    if (offset === last + 1) return undefined;
    missing.push([last + 1, offset - 1]);
    if (missing.length > MAX_RANGES) missing.shift();
    return offset - last - 1;
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
