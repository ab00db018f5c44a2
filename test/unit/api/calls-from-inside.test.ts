// What users' functions may call of the object that calls them: `stop()`, `start()`, `close()` from codecs, `validate`,
// `conflateKey`, handlers and listeners. Run by `npm test`.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  AshRedisChannelDataSubscriber,
  AshRedisClient,
  DataPublisher,
  DataSubscriber,
  type Receiver,
  type SubscriberConfig,
} from '../../../src/index.ts';
import { greeting, startScriptedServer } from '../../support/scripted-server.ts';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

class Manual extends DataSubscriber<number> {
  receiver: Receiver | undefined;
  stopCount = 0;
  readonly seen: number[] = [];

  constructor(config: SubscriberConfig<number>, handles = true) {
    super('own', 'own://x', config);
    if (handles) this.on('message', ({ data }) => void this.seen.push(data));
  }

  protected override doStart(receiver: Receiver): void {
    this.receiver = receiver;
  }

  protected override doStop(): void {
    this.stopCount++;
  }

  async give(...texts: string[]): Promise<void> {
    await this.start();
    for (const text of texts) this.receiver?.message('c', text);
    await turn();
  }
}

describe('stop() while a message is being read', () => {
  const ways: Record<string, (stop: () => void) => SubscriberConfig<number>> = {
    validate: (stop) => ({
      validate: (data) => {
        if (data === 2) stop();
        return data as number;
      },
    }),
    'a codec': (stop) => ({
      codec: {
        name: 'own',
        encode: String,
        decode(raw) {
          if (raw === '2') stop();
          return Number(raw);
        },
      },
    }),
    conflateKey: (stop) => ({
      overflow: 'conflate',
      conflateKey({ data }) {
        if (data === 2) stop();
        return String(data);
      },
    }),
  };
  for (const [where, configOf] of Object.entries(ways)) {
    test(`in ${where}: nothing comes after it, to handlers and to iterators`, async () => {
      for (const handles of [true, false]) {
        const subscriber: Manual = new Manual(
          configOf(() => void subscriber.stop()),
          handles,
        );
        await subscriber.give('1', '2', '3', '4');
        await subscriber.stop();
        const iterated: number[] = [];
        if (!handles) for await (const { data } of subscriber) iterated.push(data);
        assert.deepEqual([subscriber.seen, iterated, subscriber.getQueueSize()], [[], [], 0]);
        assert.equal(subscriber.stopCount, 1);
      }
    });

    test(`in ${where}, with drain: all that has arrived is handed over, in order, and it is closed once`, async () => {
      const subscriber: Manual = new Manual(configOf(() => void subscriber.stop({ drain: true })));
      await subscriber.give('1', '2', '3', '4');
      assert.equal((await subscriber.stop()).discarded, 0);
      assert.deepEqual(subscriber.seen, [1, 2, 3, 4]);
      assert.equal(subscriber.stopCount, 1);
    });
  }

  test('by a listener of invalid, and by what the stop() of another reads', async () => {
    const subscriber = new Manual({});
    subscriber.on('invalid', () => void subscriber.stop());
    await subscriber.give('1', '{', '3');
    assert.deepEqual([subscriber.seen, subscriber.stopCount], [[], 1]);
    const other = new Manual({});
    other.on('invalid', () => void other.stop());
    await other.start();
    for (const text of ['1', '{', '3']) other.receiver?.message('c', text);
    await other.stop({ drain: true });
    assert.deepEqual([other.seen, other.stopCount], [[1, 3], 1]);
  });
});

test('a handler that a stop({ drain: true }) hands over to may await stop(): it does not wait for itself', async () => {
  const answers: unknown[] = [];
  const subscriber: Manual = new Manual({
    closeTimeoutMs: 60_000,
    onMessage: async () => void answers.push(await subscriber.stop()),
  });
  subscriber.pause();
  await subscriber.give('1', '2');
  assert.deepEqual(await subscriber.stop({ drain: true }), { delivered: 2, discarded: 0 });
  assert.deepEqual(answers, [
    { delivered: 0, discarded: 0 },
    { delivered: 0, discarded: 0 },
  ]);
  assert.equal(subscriber.stopCount, 1);
});

