// Lines of a stream of bytes, whatever its chunks are.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { linesOf } from '../../../src/cli/lines.ts';

async function lines(chunks: Uint8Array[], maxBytes = 1000, keepsMark = false): Promise<string[]> {
  async function* input() {
    yield* chunks;
  }
  const found: string[] = [];
  for await (const { number, text, isTooLong } of linesOf(input(), maxBytes, keepsMark)) {
    found.push(`${number}:${isTooLong ? 'too long' : text}`);
  }
  return found;
}

const bytes = (text: string) => new TextEncoder().encode(text);

describe('lines', () => {
  test('are the same at every split point, also within a character', async () => {
    const whole = bytes('first\n\nthïrd €\r\nlast');
    const expected = ['1:first', '2:', '3:thïrd €', '4:last'];
    for (let at = 0; at <= whole.length; at++) {
      assert.deepEqual(await lines([whole.subarray(0, at), whole.subarray(at)]), expected, `split at ${at}`);
    }
    assert.deepEqual(await lines([...whole].map((byte) => Uint8Array.of(byte))), expected);
  });

  test('begin with a byte order mark only where it is kept', async () => {
    const whole = bytes('\ufeffa\n\ufeffb\ufeff');
    assert.deepEqual(await lines([whole]), ['1:a', '2:b\ufeff']);
    for (let at = 0; at <= whole.length; at++) {
      const halves = [whole.subarray(0, at), whole.subarray(at)];
      assert.deepEqual(await lines(halves, 1000, true), ['1:\ufeffa', '2:\ufeffb\ufeff'], `split at ${at}`);
    }
  });

  test('nothing follows a closing line break, and nothing gives nothing', async () => {
    assert.deepEqual(await lines([bytes('a\n')]), ['1:a']);
    assert.deepEqual(await lines([]), []);
  });

  test('a chunk that is used again by its giver does no harm', async () => {
    const buffer = bytes('ab');
    async function* input() {
      yield buffer;
      buffer.set(bytes('cd'));
      yield buffer;
    }
    const found: string[] = [];
    for await (const { text } of linesOf(input(), 10, false)) found.push(text);
    assert.deepEqual(found, ['abcd']);
  });

  test('of a line beyond the limit the number alone is given, wherever it stands', async () => {
    const long = 'x'.repeat(20);
    for (const whole of [`ok\n${long}\nnext\n`, `ok\n${long}`, `${long}\nok`]) {
      const expected = whole
        .replace(/\n$/, '')
        .split('\n')
        .map((text, index) => `${index + 1}:${text === long ? 'too long' : text}`);
      for (let at = 0; at <= whole.length; at++) {
        assert.deepEqual(await lines([bytes(whole.slice(0, at)), bytes(whole.slice(at))], 10), expected, whole);
      }
    }
  });
});
