// Newest values where there is no publish/subscribe: GET at an interval, and only what changed is given.
// Made by the subscriber class for `delivery: 'latest'` on a line server. One GET of a channel at a time.

import { AshRedisError, ConnectError, HandshakeError, ReplyError } from '../errors/index.ts';
import type { Platform, TimerHandle } from '../net/index.ts';
import type { MessageSource, SourceHandle, SubscribeWish } from './types.ts';

export interface PollingSourceInit {
  readonly platform: Platform;
  readonly intervalMs: number;
  /** The value that a channel holds now, or null. */
  get(channel: string): Promise<string | null>;
  /** Resolves when the server answers. */
  connect(): Promise<void>;
}

export class PollingSource implements MessageSource {
  readonly #init: PollingSourceInit;
  readonly #polls = new Set<Poll>();

  constructor(init: PollingSourceInit) {
    this.#init = init;
  }

  subscribe(wish: SubscribeWish): SourceHandle {
    const polls = wish.channels.map((channel) => new Poll(this.#init, wish, channel));
    for (const poll of polls) {
      this.#polls.add(poll);
      poll.start();
    }
    return {
      cancel: () => {
        for (const poll of polls) {
          poll.stop();
          this.#polls.delete(poll);
        }
      },
      retry: () => {
        for (const poll of polls) poll.retry();
      },
      hold: () => {
        for (const poll of polls) poll.held = true;
      },
      release: () => {
        for (const poll of polls) poll.held = false;
      },
    };
  }

  connect(): Promise<void> {
    return this.#init.connect();
  }

  async close(): Promise<void> {
    for (const poll of this.#polls) poll.end();
    this.#polls.clear();
  }
}

/** One channel of one wish. */
class Poll {
  readonly #init: PollingSourceInit;
  readonly #wish: SubscribeWish;
  readonly #channel: string;
  #timer: TimerHandle | undefined;
  #stopped = false;
  #asking = false;
  #last: string | undefined;
  /** Epoch ms of the first and the last answer; 0 before. */
  #firstAt = 0;
  #lastAt = 0;
  #failure: Error | undefined;
  held = false;

  constructor(init: PollingSourceInit, wish: SubscribeWish, channel: string) {
    this.#init = init;
    this.#wish = wish;
    this.#channel = channel;
  }

  start(): void {
    this.#wait(0);
  }

  stop(): void {
    this.#stopped = true;
    if (this.#timer !== undefined) this.#init.platform.clearTimer(this.#timer);
  }

  end(): void {
    this.stop();
    this.#wish.sink.onEnd(undefined);
  }

  retry(): void {
    if (this.#timer === undefined) return;
    this.#init.platform.clearTimer(this.#timer);
    this.#wait(0);
  }

  #wait(delayMs: number): void {
    this.#timer = this.#init.platform.setTimer(delayMs, () => this.#ask(), true);
  }

  #ask(): void {
    this.#timer = undefined;
    if (this.#stopped || this.#asking) return;
    if (this.held) return this.#wait(this.#init.intervalMs);
    this.#asking = true;
    this.#init.get(this.#channel).then(
      (value) => this.#answered(value),
      (error: unknown) => this.#failed(error),
    );
  }

  #answered(value: string | null): void {
    this.#asking = false;
    if (this.#stopped) return;
    const { sink } = this.#wish;
    const now = this.#init.platform.wallClock();
    if (this.#firstAt === 0) this.#firstAt = now;
    if (this.#failure !== undefined && this.#lastAt > 0) {
      sink.onGap({
        channels: [this.#channel],
        from: this.#lastAt,
        to: now,
        cause: this.#failure,
        reason: 'link-lost',
        missed: 'unknown',
      });
    }
    if (this.#failure !== undefined || this.#lastAt === 0) sink.onChannelState(this.#channel, 'active', undefined);
    this.#failure = undefined;
    this.#lastAt = now;
    if (value !== null && value !== this.#last) {
      this.#last = value;
      sink.onMessage(this.#channel, undefined, value, now);
    }
    this.#wait(this.#init.intervalMs);
  }

  #failed(error: unknown): void {
    this.#asking = false;
    if (this.#stopped) return;
    const failure = error instanceof Error ? error : new Error(String(error));
    const { sink } = this.#wish;
    const known = failure instanceof AshRedisError ? failure : undefined;
    // Before the first answer nobody was promised anything, and these two say that the connection has given up.
    const over = this.#firstAt === 0 || failure instanceof ConnectError || failure instanceof HandshakeError;
    if (over && !(failure instanceof ReplyError)) {
      this.#stopped = true;
      return sink.onEnd(known);
    }
    this.#failure = failure;
    sink.onChannelState(this.#channel, failure instanceof ReplyError ? 'denied' : 'pending', known);
    this.#wait(this.#init.intervalMs);
  }
}
