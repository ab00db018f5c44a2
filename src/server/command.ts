// One row of the command table, as a type, and the helpers that every handler needs.
// Imported by the handlers in `commands/` and by the dispatcher.

import { help } from './help.ts';
import { parseInt64 } from './numbers.ts';
import type { Session } from './session.ts';

export type CommandFlag =
  /** Changes data. */
  | 'write'
  | 'readonly'
  /** Refused when memory is full. */
  | 'denyoom'
  | 'fast'
  | 'admin'
  | 'pubsub'
  /** Allowed before AUTH. */
  | 'no_auth'
  /** Allowed for a RESP2 subscriber. */
  | 'subscriber'
  /** Executed at once inside MULTI. */
  | 'immediate'
  /** Refused inside MULTI. */
  | 'no_multi';

export interface Command {
  /** In lower case. */
  readonly name: string;
  /** Number of words with the name; negative: at least that many. */
  readonly arity: number;
  readonly flags: readonly CommandFlag[];
  /** First key, last key (negative: from the end) and step, as COMMAND INFO tells them; all 0 for none. */
  readonly keys: readonly [first: number, last: number, step: number];
  /** For COMMAND DOCS. */
  readonly group: string;
  /** Of a container: its subcommands in lower case, each with its arity, that of the whole command. */
  readonly subcommands: Readonly<Record<string, number>> | undefined;
  run(session: Session, args: string[]): void;
}

export type CommandRow = readonly [
  name: string,
  arity: number,
  flags: readonly CommandFlag[],
  keys: readonly [number, number, number],
  run: (session: Session, args: string[]) => void,
  subcommands?: Readonly<Record<string, number>>,
];

/** Sorts rows of one group into commands: [name, arity, flags, keys, handler, subcommands]. Each container gets HELP. */
export function commandsOf(group: string, rows: readonly CommandRow[]): Command[] {
  return rows.map(([name, arity, flags, keys, run, subcommands]) => ({
    name,
    arity,
    flags,
    keys,
    group,
    run: subcommands === undefined ? run : withHelp(name, run),
    subcommands: subcommands === undefined ? undefined : { ...subcommands, help: 2 },
  }));
}

function withHelp(name: string, run: Command['run']): Command['run'] {
  return (session, args) => {
    if (args[1]?.toLowerCase() === 'help') help(session, name);
    else run(session, args);
  };
}

export const NO_KEYS = [0, 0, 0] as const;
export const ONE_KEY = [1, 1, 1] as const;
export const ALL_KEYS = [1, -1, 1] as const;

export const NOT_AN_INTEGER = 'ERR value is not an integer or out of range';
export const SYNTAX_ERROR = 'ERR syntax error';

export function wrongArity(name: string): string {
  return `ERR wrong number of arguments for '${name}' command`;
}

/** An argument as Redis's errors show it: C's strings end at a NUL, and `limit` bytes are enough. */
export function shown(text: string, limit = 128): string {
  const end = text.indexOf('\0');
  return text.slice(0, end < 0 ? limit : Math.min(end, limit));
}

/** For one that is in no container's table. */
export function unknownSubcommand(args: readonly string[]): string {
  return `ERR unknown subcommand '${shown(args[1] as string)}'. Try ${(args[0] as string).toUpperCase()} HELP.`;
}

/** For a subcommand whose own code checks the number of its arguments. */
export function subcommandSyntax(args: readonly string[]): string {
  const name = (args[0] as string).toUpperCase();
  return `ERR unknown subcommand or wrong number of arguments for '${shown(args[1] as string)}'. Try ${name} HELP.`;
}

/** A strict integer argument, exact; replies with Redis's error and gives undefined when it is none. */
export function int64Argument(session: Session, text: string): number | bigint | undefined {
  const value = parseInt64(text);
  if (value === undefined) session.error(NOT_AN_INTEGER);
  return value;
}

/** As a number, for what needs not be exact beyond 2 ** 53. */
export function integerArgument(session: Session, text: string): number | undefined {
  const value = int64Argument(session, text);
  return value === undefined ? undefined : Number(value);
}

export const DB_OUT_OF_RANGE = 'ERR DB index is out of range';

/** The number of a database; replies with Redis's error and gives undefined when there is none of that number. */
export function databaseArgument(session: Session, text: string): number | undefined {
  const index = integerArgument(session, text);
  if (index === undefined) return undefined;
  if (index >= 0 && index < session.server.databaseCount) return index;
  session.error(
    index < -(2 ** 31) || index >= 2 ** 31
      ? 'ERR value is out of range, value must between -2147483648 and 2147483647'
      : DB_OUT_OF_RANGE,
  );
  return undefined;
}
