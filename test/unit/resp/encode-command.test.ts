// What commands become on the wire, one and many, for text of any length and alphabet; what cannot be sent is refused.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encodeCommand, encodeCommands, UsageError } from '../../../src/resp/index.ts';

const bytes = (text: string) => Buffer.from(text, 'latin1');

describe('encodeCommand', () => {
  test('writes an array of bulk strings', () => {
    const command = encodeCommand(['SET', 'kéy', bytes('\xff\0'), 5, 12n]);
    assert.equal(
      Buffer.from(command).toString('latin1'),
      '*5\r\n$3\r\nSET\r\n$4\r\nk\xc3\xa9y\r\n$2\r\n\xff\0\r\n$1\r\n5\r\n$2\r\n12\r\n',
    );
  });

  test('text of any length and alphabet, and commands that were kept stay as they were', () => {
    const kept: [Uint8Array, string][] = [];
    const units = ['a', 'é', '日', '😀', '\ud800', '\r\n'];
    for (let length = 0; length < 1400; length += length < 130 ? 1 : 97) {
      for (const unit of units) {
        const args = ['SET', unit.repeat(length), Buffer.from(unit.repeat(length % 7)), 'x'.repeat(length % 11) + unit];
        const before = [...args];
        const command = encodeCommand(args);
        assert.deepEqual(args, before);
        const parts = args.map((arg) => Buffer.from(typeof arg === 'string' ? new TextEncoder().encode(arg) : arg));
        const head = `*${parts.length}\r\n`;
        const body = parts.map((part) => `$${part.length}\r\n${part.toString('latin1')}\r\n`).join('');
        kept.push([command, head + body]);
      }
    }
    for (const [command, expected] of kept) assert.equal(Buffer.from(command).toString('latin1'), expected);
  });

  test('refuses what cannot be sent and names its index', () => {
    for (const bad of [Number.NaN, Infinity, undefined, null, {}, [], true, Symbol('x')]) {
      assert.throws(
        () => encodeCommand(['SET', bad as string]),
        (error) => error instanceof UsageError && /argument 1 /.test(error.message),
      );
    }
    assert.throws(() => encodeCommand([]), UsageError);
    assert.throws(() => encodeCommand('PING' as unknown as string[]), UsageError);
  });
});

describe('encodeCommands', () => {
  test('is what encodeCommand gives for each, one behind the other, whatever they grow to', () => {
    for (const unit of ['a', 'é', '日', '😀', '\ud800']) {
      const commands = Array.from({ length: 40 }, (_, index) => [
        'SET',
        index,
        unit.repeat(index * index),
        bytes('\0'),
      ]);
      const joined = Buffer.concat(commands.map((command) => encodeCommand(command)));
      assert.deepEqual(Buffer.from(encodeCommands(commands)), joined);
    }
    assert.equal(encodeCommands([]).length, 0);
  });

  test('what was given stays as it was when more is encoded', () => {
    const first = encodeCommands([['PING'], ['ECHO', 'x']]);
    const text = '*1\r\n$4\r\nPING\r\n*2\r\n$4\r\nECHO\r\n$1\r\nx\r\n';
    for (let length = 0; length < 9000; length += 500) encodeCommands([['SET', 'k', 'v'.repeat(length)]]);
    assert.equal(Buffer.from(first).toString(), text);
  });

  test('refuses all of them for one that cannot be sent, and names it; the next call is none the worse', () => {
    const refused = (commands: unknown, reason: RegExp) =>
      assert.throws(
        () => encodeCommands(commands as string[][]),
        (error) => error instanceof UsageError && reason.test(error.message),
      );
    refused([['PING'], ['SET', 'k', Number.NaN]], /command 1: argument 2 is NaN/);
    refused([['PING'], []], /command 1: it has no name/);
    refused([['PING'], 'PING'], /command 1: it has no name/);
    refused(['PING'], /command 0: it has no name/);
    refused('PING', /they are no array/);
    refused(undefined, /they are no array/);
    assert.equal(Buffer.from(encodeCommands([['PING']])).toString(), '*1\r\n$4\r\nPING\r\n');
  });
});
