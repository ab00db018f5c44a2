// The time limits of wishes: who subscribes learns in time that there is no answer. One timer for all of them.
// Used by the subscriber connection. It must never decide what late means: it tells which wishes' time has passed.

import type { Platform } from '../net/index.ts';
import { SingleTimer } from './single-timer.ts';
import type { Wish } from './standing.ts';

export class WishLimits {
  readonly #platform: Platform;
  readonly #onPassed: (wish: Wish) => void;
  /** By length in ms, of which there are two or three: wishes with the moments at which they are late, oldest first. */
  readonly #byLimit = new Map<number, Map<Wish, number>>();
  readonly #timer: SingleTimer;

  constructor(platform: Platform, onPassed: (wish: Wish) => void) {
    this.#platform = platform;
    this.#onPassed = onPassed;
    this.#timer = new SingleTimer(platform, () => this.#onTime());
  }

  add(wish: Wish, limitMs: number): void {
    let wishes = this.#byLimit.get(limitMs);
    if (!wishes) {
      wishes = new Map();
      this.#byLimit.set(limitMs, wishes);
    }
    const at = this.#platform.now() + limitMs;
    wishes.set(wish, at);
    this.#timer.set(Math.min(at, this.#timer.at));
  }

  delete(wish: Wish): void {
    let left = 0;
    for (const wishes of this.#byLimit.values()) {
      wishes.delete(wish);
      left += wishes.size;
    }
    if (left === 0) this.#timer.set(Infinity);
  }

  clear(): void {
    this.#byLimit.clear();
    this.#timer.set(Infinity);
  }

  #onTime(): void {
    const now = this.#platform.now();
    const passed: Wish[] = [];
    for (const wishes of this.#byLimit.values()) {
      for (const [wish, at] of wishes) {
        if (at > now) {
          this.#timer.set(Math.min(at, this.#timer.at));
          break;
        }
        wishes.delete(wish);
        passed.push(wish);
      }
    }
    for (const wish of passed) this.#onPassed(wish);
  }
}
