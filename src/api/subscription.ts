// What `client.subscribe()` gives: messages of some channels, over all reconnections, until `close()`.
// Made by the client and by the subscriber class. It decodes nothing itself: that is the stream's reader.

import { type AshRedisError, ClosedError, type OverflowError } from '../errors/index.ts';
import type { Platform } from '../net/index.ts';
import type {
  ChannelKind,
  Gap,
  MessageSink,
  MessageSource,
  SourceHandle,
  SubscriptionStateName,
} from '../pubsub/index.ts';
import { ASYNC_DISPOSE, INSPECT } from './async-dispose.ts';
import type { JsonObject, Message } from './config-types.ts';
import { traceGap } from './diagnostics.ts';
import { Emitter, type Listener } from './emitter.ts';
import { handled } from './handled.ts';
import {
  MessageStream,
  type StopResult,
  type StreamEvents,
  type StreamOptions,
  type StreamStats,
} from './message-stream.ts';
import { iteratorOf } from './stream-iterator.ts';

export interface SubscriptionStateEvent {
  readonly from: SubscriptionStateName;
  readonly to: SubscriptionStateName;
  readonly cause?: AshRedisError;
}

export interface SubscriptionEvents<T> extends StreamEvents<T> {
  state: SubscriptionStateEvent;
}

/** @internal */
export interface SubscriptionInit<T> {
  readonly kind: ChannelKind;
  /** Without the region's prefix. */
  readonly channels: readonly string[];
  readonly source: MessageSource;
  readonly platform: Platform;
  readonly stream: StreamOptions<T>;
  /** Payloads are wanted as bytes. */
  readonly bytes: boolean;
  /** A subscriber has handlers, events and an end of its own. */
  readonly events?: Emitter<SubscriptionEvents<T>>;
}

export interface SubscriptionStats extends StreamStats {
  readonly state: SubscriptionStateName;
  readonly channels: readonly string[];
}

interface ChannelState {
  state: SubscriptionStateName;
  error: AshRedisError | undefined;
}

/**
 * An async iterable of messages with a queue of its own. Leaving the loop closes it. `ready` resolves when every
 * channel is confirmed, and rejects with the first refusal; nobody has to look at it.
 */
export class Subscription<T = JsonObject> implements AsyncIterable<Message<T>> {
  readonly kind: ChannelKind;
  /** Without the region's prefix. */
  readonly channels: readonly string[];
  readonly ready: Promise<void>;
  readonly #stream: MessageStream<T>;
  readonly #events: Emitter<SubscriptionEvents<T>>;
  readonly #platform: Platform;
  readonly #handle: SourceHandle;
  readonly #prefixLength: number;
  readonly #states = new Map<string, ChannelState>();
  /** Of `#states`. */
  #pendingCount = 0;
  #activeCount = 0;
  #state: SubscriptionStateName = 'pending';
  #error: AshRedisError | undefined;
  #settleReady: { resolve(): void; reject(error: unknown): void } | undefined;

