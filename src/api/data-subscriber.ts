// The framework's subscriber: name, source, queue, handlers and iterator, counting, lifecycle. People write their own
// transports on it. Extended by the subscribers of this package and by users. It must never know a server.

import { ClosedError, UsageError } from '../errors/index.ts';
import { type AbortSignalLike, asError, type Platform, whenAborted } from '../net/index.ts';
import type { Gap } from '../pubsub/index.ts';
import { ASYNC_DISPOSE, INSPECT } from './async-dispose.ts';
import { type Configuration, parseConfiguration } from './config.ts';
import { checkOptions, quoteValue } from './config-schema.ts';
import type { JsonObject, Message, SubscriberConfig } from './config-types.ts';
import type { ConnectionStateEvent, PushEvent } from './connections.ts';
import { Emitter } from './emitter.ts';
import { begun, rejected, untilAborted, within } from './handled.ts';
import { log } from './log.ts';
import { MessageStream } from './message-stream.ts';
import { checkText } from './names.ts';
import { platformOf } from './platform.ts';
import { iteratorOf } from './stream-iterator.ts';
import type { StopResult, StreamEvents, StreamOptions, StreamStats } from './stream-types.ts';

export interface SubscriberEvents<T> extends StreamEvents<T> {
  state: ConnectionStateEvent;
  push: PushEvent;
}

/** What a transport gives its messages to. Calls after `stop()` are harmless. */
export interface Receiver {
  /** `raw` is text, or bytes with a binary codec; `receivedAt` is epoch ms, now without it. */
  message(channel: string, raw: string | Uint8Array, pattern?: string, receivedAt?: number): void;
  /** Something may have been missed before what comes next. */
  gap(gap: Gap): void;
  /** The transport has ended by itself: iterators throw `error`, and `start()` tries again. */
  end(error: Error): void;
}

export interface SubscriberStats extends StreamStats {
  name: string;
  source: string;
  isRunning: boolean;
  isSuspended: boolean;
}

/**
 * Extend it and write `doStart(receiver)` and `doStop()`; `doPause()` and `doResume()` where the source can be held up.
 * Everything else is here: the queue, handlers, iterator and `getData()`, gaps, events, counts, `stop()`.
 */
export abstract class DataSubscriber<T = JsonObject> {
  readonly name: string;
  readonly source: string;
  /** Complete and frozen. */
  protected readonly configuration: Configuration;
  /** @internal */
  protected readonly platform: Platform;
  readonly #events: Emitter<SubscriberEvents<T>>;
  #stream: MessageStream<T>;
  #starting: Promise<void> | undefined;
  #isRunning = false;
  #stopping: Promise<StopResult> | undefined;
  #paused = false;
  /** Of streams before the last restart. */
  #messageCountBefore = 0;
  #unwatch: (() => void) | undefined;
  /** Rejects the `start()` that goes on. */
  #giveUp: ((error: unknown) => void) | undefined;

  constructor(name: string, source: string, config?: SubscriberConfig<T>) {
    this.name = checkText(name, 'name of a subscriber');
    this.source = checkText(source, 'source of a subscriber');
    this.configuration = parseConfiguration(config, `subscriber "${name}"`);
    this.platform = platformOf(config, this.configuration);
    this.#events = new Emitter((error) => this.#stream.onHandlerError(error, undefined));
    this.#stream = this.#newStream();
    const { signal } = this.configuration;
    const onAbort = () => void this.stop();
    // Later, so that the constructors of subclasses have run.
    if (signal?.aborted) void Promise.resolve().then(onAbort);
    else this.#unwatch = whenAborted(signal, onAbort);
  }

  /** Begins to receive. Resolves when the source has confirmed; what it gave before a rejection is closed again. */
  protected abstract doStart(receiver: Receiver, signal: AbortSignalLike | undefined): Promise<void> | void;

  /** Ends receiving at once; nothing may be open when it has resolved. Also called after a `doStart` that failed. */
  protected doStop(_timeoutMs: number): Promise<void> | void {}

  /** Resolves when what the source has sent before is received, or can't be any more. @internal */
  protected arrived(_timeoutMs: number): unknown {
    return undefined;
  }

  /** The queue is full (`overflow: 'block'`): hold the source up, where that is possible. */
  protected doPause(): void {}

  protected doResume(): void {}

  /** What channels begin with on the wire and not in messages. */
  protected get channelPrefix(): string {
    return '';
  }

