// The way of messages from a source to a user: reader, bounded queue, then handlers or pulls (iterator, getData).
// Used by subscriptions and by the subscriber class. Sources call it while a chunk is read: users' code runs later.

import { type AshRedisError, ClosedError, type OverflowError, UsageError } from '../errors/index.ts';
import type { Platform, TimerHandle } from '../net/index.ts';
import type { Gap, SourceHandle } from '../pubsub/index.ts';
import type { Message, Overflow } from './config-types.ts';
import { Delivery } from './delivery.ts';
import { type MessageTraceContext, messageTrace } from './diagnostics.ts';
import { isThenable, type Listener } from './emitter.ts';
import { handled } from './handled.ts';
import { GapEntry, MessageQueue } from './message-queue.ts';
import { type Arrival, MessageReader, type ReaderCounts, type ReaderOptions } from './message-reader.ts';

export interface SlowEvent {
  readonly policy: Overflow;
  readonly queuedCount: number;
  readonly queuedBytes: number;
  readonly droppedCount: number;
}

export interface InvalidEvent {
  readonly message: { readonly channel: string; readonly raw: string | Uint8Array; readonly receivedAt: number };
  readonly error: Error;
}

export interface HandlerErrorEvent<T> {
  readonly error: unknown;
  /** Undefined when a listener or `onGap` threw. */
  readonly message: Message<T> | undefined;
}

export interface StreamEvents<T> {
  message: Message<T>;
  gap: Gap;
  slow: SlowEvent;
  invalid: InvalidEvent;
  handlerError: HandlerErrorEvent<T>;
}

/** The part of an emitter that a stream uses; its owner's may have more events. */
export interface StreamEmitter<T> {
  has(event: keyof StreamEvents<T>): boolean;
  emit<K extends keyof StreamEvents<T>>(event: K, value: StreamEvents<T>[K]): void;
  listeners(event: 'message'): Listener<Message<T>>[];
}

export interface StreamOptions<T> {
  /** How people know it, for messages of errors. */
  readonly name: string;
  readonly reader: ReaderOptions;
  readonly maxCount: number;
  readonly maxBytes: number;
  readonly overflow: Overflow;
  readonly conflateKey: ((message: Message<T>) => string) | undefined;
  readonly concurrency: number;
  readonly handlerTimeoutMs: number | undefined;
  readonly onMessage: ((message: Message<T>) => unknown) | undefined;
  readonly onGap: ((gap: Gap) => unknown) | undefined;
  onGapTold?(gap: Gap): void;
  /** `overflow: 'fail'`: the stream has ended; its source is to be left. Called while a chunk is read. */
  onOverflow?(error: OverflowError): void;
}

export interface StreamStats extends ReaderCounts {
  /** Decoded and accepted. */
  readonly messageCount: number;
  readonly deliveredCount: number;
  readonly invalidCount: number;
  readonly droppedCount: number;
  readonly gapCount: number;
  readonly queuedCount: number;
  readonly queuedBytes: number;
  readonly handlerErrorCount: number;
}

export interface StopResult {
  readonly delivered: number;
  readonly discarded: number;
}

interface Puller<T> {
  resolve: (message: Message<T> | undefined) => void;
  reject: (error: unknown) => void;
  timer: TimerHandle | undefined;
}

/** Nobody took a message for this long although some wait: the reader is called slow. */
const UNREAD_MS = 5000;

export class MessageStream<T> {
  readonly #options: StreamOptions<T>;
  readonly #platform: Platform;
  readonly #events: StreamEmitter<T>;
  readonly #reader: MessageReader<T>;
  readonly #queue: MessageQueue<Message<T>>;
  readonly #delivery: Delivery<Message<T>>;
  readonly #plain: boolean;
  /** Arrived and not read yet: what one turn brings, and whatever comes while decoding is held. */
  #inbox: (Arrival | GapEntry)[] = [];
  #readScheduled = false;
  #pullers: Puller<T>[] = [];
  /** Pulling has begun: handlers are refused from now on. */
  #pulled = false;
  #handle: SourceHandle | undefined;
  #ended = false;
  #error: unknown;
  #unreadTimer: TimerHandle | undefined;
  #takenSinceCheck = false;
  #unreadTold = false;
  #messageCount = 0;
  #pulledCount = 0;
  #invalidCount = 0;
  #gapCount = 0;
  #handlerErrorCount = 0;
  #telling = false;
  #onIdle: (() => void) | undefined;

