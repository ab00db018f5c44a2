// The decoder of the line dialect: what it accepts beyond what was recorded, and what it refuses.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LimitError, ProtocolError } from '../../../src/errors/index.ts';
import {
  LineDecoder,
  type LineDecoderLimits,
  LineError,
  type LineValue,
  NEED_LINE_DATA,
} from '../../../src/line/index.ts';

function read(bytes: string | Uint8Array, options?: LineDecoderLimits): LineValue[] {
  const decoder = new LineDecoder(options);
  decoder.push(Buffer.from(bytes as string));
  const values: LineValue[] = [];
  for (let value = decoder.read(); value !== NEED_LINE_DATA; value = decoder.read()) values.push(value);
  return values;
}

function refuses(bytes: string | Uint8Array, expected: RegExp, options?: LineDecoderLimits): ProtocolError {
  const decoder = new LineDecoder(options);
  decoder.push(Buffer.from(bytes as string));
  let found: unknown;
  try {
    while (decoder.read() !== NEED_LINE_DATA);
  } catch (error) {
    found = error;
  }
  assert.ok(found instanceof ProtocolError, `no ProtocolError for ${JSON.stringify(String(bytes))}`);
  assert.match(found.message, expected);
  decoder.push(Buffer.from('+OK\n'));
  assert.throws(
    () => decoder.read(),
    (again) => again === found,
    'it stays failed',
  );
  return found;
}

