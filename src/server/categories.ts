// The ACL categories of commands, for COMMAND and ACL CAT: derived from their flags and groups, as Redis derives them.

import type { Command } from './command.ts';

/** All that Redis knows, in its order; some hold no command here. */
export const CATEGORIES = [
  ...['keyspace', 'read', 'write', 'set', 'sortedset', 'list', 'hash', 'string', 'bitmap', 'hyperloglog', 'geo'],
  ...['stream', 'pubsub', 'admin', 'fast', 'slow', 'blocking', 'dangerous', 'connection', 'transaction', 'scripting'],
] as const;

const OF_GROUP: Readonly<Record<string, string>> = {
  generic: 'keyspace',
  string: 'string',
  connection: 'connection',
  transactions: 'transaction',
};
/** Beside those that administer. */
const DANGEROUS = new Set(['keys', 'flushdb', 'flushall', 'swapdb', 'info', 'role']);

/** Without the `@`. */
export function categoriesOf(command: Command): string[] {
  const has = (flag: Command['flags'][number]) => command.flags.includes(flag);
  // A container's own row is never asked for a permission.
  const group = command.subcommands === undefined ? OF_GROUP[command.group] : undefined;
  return [
    ...(group === undefined ? [] : [group]),
    ...(has('readonly') ? ['read'] : []),
    ...(has('write') ? ['write'] : []),
    ...(has('pubsub') ? ['pubsub'] : []),
    ...(has('admin') ? ['admin'] : []),
    has('fast') ? 'fast' : 'slow',
    ...(has('admin') || DANGEROUS.has(command.name) ? ['dangerous'] : []),
  ];
}
