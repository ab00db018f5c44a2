// What consoles and health checks ask a Redis about, and there is nothing of here: a slow log, modules, a cluster.
// Called through the command table. The answers are those of a Redis that has none either.

import { type Command, commandsOf, NO_KEYS } from '../command.ts';
import { parseInt64 } from '../numbers.ts';
import type { Session } from '../session.ts';

function slowlog(session: Session, args: string[]) {
  const word = (args[1] as string).toLowerCase();
  if (word === 'len') return session.integer(0);
  if (word === 'reset') return session.ok();
  if (args[2] !== undefined) {
    const count = parseInt64(args[2]);
    if (count === undefined || count < -1) return session.error('ERR count should be greater than or equal to -1');
  }
  session.array(0);
}

function noCluster(session: Session) {
  session.error('ERR This instance has cluster support disabled');
}

export const EMPTY_COMMANDS: readonly Command[] = [
  ...commandsOf('server', [
    ['slowlog', -2, ['admin'], NO_KEYS, slowlog, { get: -2, len: 2, reset: 2 }],
    ['module', -2, ['admin'], NO_KEYS, (session) => session.array(0), { list: 2 }],
  ]),
  ...commandsOf('cluster', [
    ['cluster', -2, [], NO_KEYS, noCluster],
    ['readonly', 1, ['fast'], NO_KEYS, noCluster],
    ['readwrite', 1, ['fast'], NO_KEYS, noCluster],
  ]),
];
