// What the user's logger is told, where warnings go without one, and that a broken logger harms nobody.
// Run by `npm test`.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Logger } from '../../../src/api/config-types.ts';
import { log, logState, warn } from '../../../src/api/log.ts';

function noted(): { logger: Logger; lines: string[] } {
  const lines: string[] = [];
  const level = (name: string) => (text: string) => void lines.push(`${name} ${text}`);
  return { lines, logger: { debug: level('debug'), info: level('info'), warn: level('warn'), error: level('error') } };
}

test('a change of state is one line: what to what, when it is tried again, and why; waiting is a warning', () => {
  const { logger, lines } = noted();
  logState(logger, 'client', { from: 'idle', to: 'connecting' });
  logState(logger, 'client', { from: 'ready', to: 'waiting', cause: new Error('gone'), retryInMs: 12.6 });
  logState(logger, 'client', { from: 'ready', to: 'waiting', retryInMs: 0 });
  logState(logger, 'client', { from: 'connecting', to: 'idle', cause: new Error('no') });
  assert.deepEqual(lines, [
    'info client: idle -> connecting',
    'warn client: ready -> waiting, next attempt in 13 ms (gone)',
    'warn client: ready -> waiting, next attempt in 0 ms',
    'info client: connecting -> idle (no)',
  ]);
  assert.doesNotThrow(() => logState(undefined, 'client', { from: 'idle', to: 'connecting' }));
});

test('a logger that throws harms nobody, and one that is a class keeps its this', () => {
  class Counting {
    count = 0;
    debug() {}
    info() {}
    error() {}
    warn() {
      this.count++;
      throw new Error('broken');
    }
  }
  const counting = new Counting();
  log(counting, 'warn', 'x');
  warn(counting, 'x');
  assert.equal(counting.count, 2);
});

test('without a logger a warning is one of the process; other lines go nowhere', async () => {
  const seen: Error[] = [];
  const note = (warning: Error) => seen.push(warning);
  process.on('warning', note);
  // What the process prints of it is not wanted here.
  const printers = process.listeners('warning').filter((listener) => listener !== note);
  for (const printer of printers) process.off('warning', printer);
  log(undefined, 'warn', 'nowhere');
  warn(undefined, 'look here');
  const { logger, lines } = noted();
  warn(logger, 'for the logger');
  await new Promise((resolve) => setImmediate(resolve));
  process.off('warning', note);
  for (const printer of printers) process.on('warning', printer);
  assert.deepEqual(
    seen.map(({ name, message }) => `${name} ${message}`),
    ['AshRedisWarning look here'],
  );
  assert.deepEqual(lines, ['warn for the logger']);
});
