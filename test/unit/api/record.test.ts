// Records and JSON: what is stored, what is refused and by which path; regions; envelopes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesCodec, encodeBy, jsonCodec } from '../../../src/api/codec.ts';
import { openEnvelope, wrapEnvelope } from '../../../src/api/envelope.ts';
import { keyOf, recordJson, recordOf, recordTtlMs, withoutControlFields } from '../../../src/api/record.ts';
import { checkRegion, nameInRegion, regionPrefix } from '../../../src/api/region.ts';
import { MissingKeyError, UsageError } from '../../../src/errors/index.ts';
import { encodeJson } from '../../../src/json/index.ts';

test('the key is not stored, wherever it stands in the record', () => {
  for (const key of ['k', 'a"b', 'ü\n', 'k","x":"']) {
    const record = { __dagserver_key: key, a: 1 };
    assert.equal(recordJson(record, key), '{"a":1}');
    assert.equal(recordJson({ a: 1, __dagserver_key: key }, key), '{"a":1}');
    assert.equal(recordJson({ __dagserver_key: key }, key), '{}');
    assert.deepEqual(record, { __dagserver_key: key, a: 1 });
  }
  assert.equal(recordJson({ __dagserver_key: 'k', __ttl_seconds: 5, a: 1 }, 'k'), '{"a":1}');
});

test('a record without a key is refused with the words of the guide', () => {
  for (const data of [{}, { __dagserver_key: '' }, { __dagserver_key: 5 }, null, 5, 'x']) {
    assert.throws(
      () => keyOf(data),
      (error: Error) =>
        error instanceof MissingKeyError && error.message.startsWith('No __dagserver_key found in data'),
    );
  }
});

test('what stands in the place of the key is named by its type, never by its value', () => {
  const found: [unknown, RegExp][] = [
    [{ a: 'secret' }, /: found nothing, allowed is a non-empty string/],
    [undefined, /: found nothing/],
    [{ __dagserver_key: '' }, /: found an empty string/],
    [{ __dagserver_key: 5 }, /: found a value of type number/],
    [{ __dagserver_key: ['secret'] }, /: found a value of type object/],
  ];
  for (const [data, said] of found) {
    assert.throws(
      () => keyOf(data),
      (error: Error) => said.test(error.message) && !/secret/.test(error.message),
    );
  }
});

test('a record is what its toJSON gives, for its key, its time to live and what is stored', () => {
  class Reading {
    toJSON(key: string) {
      return { key, __dagserver_key: 'k', __ttl_seconds: 2, a: 1 };
    }
  }
  const record = recordOf(new Reading()) as object;
  assert.equal(keyOf(record), 'k');
  assert.equal(recordTtlMs(record), 2000);
  assert.equal(recordJson(record, 'k'), '{"key":"","a":1}');
  for (const plain of [{ a: 1 }, [1], null, undefined, 5, 'x', { toJSON: 5 }]) assert.equal(recordOf(plain), plain);
});

test('a member that is named __proto__ is stored as any other', () => {
  const record = JSON.parse('{"__proto__":{"x":1},"__dagserver_key":"k","a":1}');
  assert.equal(recordJson(record, 'k'), '{"__proto__":{"x":1},"a":1}');
  assert.deepEqual(Object.keys(withoutControlFields(record)), ['__proto__', 'a']);
});

test('the own time to live of a record is checked, null means the configured one', () => {
  assert.equal(recordTtlMs({ __ttl_seconds: null }), undefined);
  assert.equal(recordTtlMs({ __ttl_seconds: 0.5 }), 500);
  assert.throws(() => recordTtlMs({ __ttl_seconds: 0 }), UsageError);
});

