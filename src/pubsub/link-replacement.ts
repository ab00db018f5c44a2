// Brings a second link up beside a subscribed one, and finds where the one ends and the other goes on.
// Used where credentials expire on a RESP2 link: AUTH can't be said while subscribed. Used by the subscriber connection.
//
//   new: connect -> SUBSCRIBE all ------- ready ----------------- PING -> pong: has all that the old one gave, and more
//   old: ---- messages, noted --- messages, noted -> PING -> pong, paused: gave all that the new one can't have -> closed
//
// Both links carry the same messages in the same order, so that the end of what the old one gave is the beginning of
// what the new one brought: what lies behind that is newer.

import { type AshRedisError, LinkLostError, ReplyError } from '../errors/index.ts';
import type { ConnectionHandler, ConnectionPort, Platform } from '../net/index.ts';
import type { RespMessage } from '../resp/index.ts';
import { byKind, KINDS, kindOf, type NewlyHeld } from './by-kind.ts';
import { inStepCommand } from './in-step-command.ts';
import { isSamePayload } from './payloads.ts';
import { SubscribeBatch } from './subscribe-batch.ts';
import type { ChannelKind } from './types.ts';

export interface ReplacementInit {
  /** Makes the new connection. Who takes it over changes what `handler` does. */
  make(handler: ConnectionHandler): ConnectionPort;
  /** What the old link holds. */
  held(kind: ChannelKind): string[];
  readonly platform: Platform;
  readonly old: ConnectionPort;
  /** The new link has taken over. `newer` is what the old one did not bring. */
  onDone(port: ConnectionPort, handler: ConnectionHandler, held: NewlyHeld, newer: RespMessage[]): void;
  onFailed(error: AshRedisError): void;
  /** Monotonic ms by which the pong must be here. */
  deadline(): number;
}

/** Messages that are noted on both links; beyond it a plain reconnect costs less. */
const MAX_NOTED_SIZE = 16 * 1024 * 1024;

