// The framework's classes with transports of a user's own, `memory://`, and the choice by scheme.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  AshRedisChannelDataPublisher,
  AshRedisChannelDataSubscriber,
  AshRedisClient,
  AshRedisDataPublisher,
  AshRedisError,
  ClosedError,
  createPublisher,
  createSubscriber,
  DataPublisher,
  DataSubscriber,
  type JsonObject,
  OverflowError,
  type PublishOptions,
  type Receiver,
  UsageError,
} from '../../../src/index.ts';

class ListPublisher extends DataPublisher<number> {
  readonly list: unknown[] = [];
  failure: Error | undefined;
  gate: Promise<void> | undefined;
  stoppedWithin: number | undefined;

  protected override async doPublish(data: unknown, _options: PublishOptions): Promise<number> {
    if (this.failure !== undefined) throw this.failure;
    await this.gate;
    return this.list.push(data);
  }

  protected override doStop(timeoutMs: number): void {
    this.stoppedWithin = timeoutMs;
  }
}

class ManualSubscriber<T = JsonObject> extends DataSubscriber<T> {
  receiver: Receiver | undefined;
  refusal: Error | undefined;
  readonly calls: string[] = [];

  protected override async doStart(receiver: Receiver): Promise<void> {
    this.calls.push('start');
    if (this.refusal !== undefined) throw this.refusal;
    this.receiver = receiver;
  }

  protected override doStop(): void {
    this.calls.push('stop');
  }

  protected override doPause(): void {
    this.calls.push('pause');
  }

