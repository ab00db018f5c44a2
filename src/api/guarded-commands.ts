// Which commands `command()` and `batch()` refuse because they would change the shared connection under others,
// and which block, so that they need a connection of their own. Called once a raw command. Pure tables.

import { UsageError } from '../errors/index.ts';
import type { CommandArgument } from '../resp/index.ts';

const TRANSACTION = 'use batch({ atomic: true })';
const SUBSCRIBE = 'use subscribe(), psubscribe() or ssubscribe(), and close() of what they give';

/** The command, and the way that is there instead. */
const REFUSED: Readonly<Record<string, string>> = Object.freeze({
  SELECT: 'set "db" in the configuration, or use a region',
  HELLO: 'set "protocol" in the configuration',
  RESET: 'make a new client',
  AUTH: 'set "username" and "password" or "credentials" in the configuration',
  MONITOR: 'use redis-cli, or a connection of your own',
  'CLIENT REPLY': 'await or ignore the promises; every command here needs its reply',
  'CLIENT TRACKING': 'publish invalidations on a channel and subscribe() to it',
  MULTI: TRANSACTION,
  EXEC: TRANSACTION,
  DISCARD: 'leave batch({ atomic: true }) without calling exec()',
  WATCH: 'use EVAL, which is atomic, or batch({ atomic: true })',
  UNWATCH: 'nothing is watched here',
  QUIT: 'use close()',
  SYNC: 'replicas only; use a connection of your own',
  PSYNC: 'replicas only; use a connection of your own',
  SUBSCRIBE,
  PSUBSCRIBE: SUBSCRIBE,
  SSUBSCRIBE: SUBSCRIBE,
  UNSUBSCRIBE: SUBSCRIBE,
  PUNSUBSCRIBE: SUBSCRIBE,
  SUNSUBSCRIBE: SUBSCRIBE,
});

/** Where a blocking command keeps its limit, and in which unit. */
interface BlockingForm {
  readonly at: 'first' | 'last' | 'BLOCK' | 'second';
  readonly unitMs: number;
  /** It counts what its own connection wrote: alone it means nothing. */
  readonly needsCompany?: boolean;
}

const LAST: BlockingForm = { at: 'last', unitMs: 1000 };
const FIRST: BlockingForm = { at: 'first', unitMs: 1000 };
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
  WAIT: { at: 'second', unitMs: 1, needsCompany: true },
  WAITAOF: { at: 'last', unitMs: 1, needsCompany: true },
});

/** Throws a `UsageError` for what must not go over a shared connection. `words` begins with the name. */
export function refuseGuarded(words: readonly CommandArgument[]): void {
  const command = wordAt(words, 0);
  if (command === '' || /\s/.test(command)) {
    throw new UsageError(
      `Cannot execute ${JSON.stringify(command.slice(0, 40))}: allowed is the name of one command without blanks`,
      { hint: 'give each further word as an argument of its own' },
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
  const index = limitIndex(words, form);
  if (index === undefined) return undefined;
  const value = Number(wordAt(words, index));
  // What is no number is the server's to refuse.
  return Number.isFinite(value) && value > 0 ? value * form.unitMs : 0;
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

function limitIndex(words: readonly CommandArgument[], form: BlockingForm): number | undefined {
  if (form.at === 'first') return 1;
  if (form.at === 'second') return 2;
  if (form.at === 'last') return words.length - 1;
  // Keys follow STREAMS: one that is named "block" is no option.
  for (let i = 1; i < words.length - 1; i++) {
    const word = wordAt(words, i);
    if (word === 'STREAMS') return undefined;
    if (word === 'BLOCK') return i + 1;
  }
  return undefined;
}

function wordAt(words: readonly CommandArgument[], index: number): string {
  const word = words[index];
  if (word === undefined) return '';
  // A command in bytes is the same command: it must not slip through.
  return (typeof word === 'object' ? new TextDecoder().decode(word) : String(word)).toUpperCase();
}