  constructor(options: StreamOptions<T>, platform: Platform, events: StreamEmitter<T>) {
    this.#options = options;
    this.#platform = platform;
    this.#events = events;
    this.#reader = new MessageReader<T>(options.reader);
    this.#plain = this.#reader.isPlain;
    const { maxCount, maxBytes, overflow, conflateKey } = options;
    this.#queue = new MessageQueue<Message<T>>(
      { maxCount, maxBytes, overflow, conflateKey: conflateKey ?? ((message) => message.channel) },
      {
        onFull: () => this.#handle?.hold(),
        onRoom: () => this.#handle?.release(),
        onSlow: () => this.#tellSlow(),
        onFail: (error) => {
          this.end(error);
          options.onOverflow?.(error);
        },
      },
    );
    this.#delivery = new Delivery<Message<T>>(
      {
        take: () => this.#take(),
        handle: (message) => {
          if (!messageTrace.hasSubscribers) return this.#callHandlers(message);
          return messageTrace.call(traceContextOf(message), () => this.#callHandlers(message));
        },
        tellGap: (gap) => this.#tellGap(gap),
        onHandlerError: (error, message) => this.handlerFailed(error, message),
        onIdle: () => this.#wasIdle(),
      },
      { concurrency: options.concurrency, handlerTimeoutMs: options.handlerTimeoutMs },
      platform,
    );
  }

  get isEnded(): boolean {
    return this.#ended;
  }

  get hasHandlers(): boolean {
    return this.#options.onMessage !== undefined || this.#events.has('message');
  }

  get queuedCount(): number {
    return this.#queue.count;
  }

  get messageCount(): number {
    return this.#messageCount;
  }

  get isPaused(): boolean {
    return this.#delivery.isPaused;
  }

  stats(): StreamStats {
    return {
      messageCount: this.#messageCount,
      deliveredCount: this.#delivery.deliveredCount + this.#pulledCount,
      invalidCount: this.#invalidCount,
      droppedCount: this.#queue.droppedCount,
      gapCount: this.#gapCount,
      queuedCount: this.#queue.count,
      queuedBytes: this.#queue.bytes,
      handlerErrorCount: this.#handlerErrorCount,
      ...this.#reader.counts,
    };
  }

  attach(handle: SourceHandle): void {
    this.#handle = handle;
  }

  /** Epoch ms of the first confirmation. */
  started(at: number): void {
    this.#reader.startedAt = Math.min(this.#reader.startedAt, at);
  }

  // --- from the source -----------------------------------------------------------------------------------------------

  push(channel: string, pattern: string | undefined, payload: string | Uint8Array, receivedAt: number): void {
    if (this.#ended) return;
    if (this.#plain && this.#inbox.length === 0) {
      this.#accept(this.#reader.plain(channel, pattern, payload, receivedAt));
      return this.#wakeLater();
    }
    this.#inbox.push({ channel, pattern, payload, receivedAt });
    this.#wakeLater();
  }

  pushGap(gap: Gap): void {
    if (this.#ended) return;
    if (this.#inbox.length === 0) this.#queue.pushGap(gap);
    else this.#inbox.push(new GapEntry(gap));
    this.#wakeLater();
  }

  /** Nothing more comes. What waits is still given out, unless `error` says why it must not be. */
  end(error: unknown): void {
    if (this.#ended) return;
    this.#readInbox();
    this.#ended = true;
    this.#error = error;
    this.#disarmUnread();
    if (this.#queue.isEmpty || error !== undefined) this.#endPullers();
  }

  // --- handlers ------------------------------------------------------------------------------------------------------

  /** Refuses handlers where pulling has begun. */
  refuseHandlers(): void {
    if (this.#pulled) throw this.#bothKinds('its iterator or getData() is in use');
  }

  /** Handlers may have been added: what waits goes to them. */
  wake(): void {
    if (this.hasHandlers) this.#delivery.pump();
  }

  pause(): void {
    this.#delivery.pause();
  }

  resume(): void {
    this.#delivery.resume();
    this.#servePullers();
  }

  handlerFailed(error: unknown, message: Message<T> | undefined): void {
    this.#handlerErrorCount++;
    this.#events.emit('handlerError', { error, message });
  }

  // --- pulling -------------------------------------------------------------------------------------------------------

  /** The next message; undefined when `timeoutMs` has passed or nothing more comes. Rejects with the error of the end. */
  next(timeoutMs: number): Promise<Message<T> | undefined> {
    if (this.hasHandlers) return handled(Promise.reject(this.#bothKinds('it has a message handler')));
    this.#pulled = true;
    if (this.#inbox.length > 0) this.#readInbox();
    if (this.#pullers.length === 0 && !this.#telling && !this.isPaused) {
      const entry = this.#take();
      if (entry !== undefined && !(entry instanceof GapEntry)) {
        this.#pulledCount++;
        return Promise.resolve(entry);
      }
      if (entry !== undefined) this.#tellForPull(entry.gap);
    }
    if (this.#ended && this.#queue.isEmpty && !this.#telling) {
      return this.#error === undefined ? Promise.resolve(undefined) : handled(Promise.reject(this.#error));
    }
    if (timeoutMs <= 0) return Promise.resolve(undefined);
    return new Promise((resolve, reject) => {
      const puller: Puller<T> = { resolve, reject, timer: undefined };
      if (timeoutMs !== Infinity) {
        puller.timer = this.#platform.setTimer(
          timeoutMs,
          () => {
            this.#pullers = this.#pullers.filter((other) => other !== puller);
            resolve(undefined);
          },
          true,
        );
      }
      this.#pullers.push(puller);
      this.#servePullers();
    });
  }

  // --- stopping ------------------------------------------------------------------------------------------------------

  /** With `drain` what has arrived is handed over first, within `timeoutMs`. */
  async stop(drain: boolean, timeoutMs: number): Promise<StopResult> {
    const before = this.#delivery.deliveredCount + this.#pulledCount;
    // Inside a handler its own end can't be waited for: it waits for us.
    const insideHandler = this.#delivery.isCalling;
    this.#readInbox();
    this.#ended = true;
    this.#disarmUnread();
    if (drain && !insideHandler) await this.#drained(timeoutMs);
    else if (drain) await this.#drainedInside(timeoutMs);
    this.#delivery.stop();
    const discarded = this.#queue.clear();
    this.#endPullers();
    return { delivered: this.#delivery.deliveredCount + this.#pulledCount - before, discarded };
  }

  #drained(timeoutMs: number): Promise<void> {
    if (this.#queue.isEmpty && this.#delivery.isIdle) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.#platform.setTimer(timeoutMs, resolve, true);
      this.#onIdle = () => {
        this.#platform.clearTimer(timer);
        resolve();
      };
      this.wake();
    });
  }

  /** Called by a handler: the others are handed over around it. */
  async #drainedInside(timeoutMs: number): Promise<void> {
    const until = this.#platform.now() + timeoutMs;
    for (let entry = this.#take(); entry !== undefined && this.#platform.now() < until; entry = this.#take()) {
      try {
        if (entry instanceof GapEntry) await this.#tellGap(entry.gap);
        else {
          this.#delivery.deliveredCount++;
          await this.#callHandlers(entry);
        }
      } catch (error) {
        this.handlerFailed(error, entry instanceof GapEntry ? undefined : entry);
      }
    }
  }

  #wasIdle(): void {
    if (!this.#queue.isEmpty) return;
    this.#onIdle?.();
    this.#onIdle = undefined;
  }

  // --- inside --------------------------------------------------------------------------------------------------------

  #wakeLater(): void {
    if (this.#readScheduled) return;
    this.#readScheduled = true;
    this.#platform.defer(this.#onTurnEnd);
  }

  readonly #onTurnEnd = (): void => {
    this.#readScheduled = false;
    this.#readInbox();
    if (this.hasHandlers) this.#delivery.pump();
    else this.#servePullers();
    this.#armUnread();
  };

  #readInbox(): void {
    const inbox = this.#inbox;
    if (inbox.length === 0) return;
    this.#inbox = [];
    for (let index = 0; index < inbox.length; index++) {
      const arrival = inbox[index] as Arrival | GapEntry;
      if (this.#ended) return;
      if (arrival instanceof GapEntry) {
        this.#queue.pushGap(arrival.gap);
        continue;
      }
      const result = this.#reader.read(arrival);
      if ('error' in result) {
        this.#invalidCount++;
        const { payload: raw, receivedAt } = arrival;
        const channel = arrival.channel.slice(this.#options.reader.prefix.length);
        this.#events.emit('invalid', { message: { channel, raw, receivedAt }, error: result.error });
        continue;
      }
      if (result.gap !== undefined) this.#queue.pushGap(result.gap);
      this.#accept(result.message);
    }
  }

  #accept(message: Message<T>): void {
    this.#messageCount++;
    this.#queue.push(message);
  }

  #take(): Message<T> | GapEntry | undefined {
    const entry = this.#queue.shift();
    if (entry !== undefined) {
      this.#takenSinceCheck = true;
      this.#unreadTold = false;
    }
    return entry;
  }

  #callHandlers(message: Message<T>): unknown {
    const { onMessage } = this.#options;
    if (!this.#events.has('message')) return onMessage?.(message);
    const results = onMessage === undefined ? [] : [onMessage(message)];
    for (const listener of this.#events.listeners('message')) results.push(listener(message));
    const promises = results.filter(isThenable);
    return promises.length === 0 ? undefined : promises.length === 1 ? promises[0] : Promise.all(promises);
  }

  #tellGap(gap: Gap): unknown {
    this.#gapCount++;
    this.#options.onGapTold?.(gap);
    this.#events.emit('gap', gap);
    try {
      return this.#options.onGap?.(gap);
    } catch (error) {
      this.handlerFailed(error, undefined);
      return undefined;
    }
  }

  #tellForPull(gap: Gap): void {
    const told = this.#tellGap(gap);
    if (!isThenable(told)) return;
    this.#telling = true;
    const goOn = () => {
      this.#telling = false;
      this.#servePullers();
    };
    told.then(goOn, (error) => {
      this.handlerFailed(error, undefined);
      goOn();
    });
  }

  #servePullers(): void {
    while (this.#pullers.length > 0 && !this.#telling && !this.isPaused) {
      const entry = this.#take();
      if (entry === undefined) break;
      if (entry instanceof GapEntry) {
        this.#tellForPull(entry.gap);
        continue;
      }
      this.#pulledCount++;
      const puller = this.#pullers.shift() as Puller<T>;
      if (puller.timer !== undefined) this.#platform.clearTimer(puller.timer);
      puller.resolve(entry);
    }
    if (this.#queue.isEmpty && !this.#telling) {
      if (this.#ended) this.#endPullers();
      if (!this.hasHandlers) this.#wasIdle();
    }
  }

  #endPullers(): void {
    if (this.#error !== undefined) this.#queue.clear();
    for (const { resolve, reject, timer } of this.#pullers.splice(0)) {
      if (timer !== undefined) this.#platform.clearTimer(timer);
      if (this.#error === undefined) resolve(undefined);
      else reject(this.#error);
    }
  }

  #tellSlow(): void {
    const event: SlowEvent = {
      policy: this.#options.overflow,
      queuedCount: this.#queue.count,
      queuedBytes: this.#queue.bytes,
      droppedCount: this.#queue.droppedCount,
    };
    // Listeners are users' code, and a chunk is being read.
    this.#platform.defer(() => this.#events.emit('slow', event));
  }

  #armUnread(): void {
    if (this.#unreadTimer !== undefined || this.#queue.isEmpty || this.#ended || this.#unreadTold) return;
    this.#takenSinceCheck = false;
    this.#unreadTimer = this.#platform.setTimer(
      UNREAD_MS,
      () => {
        this.#unreadTimer = undefined;
        if (!this.#takenSinceCheck && !this.#queue.isEmpty) {
          this.#unreadTold = true;
          this.#tellSlow();
        } else this.#armUnread();
      },
      false,
    );
  }

  #disarmUnread(): void {
    if (this.#unreadTimer !== undefined) this.#platform.clearTimer(this.#unreadTimer);
    this.#unreadTimer = undefined;
  }

  #bothKinds(why: string): UsageError {
    return new UsageError(`Cannot read ${this.#options.name} both ways: ${why}`, {
      hint: 'use handlers (onMessage, on("message")), or the iterator and getData()',
    });
  }
}

/** How a stream ends when its source is closed by somebody else's `close()`. */
export function streamEndError(error: AshRedisError | undefined): AshRedisError | undefined {
  return error instanceof ClosedError || error === undefined ? undefined : error;
}

/** What tracing tools are told of a message: where it came from, never what is in it. */
function traceContextOf(message: Message<unknown>): MessageTraceContext {
  return { channel: message.channel, pattern: message.pattern, region: message.region };
}
