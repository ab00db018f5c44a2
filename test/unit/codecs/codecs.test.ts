// The codecs of `ashredis/codecs`: round trips, limits, damage, changing keys.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { Codec } from '../../../src/api/config-types.ts';
import { MessageReader } from '../../../src/api/message-reader.ts';
import { encryptedCodec, gzipCodec } from '../../../src/codecs/index.ts';
import { UsageError } from '../../../src/errors/index.ts';

const VALUE = { text: 'é😀 plain', list: [1, 2, { three: null }], long: 'x'.repeat(5000) };

test('gzipCodec gives what any gzip reads as JSON, and reads what any gzip wrote', () => {
  const codec = gzipCodec();
  const bytes = codec.encode(VALUE);
  assert.ok(bytes.length < 500);
  assert.deepEqual(JSON.parse(gunzipSync(bytes).toString()), VALUE);
  assert.deepEqual(codec.decode(gzipSync(JSON.stringify(VALUE))), VALUE);
});

test('gzipCodec leaves JSON below the threshold plain and reads both forms', () => {
  const codec = gzipCodec({ thresholdBytes: 100 });
  assert.equal(new TextDecoder().decode(codec.encode({ a: 1 })), '{"a":1}');
  assert.deepEqual(codec.decode(codec.encode({ a: 1 })), { a: 1 });
  assert.deepEqual(codec.decode(codec.encode(VALUE)), VALUE);
});

test('gzipCodec refuses to inflate a bomb beyond maxDecodedBytes', () => {
  const bomb = gzipSync(Buffer.alloc(10_000_000, 0x20));
  assert.throws(() => gzipCodec({ maxDecodedBytes: 100_000 }).decode(bomb), RangeError);
});

test('codecs refuse what JSON can not hold with a UsageError', () => {
  assert.throws(() => gzipCodec().encode(undefined), UsageError);
  assert.throws(() => gzipCodec().encode(1n), UsageError);
  assert.throws(() => gzipCodec({ thresholdBytes: -1 }), UsageError);
});

test('codecs refuse functions, cycles and BigInt by their path', () => {
  const cycle: { self?: unknown } = {};
  cycle.self = cycle;
  for (const codec of [gzipCodec(), encryptedCodec({ key: new Uint8Array(32) })]) {
    assert.throws(() => codec.encode({ a: [1, () => 1] }), /data\.a\[1\] is a function/);
    assert.throws(() => codec.encode({ a: { b: 1n } }), /data\.a\.b is a BigInt/);
    assert.throws(() => codec.encode(cycle), /data\.self refers back/);
  }
});

test('maxDecodedBytes is the length of the JSON, however much longer it travels', async () => {
  const key = new Uint8Array(32);
  for (const make of [gzipCodec, (limit: object) => encryptedCodec({ key, ...limit })]) {
    // '{"a":1}' has 7 bytes.
    const reader = (codec: Codec) =>
      new MessageReader({
        region: undefined,
        prefix: '',
        codec,
        validate: undefined,
        numbered: false,
        latest: false,
      });
    const raw = make({}).encode({ a: 1 });
    const message = () => reader(make({})).plain('c', undefined, raw, 1);
    assert.equal(reader(make({ maxDecodedBytes: 7 })).decode(message()), undefined);
    assert.ok(reader(make({ maxDecodedBytes: 6 })).decode(message()) instanceof UsageError);
  }
});

test('encryptedCodec reads messages of an older key by the id in them', () => {
  const keys = new Map(['old', 'new'].map((id, i) => [id, { id, key: new Uint8Array(32).fill(i + 1) }]));
  let current = 'old';
  const codec = encryptedCodec({ key: (id) => keys.get(id ?? current) });
  const older = codec.encode(VALUE);
  current = 'new';
  assert.deepEqual(codec.decode(older), VALUE);
  assert.deepEqual(codec.decode(codec.encode(VALUE)), VALUE);
  assert.notDeepEqual(codec.encode(VALUE), codec.encode(VALUE));
  keys.delete('old');
  assert.throws(() => codec.decode(older), /Cannot find a key with the id "old"/);
});

