// Keys between databases: COPY, MOVE, SWAPDB. Called through the command table.

import {
  type Command,
  commandsOf,
  DB_OUT_OF_RANGE,
  databaseArgument,
  NO_KEYS,
  ONE_KEY,
  SYNTAX_ERROR,
} from '../command.ts';
import type { Keyspace } from '../keyspace.ts';
import { OUT_OF_MEMORY } from '../messages.ts';
import { parseInt64 } from '../numbers.ts';
import type { Session } from '../session.ts';

const SAME_OBJECT = 'ERR source and destination objects are the same';

/** Copies value and time to live; false when there is no such key, or one that must not be replaced. */
function place(source: Keyspace, key: string, target: Keyspace, name: string, replace: boolean): boolean {
  const entry = source.use(key);
  if (entry === undefined || (!replace && target.get(name) !== undefined)) return false;
  target.set(name, entry.value, entry.expiresAt);
  return true;
}

function copy(session: Session, args: string[]) {
  const [, from, to] = args as [string, string, string];
  let target = session.keyspace;
  let replace = false;
  for (let i = 3; i < args.length; i++) {
    const word = (args[i] as string).toUpperCase();
    if (word === 'REPLACE') {
      replace = true;
    } else if (word === 'DB' && i + 1 < args.length) {
      const index = databaseArgument(session, args[++i] as string);
      if (index === undefined) return;
      target = session.server.keyspace(index);
    } else {
      return session.error(SYNTAX_ERROR);
    }
  }
  if (target === session.keyspace && from === to) return session.error(SAME_OBJECT);
  const entry = session.keyspace.get(from);
  // The dispatcher only knew the names' length.
  if (entry !== undefined && session.server.memory.refuses(to.length + entry.length)) {
    return session.error(OUT_OF_MEMORY);
  }
  session.integer(place(session.keyspace, from, target, to, replace) ? 1 : 0);
}

function move(session: Session, args: string[]) {
  const key = args[1] as string;
  const index = databaseArgument(session, args[2] as string);
  if (index === undefined) return;
  const target = session.server.keyspace(index);
  if (target === session.keyspace) return session.error(SAME_OBJECT);
  const isMoved = place(session.keyspace, key, target, key, false);
  if (isMoved) session.keyspace.delete(key);
  session.integer(isMoved ? 1 : 0);
}

/** Redis's int32; the index itself is looked at when both are numbers. */
function swapArgument(session: Session, text: string, which: string): number | undefined {
  const index = parseInt64(text);
  if (index !== undefined && index >= -(2 ** 31) && index < 2 ** 31) return Number(index);
  session.error(`ERR invalid ${which} DB index`);
  return undefined;
}

function swapdb(session: Session, args: string[]) {
  const first = swapArgument(session, args[1] as string, 'first');
  if (first === undefined) return;
  const second = swapArgument(session, args[2] as string, 'second');
  if (second === undefined) return;
  const { databaseCount } = session.server;
  if (first < 0 || second < 0 || first >= databaseCount || second >= databaseCount) {
    return session.error(DB_OUT_OF_RANGE);
  }
  if (first !== second) session.server.keyspace(first).swap(session.server.keyspace(second));
  session.ok();
}

export const COPY_COMMANDS: readonly Command[] = commandsOf('generic', [
  ['copy', -3, ['write', 'denyoom'], [1, 2, 1], copy],
  ['move', 3, ['write', 'fast'], ONE_KEY, move],
  ['swapdb', 3, ['write', 'fast'], NO_KEYS, swapdb],
]);
