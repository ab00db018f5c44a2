// The client's line dialect at the embedded server, beside clients that speak RESP: one port, the same data.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  AshRedisChannelDataPublisher,
  AshRedisChannelDataSubscriber,
  AshRedisClient,
  AshRedisDataPublisher,
} from '../../src/index.ts';
import { createServer } from '../../src/server/index.ts';
import { until } from '../support/events.ts';
import { SeededRandom } from '../support/simulation/random.ts';

const TEXTS = [
  'plain',
  'two words',
  'say "hi"',
  "it's",
  'a\\b',
  'l1\nl2\r\n',
  '\t\0\x1f',
  'é 日本 😀',
  '\ufeffx\u2028',
  '@v',
  '{"a": [1, "b c"]}',
];

describe('the line dialect at the embedded server', () => {
  let server: Awaited<ReturnType<typeof createServer>>;
  let at: { host: string; port: number };
  let line: AshRedisClient;
  let resp: AshRedisClient;

  before(async () => {
    server = await createServer({ port: 0 });
    at = { host: server.host, port: server.port };
    line = new AshRedisClient({ ...at, dialect: 'ashredis', commandTimeoutMs: 20_000 });
    resp = new AshRedisClient(at);
    await Promise.all([line.connect(), resp.connect()]);
    assert.equal(line.server?.dialect, 'line');
    assert.equal(resp.server?.dialect, 'resp');
  });

  after(async () => {
    await line.close();
    await resp.close();
    await server.stop();
  });

  test('what one kind of client stores the other reads, in every region', async () => {
    for (const region of [null, 'eu-west-1', 'a.b_c']) {
      for (const text of TEXTS) {
        await line.set(`from line ${text}`, text, { region });
        assert.equal(await resp.get(`from line ${text}`, { region }), text);
        await resp.set(`from resp ${text}`, text, { region });
        assert.equal(await line.get(`from resp ${text}`, { region }), text);
      }
    }
    await line.set('k', 'v', { region: 'r' });
    assert.equal(await resp.get('@r:k'), 'v');
    assert.equal(await resp.get('k'), null);
    await line.set('@k', 'v');
    assert.equal(await resp.get('@k'), 'v');
  });

  test('keys list the same names to both', async () => {
    const names = ['sensor:1', 'sensor:2', 'sensor:1:x', 'a+b', '(p)', 'x[1]', 'back\\slash', 'sp ace', 'é'];
    for (const name of names) await resp.set(name, 'v', { region: 'names' });
    for (const pattern of [
      '*',
      'sensor:*',
      'sensor:?',
      'a+b',
      '\\(p\\)',
      'x\\[[0-9]\\]',
      'back\\\\*',
      '*é',
      'nothing*',
    ]) {
      const found = (await line.keys(pattern, { region: 'names' })).sort();
      assert.deepEqual(found, (await resp.keys(pattern, { region: 'names' })).sort(), pattern);
    }
    assert.equal((await line.keys('*', { region: 'names' })).length, names.length);
  });

  test('times to live hold across dialects, and counting is atomic among line clients', async () => {
    await line.set('t', 'v', { ttlSeconds: 99.2 });
    const ttlMs = Number(await resp.command('PTTL', 't'));
    assert.ok(ttlMs > 50_000 && ttlMs <= 100_000, `found ${ttlMs}`);
    assert.equal(await resp.expire('t', 50), true);
    const ttl = await line.ttl('t');
    assert.ok(ttl > 20 && ttl <= 50, `found ${ttl}`);
    assert.equal(await line.persist('t'), true);
    assert.equal(await resp.ttl('t'), -1);
    await using other = new AshRedisClient({ ...at, dialect: 'ashredis' });
    await Promise.all(Array.from({ length: 100 }, (_, n) => (n % 2 === 0 ? line : other).incr('count')));
    assert.equal(await resp.get('count'), '100');
  });

  test('3,000 random values survive the way there and back', async () => {
    const random = new SeededRandom(11);
    const pieces = [...TEXTS, ...'aZ09"\'\\ \n\r\t{}[]:,', '😀', '\u2003'];
    const values = Array.from({ length: 3000 }, () =>
      Array.from({ length: random.integer(1, 12) }, () => random.pick(pieces)).join(''),
    );
    // In portions: each command's time limit begins with its call, and one goes after the other.
    for (let n = 0; n < values.length; n += 500) {
      const portion = values.slice(n, n + 500);
      await Promise.all(portion.map((value, index) => line.set(`v:${(n + index) % 50}:${value.length}`, value)));
    }
    const checked = new Map(values.map((value, n) => [`v:${n % 50}:${value.length}`, value]));
    const keys = [...checked.keys()];
    const found: (string | null)[] = [];
    for (let n = 0; n < keys.length; n += 500) {
      found.push(...(await Promise.all(keys.slice(n, n + 500).map((key) => line.get(key)))));
    }
    assert.deepEqual(found, [...checked.values()]);
    assert.deepEqual(
      await resp
        .batch()
        .get(keys[0] as string)
        .get(keys[1] as string)
        .exec(),
      found.slice(0, 2),
    );
  });

  test('a channel publisher of the line dialect reaches a live subscriber', async () => {
    await using subscriber = new AshRedisChannelDataSubscriber('s', 'ashredischannel://alerts', {
      ...at,
      region: 'eu',
    });
    await subscriber.start();
    await using publisher = new AshRedisChannelDataPublisher('p', 'ashredischannel://alerts', {
      ...at,
      region: 'eu',
      dialect: 'ashredis',
    });
    await publisher.publish({ severity: 'high', text: 'a "b"\n' });
    assert.deepEqual(await subscriber.getData(5), { severity: 'high', text: 'a "b"\n' });
  });

  test('a retaining RESP publisher is polled by a line subscriber, to the newest value', async () => {
    await using publisher = new AshRedisChannelDataPublisher('p', 'ashredischannel://price', { ...at, retain: true });
    await publisher.publish({ n: 0 });
    const seen: number[] = [];
    await using subscriber = new AshRedisChannelDataSubscriber<{ n: number }>('s', 'ashredischannel://price', {
      ...at,
      dialect: 'ashredis',
      delivery: 'latest',
      pollIntervalMs: 5,
      onMessage: ({ data }) => seen.push(data.n),
    });
    await subscriber.start();
    await until(() => seen.length === 1, 'the value that was there');
    for (let n = 1; n <= 100; n++) await publisher.publish({ n });
    await until(() => seen.at(-1) === 100, 'the newest value');
    assert.deepEqual(
      seen,
      [...seen].sort((a, b) => a - b),
    );
  });

  test('a server of the line dialect alone is found out by a client with dialect "auto"', async () => {
    const alone = await createServer({ port: 0, dialect: 'ashredis' });
    const client = new AshRedisClient(alone.host, alone.port);
    await client.set('k y', '{"a": "b c"}', { ttlSeconds: 500 });
    assert.equal(client.server?.dialect, 'line');
    assert.equal(await client.get('k y'), '{"a": "b c"}');
    const publisher = new AshRedisDataPublisher('p', 'ashredis://x', { host: alone.host, port: alone.port });
    assert.deepEqual(
      await publisher.publishMany(Array.from({ length: 200 }, (_, n) => ({ __dagserver_key: `n:${n}`, n }))),
      { published: 200, failed: 0, unknown: 0 },
    );
    assert.equal((await client.keys('n:*')).length, 200);
    await publisher.stop();
    await client.close();
    await alone.stop();
  });

  test('faults of the embedded server reach line clients as they reach others', async () => {
    const faulty = await createServer({ port: 0, dialect: 'ashredis' });
    const client = new AshRedisClient(faulty.host, faulty.port, { commandTimeoutMs: 2000 });
    await client.set('k', 'v');
    faulty.faults.cut();
    await until(async () => (await client.get('k').catch(() => null)) === 'v', 'the way back');
    await client.close();
    await faulty.stop();
  });
});
