// Lines of a stream of bytes, whatever its chunks are.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { linesOf } from '../../../src/cli/lines.ts';
import { UsageError } from '../../../src/index.ts';

async function lines(chunks: Uint8Array[], maxBytes = 1000): Promise<string[]> {
  async function* input() {
    yield* chunks;
  }
  const found: string[] = [];
  for await (const { number, text } of linesOf(input(), maxBytes)) found.push(`${number}:${text}`);
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
    for await (const { text } of linesOf(input(), 10)) found.push(text);
    assert.deepEqual(found, ['abcd']);
  });

  test('a line beyond the limit ends it with its number', async () => {
    await assert.rejects(lines([bytes('ok\n'), bytes('x'.repeat(20))], 10), (error: unknown) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, /line 2 of standard input: it is longer than 10 bytes/);
      return true;
    });
  });
});
