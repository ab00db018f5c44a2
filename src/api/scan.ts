// `client.scan()`: the names of a pattern, page by page, as an async iterable.
// Called by the client. It keeps one page at a time.

import type { CommandSender } from './command-sender.ts';
import { checkName, refuseArgument, scanRequest } from './command-table.ts';
import { quoteValue } from './config-schema.ts';
import type { CommandOptions } from './config-types.ts';
import { handled } from './handled.ts';

export interface ScanOptions extends CommandOptions {
  /** The glob, where it is not the first argument. Default `*`. */
  match?: string | undefined;
  /** How many names the server looks at a page. Default: the server's. */
  count?: number | undefined;
  /** Only keys of this type: `string`, `list`, … */
  type?: string | undefined;
}

/** As SCAN promises: every name that was there all the time, some perhaps twice. */
export function scan(sender: CommandSender, pattern: string, options: ScanOptions): AsyncIterableIterator<string> {
  const { count = 1 } = options;
  if (!Number.isInteger(count) || count < 1) {
    refuseArgument('SCAN', '"count"', quoteValue(count), 'an integer, at least 1');
  }
  checkName(pattern, 'SCAN', 'the pattern');
  // Settled now: useRegion() meanwhile must not send half of the pages elsewhere.
  const iterator = pages(sender, pattern, { ...options, region: sender.regionOf(options) ?? null });
  const next = iterator.next.bind(iterator);
  iterator.next = () => handled(next());
  return iterator;
}

async function* pages(
  sender: CommandSender,
  pattern: string,
  options: ScanOptions & { region: string | null },
): AsyncIterableIterator<string> {
  let cursor = '0';
  do {
    const page = await sender.send(scanRequest(cursor, pattern, options.region ?? undefined, options), options);
    yield* page.names;
    cursor = page.cursor;
  } while (cursor !== '0');
}
