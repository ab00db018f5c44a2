// The framework's publisher: name, destination, queue, interval, counting, lifecycle. People write their own transports on it.
// Extended by the publishers of this package and by users. It must never know a server.

import { ClosedError, UsageError } from '../errors/index.ts';
import { type AbortSignalLike, asError, type Platform, whenAborted } from '../net/index.ts';
import { ASYNC_DISPOSE, INSPECT } from './async-dispose.ts';
import { type Configuration, parseConfiguration } from './config.ts';
import { checkOptions } from './config-schema.ts';
import type { PublisherConfig, PublishManyOptions, PublishManyResult, PublishOptions } from './config-types.ts';
import type { ConnectionStateEvent, PushEvent } from './connections.ts';
import { Emitter } from './emitter.ts';
import { tellFailure } from './failures.ts';
import { begun, handled, rejected, untilAborted, within } from './handled.ts';
import { log } from './log.ts';
import { checkText } from './names.ts';
import { platformOf } from './platform.ts';
import { PublishSchedule } from './publish-schedule.ts';

export interface PublishErrorEvent {
  readonly error: Error;
  /** What was to be published. */
  readonly data: unknown;
}

export interface PublisherEvents {
  state: ConnectionStateEvent;
  push: PushEvent;
  publishError: PublishErrorEvent;
}

/** Publishes of `publishMany` that wait for their result at once, where the transport is a user's own. */
const MANY_AT_ONCE = 1000;

/**
 * Extend it and write `doPublish(data, options)`; `doConnect()` and `doStop()` where there is something to open.
 * Everything else is here: the queue by `publishInterval`, `batchSize` and `queueType`, counts, events, `stop()`.
 */
export abstract class DataPublisher<R = unknown> {
  readonly name: string;
  readonly destination: string;
  /** Complete and frozen. */
  protected readonly configuration: Configuration;
  /** @internal */
  protected readonly platform: Platform;
  /** True where `doStop` itself answers or rejects what is pending; else `stop()` waits for it first. */
  protected readonly stopSettlesPending: boolean = false;
  readonly #events = new Emitter<PublisherEvents>();
  readonly #schedule: PublishSchedule<R>;
  readonly #packs: boolean;
  #stopping: Promise<void> | undefined;
  #publishCount = 0;
  #failedCount = 0;
  #pendingCount = 0;
  #lastPublish: number | null = null;
  #onIdle: (() => void) | undefined;
  #unwatch: (() => void) | undefined;
  /** Of each `publishMany` that goes on. */
  readonly #rejecters = new Set<(reason: unknown) => void>();