test('encryptedCodec notices every flipped byte, also in the key id', () => {
  const codec = encryptedCodec({ key: () => ({ id: 'k', key: new Uint8Array(32) }) });
  const bytes = codec.encode({ a: 1 });
  for (let i = 0; i < bytes.length; i++) {
    const damaged = bytes.slice();
    damaged[i] = (damaged[i] as number) ^ 1;
    assert.throws(() => codec.decode(damaged), `byte ${i}`);
  }
});

test('encryptedCodec refuses a key that is not 32 bytes without showing it', () => {
  const codec = encryptedCodec({ key: () => ({ id: 'k', key: new Uint8Array(16).fill(77) }) });
  assert.throws(
    () => codec.encode(1),
    (error: Error) => error instanceof UsageError && !error.message.includes('77'),
  );
});

test('encryptedCodec takes 32 bytes where there is one key, and a key function reads those messages by the empty id', () => {
  const key = new Uint8Array(32).fill(7);
  const codec = encryptedCodec({ key });
  assert.deepEqual(codec.decode(codec.encode(VALUE)), VALUE);
  const later = encryptedCodec({ key: (id) => (id === '' ? { id, key } : { id: 'new', key: new Uint8Array(32) }) });
  assert.deepEqual(later.decode(codec.encode(VALUE)), VALUE);
  assert.throws(() => codec.decode(later.encode(VALUE)), UsageError);
  assert.throws(() => encryptedCodec({ key: new Uint8Array(16) }), UsageError);
  assert.throws(() => encryptedCodec({} as never), UsageError);
});