export class LinkReplacement {
  readonly #init: ReplacementInit;
  readonly #port: ConnectionPort;
  readonly #batch: SubscribeBatch;
  readonly #held: NewlyHeld = byKind(() => new Map());
  readonly #handler: ConnectionHandler = {
    onMessage: (message) => this.#note(this.#brought, message),
    onRestore: (done) => this.#restore(done),
    onUnsolicitedConfirmation: (word, channel) => this.noteBreak(kindOf(word), channel),
    onState: ({ to, cause }) => {
      if (to === 'ready') this.#fence();
      else if (to !== 'connecting') this.#fail(cause ?? cannotReplace('it was closed'));
    },
  };
  readonly #given: RespMessage[] = [];
  readonly #brought: RespMessage[] = [];
  #notedSize = 0;
  #left = 0;
  #done: (() => void) | undefined;
  #ended = false;
  /** The old link has given all, and is read no more, whoever asks for it. */
  hasAll = false;

  constructor(init: ReplacementInit) {
    this.#init = init;
    this.#port = init.make(this.#handler);
    this.#batch = new SubscribeBatch({
      port: this.#port,
      platform: init.platform,
      deadline: () => Infinity,
      epoch: () => 0,
      onConfirmed: (_verb, kind, channel) => {
        this.#held[kind].set(channel, !this.#held[kind].has(channel));
        this.#answered();
      },
      onFailed: (_verb, _kind, _channel, error) => {
        // What is denied now is not held any more.
        if (error instanceof ReplyError) this.#answered();
        else this.#fail(error);
      },
    });
    this.#port.connect().catch((error: AshRedisError) => this.#fail(error));
  }

  /** The old link is gone, or its owner closes: the new one is not needed. */
  abandon(): void {
    this.#ended = true;
    void this.#port.close({ timeoutMs: 0 });
  }

  /** A message that the old link gave to its sinks. */
  noteGiven(message: RespMessage): void {
    // Before anything is asked of the new link, it can't have it.
    if (this.#done) this.#note(this.#given, message);
  }

  /** One of the links has it anew, or no more. */
  noteBreak(kind: ChannelKind, channel: string | null): void {
    if (this.#done && channel !== null) this.#held[kind].set(channel, false);
  }

  #restore(done: () => void): void {
    this.#done = done;
    // One for ourselves, so that it can't end before all is asked.
    this.#left = 1;
    for (const kind of KINDS) {
      for (const channel of this.#init.held(kind)) {
        this.#left++;
        this.#batch.add('subscribe', kind, channel, false);
      }
    }
    this.#answered();
  }

  #fence(): void {
    const { old, onDone } = this.#init;
    // The old one may be held, for as long as its users want, and the new one waits for it: what the old one has not
    // given yet may be older than all that the new one brings.
    this.#port.pauseReading();
    this.#ping(old, Infinity, () => {
      this.hasAll = true;
      old.pauseReading();
      this.#port.resumeReading();
      this.#ping(this.#port, this.#init.deadline(), () => {
        this.#ended = true;
        onDone(this.#port, this.#handler, this.#held, newerMessages(this.#given, this.#brought));
      });
    });
  }

  #ping(port: ConnectionPort, deadline: number, then: () => void): void {
    const onReply = () => {
      if (!this.#ended) then();
    };
    const onFailure = (error: unknown) => this.#fail(error as AshRedisError);
    if (!this.#ended) port.send(inStepCommand(['PING', 'ashredis:fence'], { deadline, onReply, onFailure }));
  }

  #note(list: RespMessage[], message: RespMessage): void {
    if (this.#ended) return;
    list.push(message);
    this.#notedSize += message.payload.length + 64;
    if (this.#notedSize > MAX_NOTED_SIZE) this.#fail(cannotReplace('too many messages'));
  }

  #answered(): void {
    if (--this.#left === 0) this.#done?.();
  }

  #fail(error: AshRedisError): void {
    if (this.#ended) return;
    this.abandon();
    this.#init.onFailed(error);
  }
}

function cannotReplace(why: string): LinkLostError {
  return new LinkLostError(`Cannot replace the link: ${why}`);
}

/** Of `brought` what does not repeat the end of `given`, for each channel by itself, in the order in which it came. */
export function newerMessages(given: readonly RespMessage[], brought: readonly RespMessage[]): RespMessage[] {
  const before = byChannel(given);
  const repeated = new Map<string, number>();
  for (const [channel, messages] of byChannel(brought)) {
    repeated.set(channel, overlap(before.get(channel) ?? [], messages));
  }
  return brought.filter((message) => {
    const channel = keyOf(message);
    const left = repeated.get(channel) ?? 0;
    if (left > 0) repeated.set(channel, left - 1);
    return left === 0;
  });
}

/**
 * The largest number of messages that `given` ends and `brought` begins with, as Knuth, Morris and Pratt find it: a
 * channel that says the same a hundred thousand times must not be compared with itself at every place.
 */
function overlap(given: readonly RespMessage[], brought: readonly RespMessage[]): number {
  // Of the first n of `brought`: the largest lower number of messages with which they both begin and end.
  const shorter = [0];
  /** So many of `brought` stood at the end before `message` came; how many do now. */
  const grow = (count: number, { payload }: RespMessage): number => {
    while (count > 0 && !isSamePayload(payload, brought[count]?.payload)) count = shorter[count - 1] as number;
    return isSamePayload(payload, brought[count]?.payload) ? count + 1 : count;
  };
  for (let index = 1; index < brought.length; index++) {
    shorter.push(grow(shorter[index - 1] as number, brought[index] as RespMessage));
  }
  return given.reduce(grow, 0);
}

function byChannel(messages: readonly RespMessage[]): Map<string, RespMessage[]> {
  const lists = new Map<string, RespMessage[]>();
  for (const message of messages) {
    const key = keyOf(message);
    const list = lists.get(key) ?? [];
    list.push(message);
    lists.set(key, list);
  }
  return lists;
}

function keyOf({ shard, pattern, channel }: RespMessage): string {
  return `${shard ? 's' : 'c'}\u0000${pattern ?? ''}\u0000${channel}`;
}
