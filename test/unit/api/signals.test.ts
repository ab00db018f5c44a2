// A signal that lives longer than what it could end keeps nothing of it: every listener is taken away.
// Run by `npm test`. A program has one signal for its whole life and a million calls.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { AshRedisChannelDataPublisher } from '../../../src/api/ash-redis-channel-data-publisher.ts';
import { AshRedisChannelDataSubscriber } from '../../../src/api/ash-redis-channel-data-subscriber.ts';
import { AshRedisClient } from '../../../src/api/ash-redis-client.ts';
import { AshRedisDataPublisher } from '../../../src/api/ash-redis-data-publisher.ts';
import { createPublisher } from '../../../src/api/create-publisher.ts';
import { until } from '../../support/events.ts';
import { bulk, greeting, type ScriptedServer, startScriptedServer } from '../../support/scripted-server.ts';

/** Counts who listens. */
class CountedSignal {
  aborted = false;
  reason: unknown;
  readonly listeners = new Set<() => void>();
  /** How many ever were. */
  addedCount = 0;

  addEventListener(type: string, listener: () => void): void {
    assert.equal(type, 'abort');
    this.addedCount++;
    this.listeners.add(listener);
  }

  removeEventListener(type: string, listener: () => void): void {
    assert.equal(type, 'abort');
    this.listeners.delete(listener);
  }
}

const answering = (words: string[]): string | undefined => {
  const kind = words[0]?.toLowerCase() as string;
  if (/^(un)?subscribe$/.test(kind)) return `>3\r\n${bulk(kind)}${bulk(words[1] as string)}:1\r\n`;
  if (kind === 'scan') return `*2\r\n${bulk('0')}*0\r\n`;
  if (kind === 'blpop') return '*-1\r\n';
  if (kind === 'get') return words[1] === 'refused' ? '-ERR no\r\n' : '$1\r\nv\r\n';
  return greeting(words) ?? (kind !== 'set' ? ':1\r\n' : words[1] === 'refused' ? '-ERR no\r\n' : '+OK\r\n');
};

describe('nothing is left on a signal', () => {
  let server: ScriptedServer;
  let place: { host: string; port: number };
  const open: (() => Promise<unknown>)[] = [];

  before(async () => {
    server = await startScriptedServer(answering);
    place = { host: '127.0.0.1', port: server.port };
  });
  after(() => server.stop());
  afterEach(async () => {
    for (const close of open.splice(0)) await close();
  });

  function clientOf(options = {}): AshRedisClient {
    const client = new AshRedisClient({ ...place, ...options });
    open.push(() => client.close());
    return client;
  }

  async function check(title: string, call: (signal: CountedSignal) => unknown, addedCount?: number): Promise<void> {
    const signal = new CountedSignal();
    await call(signal);
    await until(() => signal.listeners.size === 0, title);
    if (addedCount === undefined) assert.ok(signal.addedCount > 0, title);
    else assert.equal(signal.addedCount, addedCount, title);
  }

  test('by a call of a client that has settled', async () => {
    const client = clientOf();
    const calls: Record<string, (signal: CountedSignal) => Promise<unknown>> = {
      connect: (signal) => client.connect({ signal }),
      get: (signal) => client.get('k', { signal }),
      'a refused get': (signal) => assert.rejects(client.get('refused', { signal })),
      publish: (signal) => client.publish('c', 'x', { signal }),
      batch: (signal) => client.batch({ signal }).get('a').get('b').exec(),
      'a blocking command': (signal) => client.command('BLPOP', 'l', 1, { signal }),
      scan: async (signal) => {
        for await (const name of client.scan({ signal })) assert.fail(name);
      },
    };
    for (const [title, call] of Object.entries(calls)) await check(title, call);
  });

  test('by a call of a publisher that has settled', async () => {
    const channel = new AshRedisChannelDataPublisher('p', 'ashredischannel://c', place);
    const keys = new AshRedisDataPublisher('p', 'ashredis://c', { ...place, publishInterval: 0.001 });
    const memory = createPublisher('p', { destination: 'memory://signals' });
    open.push(...[channel, keys, memory].map((each) => () => each.stop()));
    await check('connect', (signal) => channel.connect({ signal }));
    await check('publish', (signal) => channel.publish(1, { signal }));
    await check('a refused publish', (signal) =>
      assert.rejects(keys.publish({ __dagserver_key: 'refused' }, { signal, timeoutMs: 4000 })),
    );
    await check('publish at an interval', (signal) => keys.publish({ __dagserver_key: 'k' }, { signal }));
    for (const publisher of [channel, memory]) {
      await check('publishMany', (signal) => publisher.publishMany([1, 2], { signal }));
      await check('publishMany after suspend()', async (signal) => {
        publisher.suspend();
        const many = publisher.publishMany([1], { signal });
        await new Promise((resolve) => setImmediate(resolve));
        publisher.resume();
        await many;
      });
    }
  });

  test('by a subscriber’s start(), also one that joins another’s', async () => {
    const subscriber = new AshRedisChannelDataSubscriber('s', 'ashredischannel://c', place);
    open.push(() => subscriber.stop());
    await check('start', (signal) => Promise.all([subscriber.start({ signal }), subscriber.start({ signal })]));
    await check('start again', (signal) => subscriber.start({ signal }));
  });

  test('by what was closed or stopped, whose whole life it could end', async () => {
    await check('a client', (signal) => clientOf({ signal }).close(), 1);
    await check('a publisher', (signal) => createPublisher('p', { destination: 'memory://x', signal }).stop(), 1);
    await check(
      'a subscriber',
      (signal) => new AshRedisChannelDataSubscriber('s', 'ashredischannel://c', { ...place, signal }).stop(),
      1,
    );
    await check('a subscription', async (signal) => {
      const subscription = clientOf().subscribe('c', { signal });
      await subscription.ready;
      assert.equal(signal.listeners.size, 1, 'it is active, not closed');
      subscription.close();
    });
  });
});
