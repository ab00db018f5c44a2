// Redis's globs become patterns of the line server that list the same keys, and never an expression that harms it.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { translatePattern } from '../../../src/line/index.ts';
import { javaPattern } from '../../support/java-pattern.ts';
import { SeededRandom } from '../../support/simulation/random.ts';

/** Only these stand outside of classes: no group, no repetition, no alternation, no anchor, no escape but \x. */
const SAFE =
  /^(?:[A-Za-z0-9_:.*?-]|\\x[0-9a-f]{2}|\\x\{[0-9a-f]+\}|\[\^?(?:[A-Za-z0-9_:-]|\\x[0-9a-f]{2}|\\x\{[0-9A-F]+\}|\\x\{[0-9a-f]+\})+\])*$/;

function matches(glob: string, key: string): boolean {
  const expression = javaPattern(translatePattern(glob));
  assert.notEqual(typeof expression, 'string', `${glob} became a pattern that the server refuses`);
  return (expression as RegExp).test(key);
}

/** `stringmatchlen` of Redis 7, for the characters of one line. */
function globMatches(glob: readonly string[], key: readonly string[]): boolean {
  let g = 0;
  let k = 0;
  while (g < glob.length && (k < key.length || glob[g] === '*')) {
    const character = glob[g] as string;
    if (character === '*') {
      while (glob[g + 1] === '*') g++;
      if (g + 1 === glob.length) return true;
      for (let at = k; at <= key.length; at++) if (globMatches(glob.slice(g + 1), key.slice(at))) return true;
      return false;
    }
    if (character === '[') {
      g++;
      const negated = glob[g] === '^';
      if (negated) g++;
      let found = false;
      for (; ; g++) {
        if (glob[g] === '\\' && g + 1 < glob.length) {
          g++;
          if (glob[g] === key[k]) found = true;
        } else if (glob[g] === ']' || g >= glob.length) break;
        else if (glob[g + 1] === '-' && g + 2 < glob.length) {
          const ends = [glob[g] as string, glob[g + 2] as string].map((end) => end.codePointAt(0) as number);
          const code = (key[k] as string).codePointAt(0) as number;
          g += 2;
          if (code >= Math.min(...ends) && code <= Math.max(...ends)) found = true;
        } else if (glob[g] === key[k]) found = true;
      }
      if (found === negated) return false;
    } else if (character !== '?') {
      if (character === '\\' && g + 1 < glob.length) g++;
      if (glob[g] !== key[k]) return false;
    }
    k++;
    g++;
    if (k === key.length) while (glob[g] === '*') g++;
  }
  return g >= glob.length && k === key.length;
}

describe('KEYS patterns', () => {
  test('write a character by two digits, or by all of them in braces', () => {
    assert.equal(translatePattern('+é'), '\\x2b\\xe9');
    assert.equal(translatePattern('Ā[\ud7ff😀]'), '\\x{100}[\\x{d7ff}\\x{1f600}]');
    assert.ok(matches('Ā?', 'Āx'));
  });

  test('that are the same in both worlds go as they are', () => {
    for (const glob of ['*', 'sensor:*', 'user:?', 'a.b', 'x[ab]', 'x[a-z]', 'x[^a]', 'a-b_c']) {
      assert.equal(translatePattern(glob), glob);
    }
  });

  test('with characters that Java reads as an expression are written with escapes', () => {
    assert.equal(translatePattern('a+b'), 'a\\x2bb');
    assert.equal(translatePattern('(a|b){0,}'), '\\x28a\\x7cb\\x29\\x7b0\\x2c\\x7d');
    assert.equal(translatePattern('\\*'), '\\x2a');
    assert.equal(translatePattern('[+.]'), '[\\x2b\\x2e]');
    assert.equal(translatePattern('日*'), '\\x{65e5}*');
    assert.equal(translatePattern('@r:*'), '\\x40r:*');
  });

  test('find what the glob means among keys that hold every special character', () => {
    for (const key of [
      'a+b',
      '(p)',
      'x[1]',
      'back\\slash',
      'a*b',
      'a?b',
      'a.b',
      '^a$',
      'a|b',
      '{1}',
      '日本',
      '😀',
      'a b',
      '-',
    ]) {
      const literally = [...key].map((character) => `\\${character}`).join('');
      assert.equal(matches(literally, key), true, key);
      assert.equal(matches(literally, `${key}x`), false, key);
      assert.equal(matches('*', key), true, key);
      assert.equal(matches('?'.repeat([...key].length), key), true, key);
    }
    assert.equal(matches('a.b', 'axb'), false);
    assert.equal(matches('a+b', 'aab'), false);
    assert.equal(matches('a|b', 'a'), false);
  });

  test('with odd classes mean what Redis means by them', () => {
    assert.equal(matches('[z-a]', 'm'), true, 'reversed range');
    assert.equal(matches('[]', 'a'), false, 'empty');
    assert.equal(matches('[^]', 'a'), true, 'empty and negated');
    assert.equal(matches('[abc', 'b'), true, 'unclosed');
    assert.equal(matches('[', '['), false, 'opened at the end');
    assert.equal(matches('[a&&b]', '&'), true, 'no intersection');
    assert.equal(matches('[[a]', '['), true, 'no class in a class');
    assert.equal(matches('[\\]]', ']'), true, 'escaped');
    assert.equal(matches('\\', '\\'), true, 'a backslash at the end');
  });

  test('agree with stringmatchlen on 20,000 random globs, and never leave the safe alphabet', () => {
    const random = new SeededRandom(6);
    const globPieces = [...'aabb-^[]]*??\\.+(){}|$&', '😀', 'é'];
    const keyPieces = [...'aabb-^[]\\.+(){}|$&', '😀', 'é'];
    let matched = 0;
    for (let index = 0; index < 20_000; index++) {
      const glob = Array.from({ length: random.integer(1, 6) }, () => random.pick(globPieces));
      const key = Array.from({ length: random.integer(1, 5) }, () => random.pick(keyPieces));
      const pattern = translatePattern(glob.join(''));
      assert.match(pattern, SAFE);
      const expected = globMatches(glob, key);
      if (expected) matched++;
      assert.equal(
        matches(glob.join(''), key.join('')),
        expected,
        JSON.stringify([glob.join(''), key.join(''), pattern]),
      );
    }
    assert.ok(matched > 300, `only ${matched} matched`);
  });
});
