// This package's own classes in the line dialect against the embedded server, beside RESP clients of the same data.
// Run by `npm test`. The real line server's faults are the concern of line-client.test.ts and its model.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  AshRedisChannelDataPublisher,
  AshRedisChannelDataSubscriber,
  AshRedisClient,
  AshRedisDataPublisher,
} from '../../src/index.ts';
import { createServer, type EmbeddedServer } from '../../src/server/index.ts';
import { SeededRandom } from '../support/simulation/random.ts';

const PARTS = [
  'a',
  ' ',
  '"',
  "'",
  '\\',
  '\n',
  '\r',
  '\t',
  'é',
  '😀',
  '\u2028',
  '\u00a0',
  '@',
  '{',
  '}',
  '[1, 2]',
  '\\n',
  '$-1',
  '*',
  '\u0000',
];

function randomText(random: SeededRandom): string {
  return Array.from({ length: random.integer(1, 12) }, () => random.pick(PARTS)).join('');
}

describe('line clients of this package and RESP clients at the embedded server', () => {
  let server: EmbeddedServer;
  let line: AshRedisClient;
  let resp: AshRedisClient;
  before(async () => {
    server = await createServer();
    line = new AshRedisClient({ port: server.port, dialect: 'ashredis' });
    resp = new AshRedisClient({ port: server.port });
  });
  after(async () => {
    await line.close();
    await resp.close();
    await server.stop();
  });

  test('500 random keys and values arrive unchanged, both ways, in three regions', async () => {
    const random = new SeededRandom(7);
    for (let count = 0; count < 500; count++) {
      const region = [null, 'r', 'x.y-z'][count % 3] as string | null;
      const [key, value] = [randomText(random), randomText(random)];
      const [writer, reader] = count % 2 === 0 ? [line, resp] : [resp, line];
      await writer.set(key, value, { region });
      // Without a region a RESP client's key may begin with @; a line client then says region0, which is the same.
      assert.equal(await reader.get(key, { region }), value, JSON.stringify([region, key, value]));
    }
  });

  test('lists of keys agree for the same globs', async () => {
    const names = ['user:1', 'user:2', 'a.b', 'a+b', 'a*b', 'x[1]', '(p)', 'sp ace', 'é😀', 'back\\slash'];
    for (const name of names) await resp.set(name, 'v', { region: 'globs' });
    for (const glob of ['*', 'user:*', 'user:?', 'a.b', 'a+b', 'a\\*b', 'x\\[1]', '[a-u]*', '(p)', 'sp a*', '[^u]*']) {
      const [ours, theirs] = await Promise.all([
        line.keys(glob, { region: 'globs' }),
        resp.keys(glob, { region: 'globs' }),
      ]);
      assert.deepEqual(ours.sort(), theirs.sort(), glob);
    }
  });

  test('counting, appending and times to live are one and the same', async () => {
    await resp.set('n', '41', { ttlSeconds: 100 });
    assert.equal(await line.incr('n'), 42);
    assert.ok((await resp.ttl('n')) >= 98);
    assert.equal(await line.append('n', '😀'), 4);
    assert.equal(await resp.get('n'), '42😀');
    assert.equal(await line.expire('n', 50), true);
    assert.ok((await resp.ttl('n')) <= 50);
    assert.equal(await line.persist('n'), true);
    assert.equal(await resp.ttl('n'), -1);
    assert.equal(await line.exists(['n', 'none']), 1);
  });

  test('the key publisher stores readable JSON with its time to live', async () => {
    await using publisher = new AshRedisDataPublisher('keys', 'ashredis://x', {
      port: server.port,
      dialect: 'ashredis',
    });
    await publisher.publish({ __dagserver_key: 'reading', __ttl_seconds: 60, text: 'it\'s "here"', list: [1, 2] });
    assert.deepEqual(JSON.parse((await resp.get('reading')) ?? ''), { text: 'it\'s "here"', list: [1, 2] });
    assert.ok((await resp.ttl('reading')) > 50);
  });

  for (const region of [undefined, 'r']) {
    test(`a channel publisher of the line dialect reaches a live subscriber${region === undefined ? '' : ' in its region'}`, async () => {
      const config = { port: server.port, ...(region === undefined ? {} : { region }) };
      await using subscriber = new AshRedisChannelDataSubscriber('in', 'ashredischannel://news', config);
      await subscriber.start();
      await using publisher = new AshRedisChannelDataPublisher('out', 'ashredischannel://news', {
        ...config,
        dialect: 'ashredis',
      });
      await publisher.publish({ id: 1, text: 'a b' });
      assert.deepEqual(await subscriber.getData(5), { id: 1, text: 'a b' });
      await using latest = new AshRedisChannelDataSubscriber('latest', 'ashredischannel://news', {
        ...config,
        dialect: 'ashredis',
        delivery: 'latest',
        pollIntervalMs: 10,
      });
      await latest.start();
      assert.deepEqual(await latest.getData(5), { id: 1, text: 'a b' });
    });
  }

  test('a server fixed to lines is found out by a client that asks', async () => {
    await using lines = await createServer({ dialect: 'ashredis' });
    await using client = new AshRedisClient({ port: lines.port });
    await client.set('k', '{"a": 1}');
    assert.equal(await client.get('k'), '{"a": 1}');
  });
});
