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

const PREFIX: Readonly<Record<ChannelKind, string>> = { channel: '', pattern: 'p', shard: 's' };

/** The word on the wire, in lower case: `psubscribe`. */
export function wordOf(verb: Verb, kind: ChannelKind): string {
  return PREFIX[kind] + verb;
}

export class SubscribeCommand implements Command {
  readonly name: string;
  frame: Frame | undefined;
  readonly replyCount = 1;
  readonly replyTypes = 8;
  readonly asBytes = false;
  readonly deadline: number;
  readonly retry = false;
  readonly failWhenDisconnected = false;
  readonly confirms: { readonly kind: string; readonly channel: string };
  place = 0;
  readonly generation: number;
  readonly #owner: SubscribeOwner;
  readonly #verb: Verb;
  readonly #entry: Entry;

  constructor(owner: SubscribeOwner, verb: Verb, entry: Entry, deadline: number, generation: number) {
    const kind = wordOf(verb, entry.kind);
    this.name = kind.toUpperCase();
    this.frame = commandFrame([this.name, entry.channel]);
    this.deadline = deadline;
    this.confirms = { kind, channel: entry.channel };
    this.generation = generation;
    this.#owner = owner;
    this.#verb = verb;
    this.#entry = entry;
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
