// Other clients against the embedded server: redis, ioredis and iovalkey, unchanged, with their default options.
// Called by hand and by CI: `node --import tsx test/platforms/peers.mjs`. Every line it prints is a check; one that fails ends the run with 1.
// It must never need anything of the clients but what their users call.

import assert from 'node:assert/strict';
import { createServer } from '../../src/server/index.ts';
import { installed, SKIPPED } from './places.mjs';

if (!(await installed())) {
  process.stdout.write('SKIPPED: the packages of test/platforms can not be installed here\n');
  process.exit(SKIPPED);
}

/** Resolves when the predicate holds; rejects after 5 s. */
async function until(predicate, what) {
  const deadline = Date.now() + 5000;
  while (!predicate()) {
    assert.ok(Date.now() < deadline, `${what} did not come within 5 s`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function redis(url, protocol) {
  const { createClient } = await import('redis');
  const client = createClient({ url, RESP: protocol, password: 'secret', name: 'peer' });
  client.on('error', () => {});
  await client.connect();
  assert.equal(await client.ping(), 'PONG');
  assert.equal(await client.set('k', 'v', { EX: 100 }), 'OK');
  assert.equal(await client.get('k'), 'v');
  assert.ok((await client.ttl('k')) > 98);
  assert.deepEqual(await client.mGet(['k', 'none']), ['v', null]);
  assert.equal(await client.incr('n'), 1);
  const [set, got] = await client.multi().set('m', '1').get('m').exec();
  assert.deepEqual([String(set), String(got)], ['OK', '1']);
  const names = [];
  for await (const batch of client.scanIterator({ MATCH: '*' })) names.push(...[batch].flat());
  assert.deepEqual(names.sort(), ['k', 'm', 'n']);
  await assert.rejects(
    client.sendCommand(['NOSUCH', 'x']),
    /ERR unknown command 'NOSUCH', with args beginning with: 'x'/,
  );
  const seen = [];
  const subscriber = client.duplicate();
  subscriber.on('error', () => {});
  await subscriber.connect();
  await subscriber.subscribe('c', (message, channel) => seen.push(`${channel} ${message}`));
  await subscriber.pSubscribe('p*', (message, channel) => seen.push(`${channel} ${message}`));
  await subscriber.sSubscribe('s', (message, channel) => seen.push(`${channel} ${message}`));
  assert.equal(await client.publish('c', '1'), 1);
  assert.equal(await client.publish('px', '2'), 1);
  assert.equal(await client.sPublish('s', '3'), 1);
  await until(() => seen.length === 3, 'three messages');
  assert.deepEqual(seen, ['c 1', 'px 2', 's 3']);
  await subscriber.unsubscribe('c');
  assert.equal(await client.publish('c', '4'), 0);
  await subscriber.close();
  await client.flushAll();
  await client.close();
}

async function ioredisLike(Redis, url) {
  const client = new Redis(url, { password: 'secret', connectionName: 'peer' });
  client.on('error', () => {});
  assert.equal(await client.ping(), 'PONG');
  assert.equal(await client.set('k', 'v', 'EX', 100), 'OK');
  assert.equal(await client.get('k'), 'v');
  assert.deepEqual(await client.getBuffer('k'), Buffer.from('v'));
  assert.deepEqual(await client.mget('k', 'none'), ['v', null]);
  assert.deepEqual(await client.pipeline().incr('n').incr('n').exec(), [
    [null, 1],
    [null, 2],
  ]);
  assert.deepEqual(await client.multi().set('m', '1').get('m').exec(), [
    [null, 'OK'],
    [null, '1'],
  ]);
  const names = [];
  for await (const batch of client.scanStream()) names.push(...batch);
  assert.deepEqual(names.sort(), ['k', 'm', 'n']);
  await assert.rejects(client.call('NOSUCH', 'x'), /ERR unknown command 'NOSUCH', with args beginning with: 'x'/);
  assert.match(await client.info(), /redis_version:7/);
  const seen = [];
  const subscriber = client.duplicate();
  subscriber.on('error', () => {});
  subscriber.on('message', (channel, message) => seen.push(`${channel} ${message}`));
  subscriber.on('pmessage', (_pattern, channel, message) => seen.push(`${channel} ${message}`));
  subscriber.on('smessage', (channel, message) => seen.push(`${channel} ${message}`));
  assert.equal(await subscriber.subscribe('c'), 1);
  assert.equal(await subscriber.psubscribe('p*'), 2);
  await subscriber.ssubscribe('s');
  assert.equal(await client.publish('c', '1'), 1);
  assert.equal(await client.publish('px', '2'), 1);
  assert.equal(await client.spublish('s', '3'), 1);
  await until(() => seen.length === 3, 'three messages');
  assert.deepEqual(seen, ['c 1', 'px 2', 's 3']);
  await subscriber.quit();
  await client.flushall();
  await client.quit();
}

/** The link is cut: each client comes back by itself and is subscribed again. */
async function comesBack(server, connect) {
  const seen = [];
  const { publish, close } = await connect((message) => seen.push(message));
  server.faults.cut();
  await until(() => {
    publish('again').catch(() => {});
    return seen.includes('again');
  }, 'a message after the cut');
  await close();
}

const CHECKS = {
  'redis, RESP2': ({ url }) => redis(url, 2),
  'redis, RESP3': ({ url }) => redis(url, 3),
  ioredis: async ({ url }) => ioredisLike((await import('ioredis')).Redis, url),
  iovalkey: async ({ url }) => ioredisLike((await import('iovalkey')).Redis, url),
  'redis comes back after a cut': (server) =>
    comesBack(server, async (onMessage) => {
      const { createClient } = await import('redis');
      const make = async () => {
        const client = createClient({ url: server.url, password: 'secret' });
        client.on('error', () => {});
        await client.connect();
        return client;
      };
      const [client, subscriber] = [await make(), await make()];
      await subscriber.subscribe('c', onMessage);
      return {
        publish: (text) => client.publish('c', text),
        close: async () => {
          client.destroy();
          subscriber.destroy();
        },
      };
    }),
  'ioredis comes back after a cut': (server) =>
    comesBack(server, async (onMessage) => {
      const { Redis } = await import('ioredis');
      const [client, subscriber] = [
        new Redis(server.url, { password: 'secret' }),
        new Redis(server.url, { password: 'secret' }),
      ];
      for (const each of [client, subscriber]) each.on('error', () => {});
      subscriber.on('message', (_channel, message) => onMessage(message));
      await subscriber.subscribe('c');
      return {
        publish: (text) => client.publish('c', text),
        close: async () => {
          client.disconnect();
          subscriber.disconnect();
        },
      };
    }),
};

let wrong = 0;
for (const [name, check] of Object.entries(CHECKS)) {
  const server = await createServer({ password: 'secret' });
  const failed = await check(server).then(
    () => undefined,
    (error) => error,
  );
  if (failed !== undefined) wrong++;
  process.stdout.write(
    `${failed === undefined ? 'ok   ' : 'WRONG'} ${name}\n${failed === undefined ? '' : `${failed.stack}\n`}`,
  );
  await server.stop();
}
process.exit(wrong === 0 ? 0 : 1);
