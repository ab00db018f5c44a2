// Who is subscribed to what, and the delivery of a published message.
// Called by the pub/sub commands and by the line dialect. A message is encoded once a protocol, whatever the number
// of subscribers; each of them only appends the same byte string. It must never write to a socket itself.

import { Glob } from './glob.ts';

/** What the hub needs of a connection. */
export interface Subscriber {
  readonly protocol: 2 | 3;
  /** Takes an encoded message; false when a fault or a closed connection swallowed it. */
  deliver(frame: string): void;
}

export type SubscriptionKind = 'channel' | 'pattern' | 'shard';

interface PatternEntry<S> {
  readonly glob: Glob;
  readonly subscribers: Set<S>;
}

export class PubSubHub<S extends Subscriber> {
  readonly #channels = new Map<string, Set<S>>();
  readonly #shards = new Map<string, Set<S>>();
  readonly #patterns = new Map<string, PatternEntry<S>>();

  add(kind: SubscriptionKind, name: string, subscriber: S): void {
    if (kind === 'pattern') {
      const entry = this.#patterns.get(name);
      if (entry === undefined) this.#patterns.set(name, { glob: new Glob(name), subscribers: new Set([subscriber]) });
      else entry.subscribers.add(subscriber);
      return;
    }
    const table = kind === 'channel' ? this.#channels : this.#shards;
    const subscribers = table.get(name);
    if (subscribers === undefined) table.set(name, new Set([subscriber]));
    else subscribers.add(subscriber);
  }

  remove(kind: SubscriptionKind, name: string, subscriber: S): void {
    const table = kind === 'channel' ? this.#channels : kind === 'shard' ? this.#shards : this.#patterns;
    const found = table.get(name);
    if (found === undefined) return;
    const subscribers = found instanceof Set ? found : found.subscribers;
    subscribers.delete(subscriber);
    if (subscribers.size === 0) table.delete(name);
  }

  /** Delivers to the channel's subscribers, then to the patterns that match. Returns the number of deliveries. */
  publish(channel: string, payload: string): number {
    let count = 0;
    const direct = this.#channels.get(channel);
    if (direct !== undefined) count += deliverAll(direct, `${bulk('message')}${bulk(channel)}${bulk(payload)}`, 3);
    for (const { glob, subscribers } of this.#patterns.values()) {
      if (!matches(glob, channel)) continue;
      const body = `${bulk('pmessage')}${bulk(glob.pattern)}${bulk(channel)}${bulk(payload)}`;
      count += deliverAll(subscribers, body, 4);
    }
    return count;
  }

  publishShard(channel: string, payload: string): number {
    const subscribers = this.#shards.get(channel);
    if (subscribers === undefined) return 0;
    return deliverAll(subscribers, `${bulk('smessage')}${bulk(channel)}${bulk(payload)}`, 3);
  }

  get channelCount(): number {
    return this.#channels.size;
  }

  get patternCount(): number {
    return this.#patterns.size;
  }

  subscriberCount(kind: 'channel' | 'shard', name: string): number {
    return (kind === 'channel' ? this.#channels : this.#shards).get(name)?.size ?? 0;
  }

  names(kind: 'channel' | 'shard', pattern: string | undefined): string[] {
    const table = kind === 'channel' ? this.#channels : this.#shards;
    if (pattern === undefined) return [...table.keys()];
    const glob = new Glob(pattern);
    return [...table.keys()].filter((name) => matches(glob, name));
  }
}

/** As in Redis, only the empty pattern is one of the channel without a name. */
function matches(glob: Glob, channel: string): boolean {
  return channel === '' ? glob.pattern === '' : glob.matches(channel);
}

function bulk(bytes: string): string {
  return `$${bytes.length}\r\n${bytes}\r\n`;
}

function deliverAll(subscribers: Set<Subscriber>, body: string, count: number): number {
  const resp2 = `*${count}\r\n${body}`;
  const resp3 = `>${count}\r\n${body}`;
  for (const subscriber of subscribers) subscriber.deliver(subscriber.protocol === 3 ? resp3 : resp2);
  return subscribers.size;
}
