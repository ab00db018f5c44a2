// The three kinds of channels, and something of each of them.
// Used by the table, the audit and the link replacement. Pure.

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
