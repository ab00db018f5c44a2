// Compares docs/configuration.md and docs/errors.md with the sources, so that neither can be forgotten.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import { jsonCodec } from '../../../src/api/codec.ts';
import { CONFIG_KEYS } from '../../../src/api/config-schema.ts';
import { filesBelow, root } from '../../support/sources.ts';

const read = (path: string) => readFileSync(join(root, path), 'utf8');

describe('the documents of the api', () => {
  test('docs/configuration.md has one row for each key, with its default, and no other', () => {
    const rows = [...read('docs/configuration.md').matchAll(/^\| `(\w+)` \| (none|`[^`]*`) \| (.+) \|$/gm)];
    const documented = Object.fromEntries(rows.map(([, key, fallback]) => [key, fallback]));
    const expected = CONFIG_KEYS.map(({ name, fallback }) => {
      if (fallback === undefined) return [name, 'none'];
      return [name, `\`${fallback === jsonCodec ? 'jsonCodec' : inspect(fallback).replaceAll("'", '')}\``];
    });
    assert.equal(rows.length, CONFIG_KEYS.length);
    assert.deepEqual(documented, Object.fromEntries(expected));
  });

  test('docs/errors.md has a paragraph for each code of ours, and for no other', () => {
    const headings = [...read('docs/errors.md').matchAll(/^## (ASHREDIS_\w+)$/gm)].map(([, code]) => code);
    const codes = filesBelow('src', '.ts')
      .filter(({ path }) => !path.startsWith('src/cli/'))
      .flatMap(({ text }) => [...text.matchAll(/'(ASHREDIS_[A-Z_]+)'/g)].map(([, code]) => code));
    assert.deepEqual([...headings].sort(), [...new Set(codes)].sort());
  });
});
