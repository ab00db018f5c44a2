// ACL for the one user that there is, `default`. Called through the command table.
// It must never tell anything of the password, not even its hash.

import { CATEGORIES, categoriesOf } from '../categories.ts';
import { type Command, commandsOf, integerArgument, NO_KEYS, shown, subcommandSyntax } from '../command.ts';
import type { Session } from '../session.ts';

function list(session: Session, words: readonly string[]) {
  session.array(words.length);
  for (const word of words) session.bulk(word);
}

function category(session: Session, args: string[]) {
  if (args.length > 3) return session.error(subcommandSyntax(args));
  if (args[2] === undefined) return list(session, CATEGORIES);
  const word = args[2].toLowerCase();
  if (!(CATEGORIES as readonly string[]).includes(word)) {
    return session.error(`ERR Unknown category '${shown(args[2])}'`);
  }
  const commands = [...session.server.commands.values()].filter((command) => categoriesOf(command).includes(word));
  list(
    session,
    commands.map((command) => command.name),
  );
}

function getUser(session: Session, args: string[]) {
  if (args[2] !== 'default') return session.nil();
  const flags = session.server.password === undefined ? ['on', 'nopass'] : ['on'];
  session.map(6);
  session.bulk('flags');
  session.set(flags.length);
  for (const flag of flags) session.bulk(flag);
  session.bulk('passwords');
  session.array(0);
  for (const [name, rule] of [
    ['commands', '+@all'],
    ['keys', '~*'],
    ['channels', '&*'],
  ] as const) {
    session.bulk(name);
    session.bulk(rule);
  }
  session.bulk('selectors');
  session.array(0);
}

/** Nothing is ever denied, so nothing is in it. */
function log(session: Session, args: string[]) {
  if (args.length > 3) return session.error(subcommandSyntax(args));
  if (args[2]?.toLowerCase() === 'reset') return session.ok();
  if (args[2] !== undefined && integerArgument(session, args[2]) === undefined) return;
  session.array(0);
}

function acl(session: Session, args: string[]) {
  switch ((args[1] as string).toLowerCase()) {
    case 'whoami':
      return session.bulk('default');
    case 'users':
      return list(session, ['default']);
    case 'list':
      return list(session, [`user default on ${session.server.password === undefined ? 'nopass ' : ''}~* &* +@all`]);
    case 'getuser':
      return getUser(session, args);
    case 'cat':
      return category(session, args);
    case 'log':
      return log(session, args);
  }
}

const SUBCOMMANDS = { whoami: 2, users: 2, list: 2, getuser: 3, cat: -2, log: -2 };

export const ACL_COMMANDS: readonly Command[] = commandsOf('server', [
  ['acl', -2, ['admin'], NO_KEYS, acl, SUBCOMMANDS],
]);
