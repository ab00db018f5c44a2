// When a subscription's handlers are called: in order, so many at once, gaps in between, never inside the parser.
// Used by the message stream. Order is kept with `concurrency` 1; a throw is an event, not an end.

import { TimeoutError } from '../errors/index.ts';
import type { Platform, TimerHandle } from '../net/index.ts';
import type { Gap } from '../pubsub/index.ts';
import { isThenable } from './emitter.ts';
import { GapEntry } from './message-queue.ts';

export interface DeliveryOptions {
  readonly concurrency: number;
  readonly handlerTimeoutMs: number | undefined;
}

export interface DeliveryOwner<M> {
  /** The next entry, or undefined when none waits. */
  take(): M | GapEntry | undefined;
  /** Gives what the handlers returned, a promise when one of them did. */
  handle(message: M): unknown;
  /** Tells a gap; a promise holds delivery. */
  tellGap(gap: Gap): unknown;
  onHandlerError(error: unknown, message: M | undefined): void;
  /** Nothing waits and no handler runs. */
  onIdle(): void;
}

/** Messages handled before other work of the process gets its turn. */
const BATCH = 1024;

export class Delivery<M> {
  readonly #owner: DeliveryOwner<M>;
  readonly #options: DeliveryOptions;
  readonly #platform: Platform;
  #running = 0;
  isPaused = false;
  #stopped = false;
  #telling = false;
  #pumping = false;
  #scheduled = false;
  /** Inside a handler, before its first `await`. */
  isCalling = false;
  /** Told once no handler runs. */
  #nextGap: Gap | undefined;
  deliveredCount = 0;

  constructor(owner: DeliveryOwner<M>, options: DeliveryOptions, platform: Platform) {
    this.#owner = owner;
    this.#options = options;
    this.#platform = platform;
  }

  get isIdle(): boolean {
    return this.#running === 0 && !this.#telling;
  }

  pause(): void {
    this.isPaused = true;
  }

  /** `pump()` goes on. */
  resume(): void {
    this.isPaused = false;
  }

  /** No handler is called any more. */
  stop(): void {
    this.#stopped = true;
  }

  pump(): void {
    if (this.#pumping || this.#scheduled) return;
    this.#pumping = true;
    let left = BATCH;
    while (this.#mayGoOn()) {
      if (left-- === 0) {
        this.#scheduled = true;
        this.#platform.afterRead(() => {
          this.#scheduled = false;
          this.pump();
        });
        break;
      }
      const entry = this.#owner.take();
      if (entry === undefined) break;
      if (!(entry instanceof GapEntry)) this.#call(entry);
      // After everything older, also what still runs.
      else if (this.#running > 0) this.#nextGap = entry.gap;
      else this.#tell(entry.gap);
    }
    this.#pumping = false;
    if (this.isIdle && !this.#scheduled) this.#owner.onIdle();
  }

  #mayGoOn(): boolean {
    return (
      !this.isPaused && !this.#stopped && !this.#telling && !this.#nextGap && this.#running < this.#options.concurrency
    );
  }

  #tell(gap: Gap): void {
    this.#telling = true;
    const told = this.#owner.tellGap(gap);
    if (!isThenable(told)) {
      this.#telling = false;
      return;
    }
    const goOn = () => {
      this.#telling = false;
      this.pump();
    };
    Promise.resolve(told).then(goOn, (error) => {
      this.#owner.onHandlerError(error, undefined);
      goOn();
    });
  }

  #call(message: M): void {
    let result: unknown;
    this.deliveredCount++;
    this.isCalling = true;
    try {
      result = this.#owner.handle(message);
    } catch (error) {
      this.isCalling = false;
      return this.#owner.onHandlerError(error, message);
    }
    this.isCalling = false;
    if (isThenable(result)) this.#await(result, message);
  }

  #await(result: PromiseLike<unknown>, message: M): void {
    this.#running++;
    let timer: TimerHandle | undefined;
    let ended = false;
    const end = () => {
      if (ended) return;
      ended = true;
      if (timer) this.#platform.clearTimer(timer);
      this.#running--;
      const gap = this.#nextGap;
      if (this.#running === 0 && gap) {
        this.#nextGap = undefined;
        this.#tell(gap);
      }
      this.pump();
    };
    const { handlerTimeoutMs } = this.#options;
    if (handlerTimeoutMs !== undefined) {
      timer = this.#platform.setTimer(
        handlerTimeoutMs,
        () => {
          const text = `Cannot wait for a message handler: it did not end within ${handlerTimeoutMs} ms`;
          const hint = 'delivery goes on without it; see "handlerTimeoutMs"';
          this.#owner.onHandlerError(new TimeoutError(text, { hint }), message);
          end();
        },
        false,
      );
    }
    // A user's `then` may throw.
    Promise.resolve(result).then(end, (error) => {
      if (!ended) this.#owner.onHandlerError(error, message);
      end();
    });
  }
}