test('an option of a codec with its name misspelt is refused: a limit would be none', () => {
  const key = new Uint8Array(32);
  // What programs in JavaScript write.
  const makers: [() => unknown, RegExp][] = [
    [
      () => gzipCodec({ maxDecoded: 5 } as object),
      /options of gzipCodec: found "maxDecoded", allowed are thresholdBytes/,
    ],
    [() => gzipCodec(null as unknown as object), /options of gzipCodec: found no object/],
    [() => gzipCodec('json' as unknown as object), /options of gzipCodec: found no object/],
    [() => encryptedCodec({ key, max_decoded_bytes: 5 } as { key: Uint8Array }), /encryptedCodec: found "max_decoded/],
    [() => encryptedCodec(key as unknown as { key: Uint8Array }), /option "key" must be 32 bytes/],
  ];
  for (const [make, pattern] of makers) {
    assert.throws(make, (error: Error) => error instanceof UsageError && pattern.test(error.message));
  }
  assert.equal(gzipCodec({ level: undefined }).name, 'json+gzip');
});

test('a key id has at most 255 bytes, in UTF-8', () => {
  const key = new Uint8Array(32).fill(1);
  for (const [id, fits] of [
    ['x'.repeat(255), true],
    ['x'.repeat(256), false],
    [`x${'é'.repeat(127)}`, true],
    ['é'.repeat(128), false],
  ] as const) {
    const asked: unknown[] = [];
    const codec = encryptedCodec({
      key: (wanted) => {
        asked.push(wanted);
        return { id, key };
      },
    });
    if (!fits) {
      assert.throws(() => codec.encode(1), /Cannot encrypt: the id of the key is longer than 255 bytes/);
      continue;
    }
    const bytes = codec.encode({ a: 1 });
    assert.deepEqual([bytes[0], bytes[1]], [1, 255]);
    assert.deepEqual(codec.decode(bytes), { a: 1 });
    assert.deepEqual(asked, [undefined, id]);
  }
});

test('encryptedCodec refuses keys that are none, by which was asked for', () => {
  const other = encryptedCodec({ key: new Uint8Array(32) }).encode(1);
  const cases: [unknown, RegExp][] = [
    [undefined, /Cannot find a key to encrypt with: the key function gave none/],
    [null, /Cannot find a key to encrypt with/],
    [{}, /Cannot use the key to encrypt with: allowed is \{ id: string, key: 32 bytes \}/],
    [{ id: 'k', key: 'x'.repeat(32) }, /Cannot use the key to encrypt with/],
    [{ id: 'k', key: new Uint8Array(33) }, /Cannot use the key to encrypt with/],
    [{ id: 5, key: new Uint8Array(32) }, /Cannot use the key to encrypt with/],
  ];
  for (const [given, said] of cases) {
    const codec = encryptedCodec({ key: () => given as never });
    assert.throws(
      () => codec.encode(1),
      (error: Error) => error instanceof UsageError && said.test(error.message),
    );
    assert.throws(
      () => codec.decode(other),
      (error: Error) => error instanceof UsageError && /with the id ""/.test(error.message),
    );
  }
});

test('what is not in the form of encryptedCodec says so, at every length', () => {
  const codec = encryptedCodec({ key: new Uint8Array(32) });
  const bytes = codec.encode('x');
  // Head 2, nonce 12, tag 16: nothing shorter holds even an empty text.
  for (let length = 0; length < 30; length++) {
    assert.throws(
      () => codec.decode(bytes.subarray(0, length)),
      /it is not in the form of encryptedCodec/,
      `${length}`,
    );
  }
  const longId = bytes.slice();
  longId[1] = 200;
  assert.throws(() => codec.decode(longId), /it is not in the form of encryptedCodec/);
  assert.throws(() => codec.decode(Uint8Array.of(2, ...bytes.subarray(1))), /it is not in the form of encryptedCodec/);
  // Whole in its form, but not by this key.
  assert.throws(
    () => codec.decode(bytes.subarray(0, 30)),
    (error: Error) => !/form/.test(error.message),
  );
});

test('encryptedCodec keeps a key of its own: the caller may wipe what was given', () => {
  const key = new Uint8Array(32).fill(7);
  const codec = encryptedCodec({ key });
  const bytes = codec.encode('x');
  key.fill(0);
  assert.equal(codec.decode(bytes), 'x');
});

test('text is refused by both codecs, and bytes that are no UTF-8 or no JSON are errors', () => {
  for (const codec of [gzipCodec(), encryptedCodec({ key: new Uint8Array(32) })]) {
    assert.equal(codec.binary, true);
    assert.throws(
      () => codec.decode('{}'),
      (error: Error) =>
        error instanceof UsageError && error.message.includes(`codec "${codec.name}": found text, allowed is bytes`),
    );
  }
  for (const plain of [new Uint8Array([0x22, 0xff, 0x22]), new Uint8Array([0x7b])]) {
    assert.throws(() => gzipCodec().decode(plain));
    assert.throws(() => gzipCodec().decode(gzipSync(plain)));
  }
});

test('gzipCodec holds its limits at their edges, for what is plain too', () => {
  const five = new TextEncoder().encode('12345');
  for (const raw of [five, gzipSync(five)]) {
    assert.equal(gzipCodec({ maxDecodedBytes: 5 }).decode(raw), 12345);
    assert.throws(() => gzipCodec({ maxDecodedBytes: 4 }).decode(raw), RangeError);
  }
  const isPlain = (thresholdBytes: number) => gzipCodec({ thresholdBytes }).encode(12345)[0] !== 0x1f;
  assert.deepEqual([isPlain(0), isPlain(5), isPlain(6)], [false, false, true]);
  // A gzip header alone is its two bytes; one of them is JSON that is none.
  assert.throws(() => gzipCodec().decode(new Uint8Array([0x1f, 0x20])), SyntaxError);
});

test('levels are those of gzip: higher ones are smaller, beyond 9 it is 9, below 1 none', () => {
  const text = Array.from({ length: 3000 }, (_, n) => (n * n) % 977).join(' ');
  const size = (level?: number) => gzipCodec({ level }).encode(text).length;
  assert.ok(size(1) > size(9));
  assert.deepEqual([size(undefined), size(50)], [size(6), size(9)]);
  for (const [options, said] of [
    [{ level: 0 }, /"level": found 0, allowed is an integer, at least 1/],
    [{ level: 1.5 }, /"level": found 1.5/],
    [{ maxDecodedBytes: 0 }, /"maxDecodedBytes": found 0, allowed is an integer, at least 1/],
    [{ thresholdBytes: '5' as never }, /"thresholdBytes": found string/],
  ] as const) {
    assert.throws(
      () => gzipCodec(options),
      (error: Error) => error instanceof UsageError && said.test(error.message),
    );
  }
});
