// Holds what the client told its users against what the model server's journal says really happened.
// Used by the simulator. It knows nothing of the library's insides: only promises, messages, gaps and the journal.

import type { Published } from './model-server.ts';

/** One call of `publish()`, as its caller saw it. */
export interface PublishRecord {
  readonly id: string;
  readonly channel: string;
  readonly publisher: string;
  readonly calledAt: number;
  settledAt: number | undefined;
  outcome: 'open' | 'resolved' | 'rejected-safe' | 'rejected-unsafe';
}

/** What one subscriber saw of one channel, in order. */
export type Seen =
  | { readonly type: 'message'; readonly id: string; readonly channel: string; readonly at: number }
  | {
      readonly type: 'gap';
      readonly channels: readonly string[];
      readonly reason: string;
      readonly missed: number | 'unknown';
      readonly at: number;
    };

export interface SubscriberRecord {
  readonly name: string;
  readonly channels: readonly string[];
  readonly seen: Seen[];
  /** Drops by policy are legal holes; they are counted, not told as gaps. */
  dropped: number;
}

export class Checker {
  readonly violations: string[] = [];

  complain(at: number, text: string): void {
    if (this.violations.length < 20) this.violations.push(`at ${at.toFixed(1)} ms: ${text}`);
  }

  /** No call may stay open longer than its limit. */
  checkSettled(records: Iterable<PublishRecord>, now: number, limitMs: number): void {
    for (const record of records) {
      if (record.outcome === 'open') {
        if (now - record.calledAt > limitMs)
          this.complain(now, `publish ${record.id} is open for ${now - record.calledAt} ms`);
      } else if ((record.settledAt ?? now) - record.calledAt > limitMs) {
        this.complain(now, `publish ${record.id} took ${(record.settledAt ?? 0) - record.calledAt} ms to settle`);
      }
    }
  }

  /** Nothing twice, nothing that was said not to be sent, nothing missing that was acknowledged, and in order. */
  checkPublished(
    records: readonly PublishRecord[],
    journal: readonly Published[],
    idOf: (payload: string) => string,
  ): void {
    const times = new Map<string, number>();
    const lastOf = new Map<string, number>();
    const byId = new Map(records.map((record, index) => [record.id, { record, index }]));
    for (const entry of journal) {
      const id = idOf(entry.payload);
      const found = byId.get(id);
      if (found === undefined) continue;
      times.set(id, (times.get(id) ?? 0) + 1);
      const { publisher } = found.record;
      if (found.index < (lastOf.get(publisher) ?? -1)) this.complain(entry.at, `${id} was published after a later one`);
      lastOf.set(publisher, found.index);
    }
    for (const record of records) {
      const count = times.get(record.id) ?? 0;
      if (count > 1) this.complain(record.calledAt, `${record.id} was published ${count} times`);
      if (record.outcome === 'resolved' && count === 0)
        this.complain(record.calledAt, `${record.id} was acknowledged and never published`);
      if (record.outcome === 'rejected-safe' && count > 0)
        this.complain(record.calledAt, `${record.id} was safe to retry, but it was published`);
    }
  }

  /** In order, no duplicate, and every hole is told before the next message. */
  checkDelivered(subscriber: SubscriberRecord, journal: readonly Published[], idOf: (payload: string) => string): void {
    if (subscriber.dropped > 0) return;
    for (const channel of subscriber.channels) {
      const order = new Map<string, number>();
      for (const entry of journal) if (entry.channel === channel) order.set(idOf(entry.payload), order.size);
      let last: number | undefined;
      let told = false;
      for (const seen of subscriber.seen) {
        if (seen.type === 'gap') {
          if (seen.channels.length === 0 || seen.channels.includes(channel)) told = true;
          continue;
        }
        if (seen.channel !== channel) continue;
        const at = order.get(seen.id);
        if (at === undefined) {
          this.complain(seen.at, `${subscriber.name} was given ${seen.id}, which was never published on ${channel}`);
          continue;
        }
        if (last !== undefined && at <= last)
          this.complain(seen.at, `${subscriber.name} was given ${seen.id} twice or late`);
        if (last !== undefined && at > last + 1 && !told) {
          this.complain(
            seen.at,
            `${subscriber.name} missed ${at - last - 1} of ${channel} before ${seen.id} and was not told`,
          );
        }
        last = Math.max(at, last ?? -1);
        told = false;
      }
    }
  }
}
