// Hands a stream's messages to who pulls: `next()` of iterators and `getData()`, first come, first served, gaps in between.
// Made by the message stream when pulling begins. It holds promises and their time limits, never a message.

import type { Platform, TimerHandle } from '../net/index.ts';
import type { Gap } from '../pubsub/index.ts';
import type { Message } from './config-types.ts';
import { isThenable } from './emitter.ts';
import { GapEntry } from './message-queue.ts';

/** The stream. */
export interface PullOwner<T> {
  readonly isPaused: boolean;
  /** The next entry, whoever it is for. */
  takeAny(): Message<T> | GapEntry | undefined;
  /** Tells a gap; a promise holds what comes after it. */
  tellGap(gap: Gap): unknown;
  onHandlerError(error: unknown, message: undefined): void;
  /** A gap that held the others is told. */
  servePullers(): void;
}

interface Waiter<T> {
  resolve(message: Message<T> | undefined): void;
  reject(error: unknown): void;
  timer: TimerHandle | undefined;
  /** The iterator whose `next()` it is. */
  readonly of: object | undefined;
}

export class MessagePull<T> {
  readonly #owner: PullOwner<T>;
  readonly #platform: Platform;
  #waiters: Waiter<T>[] = [];
  /** A gap is being told. */
  isTelling = false;
  count = 0;

  constructor(owner: PullOwner<T>, platform: Platform) {
    this.#owner = owner;
    this.#platform = platform;
  }

  get isEmpty(): boolean {
    return this.#waiters.length === 0;
  }

  /** What there is, for who asks now: nobody may wait before. */
  next(): Message<T> | undefined {
    return this.#next(true);
  }

  /** What there is, for those who wait. */
  serve(): void {
    for (let message = this.#next(false); message; message = this.#next(false)) {
      const waiter = this.#waiters.shift() as Waiter<T>;
      this.#disarm(waiter);
      waiter.resolve(message);
    }
  }

  /** Looked at again behind each gap: who is told of it may come to wait, or leave. */
  #next(isEmpty: boolean): Message<T> | undefined {
    while (this.isEmpty === isEmpty && !this.isTelling && !this.#owner.isPaused) {
      const entry = this.#owner.takeAny();
      if (!entry) break;
      if (!(entry instanceof GapEntry)) {
        this.count++;
        return entry;
      }
      this.#tell(entry.gap);
    }
    return undefined;
  }

  #tell(gap: Gap): void {
    const told = this.#owner.tellGap(gap);
    if (!isThenable(told)) return;
    this.isTelling = true;
    Promise.resolve(told)
      .catch((error) => this.#owner.onHandlerError(error, undefined))
      .then(() => {
        this.isTelling = false;
        this.#owner.servePullers();
      });
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
