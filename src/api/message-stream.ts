// The way of messages from a source to a user: reader, bounded queue, then handlers or pulls (iterator, getData).
// Used by subscriptions and the framework's subscriber. Sources call it while a chunk is read: users' code runs later.

import { type OverflowError, UsageError } from '../errors/index.ts';
import type { Platform } from '../net/index.ts';
import type { Gap, SourceHandle } from '../pubsub/index.ts';
import { callHandlers } from './call-handlers.ts';
import type { Message } from './config-types.ts';
import { Delivery, type DeliveryOwner } from './delivery.ts';
import { traceGap } from './diagnostics.ts';
import type { Listener } from './emitter.ts';
import { handled, present, rejected, within } from './handled.ts';
import { MessagePull, type PullOwner } from './message-pull.ts';
import { GapEntry, MessageQueue, type QueueOwner } from './message-queue.ts';
import { MessageReader } from './message-reader.ts';
import type { SlowEvent, StopResult, StreamEmitter, StreamOptions, StreamOwner, StreamStats } from './stream-types.ts';
import { type UnreadOwner, UnreadWatch } from './unread-watch.ts';

/** Messages that are decoded before they are handled: few, so that it is still in the cache (measured: 9 % of all CPU). */
const SLICE = 16;

/** What can be held up when the queue is full. */
type HeldUp = Pick<SourceHandle, 'hold' | 'release'>;

export class MessageStream<T> implements QueueOwner<Message<T>>, DeliveryOwner<Message<T>>, PullOwner<T>, UnreadOwner {
  readonly #options: StreamOptions<T>;
  readonly #platform: Platform;
  readonly #events: StreamEmitter<T>;
  readonly #owner: StreamOwner;
  readonly #reader: MessageReader<T>;
  readonly #queue: MessageQueue<Message<T>>;
  /** Made when the first handler is to be called, or by a pause. */
  #delivery: Delivery<Message<T>> | undefined;
  /** Nothing of a user's has to run between arrival and queue. */
  readonly #plain: boolean;
  /** Arrived and not decoded yet: what one turn brings. */
  #inbox: (Message<T> | GapEntry)[] = [];
  /** Those before it are read. */
  #inboxAt = 0;
  #readScheduled = false;
  /** Made when pulling begins: handlers are refused from then on. */
  #pull: MessagePull<T> | undefined;
  #handle: HeldUp | undefined;
  isEnded = false;
  #error: unknown;
  readonly #unread: UnreadWatch;
  messageCount = 0;
  #invalidCount = 0;
  #gapCount = 0;
  #handlerErrorCount = 0;
  #overflowCount = 0;
  #onIdle: (() => void) | undefined;
  /** What `deliveredCount` was when a `stop()` began to drain. */
  #drainedFrom: number | undefined;
  /** A handler is called by the `stop()` of another. */
  #isHandingOver = false;
  /** A codec, `validate` or a listener of `invalid` may be running. */
  #isReading = false;

  constructor(options: StreamOptions<T>, platform: Platform, events: StreamEmitter<T>, owner: StreamOwner) {
    this.#options = options;
    this.#platform = platform;
    this.#events = events;
    this.#owner = owner;
    this.#reader = new MessageReader<T>(options.reader);
    this.#plain = this.#reader.isPlain && options.conflateKey === undefined;
    // It is the owner of its parts itself: a closure for each of their questions was half of what a subscription held.
    this.#unread = new UnreadWatch(this, platform);
    this.#queue = new MessageQueue<Message<T>>(options, this);
  }

  get hasHandlers(): boolean {
    return this.#options.onMessage !== undefined || this.#events.has('message');
  }

  get queuedCount(): number {
    return this.#queue.count;
  }

  /** A handler is called that a `stop()` waits for: it can't wait for that. */
  get isAwaitedByStop(): boolean {
    return this.#isHandingOver || ((this.#drainedFrom ?? this.#onIdle) !== undefined && this.#isCalling);
  }

