// Every wire vector whole, byte by byte, at every split, with trailing bytes, through the reference and through the mirror.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  encodeReply,
  LimitError,
  NEED_DATA,
  ProtocolError,
  RespDecoder,
  type RespDecoderOptions,
  RespError,
  RespMessage,
  RespPush,
  type RespValue,
  UsageError,
} from '../../../src/resp/index.ts';
import { referenceDecode } from '../../support/resp/reference-decoder.ts';
import { errorVectors, toBytes, valueVectors } from '../../support/resp/vectors.ts';

interface Outcome {
  values: RespValue[];
  error?: ProtocolError;
}

/** Pushes the pieces in one buffer that is used again, as a socket would, and reads after each. */
function decode(pieces: Uint8Array[], options: RespDecoderOptions | undefined): Outcome {
  const decoder = new RespDecoder(options);
  const values: RespValue[] = [];
  const shared = new Uint8Array(pieces.reduce((sum, piece) => Math.max(sum, piece.length), 0));
  try {
    for (const piece of pieces) {
      shared.set(piece);
      decoder.push(shared.subarray(0, piece.length));
      for (let value = decoder.read(); value !== NEED_DATA; value = decoder.read()) values.push(value);
      shared.fill(0x58);
    }
  } catch (error) {
    assert.ok(error instanceof ProtocolError, String(error));
    assert.throws(
      () => decoder.read(),
      (again) => again === error,
    );
    return { values, error };
  }
  return { values };
}

/** The ways in which a stream may be cut, each with its name. */
function* cuts(bytes: Uint8Array): Generator<[string, Uint8Array[]]> {
  yield ['whole', [bytes]];
  yield ['byte by byte', Array.from(bytes, (_, at) => bytes.subarray(at, at + 1))];
  yield [
    'in threes',
    Array.from({ length: Math.ceil(bytes.length / 3) }, (_, at) => bytes.subarray(at * 3, at * 3 + 3)),
  ];
  for (let at = 1; at < bytes.length; at++) yield [`split at ${at}`, [bytes.subarray(0, at), bytes.subarray(at)]];
}

test('there are at least 300 vectors, each with a title of its own', () => {
  const titles = [...valueVectors, ...errorVectors].map(({ title }) => title);
  assert.ok(titles.length >= 300, `found ${titles.length}`);
  assert.equal(new Set(titles).size, titles.length);
});

describe('a stream that is RESP gives its values', () => {
  for (const { title, bytes: text, values, options } of valueVectors) {
    test(title, () => {
      const bytes = toBytes(text);
      for (const [way, pieces] of cuts(bytes)) {
        assert.deepEqual(decode(pieces, options), { values }, way);
      }
      const trailing = [toBytes(`${text}+next\r\n$5\r\nhal`)];
      assert.deepEqual(decode(trailing, options), { values: [...values, 'next'] }, 'with trailing bytes');
      const twice = [toBytes(text + text)];
      assert.deepEqual(decode(twice, options), { values: [...values, ...values] }, 'twice');
      assert.deepEqual(referenceDecode(bytes, options), { values, outcome: 'end' }, 'by the reference');
      for (let end = 0; end < Math.min(bytes.length, 150); end++) {
        const part = referenceDecode(bytes.subarray(0, end), options);
        assert.notEqual(part.outcome, 'error', `the reference on the first ${end} bytes`);
        assert.deepEqual(decode([bytes.subarray(0, end)], options), { values: part.values }, `the first ${end} bytes`);
      }
    });
  }
});

describe('decoding what was encoded gives the same value', () => {
  for (const { title, values, options } of valueVectors) {
    test(title, () => {
      for (const value of values) {
        // Text is encoded as a bulk and a whole number as an integer, whatever they came as.
        const strings = typeof value === 'string' ? 'text' : (options?.strings ?? 'text');
        const integers = typeof value === 'number' ? 'auto' : (options?.integers ?? 'auto');
        const mirrored = decode([encodeReply(value, { protocol: 3 })], { ...options, strings, integers });
        assert.deepEqual(mirrored, { values: [value] }, 'RESP3');
        const resp2 = referenceDecode(encodeReply(value, { protocol: 2 }), options);
        assert.equal(resp2.outcome, 'end', 'RESP2 is well formed');
        assert.equal(resp2.values.length, 1, 'RESP2 is one value');
        if (value instanceof RespPush || value instanceof RespMessage) {
          assert.throws(() => encodeReply([value]), /a push is out of band/);
        }
      }
    });
  }
});

test('what is encoded keeps within the limits of a decoder', () => {
  const long = new RespError(`ERR ${'x'.repeat(70_000)}`);
  assert.deepEqual(decode([encodeReply(long)], undefined), { values: [long] });
  let deep: RespValue = [];
  for (let depth = 0; depth < 128; depth++) deep = [deep];
  assert.deepEqual(decode([encodeReply(deep)], undefined), { values: [deep] });
  const deeper = JSON.parse(JSON.stringify(deep).replace('[]', '[1]')) as RespValue;
  assert.throws(() => encodeReply(deeper), UsageError);
});

test('a protocol that there is not is refused', () => {
  for (const protocol of [1, 4, '2', null]) {
    assert.throws(
      () => encodeReply('x', { protocol } as object),
      new RegExp(`Cannot encode a reply: "protocol" is ${protocol}, allowed is 2 or 3`),
    );
  }
});

describe('a stream that breaks the protocol or a limit is refused', () => {
  for (const { title, bytes: text, offset, isLimit, before, options } of errorVectors) {
    test(title, () => {
      const bytes = toBytes(text);
      for (const [way, pieces] of cuts(bytes)) {
        const { values, error } = decode(pieces, options);
        assert.ok(error !== undefined, `no error, ${way}`);
        assert.equal(error.offset, offset, `offset, ${way}: ${error.message}`);
        assert.equal(error instanceof LimitError, isLimit, `class, ${way}: ${error.message}`);
        assert.deepEqual(values, before, way);
        assert.match(
          error.message,
          /^Cannot parse [a-z ]+: .*\(offset \d+, found ".*"\) \(docs\/errors\.md#ashredis_(protocol|limit)\)$/,
        );
      }
      if (options?.limits === undefined)
        assert.equal(referenceDecode(bytes, options).outcome, 'error', 'by the reference');
    });
  }
});
