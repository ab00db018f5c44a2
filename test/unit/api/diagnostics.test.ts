// What tracing tools hear of commands and connects, and that arguments are never in it.

import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel';
import { after, before, describe, test } from 'node:test';
import { AshRedisChannelDataPublisher } from '../../../src/api/ash-redis-channel-data-publisher.ts';
import { AshRedisClient } from '../../../src/api/ash-redis-client.ts';
import { parseConfiguration } from '../../../src/api/config.ts';
import { createPublisher } from '../../../src/api/create-publisher.ts';
import { createSubscriber } from '../../../src/api/create-subscriber.ts';
import { connectContext, traceGap } from '../../../src/api/diagnostics.ts';
import { greeting, type ScriptedServer, startScriptedServer } from '../../support/scripted-server.ts';

describe('diagnostics_channel', () => {
  let server: ScriptedServer;
  before(async () => {
    server = await startScriptedServer(
      (words) =>
        greeting(words) ?? (words[0] === 'GET' ? '-ERR no\r\n' : words[0] === 'PUBLISH' ? ':1\r\n' : '+OK\r\n'),
    );
  });
  after(() => server.stop());

  /** Everything published on the five channels of `name` while `run` runs. */
  async function heard(name: string, run: () => Promise<unknown>): Promise<[string, Record<string, unknown>][]> {
    const events: [string, Record<string, unknown>][] = [];
    const listeners = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'].map((phase) => {
      const listener = (context: unknown) => void events.push([phase, { ...(context as object) }]);
      subscribe(`tracing:${name}:${phase}`, listener);
      return () => unsubscribe(`tracing:${name}:${phase}`, listener);
    });
    await run();
    for (const stop of listeners) stop();
    return events;
  }

  test('a command is a span with its name, its place and the number of its arguments, each redacted', async () => {
    await using client = new AshRedisClient('127.0.0.1', server.port);
    await client.connect();
    const events = await heard('ashredis:command', () => client.set('secret-key', 'secret-value', { ttlSeconds: 1 }));
    assert.deepEqual(
      events.map(([phase]) => phase),
      ['start', 'end', 'asyncStart', 'asyncEnd'],
    );
    assert.deepEqual(events[0]?.[1], {
      command: 'SET',
      args: ['?', '?', '?', '?'],
      database: 0,
      serverAddress: '127.0.0.1',
      serverPort: server.port,
      clientId: 1,
    });
    assert.doesNotMatch(JSON.stringify(events), /secret/);
  });

  test('a failure is told with its error', async () => {
    await using client = new AshRedisClient('127.0.0.1', server.port);
    const events = await heard('ashredis:command', () => assert.rejects(client.get('k')));
    assert.deepEqual(
      events.map(([phase]) => phase),
      ['start', 'end', 'error', 'asyncStart', 'asyncEnd'],
    );
    assert.match(String(events[2]?.[1].error), /ERR no/);
  });

  test('a publish and a connect are spans too', async () => {
    await using publisher = new AshRedisChannelDataPublisher('p', 'ashredischannel://c', {
      host: '127.0.0.1',
      port: server.port,
    });
    const connects = await heard('ashredis:connect', () => publisher.connect());
    assert.deepEqual(connects[0], ['start', { serverAddress: '127.0.0.1', serverPort: server.port, database: 0 }]);
    const commands = await heard('ashredis:command', () => publisher.publish({ token: 'secret' }));
    assert.equal(commands[0]?.[1].command, 'PUBLISH');
    assert.doesNotMatch(JSON.stringify(commands), /secret/);
  });

  test('a batch tells how many commands it holds, publishMany is one span', async () => {
    await using client = new AshRedisClient('127.0.0.1', server.port);
    await client.connect();
    const batches = await heard('ashredis:command', () => client.batch().set('a', 'secret').set('b', 'secret').exec());
    assert.deepEqual(batches[0]?.[1].command, 'BATCH');
    assert.equal(batches[0]?.[1].batchSize, 2);
    assert.deepEqual(batches[0]?.[1].args, []);
    const quick = await heard('ashredis:command', () => client.publish('secret', 'secret'));
    assert.deepEqual([quick[0]?.[1].command, quick[0]?.[1].args], ['PUBLISH', ['?', '?']]);
    await using publisher = new AshRedisChannelDataPublisher('p', 'ashredischannel://c', { client });
    const many = await heard('ashredis:command', () => publisher.publishMany([1, 2, 3]));
    assert.deepEqual(
      many.map(([phase, { command }]) => `${phase} ${command}`),
      ['start PUBLISH', 'end PUBLISH', 'asyncStart PUBLISH', 'asyncEnd PUBLISH'],
    );
  });

  test('a message handler is a span with the channel and nothing of the message', async () => {
    const subscriber = createSubscriber('s', { source: 'memory://traced', onMessage: async () => {} });
    const publisher = createPublisher('p', { destination: 'memory://traced' });
    await subscriber.start();
    const events = await heard('ashredis:message', async () => {
      await publisher.publish({ token: 'secret' });
      await new Promise((resolve) => setImmediate(resolve));
    });
    assert.deepEqual(
      events.map(([phase]) => phase),
      ['start', 'end', 'asyncStart', 'asyncEnd'],
    );
    assert.deepEqual(events[0]?.[1], { channel: 'traced', pattern: undefined, region: undefined });
    await subscriber.stop();
  });

  test('whoever listens to one phase alone hears of it, and a synchronous throw is a failure', async () => {
    const phases = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'];
    const subscriber = createSubscriber<string>('s', {
      source: 'memory://phases',
      onMessage: ({ data }) => (data === 'throws' ? assert.fail('thrown') : Promise.reject(new Error('rejected'))),
    });
    const publisher = createPublisher('p', { destination: 'memory://phases' });
    await subscriber.start();
    for (const phase of phases) {
      const heard: string[] = [];
      const listener = (context: unknown) => heard.push(String((context as { error?: Error }).error?.message));
      subscribe(`tracing:ashredis:message:${phase}`, listener);
      for (const data of ['throws', 'rejects']) {
        await publisher.publish(data);
        await new Promise((resolve) => setImmediate(resolve));
      }
      unsubscribe(`tracing:ashredis:message:${phase}`, listener);
      const expected: Record<string, string[]> = {
        start: ['undefined', 'undefined'],
        end: ['thrown', 'undefined'],
        asyncStart: ['rejected'],
        asyncEnd: ['rejected'],
        error: ['thrown', 'rejected'],
      };
      assert.deepEqual(heard, expected[phase], phase);
    }
    assert.equal(subscriber.stats().handlerErrorCount, 10);
    await subscriber.stop();
    await publisher.stop();
  });

  test('the address of a connect is the socket’s path where there is one', () => {
    const config = (input: object) => connectContext(parseConfiguration(input, 'test'));
    assert.deepEqual(config({ path: '/run/x', db: 2 }), {
      serverAddress: '/run/x',
      serverPort: undefined,
      database: 2,
    });
    assert.deepEqual(config({ host: 'h' }), { serverAddress: 'h', serverPort: 6379, database: 0 });
  });

  test('a gap is told once, where somebody listens', async () => {
    const heard: unknown[] = [];
    const listener = (context: unknown) => heard.push(context);
    const gap = { channels: ['c'], from: 1, to: 2, cause: new Error('x'), reason: 'r', missed: 1 };
    traceGap(gap);
    subscribe('ashredis:gap', listener);
    traceGap(gap);
    unsubscribe('ashredis:gap', listener);
    assert.deepEqual(heard, [{ gap }]);
  });

  test('a store that is bound to the start channel holds while the command is sent', async () => {
    const store = new AsyncLocalStorage<string>();
    const start = channel('tracing:ashredis:command:start');
    start.bindStore(store, (context) => (context as { command: string }).command);
    const seen: (string | undefined)[] = [];
    const listener = () => void seen.push(store.getStore());
    subscribe('tracing:ashredis:command:end', listener);
    await using client = new AshRedisClient('127.0.0.1', server.port);
    await client.set('k', 'v');
    unsubscribe('tracing:ashredis:command:end', listener);
    start.unbindStore(store);
    assert.deepEqual(seen, ['SET']);
    assert.equal(store.getStore(), undefined);
  });
});
