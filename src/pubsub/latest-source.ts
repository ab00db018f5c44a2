// Newest values over RESP: what a channel holds now, then what comes, with no hole between the two.
// Made by the subscriber class for `delivery: 'latest'`. It stands on a subscriber connection and decodes nothing.
//
//   RESP3:  SUBSCRIBE confirmed -> GET on the same link -> its reply is the snapshot; pushes before it are older
//   RESP2:  SUBSCRIBE confirmed -> GET on the command link -> snapshot; then PING on the subscriber's: of what came until
//           its pong, all up to the last message that equals the snapshot is older

import type { AshRedisError } from '../errors/index.ts';
import { type Command, commandFrame, type Frame } from '../net/index.ts';
import type { RespValue } from '../resp/index.ts';
import type { SubscriberConnection } from './subscriber-connection.ts';
import type { Gap, MessageSink, MessageSource, SourceHandle, SubscribeWish, SubscriptionStateName } from './types.ts';

export interface LatestSourceInit {
  readonly subscriber: SubscriberConnection;
  /** The key of a channel's newest value, both with the region's prefix. */
  keyOf(channel: string): string;
  /** GET over the command connection. */
  get(key: string): Promise<string | Uint8Array | null>;
  /** Monotonic ms. */
  now(): number;
  wallClock(): number;
  readonly commandTimeoutMs: number;
}

export class LatestSource implements MessageSource {
  readonly #init: LatestSourceInit;

  constructor(init: LatestSourceInit) {
    this.#init = init;
  }

  subscribe(wish: SubscribeWish): SourceHandle {
    const sink = new LatestSink(this.#init, wish.sink);
    const handle = this.#init.subscriber.subscribe({ ...wish, sink });
    return {
      cancel: () => {
        sink.stop();
        handle.cancel();
      },
      retry: () => handle.retry(),
      hold: () => handle.hold(),
      release: () => handle.release(),
    };
  }

  connect(): Promise<void> {
    return this.#init.subscriber.connect();
  }

  close(options: { timeoutMs?: number } = {}): Promise<void> {
    return this.#init.subscriber.close(options);
  }
}

interface Waiting {
  readonly payload: string | Uint8Array;
  readonly receivedAt: number;
}

/** One channel's way from snapshot to live. */
interface Phase {
  /** Undefined once live. */
  waiting: Waiting[] | undefined;
  /** Which snapshot is the current one: an older one's answer comes too late. */
  round: number;
  last: string | Uint8Array | undefined;
}

class LatestSink implements MessageSink {
  readonly #init: LatestSourceInit;
  readonly #sink: MessageSink;
  readonly #phases = new Map<string, Phase>();
  #stopped = false;

  constructor(init: LatestSourceInit, sink: MessageSink) {
    this.#init = init;
    this.#sink = sink;
  }

  stop(): void {
    this.#stopped = true;
  }

  onMessage(channel: string, pattern: string | undefined, payload: string | Uint8Array, receivedAt: number): void {
    const phase = this.#phaseOf(channel);
    if (phase.waiting === undefined) {
      phase.last = payload;
      return this.#sink.onMessage(channel, pattern, payload, receivedAt);
    }
    // Newest values only: with RESP3 none of these is needed, with RESP2 those behind the snapshot.
    if (this.#init.subscriber.server?.protocol !== 3) phase.waiting.push({ payload, receivedAt });
  }

  onGap(gap: Gap): void {
    this.#sink.onGap(gap);
  }

  onChannelState(channel: string, state: SubscriptionStateName, error: AshRedisError | undefined): void {
    const phase = this.#phaseOf(channel);
    if (state === 'active') {
      phase.waiting = [];
      phase.round++;
      this.#snapshot(channel, phase, phase.round);
    }
    this.#sink.onChannelState(channel, state, error);
  }

  onEnd(error: AshRedisError | undefined): void {
    this.#stopped = true;
    this.#sink.onEnd(error);
  }

  #snapshot(channel: string, phase: Phase, round: number): void {
    const { subscriber, keyOf, get } = this.#init;
    const key = keyOf(channel);
    const current = () => !this.#stopped && phase.round === round;
    if (subscriber.server?.protocol === 3) {
      return this.#send(['GET', key], (value) => {
        if (current()) this.#goLive(channel, phase, value, []);
      });
    }
    get(key).then(
      (value) => {
        if (!current()) return;
        this.#send(['PING', 'ashredis:latest'], () => {
          if (current()) this.#goLive(channel, phase, value, newerThan(value, phase.waiting ?? []));
        });
      },
      // Without a snapshot what came is what there is; the next connection asks again.
      () => {
        if (current()) this.#goLive(channel, phase, null, phase.waiting ?? []);
      },
    );
  }

  #goLive(channel: string, phase: Phase, snapshot: RespValue, newer: readonly Waiting[]): void {
    phase.waiting = undefined;
    const value = typeof snapshot === 'string' || snapshot instanceof Uint8Array ? snapshot : undefined;
    // After a reconnect the value that the user has already is no news.
    if (value !== undefined && !isEqual(value, phase.last)) this.#give(channel, phase, value, this.#init.wallClock());
    for (const { payload, receivedAt } of newer) this.#give(channel, phase, payload, receivedAt);
  }

  #give(channel: string, phase: Phase, payload: string | Uint8Array, receivedAt: number): void {
    phase.last = payload;
    this.#sink.onMessage(channel, undefined, payload, receivedAt);
  }

  #send(args: readonly string[], onReply: (value: RespValue) => void): void {
    const { subscriber, now, commandTimeoutMs } = this.#init;
    subscriber.port.send(new InStep(args, now() + commandTimeoutMs, onReply, () => onReply(null)));
  }

  #phaseOf(channel: string): Phase {
    let phase = this.#phases.get(channel);
    if (phase === undefined) {
      phase = { waiting: [], round: 0, last: undefined };
      this.#phases.set(channel, phase);
    }
    return phase;
  }
}

function newerThan(snapshot: string | Uint8Array | null, waiting: readonly Waiting[]): readonly Waiting[] {
  if (snapshot === null) return waiting;
  for (let index = waiting.length - 1; index >= 0; index--) {
    if (isEqual((waiting[index] as Waiting).payload, snapshot)) return waiting.slice(index + 1);
  }
  return waiting;
}

function isEqual(a: string | Uint8Array, b: string | Uint8Array | undefined): boolean {
  if (typeof a === 'string' || typeof b === 'string' || b === undefined) return a === b;
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

/** A command on the subscriber's link, answered in step with the messages. A refusal or a loss is no answer. */
class InStep implements Command {
  readonly name: string;
  frame: Frame | undefined;
  readonly replyCount = 1;
  readonly replyTypes = 255;
  readonly asBytes = false;
  readonly deadline: number;
  readonly retry = false;
  readonly failWhenDisconnected = true;
  readonly internal = true;
  place = 0;
  readonly #onReply: (value: RespValue) => void;
  readonly #onFailure: (error: unknown) => void;

  constructor(
    args: readonly string[],
    deadline: number,
    onReply: (value: RespValue) => void,
    onFailure: (error: unknown) => void,
  ) {
    this.name = args[0] as string;
    this.frame = commandFrame(args);
    this.deadline = deadline;
    this.#onReply = onReply;
    this.#onFailure = onFailure;
  }

  onReply(value: RespValue): void {
    this.#onReply(value);
  }

  onFailure(error: unknown): void {
    this.#onFailure(error);
  }
}
