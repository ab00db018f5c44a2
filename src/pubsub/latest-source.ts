// Newest values over RESP: what a channel holds now, then what comes, with no hole between the two.
// Made by the subscriber class for `delivery: 'latest'`. It stands on a subscriber connection and decodes nothing.
//
//   RESP3:  SUBSCRIBE confirmed -> GET on the same link -> its reply is the snapshot; pushes before it are older
//   RESP2:  SUBSCRIBE confirmed -> GET on the command link -> snapshot; then PING on the subscriber's: of what came until
//           its pong, all before GET left, and all up to the last message that equals the snapshot, is older

import { type AshRedisError, ReplyError } from '../errors/index.ts';
import type { Platform, TimerHandle } from '../net/index.ts';
import type { RespValue } from '../resp/index.ts';
import { isSamePayload } from './payloads.ts';
import type { SubscriberConnection } from './subscriber-connection.ts';
import type { Gap, MessageSink, MessageSource, SourceHandle, SubscribeWish, SubscriptionStateName } from './types.ts';

export interface LatestSourceInit {
  readonly subscriber: SubscriberConnection;
  readonly platform: Platform;
  /** The key of a channel's newest value, both with the region's prefix. */
  keyOf(channel: string): string;
  /** Resolves when the command connection is there: GET leaves in the turn in which it is asked for. */
  ready(): Promise<void>;
  /** GET over the command connection, as bytes where the wish wants bytes. */
  get(key: string): Promise<string | Uint8Array | null>;
  readonly commandTimeoutMs: number;
}

export class LatestSource implements MessageSource {
  readonly #init: LatestSourceInit;

  constructor(init: LatestSourceInit) {
    this.#init = init;
  }

  subscribe(wish: SubscribeWish): SourceHandle {
    const sink = new LatestSink(this.#init, wish.sink, wish.bytes);
    const handle = this.#init.subscriber.subscribe({ ...wish, sink });
    return {
      cancel: () => {
        sink.stop();
        handle.cancel();
      },
      retry: () => {
        sink.retry();
        handle.retry();
      },
      hold: () => handle.hold(),
      release: () => handle.release(),
    };
  }
}

interface Waiting {
  readonly payload: string | Uint8Array;
  readonly receivedAt: number;
}

interface Snapshot {
  readonly value: string | Uint8Array | undefined;
  /** What came after it. */
  readonly newer: readonly Waiting[];
}

/** One channel's way from snapshot to live. */
interface Phase {
  isLive: boolean;
  /** Messages that came before the snapshot was known, the newest last. */
  waiting: Waiting[];
  /** Which confirmation the current snapshot belongs to: an older one's answer comes too late. */
  round: number;
  /** What was given last. */
  last?: string | Uint8Array;
  /** A loss that is not told yet: nothing newer may be given before its gap. */
  owesGap: boolean;
  /** Known, and kept until the gap is told. */
  snapshot?: Snapshot | undefined;
  /** The snapshot is asked for again when this fires. */
  timer?: TimerHandle | undefined;
}

const RETRY_MS = 1000;
/** A right may be given later. */
const REFUSED_RETRY_MS = 10_000;
/** Older ones may be skipped: where the snapshot's own is among them, all that is left is newer. */
const MAX_WAITING = 1000;

class LatestSink implements MessageSink {
  readonly #init: LatestSourceInit;
  readonly #sink: MessageSink;
  readonly #bytes: boolean;
  readonly #phases = new Map<string, Phase>();
  #stopped = false;

  constructor(init: LatestSourceInit, sink: MessageSink, bytes: boolean) {
    this.#init = init;
    this.#sink = sink;
    this.#bytes = bytes;
  }