test('once means once, also when an earlier listener makes the event happen again', () => {
  class Refusing extends DataPublisher<void> {
    protected doPublish(): void {}
    tell(): void {
      this.tellFailed(new Error('no'), 1);
    }
  }
  const publisher = new Refusing('own', 'own://x');
  let once = 0;
  publisher.on('publishError', () => publisher.failedCount < 3 && publisher.tell());
  publisher.once('publishError', () => once++);
  publisher.tell();
  assert.equal(once, 1);
});

test('start() called by a listener of the state that it brings about is the same start', async () => {
  const server = await startScriptedServer((words) =>
    words[0] === 'GET'
      ? '$1\r\n1\r\n'
      : words[0] === 'SUBSCRIBE'
        ? `>3\r\n+subscribe\r\n$1\r\nc\r\n:1\r\n`
        : greeting(words),
  );
  const subscriber = new AshRedisChannelDataSubscriber('s', 'ashredischannel://c', {
    port: server.port,
    delivery: 'latest',
  });
  const inner: Promise<void>[] = [];
  subscriber.on('state', () => inner.push(subscriber.start()));
  const outer = subscriber.start();
  assert.equal(inner[0], outer);
  await outer;
  const subscribes = server.links.flatMap(({ commands }) => commands).filter(([name]) => name === 'SUBSCRIBE');
  assert.equal(subscribes.length, 1);
  await subscriber.stop();
  await server.stop();
});

test('a subscription closed by its codec gives nothing more', async () => {
  const server = await startScriptedServer((words) =>
    words[0] === 'SUBSCRIBE'
      ? `>3\r\n+subscribe\r\n$1\r\nc\r\n:1\r\n${['1', '2', '3'].map((n) => `>3\r\n+message\r\n$1\r\nc\r\n$1\r\n${n}\r\n`).join('')}`
      : greeting(words),
  );
  await using client = new AshRedisClient({ port: server.port });
  let closed = () => {};
  const end = new Promise<void>((resolve) => (closed = resolve));
  const subscription = client.subscribe('c', {
    codec: {
      name: 'own',
      encode: String,
      decode(raw) {
        if (raw === '2') subscription.close();
        if (raw === '2') closed();
        return raw;
      },
    },
  });
  await end;
  await turn();
  const seen: unknown[] = [];
  for await (const { data } of subscription) seen.push(data);
  assert.deepEqual([seen, subscription.stats().queuedCount], [[], 0]);
  await server.stop();
});

describe('start() called by a listener that is told of the end', () => {
  const subscribed = '>3\r\n+subscribe\r\n$1\r\nc\r\n:1\r\n';
  const message = '>3\r\n+message\r\n$1\r\nc\r\n$1\r\n1\r\n';

  test('of a start that failed is that start; the next one tries again', async () => {
    let answer = '-NOPERM not yet\r\n';
    const server = await startScriptedServer((words) => (words[0] === 'SUBSCRIBE' ? answer : greeting(words)));
    const subscriber = new AshRedisChannelDataSubscriber('s', 'ashredischannel://c', { port: server.port });
    const inner: Promise<void>[] = [];
    subscriber.on('state', ({ to }) => to === 'closed' && inner.push(subscriber.start()));
    const outer = subscriber.start();
    await assert.rejects(outer, /NOPERM/);
    assert.equal(inner[0], outer);
    answer = subscribed;
    await subscriber.start();
    await subscriber.stop();
    await server.stop();
  });

  test('of a source that was left begins anew, and its states are told to the last', async () => {
    const server = await startScriptedServer((words, { number }) =>
      words[0] === 'SUBSCRIBE' ? subscribed + (number === 1 ? message.repeat(3) : '') : greeting(words),
    );
    const subscriber = new AshRedisChannelDataSubscriber('s', 'ashredischannel://c', {
      port: server.port,
      overflow: 'fail',
      queueMaxCount: 1,
    });
    const states: string[] = [];
    const again = new Promise<Promise<void>>((resolve) => {
      subscriber.on('state', ({ to }) => {
        states.push(to);
        if (states.length === 3) resolve(subscriber.start());
      });
    });
    await subscriber.start();
    await again;
    assert.equal(subscriber.isRunning(), true);
    await subscriber.stop();
    assert.deepEqual(states, ['connecting', 'ready', 'closed', 'connecting', 'ready', 'closed']);
    await server.stop();
  });
});
