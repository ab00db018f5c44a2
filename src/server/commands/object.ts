// OBJECT: how a value is kept, as far as Redis's words for it mean something here. Called through the command table.

import { type Command, commandsOf, NO_KEYS } from '../command.ts';
import type { Entry } from '../entry.ts';
import { parseInt64 } from '../numbers.ts';
import type { Session } from '../session.ts';

const NO_FREQUENCY =
  'ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.';
/** Redis's longest string in one piece with its header. */
const EMBEDDED_BYTES = 44;
/** What Redis says of the integers that it has only once. */
const SHARED_COUNT = 2147483647;
const SHARED_INTEGERS = 10_000;

function integerOf(entry: Entry): number | bigint | undefined {
  return entry.isGrowing || entry.length > 20 ? undefined : parseInt64(entry.value);
}

function encodingOf(entry: Entry): string {
  if (integerOf(entry) !== undefined) return 'int';
  return entry.isGrowing || entry.length > EMBEDDED_BYTES ? 'raw' : 'embstr';
}

function object(session: Session, args: string[]) {
  const entry = session.keyspace.get(args[2] as string);
  if (entry === undefined) return session.nil();
  switch ((args[1] as string).toLowerCase()) {
    case 'encoding':
      return session.bulk(encodingOf(entry));
    case 'idletime':
      return session.integer(session.keyspace.idleSeconds(entry));
    case 'refcount': {
      const value = integerOf(entry);
      return session.integer(value !== undefined && value >= 0 && value < SHARED_INTEGERS ? SHARED_COUNT : 1);
    }
    case 'freq':
      return session.error(NO_FREQUENCY);
  }
}

export const OBJECT_COMMANDS: readonly Command[] = commandsOf('generic', [
  ['object', -2, [], NO_KEYS, object, { encoding: 3, freq: 3, idletime: 3, refcount: 3 }],
]);
