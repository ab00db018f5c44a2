// Configuration: spellings, defaults, refusals, URLs, and that no secret shows.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { bytesCodec } from '../../../src/api/codec.ts';
import { parseConfiguration, ttlToMs } from '../../../src/api/config.ts';
import { CONFIG_KEYS, quoteValue } from '../../../src/api/config-schema.ts';
import { UsageError } from '../../../src/errors/index.ts';

const parse = (input?: object) => parseConfiguration(input, 'test');

test('a configuration is complete and frozen without any key', () => {
  const config = parse();
  assert.ok(Object.isFrozen(config));
  assert.equal(
    `${config.host}:${config.port} ${config.dialect} ${config.commandTimeoutMs}`,
    'localhost:6379 auto 5000',
  );
  assert.deepEqual(config.reconnect, { maxAttempts: Number.POSITIVE_INFINITY, maxDelayMs: 5000 });
  assert.equal(config.codec.name, 'json');
});

test('the Python spelling of a key is that key, and null is absent', () => {
  const config = parse({ ttl_seconds: 300, publish_interval: 1.5, max_depth: 7, region: null });
  assert.deepEqual(
    [config.ttlSeconds, config.publishInterval, config.queueMaxCount, config.region],
    [300, 1.5, 7, undefined],
  );
  assert.throws(() => parse({ ttl_seconds: 1, ttlSeconds: 2 }), UsageError);
});

test('values that are not allowed are refused by name', () => {
  const wrong = [
    { port: 0 },
    { port: '6379' },
    { ttlSeconds: 0 },
    { ttlSeconds: 'abc' },
    { region: '..' },
    { overflow: 'x' },
    { commandTimeoutMs: 0 },
    { signal: {} },
    { logger: {} },
    { codec: {} },
    { reconnect: { max: 1 } },
  ];
  for (const input of wrong) {
    assert.throws(
      () => parse(input),
      (error: Error) => error instanceof UsageError && error.message.includes(Object.keys(input)[0] as string),
    );
  }
});

test('numbers are allowed from and to what the words of their key say, and none beyond', () => {
  const MAX = 2 ** 31 - 1;
  let checked = 0;
  for (const { name, allowed, check } of CONFIG_KEYS) {
    const integers = /^an integer from (\d+) to (\d+)$/.exec(allowed);
    const [min, max, above] = integers
      ? [Number(integers[1]), Number(integers[2]), 1]
      : /^a number of (milli)?seconds, 0 < (n|ttl) ≤ 2147483647$/.test(allowed)
        ? [Number.MIN_VALUE, MAX, 0.5]
        : allowed === 'a number of milliseconds, 0 ≤ n ≤ 2147483647'
          ? [0, MAX, 0.5]
          : allowed === 'a number of seconds from 0'
            ? [0, MAX / 1000, 1]
            : [];
    if (min === undefined) continue;
    checked++;
    for (const right of [min, max]) assert.ok(check(right), `${name}: ${right}`);
    // Beyond the safe integers a number and one more are the same.
    const beyond = max === Number.MAX_SAFE_INTEGER ? Number.POSITIVE_INFINITY : (max as number) + (above as number);
    for (const wrong of [min - 1, beyond, Number.NaN, `${min}`, null, [min], BigInt(1)]) {
      assert.equal(check(wrong), false, `${name}: ${String(wrong)}`);
    }
    if (integers) assert.equal(check((min as number) + 0.5), false, name);
  }
  assert.ok(checked > 20, `${checked} keys`);
});

test('words are allowed as their key names them, the first of which is the default', () => {
  for (const { name, allowed, check, fallback } of CONFIG_KEYS) {
    if (!/^("?[a-z0-9-]+"? \| )+/.test(allowed)) continue;
    const words = allowed.split(' | ').map((word) => JSON.parse(word));
    for (const word of words) assert.ok(check(word), `${name}: ${word}`);
    if (typeof words[0] !== 'boolean') assert.equal(words[0], fallback, name);
    for (const wrong of ['', 'x', `${words[0]} `, null, 7]) assert.equal(check(wrong), false, `${name}: ${wrong}`);
  }
});

