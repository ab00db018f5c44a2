// Redis's globs: what they match, byte by byte, and that no pattern is expensive.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Glob } from '../../../src/server/glob.ts';

describe('Glob', () => {
  const cases: [pattern: string, matching: string[], others: string[]][] = [
    ['', [''], ['a']],
    ['*', ['', 'a', '\n'], []],
    ['a', ['a'], ['', 'A', 'ab']],
    ['?', ['a', '\xff'], ['', 'ab']],
    ['a*b', ['ab', 'axb', 'abb', 'a\nb'], ['a', 'abc']],
    ['*a*b*c*', ['abc', 'xaybzc!', 'aabbcc'], ['acb', 'ab']],
    ['***a', ['a', 'xa'], ['ax']],
    ['[abc]', ['a', 'c'], ['d', '']],
    ['[^abc]', ['d', '\n'], ['a']],
    ['[a-c]x', ['ax', 'cx'], ['dx']],
    ['[c-a]x', ['ax', 'bx'], ['dx']],
    ['[\\]]', [']'], ['\\']],
    ['[a-]', ['a', '_', ']'], ['-', 'b']],
    ['[abc', ['a', 'c'], ['[abc']],
    ['[]', [], ['', ']', 'a']],
    ['[^]', ['a'], ['']],
    ['\\*', ['*'], ['a', '\\*']],
    ['a\\', ['a\\'], ['a']],
    ['h?llo.w[oa]rld*', ['hello.world!', 'hallo.warld'], ['hllo.world']],
  ];
  for (const [pattern, matching, others] of cases) {
    test(`'${pattern}' matches as in Redis`, () => {
      const glob = new Glob(pattern);
      for (const text of matching) assert.ok(glob.matches(text), JSON.stringify(text));
      for (const text of others) assert.ok(!glob.matches(text), JSON.stringify(text));
    });
  }

  test('many stars cost at most pattern × text', () => {
    const before = process.cpuUsage();
    assert.equal(new Glob(`${'a*'.repeat(1000)}b`).matches('a'.repeat(5000)), false);
    assert.equal(new Glob(`${'*a'.repeat(1000)}b`).matches('a'.repeat(5000)), false);
    assert.ok(process.cpuUsage(before).user < 1_000_000);
  });
});
