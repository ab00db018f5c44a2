// The parser of requests: the same commands however the bytes are cut, and Redis's words for what is wrong.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DEFAULT_LIMITS } from '../../../src/server/limits.ts';
import { RequestParser } from '../../../src/server/request-parser.ts';

interface Parsed {
  requests: string[][];
  failure: string | undefined;
}

/** Feeds the chunks one by one; each is overwritten after use, as the socket's buffer may be. */
function parse(chunks: readonly Buffer[], limits = DEFAULT_LIMITS): Parsed {
  const parser = new RequestParser(limits);
  const requests: string[][] = [];
  for (const chunk of chunks) {
    const copy = Buffer.from(chunk);
    parser.push(copy);
    for (let args = parser.next(); args !== undefined; args = parser.next()) requests.push(args);
    copy.fill(0);
    if (parser.failure !== undefined) break;
  }
  if (parser.failure === undefined) assert.ok(parser.pendingBytes >= 0);
  return { requests, failure: parser.failure };
}

const bytes = (text: string) => Buffer.from(text, 'latin1');

describe('RequestParser', () => {
  const vectors: [title: string, text: string, requests: string[][], failure?: string][] = [
    ['an array', '*2\r\n$3\r\nGET\r\n$1\r\nk\r\n', [['GET', 'k']]],
    ['an empty bulk', '*2\r\n$4\r\nECHO\r\n$0\r\n\r\n', [['ECHO', '']]],
    ['a bulk with CR LF and every byte', '*1\r\n$5\r\n\r\n\0\xff*\r\n', [['\r\n\0\xff*']]],
    ['a pipeline', '*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nQUIT\r\n', [['PING'], ['QUIT']]],
    ['inline', 'SET k "a b"\r\n', [['SET', 'k', 'a b']]],
    ['inline with what begins an array', 'KEYS *1\r\n', [['KEYS', '*1']]],
    ['a count of many digits', `*${'9'.repeat(400)}\r\n`, [], 'Protocol error: invalid multibulk length'],
    ['inline between arrays', '*1\r\n$1\r\na\r\nPING\r\n*1\r\n$1\r\nb\r\n', [['a'], ['PING'], ['b']]],
    ['empty lines and arrays', '\r\n\n*0\r\n*-1\r\nPING\n', [['PING']]],
    ['escapes', '"\\x41\\n\\"" \'it\\\'s\'\r\n', [['A\n"', "it's"]]],
    ['an open quote', 'PING\r\n"abc\r\n', [['PING']], 'Protocol error: unbalanced quotes in request'],
    ['a count that is none', '*a\r\n', [], 'Protocol error: invalid multibulk length'],
    ['a count without CR', '*1\n', [], 'Protocol error: invalid multibulk length'],
    ['a count beyond int', '*99999999999\r\n', [], 'Protocol error: invalid multibulk length'],
    ['no count at all', '*\r\n', [], 'Protocol error: invalid multibulk length'],
    ['no count and no CR', '*\n', [], 'Protocol error: invalid multibulk length'],
    ['a zero below zero', '*-0\r\n', [], 'Protocol error: invalid multibulk length'],
    ['what stands before the digits', '*1/\r\n', [], 'Protocol error: invalid multibulk length'],
    ['what stands after the digits', '*1:\r\n', [], 'Protocol error: invalid multibulk length'],
    ['another type in an array', '*1\r\n+OK\r\n', [], "Protocol error: expected '$', got '+'"],
    ['a negative bulk', '*1\r\n$-1\r\n', [], 'Protocol error: invalid bulk length'],
    ['an empty length', '*1\r\n$\r\n', [], 'Protocol error: invalid bulk length'],
    ['a bulk that is longer than declared', '*1\r\n$1\r\nab\r\n', [], 'Protocol error: expected CRLF after a bulk'],
  ];

  for (const [title, text, requests, failure] of vectors) {
    test(`${title}: whole, byte by byte, and cut anywhere`, () => {
      const all = bytes(text);
      const expected = { requests, failure };
      assert.deepEqual(parse([all]), expected);
      assert.deepEqual(parse([...all].map((byte) => Buffer.of(byte))), expected);
      for (let at = 1; at < all.length; at++) {
        assert.deepEqual(parse([all.subarray(0, at), all.subarray(at)]), expected, `cut at ${at}`);
      }
    });
  }

  test('a declared length beyond the limit fails before a byte of it has come', () => {
    const limits = { ...DEFAULT_LIMITS, maxBulkBytes: 10, maxRequestBytes: 15 };
    assert.match(parse([bytes('*1\r\n$11\r\n')], limits).failure ?? '', /11 exceeds the limit of 10 bytes/);
    assert.match(parse([bytes('*2\r\n$8\r\n12345678\r\n$8\r\n')], limits).failure ?? '', /limit of 15 bytes/);
    // Each request has the limit for itself.
    const whole = '*1\r\n$10\r\n1234567890\r\n';
    assert.deepEqual(parse([bytes(whole + whole)], limits).requests, [['1234567890'], ['1234567890']]);
  });

  test('a line without an end is given up at its limit', () => {
    const line = Buffer.alloc(DEFAULT_LIMITS.maxInlineBytes, 120);
    assert.equal(parse([line]).failure, undefined);
    assert.equal(parse([line, bytes('x')]).failure, 'Protocol error: too big inline request');
  });

  test('a stranger may send ten small arguments', () => {
    const parser = new RequestParser(DEFAULT_LIMITS);
    parser.authenticated = false;
    parser.push(bytes('*11\r\n'));
    assert.equal(parser.next(), undefined);
    assert.equal(parser.failure, 'Protocol error: unauthenticated multibulk length');
    const bulks = (count: number, size: number) =>
      bytes(`*${count}\r\n${`$${size}\r\n${'x'.repeat(size)}\r\n`.repeat(count)}`);
    for (const [count, size, isStranger, allowed] of [
      [10, 1, true, true],
      [1, 16_384, true, true],
      [1, 16_385, true, false],
      [11, 1, false, true],
      [1, 16_385, false, true],
    ] as const) {
      const other = new RequestParser(DEFAULT_LIMITS);
      other.authenticated = !isStranger;
      other.push(bulks(count, size));
      assert.equal(other.next()?.length, allowed ? count : undefined, `${count} of ${size}`);
    }
  });

  test('what it keeps of an unfinished request is counted, and nothing afterwards', () => {
    const parser = new RequestParser(DEFAULT_LIMITS);
    parser.push(bytes('*2\r\n$3\r\nSET\r\n$10\r\n12345'));
    assert.equal(parser.next(), undefined);
    // With what the argument that is whole costs beside its bytes.
    assert.equal(parser.pendingBytes, 8 + 16);
    parser.push(bytes('67890\r\n'));
    assert.deepEqual(parser.next(), ['SET', '1234567890']);
    assert.equal(parser.pendingBytes, 0);
  });

  test('nothing is kept of what broke the protocol', () => {
    for (const rest of ['+', '$5\r\nabcdefg', '$x\r\n', `$${'1'.repeat(70_000)}`]) {
      const parser = new RequestParser(DEFAULT_LIMITS);
      for (const text of ['*3\r\n$3\r\nSET\r\n', rest.slice(0, 4), `${rest.slice(4)}\r\n`]) {
        parser.push(bytes(text));
        assert.equal(parser.next(), undefined);
      }
      assert.match(parser.failure ?? '', /^Protocol error/);
      assert.equal(parser.pendingBytes, 0, rest.slice(0, 20));
    }
  });

  test('takeRest() gives back what was not read', () => {
    const parser = new RequestParser(DEFAULT_LIMITS);
    parser.push(bytes('PING\r\nECHO x\r\n'));
    assert.deepEqual(parser.next(), ['PING']);
    assert.equal(parser.takeRest().toString(), 'ECHO x\r\n');
    assert.equal(parser.next(), undefined);
  });
});
