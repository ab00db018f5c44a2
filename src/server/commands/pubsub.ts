// Publish/subscribe commands. Called through the command table. Delivery itself is the hub's.

import { type Command, commandsOf, NO_KEYS, subcommandSyntax } from '../command.ts';
import type { SubscriptionKind } from '../pubsub-hub.ts';
import type { Session } from '../session.ts';
import { globArgument } from './keys.ts';

const WORDS: Record<SubscriptionKind, { subscribe: string; unsubscribe: string }> = {
  channel: { subscribe: 'subscribe', unsubscribe: 'unsubscribe' },
  pattern: { subscribe: 'psubscribe', unsubscribe: 'punsubscribe' },
  shard: { subscribe: 'ssubscribe', unsubscribe: 'sunsubscribe' },
};

/** A pattern is kept compiled too, in up to that many times its length. */
function weightOf(kind: SubscriptionKind): number {
  return kind === 'pattern' ? 20 : 1;
}

function namesOf(session: Session, kind: SubscriptionKind): Set<string> {
  return kind === 'channel' ? session.channels : kind === 'pattern' ? session.patterns : session.shards;
}

/** The number in a confirmation: shard channels are counted apart. */
function countFor(session: Session, kind: SubscriptionKind): number {
  return kind === 'shard' ? session.shards.size : session.channels.size + session.patterns.size;
}

function confirm(session: Session, word: string, name: string | undefined, count: number) {
  const before = session.out.length;
  session.push(3);
  session.bulk(word);
  session.bulkOrNull(name);
  session.integer(count);
  if (session.kept !== undefined) session.kept += session.out.slice(before);
}

function subscribe(kind: SubscriptionKind) {
  return (session: Session, args: string[]) => {
    const names = namesOf(session, kind);
    for (let i = 1; i < args.length; i++) {
      const name = args[i] as string;
      if (!names.has(name)) {
        if (kind === 'pattern' && globArgument(session, name) === undefined) continue;
        names.add(name);
        session.hold(name, weightOf(kind));
        session.server.hub.add(kind, name, session);
      }
      confirm(session, WORDS[kind].subscribe, name, countFor(session, kind));
    }
  };
}

function unsubscribe(kind: SubscriptionKind) {
  return (session: Session, args: string[]) => {
    const names = namesOf(session, kind);
    const word = WORDS[kind].unsubscribe;
    const wanted = args.length > 1 ? args.slice(1) : [...names];
    if (wanted.length === 0) return confirm(session, word, undefined, countFor(session, kind));
    for (const name of wanted) {
      if (names.delete(name)) {
        session.release(name, weightOf(kind));
        session.server.hub.remove(kind, name, session);
      }
      confirm(session, word, name, countFor(session, kind));
    }
  };
}

/** Takes every subscription back without a word: for RESET and for a closed connection. */
export function unsubscribeAll(session: Session) {
  for (const kind of ['channel', 'pattern', 'shard'] as const) {
    const names = namesOf(session, kind);
    for (const name of names) {
      session.release(name, weightOf(kind));
      session.server.hub.remove(kind, name, session);
    }
    names.clear();
  }
}

function publish(session: Session, args: string[]) {
  session.integer(session.server.hub.publish(args[1] as string, args[2] as string));
}

function publishShard(session: Session, args: string[]) {
  session.integer(session.server.hub.publishShard(args[1] as string, args[2] as string));
}

function list(session: Session, names: readonly string[]) {
  session.array(names.length);
  for (const name of names) session.bulk(name);
}

function pubsub(session: Session, args: string[]) {
  const hub = session.server.hub;
  const word = (args[1] as string).toLowerCase();
  switch (word) {
    case 'channels':
    case 'shardchannels': {
      if (args.length > 3) return session.error(subcommandSyntax(args));
      if (args[2] !== undefined && globArgument(session, args[2]) === undefined) return;
      return list(session, hub.names(word === 'channels' ? 'channel' : 'shard', args[2]));
    }
    case 'numsub':
    case 'shardnumsub': {
      const kind = word === 'numsub' ? 'channel' : 'shard';
      session.array((args.length - 2) * 2);
      for (const name of args.slice(2)) {
        session.bulk(name);
        session.integer(hub.subscriberCount(kind, name));
      }
      return;
    }
    case 'numpat':
      return session.integer(hub.patternCount);
  }
}

const SUBCOMMANDS = { channels: -2, shardchannels: -2, numsub: -2, shardnumsub: -2, numpat: 2 };
const SUBSCRIBER = ['pubsub', 'subscriber'] as const;

export const PUBSUB_COMMANDS: readonly Command[] = commandsOf('pubsub', [
  ['subscribe', -2, SUBSCRIBER, NO_KEYS, subscribe('channel')],
  ['psubscribe', -2, SUBSCRIBER, NO_KEYS, subscribe('pattern')],
  ['ssubscribe', -2, SUBSCRIBER, [1, -1, 1], subscribe('shard')],
  ['unsubscribe', -1, SUBSCRIBER, NO_KEYS, unsubscribe('channel')],
  ['punsubscribe', -1, SUBSCRIBER, NO_KEYS, unsubscribe('pattern')],
  ['sunsubscribe', -1, SUBSCRIBER, [1, -1, 1], unsubscribe('shard')],
  ['publish', 3, ['pubsub', 'fast'], NO_KEYS, publish],
  ['spublish', 3, ['pubsub', 'fast'], [1, 1, 1], publishShard],
  ['pubsub', -2, ['pubsub'], NO_KEYS, pubsub, SUBCOMMANDS],
]);
