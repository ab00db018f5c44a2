// Notices that nobody reads: messages wait, and none was taken for five seconds. Told once until one is taken.
// Used by the message stream. One timer, only while messages wait; it never keeps the process alive.

import type { Platform, TimerHandle } from '../net/index.ts';

const UNREAD_MS = 5000;

export interface UnreadOwner {
  /** Messages wait. */
  readonly isWaiting: boolean;
  onSlow(): void;
}

export class UnreadWatch {
  readonly #owner: UnreadOwner;
  readonly #platform: Platform;
  #timer: TimerHandle | undefined;
  #stopped = false;
  #told = false;
  /** Set by the stream for every message that is taken: a field, since each would pay for a call. */
  taken = false;

  constructor(owner: UnreadOwner, platform: Platform) {
    this.#owner = owner;
    this.#platform = platform;
  }

  /** Messages have arrived. */
  arm(): void {
    if (this.taken) this.#told = false;
    if (this.#timer || this.#stopped || this.#told || !this.#owner.isWaiting) return;
    this.taken = false;
    this.#timer = this.#platform.setTimer(UNREAD_MS, () => this.#check(), false);
  }

  stop(): void {
    this.#stopped = true;
    if (this.#timer) this.#platform.clearTimer(this.#timer);
    this.#timer = undefined;
  }

  #check(): void {
    this.#timer = undefined;
    if (!this.taken && this.#owner.isWaiting) {
      this.#told = true;
      this.#owner.onSlow();
    } else this.arm();
  }
}