  get isPaused(): boolean {
    return this.#delivery?.isPaused === true;
  }

  stats(): StreamStats {
    return {
      messageCount: this.messageCount,
      deliveredCount: this.#deliveredCount,
      invalidCount: this.#invalidCount,
      droppedCount: this.#queue.droppedCount + this.#overflowCount,
      gapCount: this.#gapCount,
      queuedCount: this.#queue.count,
      queuedBytes: this.#queue.bytes,
      handlerErrorCount: this.#handlerErrorCount,
      ...this.#reader.counts,
    };
  }

  attach(handle: HeldUp): void {
    this.#handle = handle;
  }

  /** Epoch ms of the first confirmation. */
  started(at: number): void {
    this.#reader.startedAt = Math.min(this.#reader.startedAt, at);
  }

  // --- from the source -----------------------------------------------------------------------------------------------

  push(channel: string, pattern: string | undefined, payload: string | Uint8Array, receivedAt: number): void {
    if (this.isEnded || (pattern !== undefined && this.#reader.isForeign(channel, pattern))) return;
    const message = this.#reader.plain(channel, pattern, payload, receivedAt);
    if (this.#plain && this.#inbox.length === 0) this.#accept(message);
    else this.#inbox.push(message);
    if (!this.#readScheduled) this.#wakeLater();
  }

  pushGap(gap: Gap): void {
    if (this.isEnded) return;
    if (this.#inbox.length === 0) this.#queue.pushGap(gap);
    else this.#inbox.push(new GapEntry(gap));
    this.#wakeLater();
  }

  /** Nothing more comes. What waits is still given out; then iterators throw `error`. */
  end(error: unknown): void {
    if (this.isEnded) return;
    this.#readInbox();
    this.#takeNoMore(error);
    if (this.#queue.isEmpty) this.#pull?.end(error);
  }

  #takeNoMore(error: unknown): void {
    this.isEnded = true;
    this.#error = error;
    this.#unread.stop();
  }

  // --- handlers ------------------------------------------------------------------------------------------------------

  /** A listener of its owner's events. Handlers are refused where pulling has begun; what waits goes to them. */
  listen(how: 'on' | 'once', event: string, listener: unknown): void {
    const isHandler = event === 'message';
    if (isHandler && this.#pull) throw this.#bothKinds('its iterator or getData() is in use');
    this.#events[how](event as 'message', listener as Listener<Message<T>>);
    if (isHandler) this.#wakeLater();
  }

  pause(): void {
    this.#deliverer().pause();
  }

  resume(): void {
    this.#delivery?.resume();
    this.#serve();
  }

  #serve(): void {
    if (this.hasHandlers) this.#deliverer().pump();
    else this.servePullers();
  }

  onHandlerError(error: unknown, message: Message<T> | undefined): void {
    this.#handlerErrorCount++;
    this.#events.emit('handlerError', { error, message });
  }

  // --- pulling -------------------------------------------------------------------------------------------------------

  /**
   * What `shape` makes of the next message, or of undefined when `timeoutMs` has passed or nothing more comes. Rejects
   * with the error of the end. One promise a message, where one waits (measured: 150 ns less than a chain).
   */
  next<R>(timeoutMs: number, shape: (message: Message<T> | undefined) => R, of?: object): Promise<R> {
    try {
      const message = this.#pullNow();
      if (message !== undefined || this.#isOver || timeoutMs <= 0) return Promise.resolve(shape(message));
    } catch (error) {
      return rejected(error);
    }
    return handled(this.#pull!.wait(timeoutMs, of).then(shape));
  }

  /** What an iterator still waits for when it is left. */
  leave(of: object): void {
    this.#pull?.leave(of);
  }

  /** Throws what the stream ended with, once nothing waits. */
  #pullNow(): Message<T> | undefined {
    if (!this.#pull) {
      if (this.hasHandlers) throw this.#bothKinds('it has a message handler');
      this.#pull = new MessagePull(this, this.#platform);
    }
    if (this.#inbox.length > 0) this.#readInbox();
    const message = this.#pull.next();
    if (message) {
      if (this.isEnded) this.onIdle();
      return message;
    }
    if (this.#isOver && this.#error !== undefined) throw this.#error;
    return undefined;
  }

  get #isOver(): boolean {
    return this.isEnded && this.#queue.isEmpty && !this.#pull?.isTelling;
  }

  // --- what its parts ask and tell -----------------------------------------------------------------------------------

  onFull(): void {
    this.#handle?.hold();
  }

  onRoom(): void {
    this.#handle?.release();
  }

  onSlow(): void {
    const event: SlowEvent = {
      policy: this.#options.overflow,
      queuedCount: this.#queue.count,
      queuedBytes: this.#queue.bytes,
      droppedCount: this.#queue.droppedCount,
    };
    // Listeners are users' code, and a chunk is being read.
    this.#platform.defer(() => this.#events.emit('slow', event));
  }

  /** Told at once, and what waits is given up: a reader that is too slow must not learn it late. */
  onFail(error: OverflowError): void {
    this.#overflowCount += 1 + this.#queue.clear();
    this.#takeNoMore(error);
    this.#delivery?.stop();
    this.#pull?.end(error);
    this.#owner.onOverflow(error);
  }

  /** A user's function: its throw is an event, and the message is then of its channel. */
  keyOf(message: Message<T>): string {
    const { conflateKey } = this.#options;
    if (!conflateKey) return message.channel;
    try {
      return String(present(conflateKey(message)));
    } catch (error) {
      this.onHandlerError(error, message);
      return message.channel;
    }
  }

  /** A full queue has told it already. */
  get isWaiting(): boolean {
    return this.#queue.count > 0 && !this.#queue.isSlow;
  }

  /** Without handlers what waits is for who pulls, or for handlers to come. */
  take(): Message<T> | GapEntry | undefined {
    return this.hasHandlers ? this.takeAny() : undefined;
  }

  handle(message: Message<T>): unknown {
    return callHandlers(this.#options.onMessage, this.#events, message, this);
  }

  onIdle(): void {
    if (!this.#queue.isEmpty) return;
    this.#onIdle?.();
    this.#onIdle = undefined;
  }

  #deliverer(): Delivery<Message<T>> {
    this.#delivery ??= new Delivery<Message<T>>(this, this.#options, this.#platform);
    return this.#delivery;
  }

  // --- stopping ------------------------------------------------------------------------------------------------------

  /** Before a `stop()` that drains: true where what is on its way is to be awaited. A handler may itself hold up the reading. */
  drain(): boolean {
    if (this.#isCalling || !this.#isRead) return false;
    this.#drainedFrom = this.#deliveredCount;
    this.resume();
    return true;
  }

  /** With `drain` what has arrived is handed over first, within `timeoutMs`. */
  async stop(drain: boolean, timeoutMs: number): Promise<StopResult> {
    const before = this.#drainedFrom ?? this.#deliveredCount;
    // Inside a handler its own end can't be waited for: it waits for us.
    const insideHandler = this.#isCalling;
    // What is being read comes to its end first.
    if (drain && this.#isReading) await undefined;
    this.#readInbox();
    this.#takeNoMore(this.#error);
    if (drain) await this.#drained(insideHandler, timeoutMs);
    this.#delivery?.stop();
    const discarded = this.#queue.clear();
    this.#pull?.end(this.#error);
    return { delivered: this.#deliveredCount - before, discarded };
  }

  get #isCalling(): boolean {
    return this.#delivery?.isCalling === true;
  }

  get #isRead(): boolean {
    return this.hasHandlers || this.#pull !== undefined;
  }

  get #deliveredCount(): number {
    return (this.#delivery?.deliveredCount ?? 0) + (this.#pull?.count ?? 0);
  }

  #drained(insideHandler: boolean, timeoutMs: number): Promise<unknown> | undefined {
    if (!this.#isRead) return undefined;
    const isIdle = insideHandler || this.#delivery?.isIdle !== false;
    if (this.#queue.isEmpty && isIdle && !this.#pull?.isTelling) return undefined;
    const idle = insideHandler
      ? this.#handOverInside(this.#platform.now() + timeoutMs)
      : new Promise<void>((resolve) => {
          this.#onIdle = resolve;
        });
    const drained = within(idle, timeoutMs, this.#platform, true);
    // Draining overrules a pause: what waits was accepted all the same.
    this.resume();
    return drained;
  }

  /** Called by a handler, which we can't wait for: the others are handed over around it. */
  async #handOverInside(until: number): Promise<void> {
    while (this.#platform.now() < until) {
      const entry = this.takeAny();
      if (!entry) return;
      this.#isHandingOver = true;
      try {
        if (!(entry instanceof GapEntry)) this.#deliverer().deliveredCount++;
        const told = entry instanceof GapEntry ? this.tellGap(entry.gap) : this.handle(entry);
        this.#isHandingOver = false;
        await told;
      } catch (error) {
        this.#isHandingOver = false;
        this.onHandlerError(error, entry instanceof GapEntry ? undefined : entry);
      }
    }
  }

  // --- inside --------------------------------------------------------------------------------------------------------

  #wakeLater(): void {
    if (this.#readScheduled) return;
    this.#readScheduled = true;
    this.#platform.defer(this.#onTurnEnd);
  }

  readonly #onTurnEnd = (): void => {
    this.#readScheduled = false;
    do {
      this.#readInbox(SLICE);
      this.#serve();
    } while (this.#inbox.length > 0);
    this.#unread.arm();
  };

  #readInbox(limit = Infinity): void {
    // Called by what a message runs: the others come after it.
    if (this.#isReading) return;
    this.#isReading = true;
    for (let left = limit; left > 0 && this.#inboxAt < this.#inbox.length; left--) {
      const message = this.#inbox[this.#inboxAt++] as Message<T> | GapEntry;
      // It overflowed: the rest is lost as well.
      if (this.isEnded) this.#overflowCount++;
      else if (message instanceof GapEntry) this.#queue.pushGap(message.gap);
      else if (this.#plain) this.#accept(message);
      else this.#decode(message);
    }
    this.#isReading = false;
    if (this.#inboxAt < this.#inbox.length || this.#inboxAt === 0) return;
    this.#inbox = [];
    this.#inboxAt = 0;
  }

  #decode(message: Message<T>): void {
    const error = this.#reader.decode(message);
    // Stopped by its codec.
    if (this.isEnded) return void this.#overflowCount++;
    if (this.#reader.gap) this.#queue.pushGap(this.#reader.gap);
    if (error === undefined) return this.#accept(message);
    this.#invalidCount++;
    const { data: _, ...found } = message;
    this.#events.emit('invalid', { message: found, error });
  }

  #accept(message: Message<T>): void {
    this.messageCount++;
    this.#queue.push(message);
  }

  takeAny(): Message<T> | GapEntry | undefined {
    const entry = this.#queue.shift();
    if (entry) this.#unread.taken = true;
    return entry;
  }

  tellGap(gap: Gap): unknown {
    this.#gapCount++;
    this.#owner.onGapTold?.(gap);
    traceGap(gap);
    this.#events.emit('gap', gap);
    try {
      return this.#options.onGap?.(gap);
    } catch (error) {
      this.onHandlerError(error, undefined);
      return undefined;
    }
  }

  servePullers(): void {
    const pull = this.#pull;
    pull?.serve();
    if (!this.#isOver) return;
    pull?.end(this.#error);
    if (!this.hasHandlers) this.onIdle();
  }

  #bothKinds(why: string): UsageError {
    return new UsageError(`Cannot read ${this.#options.name} both ways: ${why}`, {
      hint: 'use handlers (onMessage, on("message")), or the iterator and getData()',
    });
  }
}
