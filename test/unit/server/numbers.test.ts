// Numbers as Redis reads and adds them.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { addDecimals, addInt64, isDecimal, parseInt64 } from '../../../src/server/numbers.ts';

describe('numbers', () => {
  test('an integer is read strictly, and exactly beyond 2^53', () => {
    for (const [text, value] of [
      ['0', 0],
      ['-1', -1],
      ['9007199254740991', Number.MAX_SAFE_INTEGER],
      ['9007199254740993', 9007199254740993n],
      ['9223372036854775807', 9223372036854775807n],
      ['-9223372036854775808', -9223372036854775808n],
    ] as const) {
      assert.equal(parseInt64(text), value);
    }
    for (const text of [
      '',
      '-',
      '+1',
      ' 1',
      '1 ',
      '01',
      '-0',
      '1.0',
      '1e3',
      '0x1',
      '9223372036854775808',
      '-9223372036854775809',
      '1'.repeat(30),
    ]) {
      assert.equal(parseInt64(text), undefined, JSON.stringify(text));
    }
  });

  test('a sum that overflows is none', () => {
    assert.equal(addInt64(1, 2), 3);
    assert.equal(addInt64(Number.MAX_SAFE_INTEGER, 2), 9007199254740993n);
    assert.equal(addInt64(9223372036854775806n, 1), 9223372036854775807n);
    assert.equal(addInt64(9223372036854775807n, 1), undefined);
    assert.equal(addInt64(-9223372036854775808n, -1), undefined);
  });

  test('decimals are added as people do, not as doubles do', () => {
    for (const [a, b, sum] of [
      ['0.1', '0.2', '0.3'],
      ['10.50', '0.1', '10.6'],
      ['5.0e3', '2.0e2', '5200'],
      ['3.0', '1', '4'],
      ['-1.5', '1.5', '0'],
      ['.5', '5.', '5.5'],
    ] as const) {
      assert.equal(addDecimals(a, b), sum);
    }
    for (const text of ['', '.', 'x', '1e', '1e999999', 'nan', 'inf', ' 1']) assert.equal(isDecimal(text), false, text);
  });
});
