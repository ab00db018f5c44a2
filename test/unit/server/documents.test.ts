// Compares docs/server.md with the tables of the embedded server, so that no command and no limit can be forgotten.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Dispatcher } from '../../../src/server/dispatcher.ts';
import { DEFAULT_LIMITS } from '../../../src/server/limits.ts';
import { root } from '../../support/sources.ts';

const text = readFileSync(join(root, 'docs/server.md'), 'utf8');

/** What stands below a heading, up to the next one. */
function section(heading: string): string {
  return text.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? assert.fail(`no heading ${heading}`);
}

describe('the document of the server', () => {
  test('names every command, and no other in its lists', () => {
    const lists = section('Commands')
      .split('\n')
      .filter((line) => line.startsWith('- ') && !line.startsWith('- AshRedis lines'))
      .map((line) => line.replace(/\([^)]*\)/g, '').replace('their UN forms', 'UNSUBSCRIBE PUNSUBSCRIBE SUNSUBSCRIBE'));
    const named = lists.flatMap((line) => line.match(/\b[A-Z]{3,}\b/g) ?? []);
    // Subcommands without which the command would do nothing here.
    const commands = named.filter((name) => name !== 'LIST' && name !== 'SLEEP');
    assert.deepEqual(
      [...commands].sort(),
      [...new Dispatcher().commands.keys()].map((name) => name.toUpperCase()).sort(),
    );
  });

  test('has a row for every public limit', () => {
    const rows = section('Limits').match(/`max\w+`|`soft\w+`/g) ?? [];
    const inner = ['maxArgumentCount', 'maxInlineBytes', 'maxPatternBytes'];
    const limits = Object.keys(DEFAULT_LIMITS).filter((name) => !inner.includes(name));
    assert.deepEqual([...new Set(rows)].sort(), limits.map((name) => `\`${name}\``).sort());
  });
});