  /** Resolves when the subscription is confirmed. After a rejection the next call tries again. */
  start(options: { signal?: AbortSignalLike | undefined } = {}): Promise<void> {
    if (this.#stopping) return rejected(this.#stoppedError());
    try {
      checkOptions(options);
    } catch (error) {
      return rejected(error);
    }
    const { signal } = options;
    if (signal?.aborted) return rejected(signal.reason);
    // The first caller's signal gives the start up; a later one's gives up waiting for it.
    if (this.#starting && signal) return untilAborted(this.#starting, signal);
    return (
      this.#starting ??
      begun(
        (starting) => (this.#starting = starting),
        () => this.#start(signal),
      )
    );
  }

  /**
   * Unsubscribes and closes; `drain` first hands over what the source has sent and awaits the handlers. Settles within
   * `timeoutMs` (default `closeTimeoutMs`); twice is harmless.
   */
  stop(options: { drain?: boolean | undefined; timeoutMs?: number | undefined } = {}): Promise<StopResult> {
    if (this.#stream.isAwaitedByStop) return Promise.resolve({ delivered: 0, discarded: 0 });
    return (
      this.#stopping ??
      begun(
        (stopping) => (this.#stopping = stopping),
        () => this.#stop(options?.drain ?? false, options?.timeoutMs ?? this.configuration.closeTimeoutMs),
      )
    );
  }

  async [ASYNC_DISPOSE](): Promise<void> {
    await this.stop();
  }

  /** True from a successful `start()` to `stop()` or to the end of the source. */
  isRunning(): boolean {
    return this.#isRunning;
  }

  /** Messages decoded and accepted, whoever reads them. */
  getMessageCount(): number {
    return this.#messageCountBefore + this.#stream.messageCount;
  }

  /** Messages that wait for the user. */
  getQueueSize(): number {
    return this.#stream.queuedCount;
  }

  /** The `data` of the next message; null when none comes within `blockSeconds`, or when it was stopped. */
  getData(blockSeconds = 0): Promise<T | null> {
    if (!(typeof blockSeconds === 'number' && blockSeconds >= 0)) {
      return rejected(
        new UsageError(`Cannot get data: "blockSeconds" is ${quoteValue(blockSeconds)}, allowed is a number from 0`),
      );
    }
    return this.#stream.next(blockSeconds * 1000, (message) => (message === undefined ? null : message.data));
  }

  /** Ends with `stop()`; leaving the loop does not stop the subscriber. Shares its queue with `getData()`. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Message<T>> {
    return iteratorOf(
      () => this.#stream,
      () => {},
    );
  }

  /** Handlers are not called and iterators wait; messages are kept within the limits of the queue. */
  pause(): void {
    this.#paused = true;
    this.#stream.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#stream.resume();
  }

  /** The framework's name of {@link pause}. */
  suspend(): void {
    this.pause();
  }

  isSuspended(): boolean {
    return this.#paused;
  }

  stats(): SubscriberStats {
    return {
      name: this.name,
      source: this.source,
      isRunning: this.#isRunning,
      isSuspended: this.#paused,
      ...this.#stream.stats(),
      messageCount: this.getMessageCount(),
    };
  }

  /** The framework's name of {@link stats}. */
  details(): ReturnType<this['stats']> {
    return this.stats() as ReturnType<this['stats']>;
  }

  /** `message` sees every message, and excludes the iterator and `getData()`. */
  on<E extends keyof SubscriberEvents<T>>(event: E, listener: (event: SubscriberEvents<T>[E]) => unknown): this {
    this.#stream.listen('on', event, listener);
    return this;
  }

  once<E extends keyof SubscriberEvents<T>>(event: E, listener: (event: SubscriberEvents<T>[E]) => unknown): this {
    this.#stream.listen('once', event, listener);
    return this;
  }

  off<E extends keyof SubscriberEvents<T>>(event: E, listener: (event: SubscriberEvents<T>[E]) => unknown): this {
    this.#events.off(event, listener);
    return this;
  }

  toJSON(): object {
    return this.stats();
  }

  [INSPECT](): string {
    return `${this.constructor.name} { '${this.name}', '${this.source}', running: ${this.#isRunning}, messages: ${this.getMessageCount()}, queued: ${this.getQueueSize()} }`;
  }

  protected emit<E extends keyof SubscriberEvents<T>>(event: E, value: SubscriberEvents<T>[E]): void {
    this.#events.emit(event, value);
  }

  /** Of the stream's options, what a transport decides. */
  protected get isLatest(): boolean {
    return this.configuration.delivery === 'latest';
  }

  async #start(signal: AbortSignalLike | undefined): Promise<void> {
    // A stream that ended with an error stays ended; its successor begins where it stopped counting.
    if (this.#stream.isEnded) {
      this.#messageCountBefore += this.#stream.messageCount;
      this.#stream = this.#newStream();
      if (this.#paused) this.#stream.pause();
    }
    const stream = this.#stream;
    let unwatch: (() => void) | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        this.#giveUp = reject;
        unwatch = whenAborted(signal, () => reject(signal?.reason));
        Promise.resolve(this.doStart(this.#receiverOf(stream), signal)).then(resolve, reject);
      });
      if (this.#stopping) throw this.#stoppedError();
      stream.started(this.platform.wallClock());
      this.#isRunning = true;
    } catch (error) {
      // What waits for messages would wait for ever.
      stream.end(error);
      if (!this.#stopping) await this.#closeSource(0);
      // Not before: another start must not find half of this one.
      this.#starting = undefined;
      throw error;
    } finally {
      this.#giveUp = undefined;
      unwatch?.();
    }
  }

  async #stop(drain: boolean, timeoutMs: number): Promise<StopResult> {
    this.#unwatch?.();
    const until = this.platform.now() + timeoutMs;
    const awaits = drain && this.#isRunning && this.#stream.drain();
    this.#isRunning = false;
    this.#giveUp?.(this.#stoppedError());
    if (awaits) {
      await within(this.arrived(timeoutMs), timeoutMs, this.platform, true);
      timeoutMs = Math.max(0, until - this.platform.now());
    }
    // The stream takes nothing more, so that closing and handing over may go on together.
    const stopped = this.#stream.stop(drain, timeoutMs);
    const closed = this.#closeSource(timeoutMs, timeoutMs);
    const result = await stopped;
    await closed;
    return result;
  }

  /** Never rejects: what a transport's own `doStop` throws is no news to who starts or stops. */
  async #closeSource(timeoutMs: number, limitMs = this.configuration.closeTimeoutMs): Promise<void> {
    await this.#try(() => within(this.doStop(timeoutMs), limitMs, this.platform, !this.configuration.unref));
  }

  async #try(act: () => unknown): Promise<void> {
    try {
      await act();
    } catch (error) {
      log(this.configuration.logger, 'warn', `subscriber "${this.name}": ${asError(error).message}`);
    }
  }

  #receiverOf(stream: MessageStream<T>): Receiver {
    return {
      message: (channel, raw, pattern, receivedAt) => {
        stream.push(channel, pattern, raw, receivedAt ?? this.platform.wallClock());
      },
      gap: (gap) => stream.pushGap(gap),
      end: (error) => {
        // Also of an older start: another stream begins where one has ended.
        if (stream.isEnded) return;
        if (this.#giveUp) return this.#giveUp(error);
        stream.end(error);
        this.#leaveSource();
      },
    };
  }

  /** It ended by itself, or we give it up: the next `start()` tries again. */
  #leaveSource(): void {
    this.#isRunning = false;
    this.#starting = undefined;
    void this.#closeSource(0);
  }

  #newStream(): MessageStream<T> {
    const { configuration } = this;
    const options: StreamOptions<T> = {
      name: `subscriber "${this.name}"`,
      reader: {
        region: configuration.region,
        prefix: this.channelPrefix,
        codec: configuration.codec,
        validate: configuration.validate,
        numbered: configuration.numbered,
        latest: this.isLatest,
      },
      maxCount: configuration.queueMaxCount,
      maxBytes: configuration.queueMaxBytes,
      overflow: configuration.overflow,
      conflateKey: configuration.conflateKey,
      concurrency: configuration.concurrency,
      handlerTimeoutMs: configuration.handlerTimeoutMs,
      onMessage: configuration.onMessage,
      onGap: configuration.onGap,
    };
    const stream = new MessageStream<T>(options, this.platform, this.#events, {
      onGapTold: (gap) => {
        log(configuration.logger, 'warn', `subscriber "${this.name}": gap (${gap.reason}), missed ${gap.missed}`);
      },
      // The source is in the middle of its work.
      onOverflow: () => this.platform.defer(() => this.#leaveSource()),
    });
    stream.attach({
      hold: () => void this.#try(() => this.doPause()),
      release: () => void this.#try(() => this.doResume()),
    });
    return stream;
  }

  #stoppedError(): ClosedError {
    return new ClosedError(`Cannot start: subscriber "${this.name}" was stopped`, {
      safeToRetry: true,
      hint: 'stop() is final; make a new subscriber',
    });
  }
}