  constructor(name: string, destination: string, config?: PublisherConfig) {
    this.name = checkText(name, 'name of a publisher');
    this.destination = checkText(destination, 'destination of a publisher');
    this.configuration = parseConfiguration(config, `publisher "${name}"`);
    this.platform = platformOf(config, this.configuration);
    this.#schedule = new PublishSchedule<R>(
      this.configuration,
      (prepared, options) => this.publishQueued(prepared, options),
      (reason, data) => this.tellFailed(reason, data),
      this.platform,
    );
    const { signal, autoPackageNonDict } = this.configuration;
    this.#packs = autoPackageNonDict;
    const onAbort = () => void this.stop();
    // What subclasses do about it comes a turn later, when their constructors have run.
    if (signal?.aborted) onAbort();
    else this.#unwatch = whenAborted(signal, onAbort);
  }

  /** Sends one record. What can't be sent is refused by the returned promise, which need not be awaited. */
  protected abstract doPublish(data: unknown, options: PublishOptions): Promise<R> | R;

  /** Opens what publishing needs; `publish()` may be called without it. */
  protected doConnect(_signal: AbortSignalLike | undefined): Promise<void> | void {}

  /** Closes what was opened, within `timeoutMs`. Called once. */
  protected doStop(_timeoutMs: number): Promise<void> | void {}

  /** Resolves when ready to publish. */
  connect(options: { signal?: AbortSignalLike | undefined } = {}): Promise<void> {
    return handled(this.#connect(options));
  }

  /** Resolves with the transport's answer. Need not be awaited: failures show as `failedCount` and `publishError`. */
  publish(data: unknown, options?: PublishOptions): Promise<R> {
    if (this.#schedule.isDirect) return this.publishNow(this.#packs ? this.packed(data) : data, options);
    return this.#publishLater(data, options);
  }

  /** Many records, in order, with bounded memory; the iterable is read no faster than the transport takes it. */
  publishMany<D>(
    records: Iterable<D> | AsyncIterable<D>,
    options: PublishManyOptions<D> = {},
  ): Promise<PublishManyResult> {
    try {
      checkOptions(options);
    } catch (error) {
      return rejected(error);
    }
    const given = records as Partial<Iterable<unknown> & AsyncIterable<unknown>> | null | undefined;
    if (typeof given !== 'object' || !(given?.[Symbol.asyncIterator] ?? given?.[Symbol.iterator])) {
      const found = given === null ? 'null' : typeof given;
      return rejected(new UsageError(`Cannot publish many: found ${found}, allowed is an iterable of records`));
    }
    // At once: the source may never give another record.
    return untilAborted(this.publishRecords(records, options as PublishManyOptions), options.signal, this.#rejecters);
  }

  /** The way of `publishMany`. */
  protected async publishRecords(
    records: Iterable<unknown> | AsyncIterable<unknown>,
    options: PublishManyOptions,
  ): Promise<PublishManyResult> {
    const result: PublishManyResult = { published: 0, failed: 0, unknown: 0 };
    const { onFailure, signal, ...publishOptions } = options;
    let pending = 0;
    let given = 0;
    let onSettled: (() => void) | undefined;
    const fewerThan = async (limit: number) => {
      while (pending >= limit) await new Promise<void>((resolve) => (onSettled = resolve));
    };
    for await (const record of records) {
      if (signal?.aborted) throw signal.reason;
      if (this.isSuspended()) await this.resumed(signal);
      this.checkRunning('publish');
      pending++;
      this.publishNow(this.packed(record), publishOptions)
        .then(
          () => {
            result.published++;
          },
          (error: unknown) => {
            result[(error as { safeToRetry?: unknown } | null)?.safeToRetry === false ? 'unknown' : 'failed']++;
            tellFailure(onFailure, error, record);
          },
        )
        .then(() => {
          pending--;
          onSettled?.();
        });
      await fewerThan(MANY_AT_ONCE);
      // What settles at once would let nobody else have a turn.
      if (++given % MANY_AT_ONCE === 0) await new Promise<void>((resolve) => this.platform.afterRead(resolve));
    }
    await fewerThan(1);
    return result;
  }

  /** Publishes wait in the queue until `resume()`. */
  suspend(): void {
    this.#schedule.suspend();
  }

  resume(): void {
    this.#schedule.resume();
  }

  /** Stops accepting, flushes, closes. Settles within `timeoutMs` (default `closeTimeoutMs`); twice is harmless. */
  stop(options: { timeoutMs?: number | undefined } = {}): Promise<void> {
    return (
      this.#stopping ??
      begun(
        (stopping) => (this.#stopping = stopping),
        () => this.#stop(options?.timeoutMs ?? this.configuration.closeTimeoutMs),
      )
    );
  }

  [ASYNC_DISPOSE](): Promise<void> {
    return this.stop();
  }

  isRunning(): boolean {
    return this.#stopping === undefined;
  }

  isSuspended(): boolean {
    return this.#schedule.isSuspended;
  }

  /** Records that were acknowledged. */
  get publishCount(): number {
    return this.#publishCount;
  }

  /** Records that were refused, or of which nobody knows. */
  get failedCount(): number {
    return this.#failedCount;
  }

  /** Epoch milliseconds of the last acknowledgement; null before the first. */
  get lastPublish(): number | null {
    return this.#lastPublish;
  }

  /** Records that wait for a flush. */
  getQueueSize(): number {
    return this.#schedule.size;
  }

  stats(): PublisherStats {
    return {
      name: this.name,
      destination: this.destination,
      isRunning: this.isRunning(),
      isSuspended: this.isSuspended(),
      publishCount: this.#publishCount,
      failedCount: this.#failedCount,
      pendingCount: this.#pendingCount,
      queuedCount: this.#schedule.size,
      lastPublish: this.#lastPublish,
    };
  }

  /** The framework's name of {@link stats}. */
  details(): ReturnType<this['stats']> {
    return this.stats() as ReturnType<this['stats']>;
  }

  on<E extends keyof PublisherEvents>(event: E, listener: (event: PublisherEvents[E]) => unknown): this {
    this.#events.on(event, listener);
    return this;
  }

  once<E extends keyof PublisherEvents>(event: E, listener: (event: PublisherEvents[E]) => unknown): this {
    this.#events.once(event, listener);
    return this;
  }

  off<E extends keyof PublisherEvents>(event: E, listener: (event: PublisherEvents[E]) => unknown): this {
    this.#events.off(event, listener);
    return this;
  }

  toJSON(): object {
    return this.stats();
  }

  [INSPECT](): string {
    const { publishCount, failedCount } = this;
    return `${this.constructor.name} { '${this.name}', '${this.destination}', running: ${this.isRunning()}, published: ${publishCount}, failed: ${failedCount} }`;
  }

  /** The record leaves now: counts around `doPublish`. A transport that counts by itself overrides it. */
  protected publishNow(data: unknown, options: PublishOptions | undefined): Promise<R> {
    return handled(this.#publishCounted(data, options ?? {}));
  }

  /** What is kept of a record until its flush. Throws for what can't be sent. */
  protected prepareQueued(data: unknown, _options: PublishOptions | undefined): unknown {
    return data;
  }

  /** The flush of what `prepareQueued` gave. */
  protected publishQueued(prepared: unknown, options: PublishOptions | undefined): Promise<R> {
    return this.publishNow(prepared, options);
  }

  protected countPending(count = 1): void {
    this.#pendingCount += count;
  }

  /** Their outcome is counted elsewhere. @internal */
  protected countSettled(count = 1): void {
    this.#pendingCount -= count;
    if (this.#pendingCount === 0) this.#onIdle?.();
  }

  protected countPublished(): void {
    this.countMany(1);
    this.countSettled();
  }

  protected countFailed(error: unknown, data: unknown): void {
    this.tellFailed(error, data);
    this.countSettled();
  }

  /** Several at once, of which the caller knows the outcome. */
  protected countMany(publishedCount: number): void {
    if (publishedCount === 0) return;
    this.#publishCount += publishedCount;
    this.#lastPublish = this.platform.wallClock();
  }

  /** A record that never became pending. */
  protected refused(error: unknown, data: unknown): Promise<never> {
    this.tellFailed(error, data);
    return rejected(error);
  }

  protected tellFailed(error: unknown, data: unknown): void {
    this.#failedCount++;
    const told = asError(error);
    log(this.configuration.logger, 'warn', `publisher "${this.name}": ${told.message}`);
    this.emit('publishError', { error: told, data });
  }

  protected emit<E extends keyof PublisherEvents>(event: E, value: PublisherEvents[E]): void {
    this.#events.emit(event, value);
  }

  /** What is no object becomes `{ payload }` where the configuration says so. */
  protected packed(data: unknown): unknown {
    const isObject = typeof data === 'object' && data !== null && !Array.isArray(data) && !(data instanceof Uint8Array);
    // Undefined is refused, packed or not: inside it would be left out.
    return isObject || !this.#packs || data === undefined ? data : { payload: data };
  }

  /** Resolves at once unless suspended: then with `resume()` or `stop()`. Rejects when `signal` is aborted. */
  protected resumed(signal: AbortSignalLike | undefined): Promise<void> {
    return this.#schedule.resumed(signal);
  }

  /** Rejects when publishing is over. */
  protected checkRunning(action: string): void {
    if (!this.isRunning()) throw this.#stoppedError(action);
  }

  #stoppedError(action: string): ClosedError {
    return new ClosedError(`Cannot ${action}: publisher "${this.name}" was stopped`, {
      safeToRetry: true,
      hint: 'stop() is final; make a new publisher',
    });
  }

  async #connect(options: { signal?: AbortSignalLike | undefined }): Promise<void> {
    checkOptions(options);
    const { signal } = options;
    this.checkRunning('connect');
    if (signal?.aborted) throw signal.reason;
    await this.doConnect(signal);
  }

  async #publishCounted(data: unknown, options: PublishOptions): Promise<R> {
    this.countPending();
    try {
      if (options.signal?.aborted) throw options.signal.reason;
      const value = await this.doPublish(data, options);
      this.countPublished();
      return value;
    } catch (error) {
      this.countFailed(error, data);
      throw error;
    }
  }

  #publishLater(data: unknown, options: PublishOptions | undefined): Promise<R> {
    try {
      this.checkRunning('publish');
      if (options?.signal?.aborted) throw options.signal.reason;
      return this.#schedule.add(data, this.prepareQueued(this.packed(data), options), options);
    } catch (error) {
      return this.refused(error, data);
    }
  }

  async #stop(timeoutMs: number): Promise<void> {
    const endsAt = this.platform.now() + timeoutMs;
    this.#unwatch?.();
    this.#schedule.end();
    // Awaited in any case: see the constructor.
    await (!this.stopSettlesPending && this.#idle(timeoutMs));
    const leftMs = Math.max(0, endsAt - this.platform.now());
    // Our own connections close in time by themselves, and settle what is pending.
    try {
      await within(this.doStop(leftMs), leftMs, this.platform, !this.configuration.unref);
    } finally {
      for (const reject of this.#rejecters) reject(this.#stoppedError('publish'));
    }
  }

  /** Resolves when nothing is pending, or after `timeoutMs`. */
  #idle(timeoutMs: number): Promise<unknown> | undefined {
    if (this.#pendingCount === 0) return undefined;
    const idle = new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
    return within(idle, timeoutMs, this.platform, !this.configuration.unref);
  }
}

export interface PublisherStats {
  name: string;
  destination: string;
  isRunning: boolean;
  isSuspended: boolean;
  publishCount: number;
  failedCount: number;
  /** Sent, or about to be, and not answered yet. */
  pendingCount: number;
  /** Waiting for a flush. */
  queuedCount: number;
  /** Epoch ms, or null. */
  lastPublish: number | null;
}
