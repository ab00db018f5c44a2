// One SUBSCRIBE or UNSUBSCRIBE of some channels, as the net room carries it: each channel has a confirmation of its own,
// a refusal is one for all of them and names none. Made by the subscribe batch; it decides nothing about what follows.

import type { AshRedisError } from '../errors/index.ts';
import { type Command, commandFrame, type Frame } from '../net/index.ts';
import type { RespValue } from '../resp/index.ts';
import type { Verb } from './subscription-table.ts';
import type { ChannelKind } from './types.ts';

export interface SubscribeOwner {
  /** The next of its channels is confirmed. */
  onConfirmed(command: SubscribeCommand, channel: string, count: number): void;
  /** Refused, late, or the link went: for all of its channels that were not confirmed. */
  onFailed(command: SubscribeCommand, channels: readonly string[], error: AshRedisError): void;
}

/** The word on the wire, in lower case, as confirmations say it: `psubscribe`. */
export function wordOf(verb: Verb, kind: ChannelKind): string {
  return kind === 'channel' ? verb : kind.charAt(0) + verb;
}

/** What a confirmation says: how many are held now. */
export function countOf(confirmation: RespValue): number {
  return Array.isArray(confirmation) ? Number(confirmation[2]) : NaN;
}

/** What `channel` adds to the estimate of a command's bytes. */
export function estimateOf(channel: string): number {
  return channel.length + 12;
}

export class SubscribeCommand implements Command {
  readonly verb: Verb;
  readonly channelKind: ChannelKind;
  #channels: readonly string[];
  readonly name: string;
  /** Made when it is handed over and gone with it: text that lives until its replies costs the collector. */
  frame: Frame | undefined;
  readonly byteEstimate: number;
  readonly replyCount: number;
  readonly replyTypes = 8;
  readonly deadline: number;
  /** Of {@link confirms}. */
  readonly kind: string;
  place = 0;
  /** Of the link that it was made for, in the words of its owner. */
  readonly epoch: number;
  readonly #owner: SubscribeOwner;
  /** Confirmations that have come. */
  #confirmedCount = 0;

  constructor(
    owner: SubscribeOwner,
    verb: Verb,
    kind: ChannelKind,
    channels: readonly string[],
    deadline: number,
    epoch: number,
  ) {
    this.verb = verb;
    this.channelKind = kind;
    this.#channels = channels;
    this.kind = wordOf(verb, kind);
    this.name = this.kind.toUpperCase();
    this.byteEstimate = channels.reduce((sum, channel) => sum + estimateOf(channel), 24);
    this.replyCount = channels.length;
    this.deadline = deadline;
    this.epoch = epoch;
    this.#owner = owner;
  }

  get confirms(): this {
    return this;
  }

  /** Of {@link confirms}: the channel whose confirmation comes next. */
  get channel(): string {
    return this.#channels[this.#confirmedCount] as string;
  }

  /** Of {@link confirms}: it has come. */
  next(): void {
    this.#confirmedCount++;
  }

  encode(): Frame {
    return commandFrame([this.name, ...this.#channels]);
  }

  onReply(value: RespValue): void {
    const channel = this.#channels[this.#confirmedCount - 1] as string;
    // It may be kept until its time limit passes, and the names need not be.
    if (this.#confirmedCount === this.#channels.length) this.#channels = [];
    this.#owner.onConfirmed(this, channel, countOf(value));
  }

  onFailure(error: unknown): void {
    this.#owner.onFailed(this, this.#channels.slice(this.#confirmedCount), error as AshRedisError);
  }
}
