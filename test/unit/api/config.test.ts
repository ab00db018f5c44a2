// Configuration: spellings, defaults, refusals, URLs, and that no secret shows.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { bytesCodec } from '../../../src/api/codec.ts';
import { parseConfiguration, ttlToMs } from '../../../src/api/config.ts';
import { quoteValue } from '../../../src/api/config-schema.ts';
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