test('what is no number and no word is allowed by its shape', () => {
  const ok = () => {};
  const signal = { aborted: false, addEventListener: ok, removeEventListener: ok };
  const logger = { debug: ok, info: ok, warn: ok, error: ok };
  const codec = { name: 'own', encode: ok, decode: ok };
  const cases: [string, unknown[], unknown[]][] = [
    [
      'host',
      ['h', '::1', 'fe80::1%eth0', '10.0.0.1', 'ü.example'],
      ['', 'h:1', '[::1]', 'a b', 'x@h', 'redis://h', '/x', 5],
    ],
    ['path', ['/x', 'x.sock'], ['', 'unix:///x', 'a\0b', 5]],
    ['clientName', ['me', '!~'], ['', 'a b', 'ü', 'a\n', 5]],
    ['region', ['r', 'A.b_c-9', 'x'.repeat(64), '...'], ['', '.', '..', 'a b', 'x'.repeat(65), 5]],
    ['destination', ['x'], ['', 5]],
    ['onMessage', [ok], ['x', {}]],
    ['credentials', [ok], ['x', {}]],
    ['tls', [true, false, {}], ['true', [], 5]],
    ['client', [{}], [5, [], 'x']],
    ['logger', [logger, console], [{}, { ...logger, warn: 5 }, { ...logger, debug: undefined }, ok]],
    [
      'signal',
      [signal, new AbortController().signal],
      [{}, { ...signal, aborted: 'no' }, { ...signal, addEventListener: 5 }],
    ],
    [
      'codec',
      [
        codec,
        { ...codec, binary: true },
        { ...codec, binary: null, maxDecodedBytes: null },
        { ...codec, maxDecodedBytes: 5 },
      ],
      [
        { ...codec, name: 5 },
        { ...codec, encode: 'x' },
        { ...codec, decode: undefined },
        { ...codec, binary: 1 },
        { ...codec, maxDecodedBytes: Number.NaN },
        { ...codec, maxDecodedBytes: -1 },
      ],
    ],
    [
      'reconnect',
      [
        false,
        {},
        { maxAttempts: 1, maxDelayMs: 0 },
        { max_attempts: Infinity, max_delay_ms: 5 },
        { maxAttempts: null },
      ],
      [
        true,
        [],
        { maxAttempts: 0 },
        { maxAttempts: 1.5 },
        { maxDelayMs: -1 },
        { maxDelayMs: Infinity },
        { other: 1 },
        'x',
      ],
    ],
  ];
  for (const [name, right, wrong] of cases) {
    const rule = CONFIG_KEYS.find((each) => each.name === name);
    for (const value of right) assert.ok(rule?.check(value), `${name}: ${inspect(value)}`);
    for (const value of wrong) assert.equal(rule?.check(value), false, `${name}: ${inspect(value)}`);
  }
});

test('unknown keys are named in one warning of the logger', () => {
  const warnings: string[] = [];
  const log = () => {};
  parse({
    hots: 'x',
    prot: 1,
    logger: { debug: log, info: log, error: log, warn: (text: string) => warnings.push(text) },
  });
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] as string, /"hots", "prot"/);
});

test('a URL says host, port, database, credentials and TLS', async () => {
  const config = parse({ url: 'rediss://us%40er:p%2Fw@[::1]:7000/3' });
  assert.deepEqual([config.host, config.port, config.db, config.dialect], ['::1', 7000, 3, 'resp']);
  assert.deepEqual(config.tls, {});
  assert.deepEqual(await config.credentials?.(), { username: 'us@er', password: 'p/w' });
  assert.equal(parse({ url: 'unix:///tmp/r.sock' }).path, '/tmp/r.sock');
  assert.equal(parse({ url: 'valkey://h', host: 'h' }).host, 'h');
});

test('a URL that conflicts with other keys is refused', () => {
  const url = 'redis://h:7000/3';
  for (const other of [{ host: 'x' }, { port: 1 }, { db: 1 }, { path: '/x' }]) {
    assert.throws(() => parse({ url, ...other }), UsageError);
  }
  for (const bad of ['', 'h:1', 'http://h', 'ashredis://x', 'redis://h/x', 'redis://h?a=1', 'unix://']) {
    assert.throws(() => parse({ url: bad }), UsageError, bad);
  }
});

test('keys that exclude each other are refused with both named', () => {
  const credentials = () => ({ password: 'x' });
  const wrong: [object, RegExp][] = [
    [{ numbered: true, codec: bytesCodec }, /"numbered" together with a binary codec/],
    [{ delivery: 'latest', kind: 'pattern' }, /delivery "latest" together with kind "pattern"/],
    [{ path: '/x', host: 'h' }, /"path" or a unix:.* together with "host" or "port"/],
    [{ url: 'unix:///x', port: 1 }, /"path" or a unix:.* together with "host" or "port"/],
    [{ credentials, username: 'u' }, /"credentials" together with "username" or "password"/],
    [{ credentials, password: 'x' }, /"credentials" together with "username" or "password"/],
    [{ username: 'u' }, /"username" without "password"/],
    [{ url: 'rediss://h', tls: false }, /"url" together with tls: false/],
    [{ url: 'valkeys://h', tls: false }, /"url" together with tls: false/],
    [{ dialect: 'ashredis', db: 1 }, /dialect "ashredis" together with credentials or "db"/],
    [{ maxDepth: 1, queueMaxCount: 2 }, /"maxDepth" together with a different "queueMaxCount"/],
    [{ reconnect: { maxAttempts: 1, max_attempts: 2 } }, /"maxAttempts" together with a different "max_attempts"/],
  ];
  for (const [input, said] of wrong) {
    assert.throws(
      () => parse(input),
      (error: Error) => error instanceof UsageError && said.test(error.message),
      `${said}`,
    );
  }
  for (const input of [
    { numbered: true },
    { codec: bytesCodec },
    { delivery: 'latest', kind: 'shard' },
    { path: '/x', password: 'x' },
    { url: 'redis://h', tls: false },
    { dialect: 'ashredis', db: 0 },
    { maxDepth: 2, queueMaxCount: 2 },
  ]) {
    parse(input);
  }
});