test('what JSON can not hold is refused by its path', () => {
  const cycle: Record<string, unknown> = { a: {} };
  (cycle.a as Record<string, unknown>).b = cycle;
  const cases: [unknown, RegExp][] = [
    [cycle, /data\.a\.b refers back/],
    [{ x: [1, { y: 1n }] }, /data\.x\[1\]\.y is a BigInt/],
    [{ x: { 'a b': () => 1 } }, /data\.x\["a b"\] is a function/],
    [[Symbol('s')], /data\[0\] is a symbol/],
    [undefined, /data is undefined/],
    [() => 1, /data is a function/],
    [{ [`${'n'.repeat(50)}-`]: 1n }, new RegExp(`data\\["${'n'.repeat(40)}"\\] is a BigInt; send it as a string`)],
    [{ ok$_1: Symbol('s') }, /data\.ok\$_1 is a symbol/],
    [{ '1a': Symbol('s') }, /data\["1a"\] is a symbol/],
    // Found in what a toJSON gives, below the path of the object itself.
    [{ a: { toJSON: () => ({ b: 1n }) } }, /data\.a\.b is a BigInt/],
    [{ a: { toJSON: () => cycle } }, /data\.a\.a\.b refers back/],
    [{ a: { toJSON: () => assert.fail('no') }, b: 1n }, /data\.a\.toJSON\(\) threw/],
    [{ toJSON: () => undefined }, /data is undefined|its toJSON\(\) gives undefined/],
    [
      Object.defineProperty({}, 'x', { enumerable: true, get: () => assert.fail('no') }),
      /its toJSON\(\) or getter threw/,
    ],
  ];
  for (const [value, message] of cases) {
    assert.throws(
      () => encodeJson(value),
      (error: Error) => error instanceof UsageError && message.test(error.message),
      `${message}`,
    );
  }
});

test('undefined members are left out, toJSON is honoured, and shared objects are no cycle', () => {
  const shared = { s: 1 };
  assert.equal(
    encodeJson({ a: undefined, d: new Date(0), x: shared, y: shared }),
    '{"d":"1970-01-01T00:00:00.000Z","x":{"s":1},"y":{"s":1}}',
  );
});

