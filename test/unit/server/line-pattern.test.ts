// The patterns of KEYS in the line dialect: what they match, and that no pattern is expensive.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { translatePattern } from '../../../src/line/index.ts';
import { LinePattern, LinePatternError } from '../../../src/server/line-pattern.ts';
import { javaPattern } from '../../support/java-pattern.ts';

describe('LinePattern', () => {
  const cases: [pattern: string, matching: string[], others: string[]][] = [
    ['user:1', ['user:1'], ['user:12', 'xuser:1']],
    ['a.b', ['a.b'], ['axb']],
    ['user:*', ['user:', 'user:1'], ['use', 'user:\n']],
    ['user:?', ['user:😀', 'user:1'], ['user:', 'user:12', 'user:\u2028']],
    ['user:1|a.b', ['user:1', 'a.b'], ['user:1a.b']],
    ['a+b', ['ab', 'aaab'], ['a+b', 'b']],
    ['x[1]', ['x1'], ['x[1]']],
    ['[a-c^]z', ['az', 'bz', '^z'], ['dz']],
    ['[^a-c]z', ['dz', '\nz'], ['az', 'z']],
    ['[\\x00-\\x{10FFFF}]{0,}', ['', 'a', 'l1\nl2', '😀'], []],
    ['a\\x2bb', ['a+b'], ['aab']],
    ['(ab|c){2}', ['abab', 'abc', 'cc'], ['ab', 'ccc']],
    ['(ab|c){1,2}d', ['abd', 'ccd'], ['d', 'cccd']],
    ['(){0,}x', ['x'], ['']],
    ['^ab$', ['ab'], ['^ab$']],
    ['\\d\\w', ['1_'], ['a1']],
    ['a|', ['a', ''], ['b']],
    ['[\\d-z]', ['0', '9', '-', 'z'], ['A', 'y', ':', '/']],
    ['[+-]', ['+', '-'], [',']],
    ['[]-a]', [']', '^', 'a'], ['-', 'b']],
    ['[a&b]', ['a', '&', 'b'], ['c']],
    ['\\d', ['0', '9'], ['/', ':']],
    ['\\w', ['0', '9', 'A', 'Z', '_', 'a', 'z'], ['/', ':', '@', '[', '^', '`', '{', 'é']],
    ['\\s', ['\t', '\n', '\v', '\f', '\r', ' '], ['\b', '\x0e', '\x1f', '!', '\xa0']],
    ['\\t\\n\\r\\f\\[', ['\t\n\r\f['], ['tnrf[']],
    ['?', ['\x0b', '\x0e', '\x84', '\x86', '\u2027', '\u2030'], ['\n', '\r', '\x85', '\u2028', '\u2029']],
    ['a{2}', ['aa'], ['a', 'aaa']],
    ['a{2,}', ['aa', 'aaaaa'], ['a']],
    [`${'('.repeat(49)}a${')'.repeat(49)}`, ['a'], ['b']],
  ];

  for (const [pattern, matching, others] of cases) {
    test(`${pattern} matches as the real server's`, () => {
      const compiled = new LinePattern(pattern);
      for (const name of matching) assert.ok(compiled.matches(name), JSON.stringify(name));
      for (const name of others) assert.ok(!compiled.matches(name), JSON.stringify(name));
    });
  }

  test('it agrees with the model of the real server on translated globs', () => {
    const names = ['', 'a', 'ab', 'a.b', 'a*b', 'a+b', 'user:1', 'é😀', 'x-y', '[1]', 'a\\b', '^', 'a b'];
    const globs = [
      '*',
      '?',
      'a*',
      '*b',
      'a?b',
      '[a-z]*',
      '[^a]*',
      'a\\*b',
      'a+b',
      '[1]',
      '\\[1]',
      'é?',
      '**',
      '[]',
      '[-+]*',
    ];
    for (const glob of globs) {
      const pattern = translatePattern(glob);
      const expected = javaPattern(pattern);
      assert.ok(typeof expected !== 'string', `${glob}: ${String(expected)}`);
      const compiled = new LinePattern(pattern);
      for (const name of names) assert.equal(compiled.matches(name), expected.test(name), `${glob} ${pattern} ${name}`);
    }
  });

  for (const pattern of [
    '[',
    '(',
    '{',
    '+',
    '\\',
    ')',
    'a{2,1}',
    '[b-a]',
    '[[a]]',
    'a^b',
    '\\p{L}',
    '\\x{110000}',
    '[a',
    '[a-',
    '[+-[]',
    '[a&&b]',
    '[!-\\d]',
    '\\q',
    '\\x{1234567}',
    '\\x4',
  ]) {
    test(`${pattern} is refused in one line`, () => {
      assert.throws(
        () => new LinePattern(pattern),
        (error: Error) => error instanceof LinePatternError && !error.message.includes('\n'),
      );
    });
  }

  for (const pattern of [
    '(a{1000}){1000}',
    '(((a{0,99}){0,99}){0,99}){0,99}',
    '(){999999999}',
    '('.repeat(60),
    'a|'.repeat(3000),
  ]) {
    test(`a pattern that would grow without end is refused: ${pattern.slice(0, 30)}`, () => {
      assert.throws(() => new LinePattern(pattern), LinePatternError);
    });
  }

  test('no pattern needs more than pattern × text steps', () => {
    const text = 'a'.repeat(2000);
    const before = process.cpuUsage();
    for (const pattern of ['(a|b){0,}c', '(a+)+c', '(a|aa){0,}c', `${'a*'.repeat(30)}c`, '((a+)+)+c']) {
      assert.equal(new LinePattern(pattern).matches(text), false);
    }
    const { user } = process.cpuUsage(before);
    assert.ok(user < 2_000_000, `took ${user} µs`);
  });
});