describe('the line decoder', () => {
  test('reads every kind of reply, ended by LF or CR LF', () => {
    for (const end of ['\n', '\r\n']) {
      assert.deepEqual(
        read(
          ['+OK', ':-5', '$-1', '*-1', '$2\r\nab', '*0', '', '*2', '$1\r\na', '$-1', ':9223372036854775807', '+'].join(
            end,
          ) + end,
        ),
        ['OK', -5, null, null, 'ab', [], ['a', null], 9223372036854775807n, ''],
      );
    }
  });

  test('gives errors as values with their whole text', () => {
    const [error] = read("-ERR unknown command 'X'\n");
    assert.ok(error instanceof LineError);
    assert.equal(error.message, "ERR unknown command 'X'");
    assert.equal((read('-no code\n')[0] as LineError).message, 'no code');
  });

  test('skips the LF behind an array also when it comes in a later packet, before any kind of reply', () => {
    for (const [next, value] of [
      ['+PONG\n', 'PONG'],
      [':1\n', 1],
      ['$1\r\n\n\n', '\n'],
      ['*1\r\n$1\r\nb\r\n\n', ['b']],
    ] as [string, LineValue][]) {
      const decoder = new LineDecoder();
      decoder.push(Buffer.from('*1\r\n$1\r\na\r\n'));
      assert.deepEqual(decoder.read(), ['a']);
      assert.equal(decoder.read(), NEED_LINE_DATA);
      decoder.push(Buffer.from('\n'));
      assert.equal(decoder.read(), NEED_LINE_DATA);
      decoder.push(Buffer.from(next));
      assert.deepEqual(decoder.read(), value);
      assert.equal(decoder.read(), NEED_LINE_DATA);
    }
  });

  test('knows where characters end, from the first to the last of each length', () => {
    const edges = [
      0x7f, 0x80, 0xbf, 0xc0, 0x7ff, 0x800, 0xe01, 0xfff, 0x1000, 0xd7ff, 0xe000, 0xffff, 0x10000, 0x10ffff,
    ];
    for (const code of edges) {
      const text = `a${String.fromCodePoint(code)}b`;
      for (const each of [text, text.slice(1), text.slice(0, -1)]) {
        assert.deepEqual(read(`$${each.length}\r\n${each}\n+OK\n`), [each, 'OK'], code.toString(16));
      }
    }
  });

  test('counts UTF-16 units', () => {
    assert.deepEqual(read('$5\r\né日😀x\n'), ['é日😀x']);
    assert.deepEqual(read('$7\r\n+OK\r\n$3\n'), ['+OK\r\n$3']);
    assert.deepEqual(read('$1\r\n\ufeff\n'), ['\ufeff'], 'a byte order mark is content');
  });

  test('reads a body of 1,000,000 units that comes in packets of 1,000 bytes, looking at each byte once', () => {
    const body = 'é😀'.repeat(333_334);
    const bytes = Buffer.from(`$${body.length}\r\n${body}\n`);
    const decoder = new LineDecoder();
    let value: LineValue | typeof NEED_LINE_DATA = NEED_LINE_DATA;
    for (let at = 0; at < bytes.length; at += 1000) {
      decoder.push(bytes.subarray(at, at + 1000));
      value = decoder.read();
    }
    assert.equal(value, body);
    assert.equal(decoder.read(), NEED_LINE_DATA);
  });

  test('refuses what begins no reply, and says where and what it found', () => {
    const error = refuses('+OK\nHTTP/1.1 400\n', /a reply begins with none of \+ - : \$ \*/);
    assert.equal(error.offset, 4);
    assert.match(error.message, /found "HTTP\/1\.1 400\\n"/);
    refuses('*1\r\n+OK\n', /an element of an array is no bulk/);
    refuses('*1\r\n*0\r\n', /an element of an array is no bulk/);
  });

  test('tells the offset in the stream, however much was read before', () => {
    const decoder = new LineDecoder();
    for (let at = 0; at < 5000; at += 4) {
      decoder.push(Buffer.from('+OK\n'));
      assert.equal(decoder.read(), 'OK');
    }
    decoder.push(Buffer.from('?'));
    assert.throws(() => decoder.read(), { offset: 5000, excerpt: '?' });
  });

  test('takes no more room for a long stream than for its longest reply', () => {
    const decoder = new LineDecoder();
    const chunk = Buffer.from(`+${'x'.repeat(2 ** 16)}\n`);
    const before = process.memoryUsage().arrayBuffers;
    for (let count = 0; count < 512; count++) {
      decoder.push(chunk);
      assert.equal((decoder.read() as string).length, 2 ** 16);
    }
    const taken = process.memoryUsage().arrayBuffers - before;
    assert.ok(taken < 2 ** 22, `${taken} bytes after ${512 * chunk.length}`);
  });

  test('reads nothing from what older replies left behind its last byte', () => {
    const decoder = new LineDecoder();
    const bodies: string[] = [];
    const values: LineValue[] = [];
    for (const count of [400, 399, 390, 60, 333]) {
      const body = 'é'.repeat(count);
      bodies.push(body);
      for (const byte of Buffer.from(`$${count}\r\n${body}\n`)) {
        decoder.push(Uint8Array.of(byte));
        const value = decoder.read();
        if (value !== NEED_LINE_DATA) values.push(value);
      }
    }
    assert.deepEqual(values, bodies);
  });

  test('refuses numbers in any other spelling than the one', () => {
    for (const text of ['', '+1', '1.5', ' 1', '0x1', '1e3', '12345678901234567890']) {
      refuses(`:${text}\n`, /an integer is not 1 to 19 digits/);
      refuses(`$${text}\n`, /the bulk length is not a plain number|exceeds/);
      refuses(`*${text}\n`, /the array length is not a plain number|exceeds/);
    }
    refuses('$-2\n', /not a plain number/);
  });

  test('refuses a body that is followed by anything but a line end, or whose length cuts a character', () => {
    refuses('$2\r\nabc\n', /not followed by a line end/);
    refuses('$1\r\né\rx\n', /not followed by a line end/);
    refuses('$1\r\n😀\n', /ends inside a character/);
  });

  test('refuses bytes that are not UTF-8', () => {
    for (const bytes of [
      [0xff],
      [0xc0, 0x80],
      [0xed, 0xa0, 0x80],
      [0x80],
      [0xf5, 0x80, 0x80, 0x80],
      [0xe3, 0x41, 0x41],
    ]) {
      refuses(Buffer.concat([Buffer.from('$1\r\n'), Buffer.from(bytes), Buffer.from('\n\n\n')]), /UTF-8|line end/);
      refuses(Buffer.concat([Buffer.from('-ERR '), Buffer.from(bytes), Buffer.from('\n')]), /UTF-8/);
    }
  });

  test('applies its limits when a length is declared, and to a line before its end has come', () => {
    assert.ok(
      refuses('$101\r\n', /bulk length of 101 exceeds the limit of 100/, { maxBulkLength: 100 }) instanceof LimitError,
    );
    refuses('*101\r\n', /array length of 101 exceeds the limit of 100/, { maxElements: 100 });
    refuses(`+${'x'.repeat(101)}`, /the byte length of 102 exceeds the limit of 100/, { maxLineBytes: 100 });
    refuses(`$${2 ** 40}\r\n`, /exceeds the limit of 536870912/);
    // A limit is of one reply, however many come in one packet.
    assert.equal(read(`+${'x'.repeat(99)}\n`.repeat(50), { maxLineBytes: 100 }).length, 50);
    assert.deepEqual(read('$3\r\nabc\n*1\r\n$1\r\na\r\n', { maxBulkLength: 3, maxElements: 1 }), ['abc', ['a']]);
  });
});
