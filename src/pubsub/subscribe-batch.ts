// Gathers what is asked for in one turn into commands of many channels (measured: 100,000 channels, 45 % of the CPU and a
// quarter of the memory). Used by the subscriber connection and by the link replacement. What was refused or not
// answered before must never go with others.
//
// NOPERM fails a whole command and names no channel: then each channel is asked for by itself, so that one refusal harms
// nobody else. Shard channels go alone: a command of theirs must stay in one slot of a cluster.

import { type AshRedisError, ReplyError } from '../errors/index.ts';
import type { ConnectionPort, Platform } from '../net/index.ts';
import { estimateOf, SubscribeCommand, type SubscribeOwner } from './subscribe-command.ts';
import type { Verb } from './subscription-table.ts';
import type { ChannelKind } from './types.ts';

export interface BatchOwner {
  readonly port: Pick<ConnectionPort, 'send'>;
  readonly platform: Pick<Platform, 'defer'>;
  /** Monotonic ms, for the commands that are sent now. */
  deadline(): number;
  /** Tells links apart: an answer that comes over another one is void. */
  epoch(): number;
  onConfirmed(verb: Verb, kind: ChannelKind, channel: string, count: number): void;
  /** A refusal of this channel alone, or no answer. */
  onFailed(verb: Verb, kind: ChannelKind, channel: string, error: AshRedisError): void;
}

/** Small enough to be joined with others into one write. */
const MAX_BYTES = 12 * 1024;
const MAX_COUNT = 512;

export class SubscribeBatch implements SubscribeOwner {
  readonly #owner: BatchOwner;
  #verb: Verb = 'subscribe';
  #kind: ChannelKind = 'channel';
  #channels: string[] = [];
  #bytes = 0;
  #scheduled = false;

  constructor(owner: BatchOwner) {
    this.#owner = owner;
  }

  /** `alone`: it was refused before, or not answered. */
  add(verb: Verb, kind: ChannelKind, channel: string, alone: boolean): void {
    if (alone || kind === 'shard') return this.#send(verb, kind, [channel]);
    const bytes = estimateOf(channel);
    const isFull = this.#channels.length === MAX_COUNT || this.#bytes + bytes > MAX_BYTES;
    if (isFull || verb !== this.#verb || kind !== this.#kind) this.flush();
    this.#verb = verb;
    this.#kind = kind;
    this.#channels.push(channel);
    this.#bytes += bytes;
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#owner.platform.defer(() => {
      this.#scheduled = false;
      this.flush();
    });
  }

  flush(): void {
    if (this.#channels.length === 0) return;
    const channels = this.#channels;
    this.drop();
    this.#send(this.#verb, this.#kind, channels);
  }

  /** What is not sent yet is not wanted any more. */
  drop(): void {
    this.#channels = [];
    this.#bytes = 0;
  }

  onConfirmed({ verb, channelKind, epoch }: SubscribeCommand, channel: string, count: number): void {
    if (epoch === this.#owner.epoch()) this.#owner.onConfirmed(verb, channelKind, channel, count);
  }

  onFailed({ verb, channelKind, epoch }: SubscribeCommand, channels: readonly string[], error: AshRedisError): void {
    if (epoch !== this.#owner.epoch()) return;
    if (channels.length > 1 && error instanceof ReplyError) {
      for (const channel of channels) this.#send(verb, channelKind, [channel]);
    } else for (const channel of channels) this.#owner.onFailed(verb, channelKind, channel, error);
  }

  #send(verb: Verb, kind: ChannelKind, channels: readonly string[]): void {
    const owner = this.#owner;
    owner.port.send(new SubscribeCommand(this, verb, kind, channels, owner.deadline(), owner.epoch()));
  }
}
