// Numbers and payloads as people read them, and the version.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { histogram } from '../../../src/cli/doctor/speech.ts';
import {
  bytes,
  count,
  duration,
  fit,
  paint,
  percentile,
  printable,
  printableName,
  timeOfDay,
  withoutLink,
} from '../../../src/cli/text.ts';
import { PACKAGE_VERSION } from '../../../src/cli/version.ts';
import { root } from '../../support/sources.ts';

describe('text', () => {
  test('numbers have units and separators', () => {
    assert.equal(count(1_234_567.4), '1,234,567');
    assert.deepEqual([0, 1023, 1536, 20 * 1024 * 1024].map(bytes), ['0 B', '1023 B', '1.5 KiB', '20 MiB']);
    assert.deepEqual([0.421, 12.34, 345.6, 1500].map(duration), ['0.42 ms', '12.3 ms', '346 ms', '1.5 s']);
  });

  test('units change at their edges, and the largest has no next', () => {
    assert.deepEqual([1023.4, 1024, 10_239, 10_240, 1024 ** 2, 1024 ** 3, 1024 ** 4, 1024 ** 5].map(bytes), [
      '1023 B',
      '1.0 KiB',
      '10.0 KiB',
      '10 KiB',
      '1.0 MiB',
      '1.0 GiB',
      '1.0 TiB',
      '1024 TiB',
    ]);
    assert.deepEqual([0, 10, 99.94, 100, 999.4, 1000].map(duration), [
      '0.00 ms',
      '10.0 ms',
      '99.9 ms',
      '100 ms',
      '999 ms',
      '1.0 s',
    ]);
    assert.equal(timeOfDay(new Date(2026, 0, 2, 3, 4, 5, 6).getTime()), '03:04:05.006');
    assert.equal(timeOfDay(new Date(2026, 0, 2, 23, 59, 58, 987).getTime()), '23:59:58.987');
  });

  test('a name stands on one line, a message in a table has no link, and colours are for those who want them', () => {
    assert.equal(printableName('a\tb\nc\u001b'), 'a\\tb\\nc\\x1b');
    assert.equal(withoutLink('Cannot do it (docs/errors.md#ashredis_usage)'), 'Cannot do it');
    assert.equal(withoutLink('see (docs/errors.md#a) there'), 'see (docs/errors.md#a) there');
    const output = { hasColor: true } as Parameters<typeof paint>[0];
    assert.equal(paint(output, 'red', 'no'), '\u001b[31mno\u001b[0m');
    assert.equal(paint({ ...output, hasColor: false }, 'red', 'no'), 'no');
  });

  test('a payload can not command the terminal', () => {
    assert.equal(printable('a\u001b[2J\u0007b\r\u009b'), 'a\\x1b[2J\\x07b\\x0d\\x9b');
    assert.equal(printable('tab\tand\nline stay'), 'tab\tand\nline stay');
  });

  test('text is cut to its column', () => {
    assert.deepEqual([fit('abc', 5), fit('abcdef', 4), fit('abc', 1)], ['abc  ', 'abc…', '…']);
    // East Asian characters take two columns, marks on others none.
    assert.deepEqual(
      [fit('日本語', 8), fit('日本語', 5), fit('日本語', 4), fit('e\u0301a', 3)],
      ['日本語  ', '日本…', '日… ', 'e\u0301a '],
    );
  });

  test('percentiles and histograms count every value', () => {
    const sorted = Array.from({ length: 100 }, (_, index) => index + 1);
    assert.deepEqual([percentile(sorted, 0.5), percentile(sorted, 0.99), percentile(sorted, 1)], [50, 99, 100]);
    assert.ok(Number.isNaN(percentile([], 0.5)));
    assert.equal(percentile([7], 0.01), 7);
    assert.deepEqual(histogram([0.05, 0.15, 0.15, 0.7]), [
      { belowMs: 0.1, count: 1 },
      { belowMs: 0.2, count: 2 },
      { belowMs: 0.4, count: 0 },
      { belowMs: 0.8, count: 1 },
    ]);
  });

  test('the version is that of package.json, here and in the server', async () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    assert.equal(PACKAGE_VERSION, version);
    const server = await import('../../../src/server/version.ts');
    assert.equal(server.PACKAGE_VERSION, version);
  });
});
