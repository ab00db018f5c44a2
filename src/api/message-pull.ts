// Those who wait for the next message of a stream: `next()` of iterators and `getData()`, first come, first served.
// Used by the message stream. It holds promises and their time limits, never a message.

import type { Platform, TimerHandle } from '../net/index.ts';
import type { Message } from './config-types.ts';

interface Waiter<T> {
  resolve(message: Message<T> | undefined): void;
  reject(error: unknown): void;
  timer: TimerHandle | undefined;
  /** The iterator whose `next()` it is. */
  readonly of: object | undefined;
}

export class MessagePull<T> {
  readonly #platform: Platform;
  #waiters: Waiter<T>[] = [];

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  get isEmpty(): boolean {
    return this.#waiters.length === 0;
  }

  /** Undefined when `timeoutMs` has passed, when `of` has left, or when nothing more comes. */
  wait(timeoutMs: number, of?: object): Promise<Message<T> | undefined> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter<T> = { resolve, reject, timer: undefined, of };
      if (timeoutMs !== Infinity) {
        const expire = () => {
          this.#waiters = this.#waiters.filter((other) => other !== waiter);
          resolve(undefined);
        };
        waiter.timer = this.#platform.setTimer(timeoutMs, expire, true);
      }
      this.#waiters.push(waiter);
    });
  }

  /** Gives it to who waits longest; there must be one. */
  serve(message: Message<T>): void {
    const waiter = this.#waiters.shift() as Waiter<T>;
    this.#disarm(waiter);
    waiter.resolve(message);
  }

  /** It takes no message from others any more. */
  leave(of: object): void {
    this.#waiters = this.#waiters.filter((waiter) => waiter.of !== of || waiter.resolve(undefined));
  }

  /** Nothing more comes: all learn why, or that it is over. */
  end(error: unknown): void {
    for (const waiter of this.#waiters.splice(0)) {
      this.#disarm(waiter);
      if (error === undefined) waiter.resolve(undefined);
      else waiter.reject(error);
    }
  }

  #disarm(waiter: Waiter<T>): void {
    if (waiter.timer) this.#platform.clearTimer(waiter.timer);
  }
}
