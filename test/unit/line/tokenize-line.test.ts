// How the line server cuts a line into words: Java's blanks and trim, quotes and escapes, at their edges.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { tokenizeLine, trimLine } from '../../../src/line/index.ts';

/** `Character.isWhitespace` in Java, of every UTF-16 unit. */
const BLANKS = new Set([
  ...[0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x1c, 0x1d, 0x1e, 0x1f, 0x20],
  ...[0x1680, 0x2000, 0x2001, 0x2002, 0x2003, 0x2004, 0x2005, 0x2006, 0x2008, 0x2009, 0x200a],
  ...[0x2028, 0x2029, 0x205f, 0x3000],
]);

describe('words of a line', () => {
  test('are cut at the blanks of Java and at no other unit', () => {
    const cuts = new Set<number>();
    for (let unit = 0; unit <= 0xffff; unit++) {
      const character = String.fromCharCode(unit);
      if ('"\'\\'.includes(character)) continue;
      const { tokens, unclosedQuote } = tokenizeLine(`a${character}b`);
      assert.equal(unclosedQuote, false);
      if (tokens.length === 2) {
        assert.deepEqual(tokens, ['a', 'b']);
        cuts.add(unit);
      } else assert.deepEqual(tokens, [`a${character}b`]);
    }
    assert.deepEqual(cuts, BLANKS);
  });

  test('lose at both ends all up to U+0020, and nothing beyond', () => {
    for (let unit = 0; unit <= 0x20; unit++) {
      const character = String.fromCharCode(unit);
      assert.equal(trimLine(`${character}${character}a${character}b${character}`), `a${character}b`);
      assert.equal(trimLine(character), '');
    }
    for (const character of ['!', '\x7f', '\xa0', '\u2003', '\ufeff']) {
      assert.equal(trimLine(`${character}a${character}`), `${character}a${character}`);
    }
    assert.equal(trimLine(''), '');
  });

  test('hold quotes of the other kind, and know six escapes in quotes and two outside', () => {
    assert.deepEqual(tokenizeLine(`"a 'b' c" 'd "e" f'`).tokens, ["a 'b' c", 'd "e" f']);
    assert.deepEqual(tokenizeLine(String.raw`"\"\'\\\n\r\t\u\0"`).tokens, ['"\'\\\n\r\t\\u\\0']);
    assert.deepEqual(tokenizeLine(String.raw`'\"\'\\\n'`).tokens, ['"\'\\\n']);
    assert.deepEqual(tokenizeLine(String.raw`a\"b\'c\\d\ne`).tokens, ['a"b\'c\\\\d\\ne']);
    assert.deepEqual(tokenizeLine(String.raw`a\ b`).tokens, ['a\\', 'b']);
    assert.deepEqual(tokenizeLine('a"b c"d').tokens, ['ab cd'], 'a quote ends no word');
  });

  test('vanish when they are empty, and a quote that is not closed is told', () => {
    assert.deepEqual(tokenizeLine('SET k ""'), { tokens: ['SET', 'k'], unclosedQuote: false });
    assert.deepEqual(tokenizeLine('  \t '), { tokens: [], unclosedQuote: false });
    assert.deepEqual(tokenizeLine('a "b c'), { tokens: ['a', 'b c'], unclosedQuote: true });
    assert.deepEqual(tokenizeLine('a "b\\'), { tokens: ['a', 'b\\'], unclosedQuote: true });
    assert.deepEqual(tokenizeLine('a "b\\"'), { tokens: ['a', 'b"'], unclosedQuote: true });
  });

  test('are cut at ASCII blanks alone by the build of October, which knows no quotes', () => {
    const { tokens, unclosedQuote } = tokenizeLine(' SET \t\v\f k\u2003x "a  b\\" ', { quotes: false });
    assert.deepEqual(tokens, ['SET', 'k\u2003x', '"a', 'b\\"']);
    assert.equal(unclosedQuote, false);
  });
});
