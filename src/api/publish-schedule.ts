// When a publisher's records leave: at once, at the next flush, or after `resume()`.
// Owned by DataPublisher, one each. It knows no transport: it keeps records, its timer and who waits for a resume.

import { type AbortSignalLike, type Platform, type TimerHandle, whenAborted } from '../net/index.ts';
import type { PublishOptions } from './config-types.ts';
import { handled } from './handled.ts';
import { PublishQueue } from './publish-queue.ts';

export interface ScheduleSettings {
  /** Seconds. */
  readonly publishInterval: number;
  readonly batchSize: number;
  readonly maxQueueDepth: number;
  readonly queueType: 'fifo' | 'priority';
  readonly unref: boolean;
}

/** The flush of one record. */
type PublishQueued<R> = (prepared: unknown, options: PublishOptions | undefined) => Promise<R>;
/** A record was given up by its signal before it left. */
type TellGivenUp = (reason: unknown, data: unknown) => void;

interface Waiting<R> {
  readonly prepared: unknown;
  readonly options: PublishOptions | undefined;
  resolve(value: Promise<R>): void;
  /** It was given up. */
  isSettled: boolean;
  stopWatching(): void;
}

export class PublishSchedule<R> {
  readonly #settings: ScheduleSettings;
  readonly #publishQueued: PublishQueued<R>;
  readonly #tellGivenUp: TellGivenUp;
  readonly #platform: Platform;
  readonly #queue: PublishQueue<Waiting<R>>;
  readonly #resumers = new Set<() => void>();
  #timer: TimerHandle | undefined;
  #suspended = false;
  #ended = false;
  /** Records need not wait: no interval, not suspended, not ended. A field: each publish asks. */
  isDirect: boolean;

  constructor(
    settings: ScheduleSettings,
    publishQueued: PublishQueued<R>,
    tellGivenUp: TellGivenUp,
    platform: Platform,
  ) {
    this.#settings = settings;
    this.#publishQueued = publishQueued;
    this.#tellGivenUp = tellGivenUp;
    this.#platform = platform;
    this.#queue = new PublishQueue(settings);
    this.isDirect = settings.publishInterval === 0;
  }

  get size(): number {
    return this.#queue.size;
  }

  get isSuspended(): boolean {
    return this.#suspended;
  }

  /** Throws an `OverflowError` when too many wait. `data` is looked at for its priority. */
  add(data: unknown, prepared: unknown, options: PublishOptions | undefined): Promise<R> {
    this.#queue.checkRoom();
    const promise = new Promise<R>((resolve, reject) => {
      const signal = options?.signal;
      const stopWatching = whenAborted(signal, () => {
        stopWatching();
        entry.isSettled = true;
        this.#queue.delete(entry);
        this.#tellGivenUp(signal?.reason, data);
        reject(signal?.reason);
      });
      const entry: Waiting<R> = { prepared, options, resolve, isSettled: false, stopWatching };
      this.#queue.push(entry, data);
    });
    if (!this.#suspended) this.#arm();
    return handled(promise);
  }

  suspend(): void {
    this.#suspended = true;
    this.isDirect = false;
    this.#disarm();
  }

  resume(): void {
    this.#suspended = false;
    this.isDirect = this.#settings.publishInterval === 0 && !this.#ended;
    this.#tellResumed();
    if (this.isDirect) this.#flushAll();
    else if (this.#queue.size > 0) this.#arm();
  }

  /** Resolves at once unless suspended: then with `resume()` or `end()`. Rejects when `signal` is aborted. */
  resumed(signal: AbortSignalLike | undefined): Promise<void> {
    if (!this.#suspended || this.#ended) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const settle = () => {
        stopWatching();
        this.#resumers.delete(settle);
        if (signal?.aborted) reject(signal.reason);
        else resolve();
      };
      this.#resumers.add(settle);
      const stopWatching = whenAborted(signal, settle);
    });
  }

  /** All that waits leaves now, suspended or not; nothing may be added any more. */
  end(): void {
    this.#ended = true;
    this.isDirect = false;
    this.#disarm();
    this.#tellResumed();
    this.#flushAll();
  }

  #arm(): void {
    if (this.#timer !== undefined) return;
    const { publishInterval, unref } = this.#settings;
    this.#timer = this.#platform.setTimer(
      publishInterval * 1000,
      () => {
        this.#timer = undefined;
        this.#flush();
        if (this.#queue.size > 0) this.#arm();
      },
      !unref,
    );
  }

  #disarm(): void {
    if (this.#timer !== undefined) this.#platform.clearTimer(this.#timer);
    this.#timer = undefined;
  }

  /** One batch. */
  #flush(): void {
    for (const entry of this.#queue.take(this.#settings.batchSize)) {
      if (entry.isSettled) continue;
      entry.stopWatching();
      entry.resolve(this.#publishQueued(entry.prepared, entry.options));
    }
  }

  #flushAll(): void {
    while (this.#queue.size > 0) this.#flush();
  }

  #tellResumed(): void {
    for (const settle of [...this.#resumers]) settle();
  }
}
