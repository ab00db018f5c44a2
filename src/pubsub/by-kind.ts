// The three kinds of channels, and something of each of them.
// Used where a room's part keeps one thing for each kind. Pure.

import type { ChannelKind } from './types.ts';

export const KINDS = ['channel', 'pattern', 'shard'] as const;

export type ByKind<V> = Record<ChannelKind, V>;

export function byKind<V>(make: () => V): ByKind<V> {
  return { channel: make(), pattern: make(), shard: make() };
}

/** Names of each kind. */
export function namesByKind(): ByKind<Set<string>> {
  return byKind(() => new Set());
}