  protected override doResume(): void {
    this.calls.push('resume');
  }
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('a publisher of a user’s own', () => {
  test('counts, tells failures and passes the results on', async () => {
    const publisher = new ListPublisher('own', 'own://x', { connectTimeoutMs: 1 });
    const told: unknown[] = [];
    publisher.on('publishError', ({ error, data }) => told.push(error.message, data));
    assert.equal(await publisher.publish({ a: 1 }), 1);
    publisher.failure = new Error('no room');
    await assert.rejects(publisher.publish({ a: 2 }), /no room/);
    assert.deepEqual(told, ['no room', { a: 2 }]);
    assert.deepEqual([publisher.publishCount, publisher.failedCount, publisher.list.length], [1, 1, 1]);
    assert.equal(publisher.details().publishCount, 1);
    await publisher.stop();
    await assert.rejects(publisher.publish(3), ClosedError);
  });

  test('stop() waits for what is pending, within its limit, and tells doStop what is left of it', async () => {
    const quick = new ListPublisher('own', 'own://x');
    void quick.publish(1);
    await quick.stop();
    assert.deepEqual(quick.list, [1]);
    assert.ok((quick.stoppedWithin ?? 0) > 1000);
    const slow = new ListPublisher('own', 'own://x');
    slow.gate = new Promise(() => {});
    void slow.publish(1);
    await slow.stop({ timeoutMs: 10 });
    assert.ok((slow.stoppedWithin ?? 10) < 5);
  });

  test('a doStop that never ends does not hold stop() up', async () => {
    class Stuck extends ListPublisher {
      protected override doStop(): Promise<never> {
        return new Promise(() => {});
      }
    }
    await new Stuck('p', 'list://x', { closeTimeoutMs: 20 }).stop();
  });

  test('a hook or a logger that is async and fails harms nobody, nor does a signal that was aborted before', async () => {
    const late = async () => assert.fail('too late');
    const logger = { debug: late, info: late, warn: late, error: late };
    const publisher = new ListPublisher('own', 'own://x', { logger });
    publisher.failure = new Error('gone');
    const result = await publisher.publishMany([1], { onFailure: late });
    assert.deepEqual(result, { published: 0, failed: 1, unknown: 0 });
    publisher.failure = undefined;
    await assert.rejects(publisher.publish(1, { signal: AbortSignal.abort(new Error('given up')) }), /given up/);
    assert.deepEqual([publisher.list, publisher.failedCount], [[], 2]);
    await publisher.stop();
  });

  test('stop() called by a listener of what its flush tells closes once', async () => {
    let closed = 0;
    class Refusing extends DataPublisher<void> {
      protected doPublish(): void {
        throw new Error('no');
      }
      protected override doStop(): void {
        closed++;
      }
    }
    const publisher = new Refusing('own', 'own://x', { publishInterval: 60 });
    publisher.on('publishError', () => void publisher.stop());
    void publisher.publish(1);
    await publisher.stop();
    assert.equal(closed, 1);
  });

  test('autoPackageNonDict packs what is no object; undefined stays what JSON refuses', async () => {
    const publisher = new ListPublisher('own', 'own://x', { autoPackageNonDict: true });
    for (const data of [5, [1], { a: 1 }, undefined]) await publisher.publish(data);
    assert.deepEqual(publisher.list, [{ payload: 5 }, { payload: [1] }, { a: 1 }, undefined]);
    await publisher.stop();
  });

  test('publishMany keeps a bounded number pending and counts what came of each', async () => {
    const publisher = new ListPublisher('own', 'own://x');
    let open = () => {};
    publisher.gate = new Promise((resolve) => (open = resolve));
    let given = 0;
    const many = publisher.publishMany(
      (function* () {
        while (given < 5000) yield given++;
      })(),
    );
    await turn();
    assert.equal(given, 1000);
    open();
    assert.deepEqual(await many, { published: 5000, failed: 0, unknown: 0 });
    publisher.failure = Object.assign(new Error('gone'), { safeToRetry: false });
    const failures: unknown[] = [];
    const result = await publisher.publishMany([1, 2], {
      onFailure: (error, record) => failures.push(error.message, record),
    });
    assert.deepEqual(result, { published: 0, failed: 0, unknown: 2 });
    assert.deepEqual(failures, ['gone', 1, 'gone', 2]);
    await publisher.stop();
  });

  test('publishMany lets others have their turn, also where each record settles or is refused at once', async () => {
    for (const publisher of [
      createPublisher('m', { destination: 'memory://nobody' }),
      createPublisher('m', {
        destination: 'memory://nobody',
        codec: { name: 'own', encode: () => assert.fail(), decode: String },
      }),
    ]) {
      const controller = new AbortController();
      let given = 0;
      const source = (function* () {
        while (given < 100_000) yield given++;
      })();
      setImmediate(() => controller.abort(new Error('given up')));
      await assert.rejects(publisher.publishMany(source, { signal: controller.signal }), /given up/);
      assert.ok(given <= 2000, `${given} were given`);
      await publisher.stop();
    }
  });

  test('publishMany rejects when its signal is aborted, also while its source gives nothing', async () => {
    const publisher = new ListPublisher('own', 'own://x');
    const controller = new AbortController();
    const source = (async function* () {
      yield 1;
      controller.abort(new Error('given up'));
      await new Promise(() => {});
    })();
    await assert.rejects(publisher.publishMany(source, { signal: controller.signal }), /given up/);
    assert.deepEqual(publisher.list, [1]);
    await publisher.stop();
  });

  test('a signal that is none is refused by each call that takes one', async () => {
    const publisher = new AshRedisChannelDataPublisher('p', 'ashredischannel://c', { port: 1 });
    const subscriber = new AshRedisChannelDataSubscriber('s', 'ashredischannel://c', { port: 1 });
    const client = new AshRedisClient({ port: 1 });
    const refused = /Cannot use configuration key "signal": found .*, allowed is an AbortSignal/;
    for (const signal of [5, {}, { aborted: false }] as never[]) {
      await assert.rejects(publisher.publishMany([1], { signal }), refused);
      await assert.rejects(publisher.connect({ signal }), refused);
      await assert.rejects(subscriber.start({ signal }), refused);
      await assert.rejects(client.connect({ signal }), refused);
    }
    await Promise.all([publisher.stop(), subscriber.stop(), client.close()]);
  });

  test('publishMany rejects when the publisher was stopped, also while its source gives nothing', async () => {
    const publisher = new ListPublisher('own', 'own://x');
    let waits = () => {};
    const waiting = new Promise<void>((resolve) => (waits = resolve));
    const source = (async function* () {
      yield 1;
      waits();
      await new Promise(() => {});
    })();
    const refused = assert.rejects(publisher.publishMany(source), ClosedError);
    await waiting;
    await publisher.stop();
    await refused;
    assert.deepEqual(publisher.list, [1]);
  });

  test('records that were given up while they waited make room in the queue', async () => {
    for (const queueType of ['fifo', 'priority'] as const) {
      const publisher = new ListPublisher('own', 'own://x', { publishInterval: 60, maxQueueDepth: 2, queueType });
      const controller = new AbortController();
      const { signal } = controller;
      const given = [
        publisher.publish({ n: 1, _dag_priority: 1 }, { signal }),
        publisher.publish({ n: 2 }, { signal }),
      ];
      await assert.rejects(publisher.publish({ n: 3 }), OverflowError);
      controller.abort(new Error('given up'));
      for (const each of given) await assert.rejects(each, /given up/);
      assert.equal(publisher.getQueueSize(), 0);
      void publisher.publish({ n: 4 });
      await publisher.stop();
      assert.deepEqual(publisher.list, [{ n: 4 }]);
    }
  });

  test('a suspended publisher accepts publishMany as it accepts publish: nothing leaves before resume()', async () => {
    const publisher = new ListPublisher('own', 'own://x');
    publisher.suspend();
    const many = publisher.publishMany([1, 2]);
    const one = publisher.publish(0);
    await turn();
    assert.deepEqual(publisher.list, []);
    publisher.resume();
    await Promise.all([many, one]);
    assert.deepEqual([...publisher.list].sort(), [0, 1, 2]);
    await publisher.stop();
  });
});

describe('a subscriber of a user’s own', () => {
  test('start() resolves with the transport; messages are decoded, counted and iterated; stop() ends the loop', async () => {
    const subscriber = new ManualSubscriber('own', 'own://x');
    const seen: unknown[] = [];
    // The loop may begin before the start.
    const loop = (async () => {
      for await (const { channel, data, raw } of subscriber) seen.push([channel, data, raw]);
    })();
    assert.equal(subscriber.isRunning(), false);
    await subscriber.start();
    assert.equal(subscriber.isRunning(), true);
    subscriber.receiver?.message('c', '{"a":1}');
    subscriber.receiver?.message('c', 'no json');
    subscriber.receiver?.message('c', '{"a":2}');
    await turn();
    assert.deepEqual(seen, [
      ['c', { a: 1 }, '{"a":1}'],
      ['c', { a: 2 }, '{"a":2}'],
    ]);
    assert.equal(subscriber.getMessageCount(), 2);
    assert.equal(subscriber.stats().invalidCount, 1);
    await subscriber.stop();
    await loop;
    assert.deepEqual(subscriber.calls, ['start', 'stop']);
    await assert.rejects(subscriber.start(), ClosedError);
    assert.equal(await subscriber.getData(1), null);
  });

  test('a start that fails leaves nothing behind, and the next one tries again', async () => {
    const subscriber = new ManualSubscriber('own', 'own://x');
    subscriber.refusal = new Error('not yet');
    const waiting = subscriber.getData(10);
    await assert.rejects(subscriber.start(), /not yet/);
    await assert.rejects(waiting, /not yet/);
    assert.deepEqual(subscriber.calls, ['start', 'stop']);
    subscriber.refusal = undefined;
    await subscriber.start();
    subscriber.receiver?.message('c', '1');
    assert.equal(await subscriber.getData(1), 1);
    await subscriber.stop();
  });

  test('a transport that ends by itself makes iterators throw; start() goes on counting', async () => {
    const subscriber = new ManualSubscriber('own', 'own://x');
    await subscriber.start();
    subscriber.receiver?.message('c', '1');
    assert.equal(await subscriber.getData(1), 1);
    const next = subscriber[Symbol.asyncIterator]().next();
    subscriber.receiver?.end(new Error('the source is gone'));
    await assert.rejects(next, /the source is gone/);
    assert.equal(subscriber.isRunning(), false);
    await subscriber.start();
    subscriber.receiver?.message('c', '2');
    assert.equal(await subscriber.getData(1), 2);
    assert.equal(subscriber.getMessageCount(), 2);
    await subscriber.stop();
  });

  test('start() given up by its signal or by stop() rejects at once', async () => {
    class NeverSubscriber extends ManualSubscriber {
      protected override doStart(): Promise<void> {
        return new Promise(() => {});
      }
    }
    const aborted = new NeverSubscriber('own', 'own://x');
    const controller = new AbortController();
    const starting = aborted.start({ signal: controller.signal });
    controller.abort(new Error('enough'));
    await assert.rejects(starting, /enough/);
    await assert.rejects(aborted.start({ signal: controller.signal }), /enough/);
    assert.deepEqual(aborted.calls, ['stop']);
    const shared = new NeverSubscriber('own', 'own://x');
    const first = shared.start();
    const impatient = new AbortController();
    const second = shared.start({ signal: impatient.signal });
    impatient.abort(new Error('not me'));
    await assert.rejects(second, /not me/);
    assert.deepEqual(shared.calls, [], 'the first caller still waits');
    await shared.stop();
    await assert.rejects(first, ClosedError);
    const stopped = new NeverSubscriber('own', 'own://x');
    const never = stopped.start();
    await stopped.stop();
    await assert.rejects(never, ClosedError);
  });

  test('a full block queue pauses the source and resumes it by itself', async () => {
    const subscriber = new ManualSubscriber<number>('own', 'own://x', { maxDepth: 2 });
    await subscriber.start();
    for (const n of [1, 2]) subscriber.receiver?.message('c', String(n));
    await turn();
    assert.deepEqual(subscriber.calls, ['start', 'pause']);
    assert.equal(subscriber.getQueueSize(), 2);
    assert.equal(await subscriber.getData(), 1);
    assert.equal(await subscriber.getData(), 2);
    assert.deepEqual(subscriber.calls, ['start', 'pause', 'resume']);
    await subscriber.stop();
  });

  test('overflow "fail" ends it with an OverflowError; start() begins anew', async () => {
    const subscriber = new ManualSubscriber<number>('own', 'own://x', { queueMaxCount: 1, overflow: 'fail' });
    await subscriber.start();
    for (const n of [1, 2]) subscriber.receiver?.message('c', String(n));
    await turn();
    await assert.rejects(subscriber.getData(1), OverflowError);
    assert.equal(subscriber.isRunning(), false);
    await subscriber.start();
    subscriber.receiver?.message('c', '3');
    assert.equal(await subscriber.getData(1), 3);
    await subscriber.stop();
  });

  test('handlers see every message; both kinds of reading at once are refused', async () => {
    const seen: unknown[] = [];
    const subscriber = new ManualSubscriber<number>('own', 'own://x', { onMessage: ({ data }) => seen.push(data) });
    subscriber.on('message', ({ data }) => seen.push(-data));
    await subscriber.start();
    subscriber.receiver?.message('c', '1');
    await turn();
    assert.deepEqual(seen, [1, -1]);
    await assert.rejects(subscriber.getData(1), UsageError);
    await subscriber.stop();
    const pulled = new ManualSubscriber('own', 'own://x');
    void pulled.getData(0);
    assert.throws(() => pulled.on('message', () => {}), UsageError);
    await pulled.stop();
  });

  test('a throwing handler or listener is a handlerError, and so is one that does not end in time', async () => {
    const errors: unknown[] = [];
    // The limit's own timer keeps no process alive.
    const alive = setInterval(() => {}, 1000);
    const subscriber = new ManualSubscriber<number>('own', 'own://x', {
      handlerTimeoutMs: 5,
      onMessage: ({ data }) => {
        if (data === 1) throw new Error('one');
        if (data === 2) return Promise.reject(new Error('two'));
        return new Promise(() => {});
      },
    });
    const all = new Promise<void>((resolve) => {
      subscriber.on('handlerError', ({ error, message }) => {
        errors.push((error as Error).name, message?.data);
        if (errors.length === 6) resolve();
      });
    });
    await subscriber.start();
    for (const n of [1, 2, 3]) subscriber.receiver?.message('c', String(n));
    await all;
    clearInterval(alive);
    assert.deepEqual(errors, ['Error', 1, 'Error', 2, 'TimeoutError', 3]);
    await subscriber.stop();
  });

  test('stop({ drain: true }) hands over what has arrived and says how much; without it the rest is discarded', async () => {
    for (const drain of [true, false]) {
      const seen: number[] = [];
      const subscriber = new ManualSubscriber<number>('own', 'own://x', {
        onMessage: async ({ data }) => {
          await turn();
          seen.push(data);
        },
      });
      await subscriber.start();
      subscriber.pause();
      for (const n of [1, 2, 3]) subscriber.receiver?.message('c', String(n));
      await turn();
      subscriber.resume();
      const result = await subscriber.stop({ drain });
      if (drain) assert.deepEqual([seen, result.discarded], [[1, 2, 3], 0]);
      else assert.equal(result.discarded, 2);
      assert.deepEqual(await subscriber.stop(), result, 'twice is harmless');
    }
  });

  test('stop() inside a handler settles', async () => {
    const subscriber: ManualSubscriber = new ManualSubscriber('own', 'own://x', {
      onMessage: async () => {
        await subscriber.stop({ drain: true });
        ended();
      },
    });
    let ended = () => {};
    const end = new Promise<void>((resolve) => (ended = resolve));
    await subscriber.start();
    subscriber.receiver?.message('c', '1');
    await end;
    assert.equal(subscriber.isRunning(), false);
  });

  test('a listener of handlerError that throws or rejects is nobody’s business, and not its own', async () => {
    const subscriber = new ManualSubscriber('own', 'own://x', { onMessage: () => assert.fail('handler') });
    const errors: string[] = [];
    subscriber.on('handlerError', ({ error }) => {
      errors.push((error as Error).message);
      throw new Error('listener');
    });
    subscriber.on('handlerError', async () => assert.fail('late'));
    await subscriber.start();
    subscriber.receiver?.message('c', '1');
    await turn();
    await turn();
    assert.deepEqual(errors, ['handler']);
    await subscriber.stop();
  });

  test('handlers that all call stop({ drain: true }) get every message, and the source is closed once', async () => {
    const seen: unknown[] = [];
    const subscriber: ManualSubscriber<number> = new ManualSubscriber('own', 'own://x', {
      onMessage: async ({ data }) => {
        seen.push(data);
        await subscriber.stop({ drain: true });
      },
    });
    await subscriber.start();
    for (let n = 1; n <= 3000; n++) subscriber.receiver?.message('c', String(n));
    await turn();
    assert.deepEqual(await subscriber.stop(), { delivered: 2999, discarded: 0 });
    assert.deepEqual([seen.length, seen.at(-1)], [3000, 3000]);
    assert.deepEqual(subscriber.calls, ['start', 'stop']);
  });

  test('getData() takes seconds and refuses what is none', async () => {
    const subscriber = new ManualSubscriber('own', 'own://x');
    await assert.rejects(subscriber.getData(-1), UsageError);
    await assert.rejects(subscriber.getData(Number.NaN), UsageError);
    await assert.rejects(subscriber.getData('1' as never), UsageError);
    assert.equal(await subscriber.getData(), null);
    await subscriber.stop();
  });

  test('what doStop throws hides no reason, and reaches nobody who gives a source up', async () => {
    class Broken extends ManualSubscriber {
      protected override doStop(): never {
        throw new Error('broke while stopping');
      }
    }
    const subscriber = new Broken('s', 'manual://x');
    subscriber.refusal = new Error('refused');
    await assert.rejects(subscriber.start(), /refused/);
    subscriber.refusal = undefined;
    await subscriber.start();
    const next = subscriber[Symbol.asyncIterator]().next();
    subscriber.receiver?.end(new Error('gone'));
    await assert.rejects(next, /gone/);
    assert.deepEqual(await subscriber.stop(), { delivered: 0, discarded: 0 });
  });

  test('a start that is given up does not wait for ever for a doStop that never ends', async () => {
    class Stuck extends ManualSubscriber {
      protected override doStart(): Promise<void> {
        return new Promise(() => {});
      }

      protected override doStop(): Promise<never> {
        return new Promise(() => {});
      }
    }
    const controller = new AbortController();
    const started = new Stuck('s', 'manual://x', { closeTimeoutMs: 20 }).start({ signal: controller.signal });
    controller.abort(new Error('enough'));
    await assert.rejects(started, /enough/);
  });

  test('a doStop that never ends does not hold stop() up', async () => {
    class StuckSubscriber extends ManualSubscriber {
      protected override doStop(): never {
        return new Promise(() => {}) as never;
      }
    }
    const subscriber = new StuckSubscriber('own', 'own://x');
    await subscriber.start();
    assert.deepEqual(await subscriber.stop({ timeoutMs: 10 }), { delivered: 0, discarded: 0 });
  });
});

describe('createPublisher and createSubscriber', () => {
  test('choose the class by the scheme', async () => {
    const made = [
      createPublisher('a', { destination: 'ashredis://x' }, null as unknown as undefined),
      createPublisher('b', { destination: 'ashredischannel://x' }),
      createSubscriber('c', { source: 'ashredischannel://x' }, null as unknown as undefined),
    ];
    assert.ok(made[0] instanceof AshRedisDataPublisher);
    assert.ok(made[1] instanceof AshRedisChannelDataPublisher);
    assert.ok(made[2] instanceof AshRedisChannelDataSubscriber);
    for (const object of made) await object.stop();
  });

  test('a user’s own schemes come first, as classes or functions', async () => {
    const own = createPublisher('a', { destination: 'list://x' }, { schemes: { list: ListPublisher } });
    assert.ok(own instanceof ListPublisher);
    const spelled = createPublisher('a', { destination: 'list://x' }, { schemes: { 'list://': ListPublisher } });
    assert.ok(spelled instanceof ListPublisher);
    const made = createSubscriber(
      'b',
      { source: 'ashredischannel://x' },
      { schemes: { ashredischannel: (name, source, config) => new ManualSubscriber(name, source, config) } },
    );
    assert.ok(made instanceof ManualSubscriber);
    const arrow = createPublisher(
      'c',
      { destination: 'list://x', batchSize: 3 },
      { schemes: { list: (name, destination, config) => new ListPublisher(`${name}!`, destination, config) } },
    );
    assert.ok(arrow instanceof ListPublisher);
    assert.deepEqual([arrow.name, arrow.destination], ['c!', 'list://x']);
    // As a class on another copy of this package would be.
    class Foreign {
      readonly given: unknown[];
      constructor(...given: unknown[]) {
        this.given = given;
      }
    }
    const config = { destination: 'list://x' };
    const foreign = createPublisher('d', config, { schemes: { list: Foreign as never } }) as unknown as Foreign;
    assert.deepEqual(foreign.given, ['d', 'list://x', config]);
  });

  test('a scheme that is neither class nor function is refused', () => {
    for (const own of [5, null, {}] as never[]) {
      const refusal = /^Cannot use scheme "own": found .*, allowed is a class or a function/;
      const schemes = { own };
      assert.throws(() => createPublisher('p', { destination: 'own://x' }, { schemes }), { message: refusal });
      assert.throws(() => createSubscriber('s', { source: 'own://x' }, { schemes }), { message: refusal });
    }
  });

  test('an unknown scheme, and none, are refused with those there are', () => {
    assert.throws(() => createPublisher('a', { destination: 'kafka://x' }), {
      message: /found the scheme "kafka:\/\/", allowed are ashredis:\/\/, ashredischannel:\/\/, memory:\/\//,
      hint: 'add your own by the option "schemes"',
    });
    assert.throws(() => createSubscriber('a', { source: 'x' }, { schemes: { own: ManualSubscriber } }), {
      message: /Cannot use "source": found no scheme, allowed are own:\/\/, ashredischannel:\/\/, memory:\/\//,
    });
    assert.throws(() => createPublisher('a', { destination: 'x' }), UsageError);
    assert.throws(() => createPublisher('a', {}), UsageError);
    assert.throws(() => createSubscriber('a', { source: 'ashredis://x' }), UsageError);
    assert.throws(() => createSubscriber('a', { source: 'constructor://x' }), AshRedisError);
  });
});

describe('memory://', () => {
  test('carries messages in the process, by region, until the subscriber stops', async () => {
    const subscriber = createSubscriber<{ n: number }>('s', { source: 'memory://m', region: 'r', numbered: true });
    const publisher = createPublisher('p', { destination: 'memory://m', region: 'r', numbered: true });
    const elsewhere = createPublisher('e', { destination: 'memory://m' });
    assert.equal(await publisher.publish({ n: 0 }), 0, 'nobody listens');
    await subscriber.start();
    assert.equal(await publisher.publish({ n: 1 }), 1);
    assert.equal(await elsewhere.publish({ n: 2 }), 0);
    const { value } = await subscriber[Symbol.asyncIterator]().next();
    assert.equal(value.channel, 'm');
    assert.equal(value.region, 'r');
    assert.deepEqual(value.data, { n: 1 });
    assert.equal(value.position?.offset, 2);
    await subscriber.stop();
    assert.equal(await publisher.publish({ n: 3 }), 0);
    await assert.rejects(publisher.publish(1n), UsageError);
  });

  test('refuses what it has not: patterns and newest values', () => {
    assert.throws(() => createSubscriber('s', { source: 'memory://m*', kind: 'pattern' }), UsageError);
    assert.throws(() => createSubscriber('s', { source: 'memory://m', delivery: 'latest' }), UsageError);
  });
});
