// What `client.subscribe()` gives: messages of some channels, over all reconnections, until `close()`.
// Made by the client. It holds no state itself: that is its core, which users don't see.

import type { AshRedisError } from '../errors/index.ts';
import { whenAborted } from '../net/index.ts';
import type { ChannelKind, SubscriptionStateName } from '../pubsub/index.ts';
import { ASYNC_DISPOSE, INSPECT } from './async-dispose.ts';
import type { JsonObject, Message } from './config-types.ts';
import type { Listener } from './emitter.ts';
import { iteratorOf } from './stream-iterator.ts';
import type { StopResult, StreamStats } from './stream-types.ts';
import { SubscriptionCore, type SubscriptionEvents, type SubscriptionInit } from './subscription-core.ts';

export type { SubscriptionEvents, SubscriptionInit, SubscriptionStateEvent } from './subscription-core.ts';

export interface SubscriptionStats extends StreamStats {
  readonly state: SubscriptionStateName;
  readonly channels: readonly string[];
}

/**
 * An async iterable of messages with a queue of its own. Leaving the loop closes it. `ready` resolves when every
 * channel is confirmed, and rejects with the first refusal; nobody has to look at it.
 */
export class Subscription<T = JsonObject> implements AsyncIterable<Message<T>> {
  readonly kind: ChannelKind;
  /** Without the region's prefix. */
  readonly channels: readonly string[];
  readonly #core: SubscriptionCore<T>;

  /** @internal */
  constructor(init: SubscriptionInit<T>) {
    this.kind = init.kind;
    this.channels = init.channels;
    this.#core = new SubscriptionCore(init, this.channels);
    const { signal } = init;
    if (signal?.aborted) this.#close(signal.reason);
    else if (signal) {
      const unwatch = whenAborted(signal, () => this.#close(signal.reason));
      this.on('state', ({ to }) => to === 'closed' && unwatch());
    }
  }

  /**
   * Resolves when every channel is confirmed; rejects with the first refusal, or when there is no answer in time. What it
   * came to stands: what is confirmed later, also after `retry()`, shows as `state` and its event.
   */
  get ready(): Promise<void> {
    return this.#core.ready;
  }

  get state(): SubscriptionStateName {
    return this.#core.state;
  }

  /** Why it is denied or closed. */
  get error(): AshRedisError | undefined {
    return this.#core.error;
  }

  /** The state of one of its channels. */
  stateOf(channel: string): SubscriptionStateName | undefined {
    return this.#core.stateOf(channel);
  }

  /** Tries denied channels again now, instead of waiting for the slow backoff. */
  retry(): void {
    this.#core.retry();
  }

  /** Local and immediate: no message comes after it. The server is told in the background. */
  close(): void {
    this.#close(undefined);
  }

  #close(reason: unknown): void {
    if (this.#core.close(reason)) void this.#core.stream.stop(false, 0);
  }

  /** With `drain` what has arrived is handed over first. @internal */
  stop(drain: boolean, timeoutMs: number): Promise<StopResult> {
    this.#core.close();
    return this.#core.stream.stop(drain, timeoutMs);
  }

  stats(): SubscriptionStats {
    return { ...this.#core.stream.stats(), state: this.state, channels: this.channels };
  }

  on<K extends keyof SubscriptionEvents<T>>(event: K, listener: Listener<SubscriptionEvents<T>[K]>): this {
    this.#core.stream.listen('on', event, listener);
    return this;
  }

  once<K extends keyof SubscriptionEvents<T>>(event: K, listener: Listener<SubscriptionEvents<T>[K]>): this {
    this.#core.stream.listen('once', event, listener);
    return this;
  }

  off<K extends keyof SubscriptionEvents<T>>(event: K, listener: Listener<SubscriptionEvents<T>[K]>): this {
    this.#core.events.off(event, listener);
    return this;
  }

  /** Leaving the loop, also by a throw, closes the subscription. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Message<T>> {
    const { stream } = this.#core;
    return iteratorOf(
      () => stream,
      () => this.close(),
    );
  }

  async [ASYNC_DISPOSE](): Promise<void> {
    this.close();
  }

  [INSPECT](): string {
    return `Subscription { ${this.kind} ${this.channels.slice(0, 5).join(', ')}, ${this.state} }`;
  }
}
