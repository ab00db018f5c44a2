// What the decoder promises beyond single values: pieces, failure, memory of chunks, options.
// The values themselves are the vectors' matter (vectors.test.ts).

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  LimitError,
  NEED_DATA,
  ProtocolError,
  RespDecoder,
  RespError,
  RespMessage,
  RespPush,
  UsageError,
} from '../../../src/resp/index.ts';
import { Dice } from '../../support/resp/fuzzer.ts';

const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'latin1'));

function readAll(decoder: RespDecoder): unknown[] {
  const values: unknown[] = [];
  for (let value = decoder.read(); value !== NEED_DATA; value = decoder.read()) values.push(value);
  return values;
}

function decode(text: string, options?: ConstructorParameters<typeof RespDecoder>[0]): unknown[] {
  const decoder = new RespDecoder(options);
  decoder.push(bytes(text));
  return readAll(decoder);
}

describe('the decoder', () => {
  test('reads several values from one chunk in order', () => {
    assert.deepEqual(decode('+OK\r\n:5\r\n$3\r\nabc\r\n*2\r\n:1\r\n_\r\n'), ['OK', 5, 'abc', [1, null]]);
  });

  test('needs data before the first byte and after the last value', () => {
    const decoder = new RespDecoder();
    assert.equal(decoder.read(), NEED_DATA);
    decoder.push(bytes('+OK\r\n'));
    assert.equal(decoder.read(), 'OK');
    assert.equal(decoder.read(), NEED_DATA);
  });

  test('does not depend on the memory of a chunk after NEED_DATA', () => {
    const decoder = new RespDecoder();
    const chunk = new Uint8Array(4);
    const values: unknown[] = [];
    const stream = bytes('*2\r\n$10\r\n0123456789\r\n+a long simple string\r\n');
    for (let at = 0; at < stream.length; at += 4) {
      const length = Math.min(4, stream.length - at);
      chunk.set(stream.subarray(at, at + length));
      decoder.push(chunk.subarray(0, length));
      values.push(...readAll(decoder));
      chunk.fill(0x58);
    }
    assert.deepEqual(values, [['0123456789', 'a long simple string']]);
  });

  test('reads chunks that were pushed without a read between them', () => {
    const decoder = new RespDecoder();
    for (const piece of ['+O', 'K\r', '\n$5\r\nhe', 'llo', '\r\n:1', '\r\n']) decoder.push(bytes(piece));
    assert.deepEqual(readAll(decoder), ['OK', 'hello', 1]);
  });

  test('gives bytes that are its own copies', () => {
    const chunk = Buffer.from('$3\r\nabc\r\n');
    const decoder = new RespDecoder({ strings: 'bytes' });
    decoder.push(chunk);
    const value = decoder.read() as Uint8Array;
    chunk.fill(0);
    assert.equal(Object.getPrototypeOf(value), Uint8Array.prototype);
    assert.deepEqual([...value], [97, 98, 99]);
  });

  test('gives strings as bytes for the replies read while asBytes is true', () => {
    const decoder = new RespDecoder();
    decoder.push(bytes('$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n'));
    assert.equal(decoder.read(), 'a');
    decoder.asBytes = true;
    assert.deepEqual(decoder.read(), bytes('b'));
    decoder.asBytes = false;
    assert.equal(decoder.read(), 'c');
  });

  test('stays failed after the first error and throws that same error', () => {
    const decoder = new RespDecoder();
    decoder.push(bytes('+OK\r\n:abc\r\n+OK\r\n'));
    assert.equal(decoder.read(), 'OK');
    let first: unknown;
    assert.throws(
      () => decoder.read(),
      (error) => {
        first = error;
        return error instanceof ProtocolError && error.offset === 5 && error.message.includes('integer');
      },
    );
    decoder.push(bytes('+OK\r\n'));
    assert.throws(
      () => decoder.read(),
      (error) => error === first,
    );
  });

  test('tells how many bytes the values given so far took', () => {
    const decoder = new RespDecoder();
    decoder.push(bytes('+OK\r\n:12\r\n$5\r\nhe'));
    assert.equal(decoder.bytesConsumed, 0);
    decoder.read();
    assert.equal(decoder.bytesConsumed, 5);
    decoder.read();
    assert.equal(decoder.bytesConsumed, 10);
    decoder.read();
    assert.equal(decoder.bytesConsumed, 10);
    decoder.push(bytes('llo\r\n'));
    decoder.read();
    assert.equal(decoder.bytesConsumed, 21);
  });

  test('gives a push out of band, also from inside an aggregate, which then goes on', () => {
    const values = decode('*2\r\n+OK\r\n>3\r\n+message\r\n+c\r\n+p\r\n:1\r\n');
    assert.deepEqual(values, [new RespPush('message', ['c', 'p']), ['OK', 1]]);
  });

  test('gives published messages as RespMessage when asked, from arrays and pushes', () => {
    const array = '*3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$2\r\nhi\r\n';
    const pattern = '*4\r\n$8\r\npmessage\r\n$2\r\nc*\r\n$2\r\nch\r\n$2\r\nhi\r\n';
    const shard = '>3\r\n$8\r\nsmessage\r\n$2\r\nch\r\n$0\r\n\r\n';
    assert.deepEqual(decode(array + pattern + shard, { messages: true }), [
      new RespMessage('ch', undefined, 'hi', false),
      new RespMessage('ch', 'c*', 'hi', false),
      new RespMessage('ch', undefined, '', true),
    ]);
    assert.deepEqual(decode(array), [['message', 'ch', 'hi']]);
    const [message] = decode(array, { messages: true, strings: 'bytes' }) as [RespMessage];
    assert.deepEqual([message.channel, message.payload], ['ch', bytes('hi')]);
  });

  test('refuses a kind without its CRLF as soon as that is there', () => {
    for (const stream of ['*3\r\n$7\r\nmessage\r#', '*3\r\n$8\r\nsmessage\r#', '>4\r\n$8\r\npmessage\r#']) {
      const isRight = (error: unknown) => error instanceof ProtocolError && error.offset === stream.length - 1;
      for (const messages of [true, false]) {
        assert.throws(() => decode(stream, { messages }), isRight);
        const decoder = new RespDecoder({ messages });
        decoder.push(bytes(stream.slice(0, -1)));
        assert.equal(decoder.read(), NEED_DATA);
        decoder.push(bytes('#'));
        assert.throws(() => decoder.read(), isRight);
      }
    }
  });

  test('gives a confirmation as it is also when messages are wanted', () => {
    assert.deepEqual(decode('*3\r\n$9\r\nsubscribe\r\n$2\r\nch\r\n:1\r\n', { messages: true }), [
      ['subscribe', 'ch', 1],
    ]);
  });

  test('refuses a million nested arrays without falling over', () => {
    assert.throws(() => decode('*1\r\n'.repeat(1_000_000)), LimitError);
  });

  test('refuses limits and chunks that are none', () => {
    // As of a configuration that came as JSON: absent.
    for (const options of [null, { limits: null }] as ConstructorParameters<typeof RespDecoder>[0][]) {
      const decoder = new RespDecoder(options);
      decoder.push(bytes('+OK\r\n'));
      assert.equal(decoder.read(), 'OK');
    }
    for (const options of [5, true, 'text', () => {}, { limits: 5 }, { limits: 'none' }]) {
      assert.throws(() => new RespDecoder(options as object), {
        name: 'UsageError',
        message: /^Cannot make a decoder: its options or "limits" are no object/,
      });
    }
    assert.throws(() => new RespDecoder({ limits: { maxDepht: 3 } as object }), UsageError);
    assert.throws(() => new RespDecoder({ limits: { maxDepth: -1 } }), UsageError);
    assert.throws(() => new RespDecoder({ limits: { toString: 1 } as object }), UsageError);
    assert.throws(() => new RespDecoder({ limits: { maxDepth: '5' } as object }), UsageError);
    assert.ok(new RespDecoder({ limits: { maxDepth: undefined } as object }));
    assert.throws(() => new RespDecoder().push('+OK\r\n' as unknown as Uint8Array), UsageError);
  });

  test('gives integers of any length as they are, whatever their digits', () => {
    const dice = new Dice(9);
    for (let digits = 1; digits <= 19; digits++) {
      const texts = ['9'.repeat(digits), `1${'0'.repeat(digits - 1)}`];
      for (let count = 0; count < 50; count++) {
        texts.push(`${1 + dice.below(9)}${Array.from({ length: digits - 1 }, () => dice.below(10)).join('')}`);
      }
      const wanted = texts.map(BigInt).filter((value) => value < 2n ** 63n);
      const values = decode(wanted.map((value) => `:${value}\r\n`).join(''));
      assert.deepEqual(
        values.map((value) => BigInt(value as number | bigint)),
        wanted,
      );
      for (const value of values as (number | bigint)[])
        assert.equal(typeof value === 'number', value <= Number.MAX_SAFE_INTEGER);
    }
  });

  test('names the push when its kind is no string', () => {
    assert.throws(() => decode('>2\r\n:1\r\n:2\r\n'), /Cannot parse push: its kind is no string/);
  });

  test('gives errors as values', () => {
    const [error] = decode('-WRONGTYPE not a list\r\n') as [RespError];
    assert.ok(error instanceof RespError);
    assert.deepEqual([error.code, error.message], ['WRONGTYPE', 'WRONGTYPE not a list']);
  });
});

