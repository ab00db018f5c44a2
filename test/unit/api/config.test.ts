// Configuration: spellings, defaults, refusals, URLs, and that no secret shows.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { parseConfiguration, ttlToMs } from '../../../src/api/config.ts';
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
