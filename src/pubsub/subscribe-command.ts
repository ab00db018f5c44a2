// One SUBSCRIBE or UNSUBSCRIBE of one channel, as the net room carries it. One channel is one command, so that one
// refusal harms nobody else: NOPERM fails a whole command and names no channel.
// Made by the subscriber connection, once an ask; it must be light, since there may be 100,000 of them in one burst.

import { type AshRedisError, ReplyError } from '../errors/index.ts';
import { type Command, commandFrame, type Frame } from '../net/index.ts';
import type { RespValue } from '../resp/index.ts';
import type { Entry } from './subscription-table.ts';
import type { ChannelKind } from './types.ts';

export type Verb = 'subscribe' | 'unsubscribe';

export interface SubscribeOwner {
  onConfirmed(verb: Verb, entry: Entry, count: number, command: SubscribeCommand): void;
  onRefused(verb: Verb, entry: Entry, error: AshRedisError, command: SubscribeCommand): void;
  /** No answer: late, or the link went. */
  onUnanswered(verb: Verb, entry: Entry, error: AshRedisError, command: SubscribeCommand): void;
}

interface Word {
  /** On the wire, in lower case, as confirmations say it. */
  readonly kind: string;
  readonly name: string;
}

const WORDS: Readonly<Record<Verb, Readonly<Record<ChannelKind, Word>>>> = {
  subscribe: {
    channel: { kind: 'subscribe', name: 'SUBSCRIBE' },
    pattern: { kind: 'psubscribe', name: 'PSUBSCRIBE' },
    shard: { kind: 'ssubscribe', name: 'SSUBSCRIBE' },
  },
  unsubscribe: {
    channel: { kind: 'unsubscribe', name: 'UNSUBSCRIBE' },
    pattern: { kind: 'punsubscribe', name: 'PUNSUBSCRIBE' },
    shard: { kind: 'sunsubscribe', name: 'SUNSUBSCRIBE' },
  },
};

/** The word on the wire, in lower case: `psubscribe`. */
export function wordOf(verb: Verb, kind: ChannelKind): string {
  return WORDS[verb][kind].kind;
}

export class SubscribeCommand implements Command {
  readonly name: string;
  frame: Frame | undefined;
  readonly byteEstimate: number;
  readonly replyCount = 1;
  readonly replyTypes = 8;
  readonly asBytes = false;
  readonly deadline: number;
  readonly retry = false;
  readonly failWhenDisconnected = false;
  /** Of {@link confirms}: an object of its own for each would be a third of what a burst allocates (measured). */
  readonly kind: string;
  readonly channel: string;
  place = 0;
  readonly generation: number;
  readonly #owner: SubscribeOwner;
  readonly #verb: Verb;
  readonly #entry: Entry;

  constructor(owner: SubscribeOwner, verb: Verb, entry: Entry, deadline: number, generation: number) {
    const word = WORDS[verb][entry.kind];
    this.name = word.name;
    this.kind = word.kind;
    this.channel = entry.channel;
    this.frame = undefined;
    this.byteEstimate = entry.channel.length + 36;
    this.deadline = deadline;
    this.generation = generation;
    this.#owner = owner;
    this.#verb = verb;
    this.#entry = entry;
  }

  get confirms(): { readonly kind: string; readonly channel: string } {
    return this;
  }

  /** Made when it is handed over and gone with it: 100,000 that live until their replies cost a second of collection. */
  encode(): Frame {
    return commandFrame([this.name, this.channel]);
  }

  onReply(value: RespValue): void {
    const count = Array.isArray(value) ? Number(value[2]) : 0;
    this.#owner.onConfirmed(this.#verb, this.#entry, count, this);
  }

  onFailure(error: unknown): void {
    if (error instanceof ReplyError) this.#owner.onRefused(this.#verb, this.#entry, error, this);
    else this.#owner.onUnanswered(this.#verb, this.#entry, error as AshRedisError, this);
  }
}
