// COMMAND: what commands there are, and where their keys stand. Called through the command table.

import { categoriesOf } from '../categories.ts';
import { type Command, commandsOf, NO_KEYS, SYNTAX_ERROR } from '../command.ts';
import type { Session } from '../session.ts';
import { globArgument } from './keys.ts';

function describe(session: Session, command: Command) {
  session.array(10);
  session.bulk(command.name);
  session.integer(command.arity);
  const flags = command.flags.filter((flag) => flag !== 'subscriber' && flag !== 'immediate' && flag !== 'no_multi');
  session.set(flags.length);
  for (const flag of flags) session.simple(flag);
  for (const position of command.keys) session.integer(position);
  const categories = categoriesOf(command);
  session.set(categories.length);
  for (const category of categories) session.simple(`@${category}`);
  // Tips and subcommands: nothing to tell.
  session.array(0);
  session.array(hasKeys(command) ? 1 : 0);
  if (hasKeys(command)) keySpecification(session, command);
  session.array(0);
}

/** Where the keys stand, in the words of Redis 7: some clients take a command without it for one without keys. */
function keySpecification(session: Session, command: Command) {
  const [first, last, step] = command.keys;
  session.map(3);
  session.bulk('flags');
  session.set(1);
  session.simple(command.flags.includes('readonly') ? 'RO' : 'RW');
  searchStep(session, 'begin_search', 'index', { index: first });
  searchStep(session, 'find_keys', 'range', { lastkey: last < 0 ? last : last - first, keystep: step, limit: 0 });
}

/** One of the two steps in which the keys are found. */
function searchStep(session: Session, name: string, type: string, numbers: Readonly<Record<string, number>>) {
  session.bulk(name);
  session.map(2);
  session.bulk('type');
  session.bulk(type);
  session.bulk('spec');
  session.map(Object.keys(numbers).length);
  for (const [word, value] of Object.entries(numbers)) {
    session.bulk(word);
    session.integer(value);
  }
}

function info(session: Session, names: readonly string[]) {
  const { commands } = session.server;
  const wanted = names.length === 0 ? [...commands.keys()] : names;
  session.array(wanted.length);
  for (const name of wanted) {
    const found = commands.get(name.toLowerCase());
    if (found === undefined) session.nil();
    else describe(session, found);
  }
}

function docs(session: Session, names: readonly string[]) {
  const { commands } = session.server;
  const wanted = names.length === 0 ? [...commands.keys()] : names;
  const found = wanted.flatMap((name) => commands.get(name.toLowerCase()) ?? []);
  session.map(found.length);
  for (const command of found) {
    session.bulk(command.name);
    session.map(1);
    session.bulk('group');
    session.bulk(command.group);
  }
}

/** A filter of COMMAND LIST, or undefined after an error reply. */
function listFilter(session: Session, args: readonly string[]): ((command: Command) => boolean) | undefined {
  const value = args[4] as string;
  switch (args[3]?.toLowerCase()) {
    case 'module':
      return () => false;
    case 'aclcat':
      return (command) => categoriesOf(command).includes(value.toLowerCase());
    case 'pattern': {
      const glob = globArgument(session, value.toLowerCase());
      return glob === undefined ? undefined : (command) => glob.matches(command.name);
    }
  }
  session.error(SYNTAX_ERROR);
  return undefined;
}

function list(session: Session, args: readonly string[]) {
  if (args.length > 2 && (args.length !== 5 || args[2]?.toLowerCase() !== 'filterby')) {
    return session.error(SYNTAX_ERROR);
  }
  const filter = args.length === 2 ? () => true : listFilter(session, args);
  if (filter === undefined) return;
  const found = [...session.server.commands.values()].filter(filter);
  session.array(found.length);
  for (const { name } of found) session.bulk(name);
}

/** Shard channels stand where keys do, and are none. */
function hasKeys(command: Command): boolean {
  return command.keys[0] > 0 && command.group !== 'pubsub';
}

function getKeys(session: Session, args: readonly string[]) {
  const words = args.slice(2);
  const command = session.server.commands.get((words[0] as string).toLowerCase());
  if (command === undefined) return session.error('ERR Invalid command specified');
  if (!hasKeys(command)) return session.error('ERR The command has no key arguments');
  const { arity } = command;
  if (arity > 0 ? words.length !== arity : words.length < -arity) {
    return session.error('ERR Invalid number of arguments specified for command');
  }
  const [first, last, step] = command.keys;
  const end = last < 0 ? words.length + last : last;
  const keys = words.filter((_word, at) => at >= first && at <= end && (at - first) % step === 0);
  session.array(keys.length);
  for (const key of keys) session.bulk(key);
}

function command(session: Session, args: string[]) {
  switch (args[1]?.toLowerCase()) {
    case undefined:
      return info(session, []);
    case 'count':
      return session.integer(session.server.commands.size);
    case 'list':
      return list(session, args);
    case 'info':
      return info(session, args.slice(2));
    case 'docs':
      return docs(session, args.slice(2));
    case 'getkeys':
      return getKeys(session, args);
  }
}

export const INTROSPECTION_COMMANDS: readonly Command[] = commandsOf('server', [
  ['command', -1, [], NO_KEYS, command, { count: 2, list: -2, info: -2, docs: -2, getkeys: -4 }],
]);