test('what is far too deep is refused without a crash', () => {
  const nested = (levels: number, innermost: unknown) => {
    let deep = innermost;
    for (let i = 0; i < levels; i++) deep = [deep];
    return deep;
  };
  for (const [value, message] of [
    [nested(40, 1n), /data(\[0\]){40} is a BigInt/],
    [nested(3000, 1n), /data(\[0\])+\[0… is nested deeper than 2000 levels/],
    [nested(100_000, 1), /is nested deeper than 2000 levels/],
  ] as const) {
    assert.throws(
      () => encodeJson(value),
      (error: Error) => error instanceof UsageError && message.test(error.message),
    );
  }
  // The exact look runs for what the quick one gives up: nothing is refused that JSON holds.
  for (const legal of [nested(33, null), nested(40, [{ a: undefined, b: [undefined], c: new Date(0) }])]) {
    assert.equal(encodeJson(legal), JSON.stringify(legal));
  }
  const itself: { a: number; toJSON?: () => unknown } = { a: 1 };
  itself.toJSON = () => itself;
  assert.equal(encodeJson([nested(40, 0), itself]), JSON.stringify([nested(40, 0), itself]));
});

test('deep but legal nesting is encoded', () => {
  let deep: unknown = 1;
  for (let i = 0; i < 200; i++) deep = { deep };
  assert.equal(encodeJson(deep), JSON.stringify(deep));
});

test('bytes are copied, so that the caller may use the buffer again', () => {
  const bytes = new Uint8Array([1, 2]);
  const sent = bytesCodec.encode(bytes) as Uint8Array;
  bytes[0] = 9;
  assert.deepEqual([...sent], [1, 2]);
});

test('the two codecs of the core read text and bytes alike', () => {
  assert.deepEqual(jsonCodec.decode('{"a":"é"}'), { a: 'é' });
  assert.deepEqual(jsonCodec.decode(new TextEncoder().encode('{"a":"é"}')), { a: 'é' });
  assert.deepEqual(bytesCodec.decode('é'), new TextEncoder().encode('é'));
  const bytes = new Uint8Array([255]);
  assert.equal(bytesCodec.decode(bytes), bytes);
  assert.throws(
    () => bytesCodec.encode('x' as never),
    /Cannot encode data as bytes: found string, allowed is a Uint8Array/,
  );
  assert.deepEqual(
    [jsonCodec.name, jsonCodec.binary, bytesCodec.name, bytesCodec.binary],
    ['json', undefined, 'bytes', true],
  );
});

test('what a codec throws is the cause, and a UsageError of its own is left as it is', () => {
  const own = new UsageError('Cannot encode: mine');
  const other = new TypeError('odd');
  const codec = (error: Error) => ({ name: 'mine', encode: () => assert.fail(error), decode: String });
  assert.throws(
    () => encodeBy(codec(own), 1),
    (error) => error === own,
  );
  assert.throws(
    () => encodeBy(codec(other), 1),
    (error: Error) => error instanceof UsageError && error.cause === other,
  );
});

test('a region is a prefix, region0 is none, and other regions stay out of sight', () => {
  assert.equal(regionPrefix(checkRegion('eu.1')), '@eu.1:');
  assert.equal(checkRegion('region0'), undefined);
  assert.equal(nameInRegion('eu', '@eu:k'), 'k');
  assert.equal(nameInRegion('eu', '@us:k'), undefined);
  assert.equal(nameInRegion(undefined, '@us:k'), undefined);
  assert.equal(nameInRegion(undefined, '@not a region:k'), '@not a region:k');
  for (const wrong of ['', '.', '..', 'a b', 'x'.repeat(65), 5]) assert.throws(() => checkRegion(wrong), UsageError);
});

test('an envelope gives its inner text back exactly', () => {
  const inner = '{"a": 1e2}';
  assert.deepEqual(openEnvelope(wrapEnvelope('e', 3, inner, true), true), {
    epoch: 'e',
    offset: 3,
    raw: inner,
    data: { a: 100 },
  });
  assert.equal(openEnvelope(wrapEnvelope('e', 3, 'a"b', false), false)?.raw, 'a"b');
  assert.equal(openEnvelope('{"epoch":"e","offset":3,"data":1,"sentBy":2}', true)?.raw, '1');
  for (const other of [
    'x',
    ...['{}', '[]', 'null', '5', '"text"', 'true', '["e",1,1]'],
    '{"epoch":"e","offset":1}',
    '{"offset":1,"data":1}',
    ...['0', '-1', '1.5', '"1"', '9007199254740992', 'null'].map(
      (offset) => `{"epoch":"e","offset":${offset},"data":1}`,
    ),
    ...['5', '""', 'null', '{}'].map((epoch) => `{"epoch":${epoch},"offset":1,"data":1}`),
  ]) {
    assert.equal(openEnvelope(other, true), undefined, other);
    assert.equal(openEnvelope(other, false), undefined, other);
  }
  // Around another codec's text stands a JSON string and nothing else.
  for (const data of ['1', 'null', '{}', '[]']) {
    assert.equal(openEnvelope(`{"epoch":"e","offset":1,"data":${data}}`, false), undefined);
    assert.deepEqual(openEnvelope(`{"epoch":"e","offset":1,"data":${data}}`, true)?.data, JSON.parse(data));
  }
  assert.equal(openEnvelope('{"epoch":"e","offset":3,"data":[1, 2]} ', true)?.raw, '[1,2]');
  // Written by others: blanks, another order of members.
  assert.equal(openEnvelope('{ "epoch":"e","offset":3,"data":[1, 2] }', true)?.raw, '[1,2]');
  assert.equal(openEnvelope('{"data":[1, 2],"offset":3,"epoch":"e"}', true)?.raw, '[1,2]');
});
