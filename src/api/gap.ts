// Two gaps with no message between them are one.
// Used by the message queue. Pure.

import type { Gap } from '../pubsub/index.ts';

/** A counted number would be lost beside an unknown one: such two stay apart. */
export function canMerge(older: Gap, newer: Gap): boolean {
  return (older.missed === 'unknown') === (newer.missed === 'unknown');
}

/** Of two that {@link canMerge}: earliest `from`, latest `to`, all channels; cause and reason of the newer, except where only the older has a number. */
export function mergeGaps(older: Gap, newer: Gap): Gap {
  const missed = older.missed === 'unknown' ? older.missed : older.missed + (newer.missed as number);
  return {
    ...(newer.missed === 0 ? older : newer),
    channels: [...new Set([...older.channels, ...newer.channels])],
    from: Math.min(older.from, newer.from),
    to: Math.max(older.to, newer.to),
    missed,
  };
}
