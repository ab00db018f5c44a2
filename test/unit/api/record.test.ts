// Records and JSON: what is stored, what is refused and by which path; regions; envelopes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesCodec } from '../../../src/api/codec.ts';
import { openEnvelope, wrapEnvelope } from '../../../src/api/envelope.ts';
import { keyOf, recordJson, recordTtlMs } from '../../../src/api/record.ts';
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
  ];
  for (const [value, message] of cases) assert.throws(() => encodeJson(value), message);
});

test('undefined members are left out, toJSON is honoured, and shared objects are no cycle', () => {
  const shared = { s: 1 };
  assert.equal(
    encodeJson({ a: undefined, d: new Date(0), x: shared, y: shared }),
    '{"d":"1970-01-01T00:00:00.000Z","x":{"s":1},"y":{"s":1}}',
  );
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
  for (const other of ['{}', '[]', 'x', '{"epoch":"e","offset":0,"data":1}', '{"epoch":"e","offset":1}']) {
    assert.equal(openEnvelope(other, true), undefined);
  }
});
