// Which commands `command()` and `batch()` refuse because they would change the shared connection under others,
// and which block, so that they need a connection of their own. Called once a raw command. Pure tables.

import { UsageError } from '../errors/index.ts';
import type { CommandArgument } from '../resp/index.ts';

const ATOMIC = 'use batch({ atomic: true })';
const WATCH = 'use EVAL or batch({ atomic: true })';
const SUBSCRIBE = 'use subscribe(), psubscribe() or ssubscribe() and their close()';
const OWN = 'use redis-cli or a connection of your own';

/** The command, and the way that is there instead. */
const REFUSED: Readonly<Record<string, string>> = Object.freeze({
  SELECT: 'configure "db" or use a region',
  HELLO: 'configure "protocol"',
  RESET: 'make a new client',
  AUTH: 'configure "username" and "password" or "credentials"',
  MONITOR: OWN,
  'CLIENT REPLY': 'ignore the promises instead',
  'CLIENT TRACKING': 'publish invalidations on a channel',
  MULTI: ATOMIC,
  EXEC: ATOMIC,
  DISCARD: 'do not call exec() of the batch',
  WATCH,
  UNWATCH: WATCH,
  QUIT: 'use close()',
  SYNC: OWN,
  PSYNC: OWN,
  SUBSCRIBE,
  PSUBSCRIBE: SUBSCRIBE,
  SSUBSCRIBE: SUBSCRIBE,
  UNSUBSCRIBE: SUBSCRIBE,
  PUNSUBSCRIBE: SUBSCRIBE,
  SUNSUBSCRIBE: SUBSCRIBE,
});

/** Where a blocking command keeps its limit (a word's index, counted from the end where negative), and in which unit. */
interface BlockingForm {
  readonly at: number | 'BLOCK';
  readonly unitMs: number;
  /** It counts what its own connection wrote: alone it means nothing. */
  readonly needsCompany?: boolean;
}

const LAST: BlockingForm = { at: -1, unitMs: 1000 };
const FIRST: BlockingForm = { at: 1, unitMs: 1000 };
const BLOCK: BlockingForm = { at: 'BLOCK', unitMs: 1 };
const BLOCKING: Readonly<Record<string, BlockingForm>> = Object.freeze({
  BLPOP: LAST,
  BRPOP: LAST,
  BRPOPLPUSH: LAST,
  BLMOVE: LAST,
  BZPOPMIN: LAST,
  BZPOPMAX: LAST,
  BLMPOP: FIRST,
  BZMPOP: FIRST,
  XREAD: BLOCK,
  XREADGROUP: BLOCK,
  WAIT: { at: 2, unitMs: 1, needsCompany: true },
  WAITAOF: { at: -1, unitMs: 1, needsCompany: true },
});

/** Throws a `UsageError` for what must not go over a shared connection. `words` begins with the name. */
export function refuseGuarded(words: readonly CommandArgument[]): void {
  const command = wordAt(words, 0);
  if (command === '' || /\s/.test(command)) {
    throw new UsageError(
      `Cannot execute ${JSON.stringify(command.slice(0, 40))}: allowed is one word; give others as arguments`,
    );
  }
  const found = Object.hasOwn(REFUSED, command) ? command : `${command} ${wordAt(words, 1)}`;
  if (!Object.hasOwn(REFUSED, found)) return;
  throw new UsageError(`Cannot execute ${found}: it would change the shared connection under others`, {
    hint: REFUSED[found] as string,
  });
}

/** The command's own limit in ms, 0 for none; undefined when it does not block. */
export function blockingLimitMs(words: readonly CommandArgument[]): number | undefined {
  const form = formOf(words);
  if (form === undefined) return undefined;
  const index = form.at === 'BLOCK' ? blockIndex(words) : form.at;
  if (index === undefined) return undefined;
  const value = Number(wordAt(words, index));
  // What is no number is the server's to refuse.
  return value > 0 ? value * form.unitMs : 0;
}

/** WAIT alone would wait for the writes of a connection that wrote nothing. */
export function refuseAlone(words: readonly CommandArgument[]): void {
  if (formOf(words)?.needsCompany !== true) return;
  const command = wordAt(words, 0);
  throw new UsageError(`Cannot execute ${command} alone: it waits for the writes of its own connection`, {
    hint: `put the writes and ${command} into one batch()`,
  });
}

function formOf(words: readonly CommandArgument[]): BlockingForm | undefined {
  const command = wordAt(words, 0);
  return Object.hasOwn(BLOCKING, command) ? BLOCKING[command] : undefined;
}

/** Keys follow STREAMS: one that is named "block" is no option. */
function blockIndex(words: readonly CommandArgument[]): number | undefined {
  for (let i = 1; i < words.length - 1; i++) {
    const word = wordAt(words, i);
    if (word === 'STREAMS') return undefined;
    if (word === 'BLOCK') return i + 1;
  }
  return undefined;
}

function wordAt(words: readonly CommandArgument[], index: number): string {
  const word = words.at(index) ?? '';
  // A command in bytes is the same command: it must not slip through.
  return (word instanceof Uint8Array ? new TextDecoder().decode(word) : String(word)).toUpperCase();
}