  stop(): void {
    this.#stopped = true;
    for (const phase of this.#phases.values()) this.#disarm(phase);
  }

  /** Asks now for the snapshots that were refused. */
  retry(): void {
    for (const [channel, phase] of this.#phases) if (phase.timer) this.#ask(channel, phase);
  }

  // --- the connection's sink -----------------------------------------------------------------------------------------

  onMessage(channel: string, _pattern: string | undefined, payload: string | Uint8Array, receivedAt: number): void {
    const phase = this.#phaseOf(channel);
    if (phase.isLive) return this.#give(channel, phase, payload, receivedAt);
    // RESP3: the newest alone, for the case that there is no snapshot.
    if (this.#isInStep || phase.waiting.length >= MAX_WAITING) phase.waiting.shift();
    phase.waiting.push({ payload, receivedAt });
  }

  onGap(gap: Gap): void {
    this.#sink.onGap(gap);
    for (const channel of gap.channels) {
      const phase = this.#phaseOf(channel);
      phase.owesGap = false;
      this.#goLive(channel, phase);
    }
  }

  onChannelState(channel: string, state: SubscriptionStateName, error: AshRedisError | undefined): void {
    const phase = this.#phaseOf(channel);
    const wasLive = phase.isLive;
    phase.round++;
    phase.isLive = false;
    if (state === 'active') {
      phase.waiting = [];
      // Active is told with the snapshot: until then it may be refused.
      return this.#ask(channel, phase);
    }
    if (wasLive) phase.owesGap = true;
    phase.snapshot = undefined;
    this.#disarm(phase);
    this.#sink.onChannelState(channel, state, error);
  }

  onEnd(error: AshRedisError | undefined): void {
    this.stop();
    this.#sink.onEnd(error);
  }

  // --- snapshots -----------------------------------------------------------------------------------------------------

  get #isInStep(): boolean {
    return this.#init.subscriber.server?.protocol === 3;
  }

  #ask(channel: string, phase: Phase): void {
    this.#disarm(phase);
    const { round } = phase;
    const isCurrent = () => !this.#stopped && phase.round === round;
    const onFailure = (error: unknown) => {
      if (isCurrent()) this.#failed(channel, phase, error);
    };
    const key = this.#init.keyOf(channel);
    if (this.#isInStep) {
      const onReply = (value: RespValue) => {
        // What was pushed before it is older, or the same.
        if (isCurrent()) this.#known(channel, phase, textOrBytes(value), value === null ? phase.waiting : []);
      };
      return this.#send(['GET', key], onReply, onFailure);
    }
    const askNow = async () => {
      await this.#init.ready();
      if (!isCurrent()) return;
      // What came before GET left is older than its answer, also where the answer's own message was lost.
      const before = phase.waiting.at(-1);
      const value = await this.#init.get(key);
      if (!isCurrent()) return;
      const onPong = () => {
        if (!isCurrent()) return;
        const { waiting } = phase;
        const newer =
          value === null ? waiting : newerThan(value, waiting.slice(waiting.indexOf(before as Waiting) + 1));
        this.#known(channel, phase, value ?? undefined, newer);
      };
      this.#send(['PING', 'ashredis:latest'], onPong, onFailure);
    };
    askNow().catch(onFailure);
  }

  #known(channel: string, phase: Phase, value: Snapshot['value'], newer: readonly Waiting[]): void {
    phase.waiting = [];
    phase.snapshot = { value, newer };
    if (!phase.owesGap) this.#goLive(channel, phase);
  }

  #goLive(channel: string, phase: Phase): void {
    if (!phase.snapshot) return;
    const { value, newer } = phase.snapshot;
    // Came while the gap was awaited.
    const later = phase.waiting;
    phase.snapshot = undefined;
    phase.isLive = true;
    phase.waiting = [];
    this.#sink.onChannelState(channel, 'active', undefined);
    // After a reconnect the value that the user has already is no news.
    if (value !== undefined && !isSamePayload(value, phase.last)) {
      this.#give(channel, phase, value, this.#init.platform.wallClock());
    }
    for (const { payload, receivedAt } of [...newer, ...later]) this.#give(channel, phase, payload, receivedAt);
  }

  #failed(channel: string, phase: Phase, error: unknown): void {
    const refused = error instanceof ReplyError;
    if (refused) this.#sink.onChannelState(channel, 'denied', error);
    // Where the subscriber's own link is gone, that is told next, and its next confirmation asks again.
    const delayMs = refused ? REFUSED_RETRY_MS : RETRY_MS;
    phase.timer = this.#init.platform.setTimer(delayMs, () => this.#ask(channel, phase), false);
  }

  #send(args: readonly string[], onReply: (value: RespValue) => void, onFailure: (error: unknown) => void): void {
    const { subscriber, commandTimeoutMs } = this.#init;
    subscriber.ask(args, { asBytes: this.#bytes, onReply, onFailure }, commandTimeoutMs);
  }

  #give(channel: string, phase: Phase, payload: string | Uint8Array, receivedAt: number): void {
    phase.last = payload;
    this.#sink.onMessage(channel, undefined, payload, receivedAt);
  }

  #disarm(phase: Phase): void {
    if (phase.timer) this.#init.platform.clearTimer(phase.timer);
    phase.timer = undefined;
  }

  #phaseOf(channel: string): Phase {
    let phase = this.#phases.get(channel);
    if (!phase) {
      phase = { isLive: false, waiting: [], round: 0, owesGap: false };
      this.#phases.set(channel, phase);
    }
    return phase;
  }
}

function textOrBytes(reply: RespValue): string | Uint8Array | undefined {
  return typeof reply === 'string' || reply instanceof Uint8Array ? reply : undefined;
}

function newerThan(snapshot: string | Uint8Array, waiting: readonly Waiting[]): readonly Waiting[] {
  for (let index = waiting.length - 1; index >= 0; index--) {
    if (isSamePayload((waiting[index] as Waiting).payload, snapshot)) return waiting.slice(index + 1);
  }
  return waiting;
}
