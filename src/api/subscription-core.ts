// What a subscription is inside: it is told by the source and by its stream, and counts what its channels are.
// Made by `Subscription`, which is what users hold. It must never call users' code while the source is at work.

import { type AshRedisError, ClosedError, type OverflowError } from '../errors/index.ts';
import type { AbortSignalLike, Platform } from '../net/index.ts';
import type {
  ChannelKind,
  Gap,
  MessageSink,
  MessageSource,
  SourceHandle,
  SubscriptionStateName,
} from '../pubsub/index.ts';
import { ChannelStates } from './channel-states.ts';
import { Emitter } from './emitter.ts';
import { endedError } from './ended-error.ts';
import { handled } from './handled.ts';
import { MessageStream } from './message-stream.ts';
import type { StreamEvents, StreamOptions, StreamOwner } from './stream-types.ts';

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
  /** Without the region's prefix; never changed. */
  readonly channels: readonly string[];
  readonly source: MessageSource;
  readonly platform: Platform;
  readonly stream: StreamOptions<T>;
  /** Payloads are wanted as bytes. */
  readonly bytes: boolean;
  /** Aborting closes it. */
  readonly signal?: AbortSignalLike | undefined;
}

export class SubscriptionCore<T> implements MessageSink, StreamOwner {
  readonly stream: MessageStream<T>;
  readonly events: Emitter<SubscriptionEvents<T>>;
  readonly #platform: Platform;
  readonly #handle: SourceHandle;
  readonly #name: string;
  readonly #prefix: string;
  readonly #states: ChannelStates;
  #error: AshRedisError | undefined;
  state: SubscriptionStateName = 'pending';
  /** Made when somebody asks for it. */
  #ready: Promise<void> | undefined;
  #settleReady: ((outcome: unknown) => void) | undefined;
  /** What `ready` came to, which stands: `'ready'`, or what it rejects with. */
  #outcome: unknown;

  constructor(init: SubscriptionInit<T>, channels: readonly string[]) {
    const { prefix } = init.stream.reader;
    this.#platform = init.platform;
    this.#name = init.stream.name;
    this.#prefix = prefix;
    this.events = new Emitter<SubscriptionEvents<T>>((error) => this.stream.onHandlerError(error, undefined));
    this.stream = new MessageStream<T>(init.stream, init.platform, this.events, this);
    const names = prefix === '' ? channels : Object.freeze(channels.map((channel) => prefix + channel));
    this.#states = new ChannelStates(names);
    this.#handle = init.source.subscribe({ kind: init.kind, channels: names, bytes: init.bytes, sink: this });
    this.stream.attach(this.#handle);
  }

  get ready(): Promise<void> {
    this.#ready ??= handled(
      new Promise<void>((resolve, reject) => {
        this.#settleReady = (outcome) => (outcome === 'ready' ? resolve() : reject(outcome));
        if (this.#outcome !== undefined) this.#settleReady(this.#outcome);
      }),
    );
    return this.#ready;
  }

  get error(): AshRedisError | undefined {
    return this.#error ?? this.#states.refusal;
  }

  stateOf(channel: string): SubscriptionStateName | undefined {
    return this.#states.of(this.#prefix + channel);
  }

  retry(): void {
    if (this.state !== 'closed') this.#handle.retry();
  }

  /** No message comes after it; who waits for `ready` learns the reason. False when it was closed before. */
  close(reason?: unknown): boolean {
    if (this.state === 'closed') return false;
    this.#handle.cancel();
    this.#becomeReady(reason ?? new ClosedError('Cannot subscribe: it was closed before its confirmation'));
    this.#end(undefined);
    return true;
  }

  // --- the source's sink ---------------------------------------------------------------------------------------------

  onMessage(channel: string, pattern: string | undefined, payload: string | Uint8Array, receivedAt: number): void {
    this.stream.push(channel, pattern, payload, receivedAt);
  }

  onGap(gap: Gap): void {
    const { length } = this.#prefix;
    this.stream.pushGap(
      length === 0 ? gap : { ...gap, channels: gap.channels.map((channel) => channel.slice(length)) },
    );
  }

  onChannelState(channel: string, state: SubscriptionStateName, error: AshRedisError | undefined): void {
    if (this.state === 'closed') return;
    this.#states.set(channel, state, error);
    if (state === 'pending' && error !== undefined) this.#becomeReady(error);
    this.#settle();
  }

  onEnd(error: AshRedisError | undefined): void {
    this.#end(error ?? endedError(this.#name));
    this.stream.end(error);
  }

  // --- the stream's owner --------------------------------------------------------------------------------------------

  onOverflow(error: OverflowError): void {
    this.#end(error);
    // The source is in the middle of its work.
    this.#platform.defer(() => this.#handle.cancel());
  }

  /** Counted, not looked up: with many channels each confirmation would look at all of them. */
  #settle(): void {
    const states = this.#states;
    const pending = states.pendingCount > 0;
    if (pending && this.state === 'pending') return;
    const denied = states.refusal;
    if (!pending) this.#becomeReady(denied ?? 'ready');
    this.#become(pending ? 'pending' : states.activeCount > 0 ? 'active' : 'denied', denied);
  }

  #becomeReady(outcome: unknown): void {
    if (this.#outcome !== undefined) return;
    this.#outcome = outcome;
    this.#settleReady?.(outcome);
  }

  #become(to: SubscriptionStateName, cause: AshRedisError | undefined): void {
    const from = this.state;
    if (from === to) return;
    this.state = to;
    const event: SubscriptionStateEvent = cause ? { from, to, cause } : { from, to };
    // The source is in the middle of its work; a listener is a user's.
    this.#platform.defer(() => this.events.emit('state', event));
  }

  #end(error: AshRedisError | undefined): void {
    if (this.state === 'closed') return;
    this.#error = error;
    this.#becomeReady(error);
    this.#become('closed', error);
  }
}
