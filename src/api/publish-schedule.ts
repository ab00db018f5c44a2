// When a publisher's records leave: at once, at the next flush, or after `resume()`.
// Owned by DataPublisher, one each. It knows no transport: it keeps records, its timer and who waits for a resume.

import type { AbortSignalLike, Platform, TimerHandle } from '../net/index.ts';
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

export interface ScheduleOwner<R> {
  /** The flush of one record. */
  publishQueued(prepared: unknown, options: PublishOptions | undefined): Promise<R>;
  /** It was given up by its signal before it left. */
  onGivenUp(reason: unknown, data: unknown): void;
}

interface Waiting {
  readonly data: unknown;
  readonly prepared: unknown;
  readonly options: PublishOptions | undefined;
  resolve: (value: never) => void;
  reject: (error: unknown) => void;
  isSettled: boolean;
  stopWatching: () => void;
}

export class PublishSchedule<R> {
  readonly #settings: ScheduleSettings;
  readonly #owner: ScheduleOwner<R>;
  readonly #platform: Platform;
  readonly #queue: PublishQueue<Waiting>;
  readonly #resumers = new Set<() => void>();
  #timer: TimerHandle | undefined;
  #suspended = false;
  #ended = false;

  constructor(settings: ScheduleSettings, owner: ScheduleOwner<R>, platform: Platform) {
    this.#settings = settings;
    this.#owner = owner;
    this.#platform = platform;
    this.#queue = new PublishQueue(settings);
  }

  get size(): number {
    return this.#queue.size;
  }

  get isSuspended(): boolean {
    return this.#suspended;
  }

  /** Records need not wait. */
  get isDirect(): boolean {
    return !this.#suspended && !this.#ended && this.#settings.publishInterval === 0;
  }

  /** Throws an `OverflowError` when too many wait. `data` is looked at for its priority. */
  add(data: unknown, prepared: unknown, options: PublishOptions | undefined): Promise<R> {
    const entry: Waiting = {
      data,
      prepared,
      options,
      resolve: () => {},
      reject: () => {},
      isSettled: false,
      stopWatching: () => {},
    };
    this.#queue.push(entry, data);
    const promise = new Promise<R>((resolve, reject) => {
      entry.resolve = resolve;
      entry.reject = reject;
    });
    if (options?.signal !== undefined) this.#watch(entry, options.signal);
    if (!this.#suspended) this.#arm();
    return handled(promise);
  }

  suspend(): void {
    this.#suspended = true;
    this.#disarm();
  }

  resume(): void {
    if (!this.#suspended) return;
    this.#suspended = false;
    this.#tellResumed();
    if (this.#ended || this.#queue.size === 0) return;
    if (this.#settings.publishInterval > 0) this.#arm();
    else this.#flushAll();
  }

  /** Resolves at once unless suspended: then with `resume()` or `end()`. Rejects when `signal` is aborted. */
  resumed(signal: AbortSignalLike | undefined): Promise<void> {
    if (!this.#suspended || this.#ended) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const settle = () => {
        signal?.removeEventListener('abort', settle);
        this.#resumers.delete(settle);
        if (signal?.aborted) reject(signal.reason);
        else resolve();
      };
      this.#resumers.add(settle);
      signal?.addEventListener('abort', settle);
    });
  }

  /** All that waits leaves now, suspended or not; nothing may be added any more. */
  end(): void {
    this.#ended = true;
    this.#disarm();
    this.#tellResumed();
    this.#flushAll();
  }

  #watch(entry: Waiting, signal: AbortSignalLike): void {
    const onAbort = () => {
      entry.stopWatching();
      entry.isSettled = true;
      this.#owner.onGivenUp(signal.reason, entry.data);
      entry.reject(signal.reason);
    };
    signal.addEventListener('abort', onAbort);
    entry.stopWatching = () => signal.removeEventListener('abort', onAbort);
  }

  #arm(): void {
    if (this.#timer !== undefined) return;
    const { publishInterval, unref } = this.#settings;
    this.#timer = this.#platform.setTimer(publishInterval * 1000, () => this.#onInterval(), !unref);
  }

  #disarm(): void {
    if (this.#timer !== undefined) this.#platform.clearTimer(this.#timer);
    this.#timer = undefined;
  }

  #onInterval(): void {
    this.#timer = undefined;
    this.#flush();
    if (this.#queue.size > 0) this.#arm();
  }

  /** One batch. */
  #flush(): void {
    for (const entry of this.#queue.take(this.#settings.batchSize)) {
      if (entry.isSettled) continue;
      entry.stopWatching();
      const published = this.#owner.publishQueued(entry.prepared, entry.options);
      published.then(entry.resolve as (value: R) => void, entry.reject);
    }
  }

  #flushAll(): void {
    while (this.#queue.size > 0) this.#flush();
  }

  #tellResumed(): void {
    for (const settle of [...this.#resumers]) settle();
  }
}
