// One timer: set for a moment, set again or not at all. Used by the subscriber connection and by the limits of wishes.
// It never keeps the process alive, and knows nothing of what it is for.

import type { Platform, TimerHandle } from '../net/index.ts';

export class SingleTimer {
  readonly #platform: Platform;
  readonly #onTime: () => void;
  #handle: TimerHandle | undefined;
  /** Monotonic ms; Infinity when it is not set. */
  at = Infinity;

  constructor(platform: Platform, onTime: () => void) {
    this.#platform = platform;
    this.#onTime = onTime;
  }

  /** Infinity: not at all. */
  set(at: number): void {
    if (at === this.at) return;
    if (this.#handle) this.#platform.clearTimer(this.#handle);
    this.#handle = undefined;
    this.at = at;
    if (at === Infinity) return;
    const delayMs = Math.max(0, Math.ceil(at - this.#platform.now()));
    this.#handle = this.#platform.setTimer(
      delayMs,
      () => {
        this.#handle = undefined;
        this.at = Infinity;
        this.#onTime();
      },
      false,
    );
  }
}