test('what a line server lacks makes "auto" mean RESP; each alone is enough', () => {
  for (const input of [
    { password: 'x' },
    { credentials: () => ({ password: 'x' }) },
    { db: 1 },
    { tls: true },
    { tls: {} },
    { path: '/x' },
    { url: 'rediss://h' },
    { url: 'unix:///x' },
    { url: 'redis://h/1' },
  ]) {
    assert.equal(parse(input).dialect, 'resp', JSON.stringify(input));
  }
  for (const input of [{ db: 0 }, { tls: false }, { url: 'redis://h/0' }, { clientName: 'x' }]) {
    assert.equal(parse(input).dialect, 'auto', JSON.stringify(input));
  }
});

test('a URL may name its database by path or by query, once; a socket has credentials and a database too', async () => {
  assert.equal(parse({ url: 'redis://h?db=2' }).db, 2);
  const bare = parse({ url: 'redis://h' });
  assert.deepEqual([bare.host, bare.port, bare.db, bare.credentials, bare.tls], ['h', 6379, 0, undefined, undefined]);
  assert.equal(parse({ url: 'redis://h', port: 7, db: 3 }).port, 7);
  assert.deepEqual(parse({ url: 'REDISS://h' }).tls, {});
  assert.equal(parse({ url: 'unix:///x', path: '/x' }).path, '/x');
  assert.deepEqual(await parse({ url: 'redis://:x@h' }).credentials?.(), { password: 'x' });
  assert.equal(parse({ url: 'redis://h/2?db=2' }).db, 2);
  const socket = parse({ url: 'unix://user:pa%2Fss@run/r%20x.sock?db=7' });
  assert.deepEqual([socket.path, socket.db], ['run/r x.sock', 7]);
  assert.deepEqual(await socket.credentials?.(), { username: 'user', password: 'pa/ss' });
  for (const [url, said] of [
    ['redis://h/1?db=2', /it names two databases/],
    ['redis://h?db=1&db=2', /its database is "1,2"/],
    ['redis://h/-1', /its database is "-1"/],
    ['redis://h:0', /its port is 0/],
    ['redis://h#x', /it has a fragment/],
    ['redis://h?db=1&x=2', /its parameter "x" is not known/],
    ['redis://h:99999', /it can not be parsed/],
    ['redis://:x%zz@h', /it has a "%" without two hex digits/],
    ['unix:///', /it names no socket/],
    ['//h', /it has no scheme/],
    ['xredis://h', /its scheme is "xredis"/],
  ] as const) {
    assert.throws(
      () => parse({ url }),
      (error: Error) => error instanceof UsageError && said.test(error.message),
      url,
    );
  }
});

test('a value is quoted short, and without what may be a password before "@"', () => {
  const long = 'x'.repeat(81);
  const cases: [unknown, string][] = [
    [long.slice(1), JSON.stringify(long.slice(1))],
    [long, JSON.stringify(`${'x'.repeat(77)}…`)],
    ['redis://u:secret@h@host', '"…@host"'],
    [5n, '5n'],
    [() => 1, 'a function'],
    [Symbol('s'), 'a symbol'],
    [null, 'null'],
    [Number.NaN, 'NaN'],
    [[1], 'an array'],
    [{}, 'an object'],
  ];
  for (const [value, quoted] of cases) assert.equal(quoteValue(value), quoted);
});

test('no password shows, wherever it stands', () => {
  const shown = (value: unknown) => `${inspect(value, { depth: 9 })}${JSON.stringify(value)}`;
  for (const input of [{ password: 'hunter2' }, { url: 'redis://:hunter2@h' }, { tls: { passphrase: 'hunter2' } }]) {
    assert.ok(!shown(parse(input)).includes('hunter2'));
  }
  for (const input of [
    { url: 'redis://:hunter2@h:99999' },
    { url: 'redis://:hunter2%@h' },
    { url: 'xx://:hunter2@h' },
    { password: ['hunter2'] },
  ]) {
    assert.throws(
      () => parse(input),
      (error: Error) => !shown(error).includes('hunter2'),
    );
  }
});

test('the line dialect is named ashredis and takes no credentials', () => {
  assert.equal(parse({ dialect: 'ashredis' }).dialect, 'line');
  assert.throws(() => parse({ dialect: 'ashredis', password: 'x' }), UsageError);
});

test('a time to live is milliseconds rounded up, within its limits', () => {
  assert.equal(ttlToMs(0.0001, 'ttl'), 1);
  // 16.1 * 1000 is 16100.000000000002.
  for (let ms = 1; ms < 100_000; ms++) assert.equal(ttlToMs(ms / 1000, 'ttl'), ms);
  assert.equal(ttlToMs(Number.MIN_VALUE, 'ttl'), 1);
  assert.equal(ttlToMs(2 ** 31 - 1, 'ttl'), (2 ** 31 - 1) * 1000);
  for (const wrong of [0, -1, Number.NaN, 2 ** 31, '5', null, {}])
    assert.throws(() => ttlToMs(wrong, 'ttl'), UsageError);
});
