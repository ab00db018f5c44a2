// MULTI, EXEC, DISCARD, WATCH, UNWATCH. Called through the command table; queueing itself is the dispatcher's.

import { ALL_KEYS, type Command, commandsOf, NO_KEYS } from '../command.ts';
import type { Session } from '../session.ts';

function multi(session: Session) {
  if (session.transaction !== undefined) return session.error('ERR MULTI calls can not be nested');
  session.transaction = { commands: [], byteCount: 0, failed: false };
  session.ok();
}

function exec(session: Session) {
  const transaction = session.transaction;
  if (transaction === undefined) return session.error('ERR EXEC without MULTI');
  session.transaction = undefined;
  // A watched key that died of age meanwhile has changed, even if nobody has looked at it.
  for (const { keyspace, key } of session.watched.values()) keyspace.get(key);
  const broken = session.watchBroken;
  session.server.unwatch(session);
  if (transaction.failed) {
    return session.error('EXECABORT Transaction discarded because of previous errors.');
  }
  if (broken) return session.nilArray();
  session.array(transaction.commands.length);
  // CLIENT INFO among them tells of it.
  session.transaction = transaction;
  for (const args of transaction.commands) session.server.run(session, args);
  session.transaction = undefined;
}

function discard(session: Session) {
  if (session.transaction === undefined) return session.error('ERR DISCARD without MULTI');
  session.transaction = undefined;
  session.server.unwatch(session);
  session.ok();
}

function watch(session: Session, args: string[]) {
  if (session.transaction !== undefined) return session.error('ERR WATCH inside MULTI is not allowed');
  for (const key of args.slice(1)) session.server.watch(session, key);
  session.ok();
}

function unwatch(session: Session) {
  session.server.unwatch(session);
  session.ok();
}

const NOW = ['immediate', 'fast'] as const;

export const TRANSACTION_COMMANDS: readonly Command[] = commandsOf('transactions', [
  ['multi', 1, NOW, NO_KEYS, multi],
  ['exec', 1, ['immediate'], NO_KEYS, exec],
  ['discard', 1, NOW, NO_KEYS, discard],
  ['watch', -2, NOW, ALL_KEYS, watch],
  ['unwatch', 1, ['fast'], NO_KEYS, unwatch],
]);