test('what was consumed is told after an attribute without its value, and after a failure', () => {
  const decoder = new RespDecoder({ limits: { maxAttributes: 1 } });
  decoder.push(bytes('+OK\r\n|0\r\n'));
  assert.equal(decoder.read(), 'OK');
  assert.equal(decoder.read(), NEED_DATA);
  assert.equal(decoder.bytesConsumed, 5);
  for (let offset = 9; offset < 30; offset += 8) {
    decoder.push(bytes(':1\r\n|0\r\n'));
    assert.equal(decoder.read(), 1);
    assert.equal(decoder.read(), NEED_DATA);
    assert.equal(decoder.bytesConsumed, offset + 4);
  }
  decoder.push(bytes(':2\r\n+a\r\n?'));
  assert.equal(decoder.read(), 2);
  assert.equal(decoder.read(), 'a');
  const consumed = decoder.bytesConsumed;
  assert.throws(() => decoder.read(), ProtocolError);
  assert.equal(decoder.bytesConsumed, consumed);
});

test('refuses options that are none, and says what is allowed', () => {
  const wrong = { strings: 'byte', integers: 'BigInt', maps: 'object', messages: 'yes', string: 'bytes', toString: 1 };
  for (const [name, value] of Object.entries(wrong)) {
    assert.throws(
      () => new RespDecoder({ [name]: value }),
      (error) => error instanceof UsageError && error.message.includes(`"${name}"`),
    );
  }
  assert.ok(new RespDecoder({ strings: undefined, messages: true } as object));
});

