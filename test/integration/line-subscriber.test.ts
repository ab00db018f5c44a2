// Subscribers at a line server, which has newest values and nothing else: polling, and the refusal of what can't be.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import {
  AshRedisChannelDataPublisher,
  AshRedisChannelDataSubscriber,
  AshRedisClient,
  bytesCodec,
  type Gap,
  UsageError,
} from '../../src/index.ts';
import { nextEvent, until } from '../support/events.ts';
import { type LineModelServer, startLineModelServer } from '../support/line-model-server.ts';

describe('subscribers at a line server', () => {
  let server: LineModelServer;
  let at: { host: string; port: number; pollIntervalMs: number };

  beforeEach(async () => {
    server = await startLineModelServer();
    at = { host: '127.0.0.1', port: server.port, pollIntervalMs: 5 };
  });

  afterEach(async () => {
    await server.stop();
    assert.deepEqual(server.overlaps, [], 'no two requests overlap on a connection');
  });

  test('delivery "latest" gives the current value, then newer ones, and ends on the newest', async () => {
    await using publisher = new AshRedisChannelDataPublisher('p', 'ashredischannel://prices', { ...at, region: 'eu' });
    await publisher.publish({ n: 0, text: 'before anybody "listened"' });
    const seen: { n: number; text: string }[] = [];
    await using subscriber = new AshRedisChannelDataSubscriber<{ n: number; text: string }>(
      's',
      'ashredischannel://prices',
      { ...at, region: 'eu', delivery: 'latest', onMessage: ({ data }) => seen.push(data) },
    );
    await subscriber.start();
    await until(() => seen.length === 1, 'the current value');
    assert.deepEqual(seen, [{ n: 0, text: 'before anybody "listened"' }]);
    for (let n = 1; n <= 50; n++) await publisher.publish({ n, text: 'é 😀\n' });
    await until(() => seen.at(-1)?.n === 50, 'the newest value');
    const numbers = seen.map(({ n }) => n);
    assert.deepEqual(
      numbers,
      [...numbers].sort((a, b) => a - b),
      'never back to an older one',
    );
    assert.equal(new Set(numbers).size, numbers.length);
    assert.equal(subscriber.getMessageCount(), seen.length);
  });

  test('equal values in a row are one message, and with numbers the skipped are counted', async () => {
    const config = { ...at, numbered: true };
    await using publisher = new AshRedisChannelDataPublisher('p', 'ashredischannel://c', config);
    await using subscriber = new AshRedisChannelDataSubscriber('s', 'ashredischannel://c', {
      ...config,
      delivery: 'latest',
    });
    await publisher.publish({ same: true });
    await subscriber.start();
    assert.deepEqual(await subscriber.getData(5), { same: true });
    for (let n = 0; n < 4; n++) await publisher.publish({ n });
    let last: unknown;
    let received = 0;
    while ((last as { n: number } | undefined)?.n !== 3) {
      last = await subscriber.getData(5);
      received++;
    }
    const { skippedCount } = subscriber.stats();
    assert.equal(skippedCount, 4 - received);
  });

  test('a lost link is told by a gap before the next value', async () => {
    await using publisher = new AshRedisChannelDataPublisher('p', 'ashredischannel://c', at);
    const order: string[] = [];
    await using subscriber = new AshRedisChannelDataSubscriber<{ n: number }>('s', 'ashredischannel://c', {
      ...at,
      delivery: 'latest',
      onMessage: ({ data }) => order.push(`message ${data.n}`),
      onGap: ({ reason, missed }: Gap) => order.push(`gap ${reason} ${missed}`),
    });
    await publisher.publish({ n: 1 });
    await subscriber.start();
    await until(() => order.length === 1, 'the first value');
    const gap = nextEvent(subscriber, 'gap');
    let closed = 0;
    server.closesAfter = (line) => {
      if (line !== 'GET channel:c' || closed++ > 0) return false;
      server.model.execute('SET channel:c {\\"n\\":2}');
      return true;
    };
    await gap;
    await until(() => order.length === 3, 'the value behind the gap');
    assert.deepEqual(order, ['message 1', 'gap link-lost unknown', 'message 2']);
  });

  test('a value that is no JSON is invalid, and the next one is delivered', async () => {
    server.model.execute('SET channel:c {value:');
    await using subscriber = new AshRedisChannelDataSubscriber('s', 'ashredischannel://c', {
      ...at,
      delivery: 'latest',
    });
    const invalid = nextEvent<{ message: { raw: string } }>(subscriber, 'invalid');
    await subscriber.start();
    assert.equal((await invalid).message.raw, '{value:');
    server.model.execute('SET channel:c {\\"ok\\":1}');
    assert.deepEqual(await subscriber.getData(5), { ok: 1 });
  });

  test('polls over the connections of a client that lends them, beside its commands', async () => {
    await using client = new AshRedisClient(at);
    await client.publish('c', { n: 1 });
    await using subscriber = new AshRedisChannelDataSubscriber('s', 'ashredischannel://c', {
      client,
      delivery: 'latest',
      pollIntervalMs: 5,
    });
    await subscriber.start();
    assert.deepEqual(await subscriber.getData(5), { n: 1 });
    await Promise.all(Array.from({ length: 30 }, (_, n) => client.set(`k${n}`, 'v')));
    await client.publish('c', { n: 2 });
    assert.deepEqual(await subscriber.getData(5), { n: 2 });
    await subscriber.stop();
    assert.equal(await client.get('k1'), 'v', 'the client goes on');
  });

  test('delivery "live" is refused with the alternative, whatever the dialect was said to be', async () => {
    assert.throws(
      () => new AshRedisChannelDataSubscriber('s', 'ashredischannel://c', { ...at, dialect: 'ashredis' }),
      (error: unknown) => error instanceof UsageError && /delivery: "latest"/.test(error.message),
    );
    await using subscriber = new AshRedisChannelDataSubscriber('s', 'ashredischannel://c', at);
    await assert.rejects(
      subscriber.start(),
      (error: unknown) => error instanceof UsageError && /delivery: "latest"/.test(error.message),
    );
    assert.equal(subscriber.isRunning(), false);
  });

  test('patterns and binary codecs are refused, and so is the subscribe of a client', async () => {
    const source = 'ashredischannel://c';
    assert.throws(
      () => new AshRedisChannelDataSubscriber('s', source, { ...at, delivery: 'latest', kind: 'pattern' }),
      UsageError,
    );
    await using binary = new AshRedisChannelDataSubscriber<Uint8Array>('s', source, {
      ...at,
      delivery: 'latest',
      codec: bytesCodec,
    });
    await assert.rejects(binary.start(), UsageError);
    await using client = new AshRedisClient(at);
    await client.connect();
    assert.throws(() => client.subscribe('c'), UsageError);
  });

  test('stop() ends the polling', async () => {
    await using subscriber = new AshRedisChannelDataSubscriber('s', 'ashredischannel://c', {
      ...at,
      delivery: 'latest',
    });
    await subscriber.start();
    await until(() => server.lines.filter((line) => line === 'GET channel:c').length > 2, 'some polls');
    await subscriber.stop();
    await server.until(() => server.links.every(({ socket }) => socket.destroyed));
    const polls = server.lines.length;
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(server.lines.length, polls);
  });
});
