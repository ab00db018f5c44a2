// What users of other clients and of the Python classes write by habit: it does the same here, or is refused. Nothing
// of it is quietly left out, and no password that stands in the wrong place is shown.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { AshRedisClient } from '../../../src/api/ash-redis-client.ts';
import { AshRedisDataPublisher } from '../../../src/api/ash-redis-data-publisher.ts';
import { jsonCodec } from '../../../src/api/codec.ts';
import { parseConfiguration } from '../../../src/api/config.ts';
import { CONFIG_KEYS } from '../../../src/api/config-schema.ts';
import { UsageError } from '../../../src/errors/index.ts';
import { greeting, type ScriptedServer, startScriptedServer } from '../../support/scripted-server.ts';

describe('options of a call', () => {
  let server: ScriptedServer;
  // As a program in JavaScript sees it.
  // biome-ignore lint/suspicious/noExplicitAny: what is written here is wrong on purpose
  let client: any;

  before(async () => {
    server = await startScriptedServer();
    server.script = (words) => greeting(words) ?? '+OK\r\n';
  });
  after(() => server.stop());
  beforeEach(() => {
    server.links.length = 0;
    client = new AshRedisClient('127.0.0.1', server.port, { protocol: 3 });
  });

  afterEach(() => client.close());

  const calls: Record<string, () => unknown> = {
    "ioredis: set(key, value, 'EX', 10)": () => client.set('k', 'v', 'EX', 10),
    'redis: set(key, value, { EX: 10 })': () => client.set('k', 'v', { EX: 10 }),
    'Python: set(key, value, region, ttl)': () => client.set('k', 'v', 'users', 10),
    'an option of another name: { ttl }': () => client.set('k', 'v', { ttl: 10 }),
    'an option of another name in a batch': () => client.batch().set('k', 'v', { EX: 10 }).exec(),
    'several keys: del(a, b)': () => client.del('a', 'b'),
    'Python: get(key, region)': () => client.get('k', 'users'),
    'ioredis: subscribe(a, b)': () => client.subscribe('a', 'b'),
    'redis: subscribe(channel, listener)': () => client.subscribe('a', () => {}),
    'subscribe(channel, { onMessage })': () => client.subscribe('a', { onMessage() {} }),
    'redis: scan({ MATCH })': () => client.scan({ MATCH: 'a*' }).next(),
    'batch(true), which is not atomic': () => client.batch(true).exec(),
    'publish(channel, text, region)': () => client.publish('c', 'x', 'users'),
  };
  for (const [title, call] of Object.entries(calls)) {
    test(`${title} is refused before a byte is sent`, async () => {
      await assert.rejects(
        async () => call(),
        (error: Error) =>
          error instanceof UsageError && /^Cannot use options: found .+, allowed is /.test(error.message),
      );
      assert.equal(server.links.length, 0);
    });
  }

  const values: Record<string, () => unknown> = {
    "get(key, { as: 'buffer' })": () => client.get('k', { as: 'buffer' }),
    "set(key, value, { nx: 'yes' })": () => client.set('k', 'v', { nx: 'yes' }),
    "publish(channel, text, { shard: 'yes' })": () => client.publish('c', 'x', { shard: 'yes' }),
    "batch({ atomic: 'no' })": () => client.batch({ atomic: 'no' }).ping().exec(),
    "batch([['GET', 'k']])": () => client.batch([['GET', 'k']]).exec(),
    'publishMany(records, { onFailure: true })': () =>
      new AshRedisDataPublisher('p', 'ashredis://x', { client }).publishMany([], { onFailure: true as never }),
  };
  for (const [title, call] of Object.entries(values)) {
    test(`${title} has a value that is none of those allowed, and is refused`, async () => {
      await assert.rejects(async () => call(), UsageError);
      assert.equal(server.links.length, 0);
    });
  }

  test('what is allowed, absent or null is sent', async () => {
    await client.set('k', 'v', { ttlSeconds: 1, nx: true, region: null, signal: undefined, timeoutMs: 1000 });
    await client.set('k', 'v', null);
    assert.deepEqual(server.links.at(-1)?.commands.slice(-2), [
      ['SET', 'k', 'v', 'PX', '1000', 'NX'],
      ['SET', 'k', 'v'],
    ]);
  });

  test('a region as third argument of the constructor, as in Python, is refused', () => {
    // biome-ignore lint/suspicious/noExplicitAny: wrong on purpose
    assert.throws(() => new AshRedisClient('h', 6379, 'users' as any), /found "users", allowed is an object/);
  });
});

