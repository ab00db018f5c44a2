// Newest values where there is no publish/subscribe: GET at an interval, and only what changed is given.
// Made by the subscriber class for `delivery: 'latest'` on a line server. One GET of a channel at a time.

import { AshRedisError, ConnectionError, LinkLostError, ReplyError } from '../errors/index.ts';
import { asError, type Platform, type TimerHandle } from '../net/index.ts';
import type { MessageSink, MessageSource, SourceHandle, SubscribeWish } from './types.ts';

export interface PollingSourceInit {
  readonly platform: Platform;
  readonly intervalMs: number;
  /** The value that a channel holds now, or null. */
  get(channel: string): Promise<string | null>;
  /** Links lost so far on the way to a channel's value. */
  lostCount(channel: string): number;
}

/** One channel of one wish. */
interface Poll {
  held: boolean;
  stop(): void;
  /** Asks now. */
  retry(): void;
}

export class PollingSource implements MessageSource {
  readonly #init: PollingSourceInit;

  constructor(init: PollingSourceInit) {
    this.#init = init;
  }

  subscribe({ channels, sink }: SubscribeWish): SourceHandle {
    const polls = channels.map((channel) => startPoll(this.#init, channel, sink));
    const all = (act: (poll: Poll) => void) => () => polls.forEach(act);
    return {
      cancel: all((poll) => poll.stop()),
      retry: all((poll) => poll.retry()),
      hold: all((poll) => {
        poll.held = true;
      }),
      release: all((poll) => {
        poll.held = false;
      }),
    };
  }
}

function startPoll(
  { platform, intervalMs, get, lostCount }: PollingSourceInit,
  channel: string,
  sink: MessageSink,
): Poll {
  let timer: TimerHandle | undefined;
  let stopped = false;
  let last: string | null = null;
  let answered = false;
  /** Epoch ms of the last answer. */
  let lastAt = 0;
  let failure: Error | undefined;
  /** Links that were lost before it. */
  let lost = 0;

  const wait = (delayMs: number) => {
    timer = platform.setTimer(delayMs, ask, true);
  };
  const ask = () => {
    timer = undefined;
    if (poll.held) return wait(intervalMs);
    get(channel).then(
      (value) => {
        if (!stopped) onAnswer(value);
      },
      (error: unknown) => {
        if (!stopped) onFailure(asError(error));
      },
    );
  };
  const onAnswer = (value: string | null) => {
    const now = platform.wallClock();
    const lostBefore = lost;
    lost = lostCount(channel);
    // Also a link that was lost, and made again, between two polls.
    if (answered && (failure || lost > lostBefore)) {
      const cause = failure ?? new LinkLostError('Lost the link between two polls');
      sink.onGap({ channels: [channel], from: lastAt, to: now, cause, reason: 'link-lost', missed: 'unknown' });
    }
    if (failure || !answered) sink.onChannelState(channel, 'active', undefined);
    failure = undefined;
    answered = true;
    lastAt = now;
    if (value !== null && value !== last) {
      last = value;
      sink.onMessage(channel, undefined, value, now);
    }
    wait(intervalMs);
  };
  const onFailure = (error: Error) => {
    const known = error instanceof AshRedisError ? error : undefined;
    const refused = error instanceof ReplyError;
    // Before the first answer nobody was promised anything; and the connection has given up, or was closed.
    const isOver = error instanceof ConnectionError && !(error instanceof LinkLostError);
    if (isOver || !(answered || refused)) {
      stopped = true;
      return sink.onEnd(known);
    }
    failure = error;
    sink.onChannelState(channel, refused ? 'denied' : 'pending', known);
    wait(intervalMs);
  };

  const poll: Poll = {
    held: false,
    stop() {
      stopped = true;
      if (timer) platform.clearTimer(timer);
    },
    retry() {
      if (!timer) return;
      platform.clearTimer(timer);
      wait(0);
    },
  };
  // Without a timer: a test may have stopped the clock.
  platform.defer(() => {
    if (!stopped) ask();
  });
  return poll;
}
