// `command(name, ...args, options?)`: takes the arguments apart and makes a request of them.
// Used by the client and by batches. Pure; what may not go over the shared connection is guarded-commands.ts's.

import { UsageError } from '../errors/index.ts';
import { REPLY } from '../net/index.ts';
import type { CommandArgument, RespValue } from '../resp/index.ts';
import { checkString } from './command-table.ts';
import type { CommandOptions } from './config-types.ts';
import { nameOf, type Request } from './request.ts';

/** The trailing options of `command()`. */
export interface RawCommandOptions extends CommandOptions {
  /** Which of the arguments are keys or channels, counted from 0. Needed in a region. */
  keys?: readonly number[] | undefined;
  /** Strings of the reply are given as bytes. */
  as?: 'bytes' | 'text' | undefined;
}

/** Options are the last argument when it is an object and no bytes. */
export function splitOptions(
  name: string,
  args: readonly (CommandArgument | RawCommandOptions)[],
): { words: CommandArgument[]; options: RawCommandOptions } {
  checkString(name, 'a command', 'its name');
  const last = args.at(-1);
  const hasOptions = typeof last === 'object' && last !== null && !(last instanceof Uint8Array) && !Array.isArray(last);
  const words = (hasOptions ? args.slice(0, -1) : args) as CommandArgument[];
  return {
    // Copies: the caller may use a buffer again before the turn's bytes are written.
    words: [name, ...words.map((word) => (word instanceof Uint8Array ? word.slice() : word))],
    options: hasOptions ? (last as RawCommandOptions) : {},
  };
}

export function rawRequest(
  words: readonly CommandArgument[],
  options: RawCommandOptions,
  region: string | undefined,
): Request<RespValue> {
  const { keys = [] } = options;
  if (options.keys === undefined && region !== undefined) {
    throw new UsageError(
      `Cannot execute ${nameOf({ words })} in region "${region}": which arguments are keys is not known`,
      { hint: 'add { keys: [0] }, the indexes of the keys, [] for none' },
    );
  }
  const count = words.length - 1;
  if (!Array.isArray(keys) || !keys.every((key) => Number.isInteger(key) && key >= 0 && key < count)) {
    throw new UsageError(
      `Cannot execute ${nameOf({ words })}: "keys" must hold indexes into its ${count} arguments, from 0`,
    );
  }
  return {
    words,
    keys: keys.map((key) => key + 1),
    replyTypes: REPLY.any,
    asBytes: options.as === 'bytes',
    shape: (value) => value,
  };
}
