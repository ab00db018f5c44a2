// Runs the examples one after the other in one process, with a line `== name` before the output of each.
// Started by test/integration/examples.test.ts: a process for each example would cost more than the examples do.

import { basename } from 'node:path';

/** Examples that end after their module did, with the line they end with. */
const LAST_LINE: Record<string, RegExp> = { 'graceful-shutdown.ts': /^finished/ };

const folder = new URL('../../examples/', import.meta.url);
const load = (file: string) => import(new URL(file, folder).href);
const log = console.log;
let onLine: (text: string) => void = () => {};
console.log = (...values: unknown[]) => {
  log(...values);
  onLine(String(values[0]));
};

function line(pattern: RegExp): Promise<void> {
  return new Promise((resolve) => {
    onLine = (text) => {
      if (pattern.test(text)) resolve();
    };
  });
}

const at = process.argv.indexOf('--examples');
for (const file of process.argv[at + 1]!.split(',')) {
  log(`== ${basename(file)}`);
  if (file === '05-channel-subscription.ts') {
    // It listens until somebody publishes: the example before it in the guide does.
    const listening = line(/^Listening/);
    const running = load(file);
    await listening;
    await load('04-channel-publishing.ts');
    await running;
    continue;
  }
  const last = LAST_LINE[file];
  const ended = last === undefined ? undefined : line(last);
  await load(file);
  await ended;
}
log('== end');
