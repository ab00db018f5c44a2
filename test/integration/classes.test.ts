// The classes of the guide against both kinds of server: publish, subscribe, keys, regions, TTL, batches, health.
// Run by `npm test`.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  AshRedisChannelDataPublisher,
  AshRedisChannelDataSubscriber,
  AshRedisClient,
  AshRedisDataPublisher,
  bytesCodec,
  ConnectError,
  type JsonObject,
  type Message,
  MissingKeyError,
  ReplyError,
  UsageError,
} from '../../src/index.ts';
import { nextEvent, until } from '../support/events.ts';
import { forEachServer, type TestServer } from '../support/servers.ts';

forEachServer('the classes', (start) => {
  let server: TestServer;
  let client: AshRedisClient;
  let at: { host: string; port: number };

  before(async () => {
    server = await start();
    at = { host: server.host, port: server.port };
    client = new AshRedisClient(at.host, at.port);
    await client.connect();
  });

  after(async () => {
    await client.close();
    await server.stop();
  });

  test('the key publisher stores JSON without its control fields, with a TTL in milliseconds', async () => {
    await using publisher = new AshRedisDataPublisher('sensors', 'ashredis://sensors', { ...at, ttlSeconds: 60 });
    await publisher.publish({ __dagserver_key: 'sensor:1', value: 21.5, name: 'café 😀 with blanks' });
    assert.equal(await client.get('sensor:1'), '{"value":21.5,"name":"café 😀 with blanks"}');
    const ttl = Number(await client.command('PTTL', 'sensor:1'));
    assert.ok(ttl > 30_000 && ttl <= 60_000, `found ${ttl}`);
    await publisher.publish({ __dagserver_key: 'sensor:2', __ttl_seconds: 40.25, value: 1 });
    const short = Number(await client.command('PTTL', 'sensor:2'));
    assert.ok(short > 20_000 && short <= 40_250, `found ${short}`);
    assert.equal(publisher.publishCount, 2);
    await assert.rejects(publisher.publish({ value: 1 }), MissingKeyError);
    await assert.rejects(publisher.publish({ __dagserver_key: 'k', __ttl_seconds: 0 }), UsageError);
    assert.equal(publisher.failedCount, 2);
  });

  test('the channel publisher reaches the subscriber class, whole and in order', async () => {
    await using subscriber = new AshRedisChannelDataSubscriber('in', 'ashredischannel://alerts', at);
    const seen: Message[] = [];
    subscriber.on('message', (message) => seen.push(message));
    await subscriber.start();
    await using publisher = new AshRedisChannelDataPublisher('out', 'ashredischannel://alerts', at);
    for (let index = 0; index < 100; index++) assert.equal(await publisher.publish({ index, text: 'ü\n"' }), 1);
    await until(() => seen.length === 100, 'all messages');
    assert.deepEqual(
      seen.map(({ data }) => data.index),
      Array.from({ length: 100 }, (_, index) => index),
    );
    assert.deepEqual(
      { ...seen[0], receivedAt: 0 },
      { channel: 'alerts', data: { index: 0, text: 'ü\n"' }, raw: '{"index":0,"text":"ü\\n\\""}', receivedAt: 0 },
    );
    assert.equal(subscriber.getMessageCount(), 100);
  });

  test('getData and the iterator share one queue', async () => {
    const subscriber = new AshRedisChannelDataSubscriber('in', 'ashredischannel://shared', at);
    await subscriber.start();
    for (const id of [1, 2, 3]) await client.publish('shared', { id });
    await until(() => subscriber.getQueueSize() === 3, 'three messages wait');
    assert.deepEqual(await subscriber.getData(), { id: 1 });
    for await (const message of subscriber) {
      assert.deepEqual(message.data, { id: 2 });
      break;
    }
    assert.deepEqual(await subscriber.getData(1), { id: 3 });
    assert.equal(await subscriber.getData(), null);
    assert.deepEqual(await subscriber.stop(), { delivered: 0, discarded: 0 });
    assert.equal(subscriber.isRunning(), false);
  });

  test('patterns and regions find their own channels only, without the prefix', async () => {
    await using subscriber = new AshRedisChannelDataSubscriber('in', 'ashredischannel://news.*', {
      ...at,
      kind: 'pattern',
      region: 'eu',
    });
    const seen: Message[] = [];
    subscriber.on('message', (message) => seen.push(message));
    await subscriber.start();
    await using eu = new AshRedisChannelDataPublisher('eu', 'ashredischannel://news.tech', { ...at, region: 'eu' });
    await using none = new AshRedisChannelDataPublisher('none', 'ashredischannel://news.tech', at);
    await none.publish({ from: 'none' });
    await eu.publish({ from: 'eu' });
    await until(() => seen.length > 0, 'a message');
    assert.equal(seen.length, 1);
    assert.deepEqual(
      { ...seen[0], receivedAt: 0, raw: '' },
      { channel: 'news.tech', pattern: 'news.*', data: { from: 'eu' }, raw: '', region: 'eu', receivedAt: 0 },
    );
    assert.equal(await client.publish('@eu:news.tech', { from: 'outside' }), 1);
  });

  test('shard channels', async (context) => {
    const info = await client.info('server');
    if (/^redis_version:[56]\./m.test(info)) return context.skip('this server is older than SSUBSCRIBE (Redis 7)');
    await using subscriber = new AshRedisChannelDataSubscriber('in', 'ashredischannel://shard', {
      ...at,
      kind: 'shard',
    });
    const first = nextEvent<Message>(subscriber, 'message');
    await subscriber.start();
    await using publisher = new AshRedisChannelDataPublisher('out', 'ashredischannel://shard', {
      ...at,
      kind: 'shard',
    });
    assert.equal(await publisher.publish({ x: 1 }), 1);
    assert.deepEqual((await first).data, { x: 1 });
  });

  test('bytes arrive as they were sent', async () => {
    await using subscriber = new AshRedisChannelDataSubscriber<Uint8Array>('in', 'ashredischannel://bytes', {
      ...at,
      codec: bytesCodec,
    });
    const first = nextEvent<Message<Uint8Array>>(subscriber, 'message');
    await subscriber.start();
    const sent = Uint8Array.from({ length: 256 }, (_, index) => index);
    await using publisher = new AshRedisChannelDataPublisher('out', 'ashredischannel://bytes', {
      ...at,
      codec: bytesCodec,
    });
    await publisher.publish(sent as never);
    assert.deepEqual(new Uint8Array((await first).data), sent);
  });

  test('numbered messages carry their position and count what is lost', async () => {
    await using subscriber = new AshRedisChannelDataSubscriber('in', 'ashredischannel://numbers', {
      ...at,
      numbered: true,
    });
    const seen: Message[] = [];
    subscriber.on('message', (message) => seen.push(message));
    await subscriber.start();
    await using publisher = new AshRedisChannelDataPublisher('out', 'ashredischannel://numbers', {
      ...at,
      numbered: true,
    });
    await publisher.publish({ a: 1 });
    await publisher.publish({ a: 2 });
    await until(() => seen.length === 2, 'two messages');
    assert.deepEqual(
      seen.map(({ position, raw }) => [position?.offset, raw]),
      [
        [1, '{"a":1}'],
        [2, '{"a":2}'],
      ],
    );
    const { epoch } = seen[0]?.position ?? {};
    const gap = nextEvent<{ missed: number; reason: string }>(subscriber, 'gap');
    await client.publish('numbers', JSON.stringify({ epoch, offset: 6, data: { a: 6 } }));
    assert.deepEqual(await gap.then(({ missed, reason }) => ({ missed, reason })), { missed: 3, reason: 'counted' });
  });

  test('delivery "latest" gives the newest value first and then newer ones', async () => {
    await using publisher = new AshRedisChannelDataPublisher('out', 'ashredischannel://level', { ...at, retain: true });
    assert.equal(await publisher.publish({ level: 1 }), 0);
    for (const protocol of [2, 3] as const) {
      await using subscriber = new AshRedisChannelDataSubscriber('in', 'ashredischannel://level', {
        ...at,
        delivery: 'latest',
        protocol,
      });
      const seen: unknown[] = [];
      subscriber.on('message', ({ data }) => seen.push(data.level));
      await subscriber.start();
      await until(() => seen.length === 1, 'the snapshot');
      await publisher.publish({ level: 2 });
      await until(() => seen.length === 2, 'the newer value');
      assert.deepEqual(seen, [1, 2]);
      await publisher.publish({ level: 1 });
    }
  });

  test('a message that is not JSON is invalid and stops nothing', async () => {
    await using subscriber = new AshRedisChannelDataSubscriber('in', 'ashredischannel://mixed', at);
    const seen: JsonObject[] = [];
    subscriber.on('message', ({ data }) => seen.push(data));
    const invalid = nextEvent<{ message: { raw: string }; error: Error }>(subscriber, 'invalid');
    await subscriber.start();
    await client.publish('mixed', 'no json');
    await client.publish('mixed', '{"ok":true}');
    assert.equal((await invalid).message.raw, 'no json');
    await until(() => seen.length === 1, 'the valid one');
    assert.deepEqual(seen, [{ ok: true }]);
  });

  test('the client knows every command of the guide', async () => {
    assert.equal(await client.ping(), 'PONG');
    assert.equal(await client.set('k', 'v'), 'OK');
    assert.equal(await client.set('k', 'w', { nx: true }), null);
    assert.equal(await client.get('k'), 'v');
    assert.deepEqual(await client.get('k', { as: 'bytes' }), new Uint8Array([0x76]));
    assert.equal(await client.exists(['k', 'none']), 1);
    assert.equal(await client.expire('k', 100), true);
    assert.ok((await client.ttl('k')) > 98);
    assert.equal(await client.persist('k'), true);
    assert.equal(await client.ttl('k'), -1);
    assert.equal(await client.incr('n'), 1);
    assert.equal(await client.decr('n'), 0);
    assert.equal(await client.append('k', '!'), 2);
    assert.match(await client.info(), /redis_version/);
    assert.equal(await client.del(['k', 'n']), 2);
    assert.equal(await client.get('k'), null);
  });

  test('keys and scan never show another region', async () => {
    client.useRegion('r1');
    await client.set('shared:1', 'a');
    client.useRegion(null);
    await client.set('shared:2', 'b');
    assert.deepEqual(await client.keys('shared:*'), ['shared:2']);
    assert.deepEqual(await client.keys('shared:*', { region: 'r1' }), ['shared:1']);
    const scanned: string[] = [];
    for await (const key of client.scan('shared:*', { region: 'r1' })) scanned.push(key);
    assert.deepEqual(scanned, ['shared:1']);
    assert.equal(await client.get('@r1:shared:1'), 'a');
  });

  test('a batch gives all replies, errors as values where they stand', async () => {
    const replies = await client.batch().set('b', 'text').get('b').command('INCR', 'b').exec();
    assert.equal(replies[1], 'text');
    assert.ok(replies[2] instanceof ReplyError || (replies[2] as { message?: string }).message !== undefined);
    const atomic = await client.batch({ atomic: true }).set('c', '1').incr('c').exec();
    assert.equal(atomic[1], 2);
  });

  test('publishMany pipelines in order and accounts for every record', async () => {
    const seen: number[] = [];
    await using subscription = client.subscribe('many');
    await subscription.ready;
    const reading = (async () => {
      for await (const { data } of subscription) {
        seen.push(JSON.parse(data).index);
        if (seen.length === 5000) return;
      }
    })();
    await using publisher = new AshRedisChannelDataPublisher('many', 'ashredischannel://many', at);
    async function* records() {
      for (let index = 0; index < 5000; index++) yield { index };
    }
    assert.deepEqual(await publisher.publishMany(records()), { published: 5000, failed: 0, unknown: 0 });
    await reading;
    assert.deepEqual(
      seen,
      Array.from({ length: 5000 }, (_, index) => index),
    );
  });

  test('what would harm the shared connection is refused, and says the way', async () => {
    await assert.rejects(
      client.command('SELECT', '1'),
      (error) => error instanceof UsageError && /"?db"?/.test(error.message),
    );
    await assert.rejects(client.command('SUBSCRIBE', 'x'), UsageError);
    assert.equal(await client.ping(), 'PONG');
  });

  test('a blocking command holds up nobody', async () => {
    const popped = client.command('BLPOP', 'empty-list', '1').catch((error: Error) => error);
    assert.equal(await client.ping(), 'PONG');
    const result = await popped;
    // The embedded server has no lists: a clear refusal is an answer too.
    assert.ok(result === null || result instanceof ReplyError, `found ${String(result)}`);
  });

  test('500 publishers and subscribers need the two sockets of the client that they share', async () => {
    await using lender = new AshRedisClient(at.host, at.port);
    const clientsBefore = Number(/connected_clients:(\d+)/.exec(await client.info('clients'))?.[1] ?? 0);
    let received = 0;
    const subscribers = Array.from(
      { length: 250 },
      (_, index) =>
        new AshRedisChannelDataSubscriber(`s-${index}`, `ashredischannel://fan-${index}`, {
          client: lender,
          onMessage: () => void received++,
        }),
    );
    const publishers = Array.from(
      { length: 250 },
      (_, index) =>
        new AshRedisChannelDataPublisher(`p-${index}`, `ashredischannel://fan-${index}`, { client: lender }),
    );
    await Promise.all(subscribers.map((subscriber) => subscriber.start()));
    await Promise.all(publishers.map((publisher) => publisher.publish({ x: 1 })));
    await until(() => received === 250, 'every subscriber has its message');
    const clientsNow = Number(/connected_clients:(\d+)/.exec(await client.info('clients'))?.[1] ?? 0);
    assert.equal(clientsNow - clientsBefore, 2);
    await Promise.all([...subscribers, ...publishers].map((each) => each.stop()));
    assert.equal(await lender.ping(), 'PONG');
  });
});

test('without a server connect() and the first publish() say where, why and what to check, and can be tried again', async () => {
  const publisher = new AshRedisChannelDataPublisher('p', 'ashredischannel://x', { host: '127.0.0.1', port: 1 });
  for (const attempt of [() => publisher.connect(), () => publisher.publish({ a: 1 })]) {
    await assert.rejects(attempt(), (error: unknown) => {
      assert.ok(error instanceof ConnectError);
      assert.match(error.message, /127\.0\.0\.1:1.*ECONNREFUSED.*check that a server runs/);
      assert.equal(error.safeToRetry, true);
      return true;
    });
  }
  await publisher.stop();
});