  /** @internal */
  constructor(init: SubscriptionInit<T>) {
    const { prefix } = init.stream.reader;
    this.kind = init.kind;
    this.channels = Object.freeze([...init.channels]);
    this.#platform = init.platform;
    this.#prefixLength = prefix.length;
    this.#events =
      init.events ?? new Emitter<SubscriptionEvents<T>>((error) => this.#stream.handlerFailed(error, undefined));
    this.ready = handled(
      new Promise<void>((resolve, reject) => {
        this.#settleReady = { resolve, reject };
      }),
    );
    const onGapTold = (gap: Gap) => traceGap(gap);
    const onOverflow = (error: OverflowError) => {
      this.#end(error);
      // The source is in the middle of its work.
      this.#platform.defer(() => this.#handle.cancel());
    };
    this.#stream = new MessageStream<T>({ ...init.stream, onGapTold, onOverflow }, init.platform, this.#events);
    for (const channel of this.channels) this.#states.set(prefix + channel, { state: 'pending', error: undefined });
    this.#pendingCount = this.#states.size;
    const wish = { kind: init.kind, channels: [...this.#states.keys()], bytes: init.bytes, sink: this.#sink() };
    this.#handle = init.source.subscribe(wish);
    this.#stream.attach(this.#handle);
  }

  get state(): SubscriptionStateName {
    return this.#state;
  }

  /** Why it is denied or closed. */
  get error(): AshRedisError | undefined {
    if (this.#error !== undefined) return this.#error;
    for (const { error, state } of this.#states.values()) if (state === 'denied') return error;
    return undefined;
  }

  /** The state of one of its channels. */
  stateOf(channel: string): SubscriptionStateName | undefined {
    for (const [name, { state }] of this.#states) if (name.slice(this.#prefixLength) === channel) return state;
    return undefined;
  }

  /** Tries denied channels again now, instead of waiting for the slow backoff. */
  retry(): void {
    if (this.#state !== 'closed') this.#handle.retry();
  }

  /** Local and immediate: no message comes after it. The server is told in the background. */
  close(): void {
    if (this.#state === 'closed') return;
    this.#handle.cancel();
    this.#end(undefined);
    void this.#stream.stop(false, 0);
  }

  /** For the subscriber class: with `drain` what has arrived is handed over first. @internal */
  stop(drain: boolean, timeoutMs: number): Promise<StopResult> {
    if (this.#state !== 'closed') {
      this.#handle.cancel();
      this.#end(undefined);
    }
    return this.#stream.stop(drain, timeoutMs);
  }

  /** @internal */
  get stream(): MessageStream<T> {
    return this.#stream;
  }

  stats(): SubscriptionStats {
    return { ...this.#stream.stats(), state: this.#state, channels: this.channels };
  }

  on<K extends keyof SubscriptionEvents<T>>(event: K, listener: Listener<SubscriptionEvents<T>[K]>): this {
    if (event === 'message') this.#stream.refuseHandlers();
    this.#events.on(event, listener);
    if (event === 'message') this.#stream.wake();
    return this;
  }

  once<K extends keyof SubscriptionEvents<T>>(event: K, listener: Listener<SubscriptionEvents<T>[K]>): this {
    if (event === 'message') this.#stream.refuseHandlers();
    this.#events.once(event, listener);
    if (event === 'message') this.#stream.wake();
    return this;
  }

  off<K extends keyof SubscriptionEvents<T>>(event: K, listener: Listener<SubscriptionEvents<T>[K]>): this {
    this.#events.off(event, listener);
    return this;
  }

  /** Leaving the loop, also by a throw, closes the subscription. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Message<T>> {
    return iteratorOf(
      () => this.#stream,
      () => this.close(),
    );
  }

  async [ASYNC_DISPOSE](): Promise<void> {
    this.close();
  }

  [INSPECT](): string {
    return `Subscription { ${this.kind} ${this.channels.slice(0, 5).join(', ')}, ${this.#state} }`;
  }

  #sink(): MessageSink {
    const stream = () => this.#stream;
    const strip = (gap: Gap): Gap =>
      this.#prefixLength === 0
        ? gap
        : { ...gap, channels: gap.channels.map((channel) => channel.slice(this.#prefixLength)) };
    return {
      onMessage: (channel, pattern, payload, receivedAt) => stream().push(channel, pattern, payload, receivedAt),
      onGap: (gap) => stream().pushGap(strip(gap)),
      onChannelState: (channel, state, error) => this.#onChannelState(channel, state, error),
      onEnd: (error) => {
        this.#end(error ?? new ClosedError(`Cannot read ${this.kind} any more: its connection was closed`));
        this.#stream.end(error);
      },
    };
  }

  #onChannelState(channel: string, state: SubscriptionStateName, error: AshRedisError | undefined): void {
    const entry = this.#states.get(channel);
    if (entry === undefined || this.#state === 'closed') return;
    this.#count(entry.state, -1);
    this.#count(state, 1);
    entry.state = state;
    entry.error = error;
    if (state === 'active') this.#stream.started(this.#platform.wallClock());
    if (state === 'pending' && error !== undefined) this.#notReady(error);
    this.#settle();
  }

  #count(state: SubscriptionStateName, step: number): void {
    if (state === 'pending') this.#pendingCount += step;
    else if (state === 'active') this.#activeCount += step;
  }

  /** Counted, not looked up: with many channels each confirmation would look at all of them. */
  #settle(): void {
    const pending = this.#pendingCount > 0;
    if (pending && this.#state === 'pending') return;
    const active = this.#activeCount > 0;
    const denied = this.#pendingCount + this.#activeCount < this.#states.size ? this.#firstDenied() : undefined;
    if (!pending) {
      if (denied !== undefined) this.#notReady(denied);
      else {
        this.#settleReady?.resolve();
        this.#settleReady = undefined;
      }
    }
    this.#become(pending ? 'pending' : active ? 'active' : 'denied', denied);
  }

  #firstDenied(): AshRedisError | undefined {
    for (const { state, error } of this.#states.values()) if (state === 'denied' && error !== undefined) return error;
    return undefined;
  }

  #notReady(error: unknown): void {
    this.#settleReady?.reject(error);
    this.#settleReady = undefined;
  }

  #become(to: SubscriptionStateName, cause: AshRedisError | undefined): void {
    const from = this.#state;
    if (from === to) return;
    this.#state = to;
    const event: SubscriptionStateEvent = cause === undefined ? { from, to } : { from, to, cause };
    // The source is in the middle of its work; a listener is a user's.
    this.#platform.defer(() => this.#events.emit('state', event));
  }

  #end(error: AshRedisError | undefined): void {
    if (this.#state === 'closed') return;
    this.#error = error;
    this.#notReady(error ?? new ClosedError('Cannot subscribe: the subscription was closed before it was confirmed'));
    this.#become('closed', error);
  }
}