describe('a long text, which is decoded piece by piece', () => {
  const platform = new TextDecoder('utf-8', { ignoreBOM: true });
  const dice = new Dice(21);
  const kinds = {
    ASCII: () => 'abc 0123'.repeat(3),
    wide: () => dice.pick(['a', 'é', '日本', '😀', '\ufeff']),
    broken: () => Buffer.from([dice.below(256), 0xe6, dice.pick([0x97, 0x41]), 0xf0, 0x9f]).toString('latin1'),
  };

  for (const [kind, make] of Object.entries(kinds)) {
    test(`${kind}: is the same however it was cut`, () => {
      for (const length of [65_536, 131_070, 131_072, 131_080, 300_000, kind === 'ASCII' ? 1_100_000 : 65_530]) {
        let text = '';
        while (text.length < length) text += make();
        const payload = Buffer.from(text, kind === 'broken' ? 'latin1' : 'utf8').subarray(0, length);
        const head = `*3\r\n:1\r\n$${payload.length}\r\n`;
        const stream = Buffer.concat([Buffer.from(head), payload, Buffer.from('\r\n$2\r\nok\r\n+OK\r\n')]);
        const expected = platform.decode(payload);
        for (let round = 0; round < 3; round++) {
          const decoder = new RespDecoder();
          const longest = dice.pick([1500, 20_000, 65_536, 200_000]);
          const values: unknown[] = [];
          for (let at = 0; at < stream.length; ) {
            const end = Math.min(stream.length, at + 1 + dice.below(longest));
            decoder.push(stream.subarray(at, end));
            for (let value = decoder.read(); value !== NEED_DATA; value = decoder.read()) values.push(value);
            at = end;
          }
          assert.equal(values.length, 2);
          const [one, found, two] = values[0] as unknown[];
          assert.equal(found === expected, true, `a text of ${length} bytes in chunks up to ${longest}`);
          assert.deepEqual([one, two, values[1]], [1, 'ok', 'OK']);
          assert.equal(decoder.bytesConsumed, stream.length);
        }
      }
    });
  }

  test('without its CRLF it is refused at the offset where that should be', () => {
    const decoder = new RespDecoder();
    const head = '$200000\r\n';
    decoder.push(Buffer.from(head + 'x'.repeat(150_000)));
    assert.equal(decoder.read(), NEED_DATA);
    assert.equal(decoder.bytesConsumed, 0);
    decoder.push(Buffer.from(`${'x'.repeat(50_000)}\r!`));
    const isRight = (error: unknown) => error instanceof ProtocolError && error.offset === head.length + 200_001;
    assert.throws(() => decoder.read(), isRight);
    assert.throws(() => decoder.read(), isRight);
  });

  test('as bytes it is whole', () => {
    const decoder = new RespDecoder({ strings: 'bytes' });
    const payload = Buffer.alloc(300_000, 'xyz\xff', 'latin1');
    decoder.push(Buffer.from('$300000\r\n'));
    for (let at = 0; at < payload.length; at += 70_000) {
      decoder.push(payload.subarray(at, at + 70_000));
      assert.equal(decoder.read(), NEED_DATA);
    }
    decoder.push(Buffer.from('\r\n'));
    assert.deepEqual(Buffer.from(decoder.read() as Uint8Array), payload);
  });
});
