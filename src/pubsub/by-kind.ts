// The three kinds of channels, and something of each of them.
// Used by the table, the audit and the link replacement. Pure.

import type { ChannelKind } from './types.ts';

export const KINDS = ['channel', 'pattern', 'shard'] as const;

export type ByKind<V> = Record<ChannelKind, V>;

export function byKind<V>(make: () => V): ByKind<V> {
  return { channel: make(), pattern: make(), shard: make() };
}

/** What a second link was given; false where one of the two has not had it all the time: no message says where they meet. */
export type NewlyHeld = ByKind<Map<string, boolean>>;

/** Of what a word like `punsubscribe` speaks. */
export function kindOf(word: string): ChannelKind {
  return word.startsWith('p') ? 'pattern' : /^s(s|un)/.test(word) ? 'shard' : 'channel';
}

/** Names of each kind. */
export function namesByKind(): ByKind<Set<string>> {
  return byKind(() => new Set());
}
