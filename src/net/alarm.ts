// The one timer of a connection: set for a moment, it rings after the sockets have been read once more.
// Used by the driver. It must decide nothing, and must not ring twice for one moment.

import type { Platform, TimerHandle } from './types.ts';

/** A timer that fires this much late was held up by a busy event loop: then sockets are read until they are quiet. */
const LATE_MS = 100;
const MAX_LATE_READS = 64;

export interface AlarmOwner {
  /** Tells whether reading brought something. */
  readonly linkBytesRead: number;
  judge(): void;
}

export class Alarm {
  readonly #platform: Platform;
  readonly #owner: AlarmOwner;
  #timer: TimerHandle | undefined;
  #keepsAlive = false;
  /** The moment that it is set for, monotonic ms; Infinity when it is not. */
  setFor = Infinity;

  constructor(platform: Platform, owner: AlarmOwner) {
    this.#platform = platform;
    this.#owner = owner;
  }

  /** A moment later than the one set is not set: the alarm then rings early, and is set again. */
  set(moment: number, keepProcessAlive: boolean): void {
    if (this.#timer !== undefined) {
      if (moment >= this.setFor && keepProcessAlive === this.#keepsAlive && moment !== Infinity) return;
      this.#platform.clearTimer(this.#timer);
      this.#timer = undefined;
      this.setFor = Infinity;
    }
    if (moment === Infinity) return;
    this.setFor = moment;
    this.#keepsAlive = keepProcessAlive;
    // Rounded up: a timer that fires a fraction early would only be set again.
    const delayMs = Math.max(0, Math.ceil(moment - this.#platform.now()));
    this.#timer = this.#platform.setTimer(delayMs, this.#onTimer, keepProcessAlive);
  }

  readonly #onTimer = (): void => {
    const late = this.#platform.now() - this.setFor > LATE_MS;
    this.#timer = undefined;
    this.setFor = Infinity;
    this.#ringAfterReading(late ? MAX_LATE_READS : 1);
  };

  #ringAfterReading(reads: number): void {
    const owner = this.#owner;
    const before = owner.linkBytesRead;
    this.#platform.afterRead(() => {
      if (reads > 1 && owner.linkBytesRead !== before) this.#ringAfterReading(reads - 1);
      else owner.judge();
    });
  }
}