test('a host is a name or an address; URLs, ports, paths, blanks and brackets are refused', () => {
  const hosts = ['localhost', 'a_b.example', 'ü.example', '127.0.0.1', '::1', 'fe80::1%eth0', '::ffff:1.2.3.4', 'h.'];
  for (const host of hosts) assert.equal(parseConfiguration({ host }, 'test').host, host);
  const wrong = [
    'redis://h',
    'h:6379',
    'dead:6379',
    '[::1]',
    'a b',
    ' h',
    'h\n',
    '/tmp/redis.sock',
    'user:pw@h',
    'u@h',
  ];
  for (const host of wrong) {
    assert.throws(
      () => parseConfiguration({ host }, 'test'),
      (error: Error) => error instanceof UsageError && error.message.includes('"host"') && /"url"/.test(error.message),
      host,
    );
  }
  assert.equal(parseConfiguration({ url: 'redis://[::1]:7000' }, 'test').host, '::1');
});

test('a URL of a server in a wrong place is refused without its password', () => {
  const url = 'redis://user:hunter2/@x@h:6379';
  const makers = [
    () => new AshRedisClient(url),
    () => parseConfiguration({ host: url }, 'test'),
    () => parseConfiguration({ path: url }, 'test'),
    () => parseConfiguration({ port: url }, 'test'),
    () => parseConfiguration({ region: url }, 'test'),
    () => parseConfiguration(url as unknown as object, 'test'),
    () => new AshRedisDataPublisher('p', url),
    () => new AshRedisDataPublisher('p', 'ashredis://x', url as unknown as object),
  ];
  for (const make of makers) {
    assert.throws(make, (error: Error) => error instanceof UsageError && !error.message.includes('hunter2'));
  }
});

test('a URL that names a database twice is refused', () => {
  assert.equal(parseConfiguration({ url: 'redis://h?db=2' }, 'test').db, 2);
  for (const url of ['redis://h?db=1&db=2', 'redis://h?db=1&db=1', 'redis://h/1?db=1&db=2']) {
    assert.throws(() => parseConfiguration({ url }, 'test'), /its database is "[12],[12]", no integer from 0/);
  }
});

test('NaN, what Number() makes of an environment variable that is not set, is named as what it is', () => {
  for (const { name, python, check } of CONFIG_KEYS) {
    if (check(Number.NaN)) assert.fail(`${name} takes NaN`);
    for (const key of new Set([name, python])) {
      assert.throws(
        () => parseConfiguration({ [key]: Number.NaN }, 'test'),
        (error: Error) => error.message.includes(`"${name}": found `) && !error.message.includes('together'),
        key,
      );
    }
  }
  assert.throws(() => new AshRedisClient('h', Number.NaN), /"port": found NaN, allowed is an integer/);
});

test('spellings that differ are refused in "reconnect" too, and limits of a codec that are none', () => {
  const parse = (input: object) => parseConfiguration(input, 'test');
  assert.deepEqual(parse({ reconnect: { max_attempts: 3, maxAttempts: 3, max_delay_ms: 7 } }).reconnect, {
    maxAttempts: 3,
    maxDelayMs: 7,
  });
  assert.throws(() => parse({ reconnect: { maxAttempts: 1, max_attempts: 2 } }), /"maxAttempts" together with/);
  for (const wrong of [{ maxDecodedBytes: Number.NaN }, { maxDecodedBytes: '5' }, { binary: 'yes' }]) {
    assert.throws(() => parse({ codec: { ...jsonCodec, ...wrong } }), /"codec": found an object, allowed is \{ name/);
  }
  assert.equal(parse({ codec: { ...jsonCodec, binary: undefined, maxDecodedBytes: null } }).codec.name, 'json');
});
