// How handlers are called: in order, so many at once, within a time limit, fair to the rest of the process, gaps between.
// Run by `npm test`, on virtual time.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Delivery } from '../../../src/api/delivery.ts';
import { GapEntry } from '../../../src/api/message-queue.ts';
import { TimeoutError } from '../../../src/errors/index.ts';
import type { Gap } from '../../../src/pubsub/index.ts';
import { SimulatedNetwork } from '../../support/simulation/network.ts';
import { SeededRandom } from '../../support/simulation/random.ts';
import { VirtualTime } from '../../support/simulation/virtual-time.ts';

const GAP: Gap = { channels: ['a'], from: 1, to: 2, cause: new Error('x'), reason: 'link-lost', missed: 'unknown' };

class Bench {
  readonly time = new VirtualTime();
  readonly platform = new SimulatedNetwork(this.time, new SeededRandom(1)).platform('test', new SeededRandom(2), 0);
  readonly waiting: (number | GapEntry)[] = [];
  readonly log: string[] = [];
  readonly errors: unknown[] = [];
  readonly delivery: Delivery<number>;
  handle: (message: number) => unknown = () => undefined;
  tellGap: () => unknown = () => undefined;

  constructor(concurrency = 1, handlerTimeoutMs?: number) {
    this.delivery = new Delivery<number>(
      {
        take: () => this.waiting.shift(),
        handle: (message) => {
          this.log.push(`${message}`);
          return this.handle(message);
        },
        tellGap: () => {
          this.log.push('gap');
          return this.tellGap();
        },
        onHandlerError: (error, message) => {
          this.errors.push(error);
          this.log.push(`${message} ${(error as Error).message}`);
        },
        onIdle: () => this.log.push('idle'),
      },
      { concurrency, handlerTimeoutMs },
      this.platform,
    );
  }

  async deliver(...entries: (number | GapEntry)[]): Promise<void> {
    this.waiting.push(...entries);
    this.delivery.pump();
    await this.time.runFor(0);
  }

  /** A handler that takes as many ms as the message says. */
  readonly sleep = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      this.platform.setTimer(ms, () => {
        this.log.push(`${ms} done`);
        resolve();
      });
    });
}

describe('delivery', () => {
  test('calls plain handlers one after the other and is idle then', async () => {
    const bench = new Bench();
    await bench.deliver(1, 2, 3);
    assert.deepEqual(bench.log, ['1', '2', '3', 'idle']);
    assert.equal(bench.delivery.deliveredCount, 3);
  });

  test('concurrency 1 awaits each handler: order is kept', async () => {
    const bench = new Bench();
    bench.handle = bench.sleep;
    await bench.deliver(30, 10, 20);
    await bench.time.runFor(100);
    assert.deepEqual(bench.log, ['30', '30 done', '10', '10 done', '20', '20 done', 'idle']);
  });

  test('concurrency n runs n at once and never more', async () => {
    const bench = new Bench(2);
    bench.handle = bench.sleep;
    await bench.deliver(30, 10, 40);
    await bench.time.runFor(100);
    assert.deepEqual(bench.log, ['30', '10', '10 done', '40', '30 done', '40 done', 'idle']);
  });

  test('a throw and a rejection are told, with the message, and the next is called', async () => {
    const bench = new Bench();
    bench.handle = (message) => {
      if (message === 1) throw new Error('thrown');
      return message === 2 ? Promise.reject(new Error('rejected')) : undefined;
    };
    await bench.deliver(1, 2, 3);
    assert.deepEqual(bench.log, ['1', '1 thrown', '2', '2 rejected', '3', 'idle']);
  });

  test('a handler that does not end in time is told as a TimeoutError and waited for no longer', async () => {
    const bench = new Bench(1, 50);
    bench.handle = (message) => (message === 1 ? new Promise(() => {}) : undefined);
    const { log } = bench;
    await bench.deliver(1, 2);
    await bench.time.runFor(49);
    assert.deepEqual(log, ['1']);
    await bench.time.runFor(1);
    assert.match(log[1] as string, /^1 Cannot wait for a message handler: it did not end within 50 ms/);
    assert.deepEqual(log.slice(2), ['2', 'idle']);
    assert.equal(bench.platform.timerCount, 0);
    assert.ok(bench.errors[0] instanceof TimeoutError);
  });

  test('what a handler does after its time limit changes nothing', async () => {
    const bench = new Bench(1, 50);
    bench.handle = (message) =>
      message === 1 ? bench.sleep(80).then(() => Promise.reject(new Error('late'))) : bench.sleep(message);
    await bench.deliver(1, 40);
    await bench.time.runFor(200);
    assert.equal(bench.log.filter((line) => line.includes('late')).length, 0);
    assert.equal(bench.log.filter((line) => line === 'idle').length, 1);
  });

  test('a gap waits for all that runs, and all that is newer waits for the gap', async () => {
    const bench = new Bench(3);
    bench.handle = bench.sleep;
    bench.tellGap = () => bench.sleep(5);
    await bench.deliver(30, 10, new GapEntry(GAP), 1);
    await bench.time.runFor(100);
    assert.deepEqual(bench.log, ['30', '10', '10 done', '30 done', 'gap', '5 done', '1', '1 done', 'idle']);
  });

  test('a hook for gaps that rejects is told, and delivery goes on', async () => {
    const bench = new Bench();
    bench.tellGap = () => Promise.reject(new Error('hook'));
    await bench.deliver(new GapEntry(GAP), 1);
    assert.deepEqual(bench.log, ['gap', 'undefined hook', '1', 'idle']);
  });

  test('pause holds what is not called yet, resume goes on', async () => {
    const bench = new Bench();
    bench.handle = (message) => {
      if (message === 1) bench.delivery.pause();
    };
    await bench.deliver(1, 2);
    assert.equal(bench.delivery.isPaused, true);
    assert.deepEqual(
      bench.log.filter((line) => line !== 'idle'),
      ['1'],
    );
    bench.delivery.resume();
    await bench.deliver();
    assert.deepEqual(
      bench.log.filter((line) => line !== 'idle'),
      ['1', '2'],
    );
  });

  test('stop inside a handler: it was the last', async () => {
    const bench = new Bench();
    bench.handle = () => bench.delivery.stop();
    await bench.deliver(1, 2);
    assert.equal(bench.log.includes('2'), false);
    assert.equal(bench.waiting.length, 1);
  });

  test('pumping inside a handler calls nobody twice and keeps the order', async () => {
    const bench = new Bench();
    bench.handle = (message) => {
      if (message === 1) bench.waiting.push(3);
      bench.delivery.pump();
      bench.log.push(`${message} ends`);
    };
    await bench.deliver(1, 2);
    assert.deepEqual(bench.log, ['1', '1 ends', '2', '2 ends', '3', '3 ends', 'idle']);
  });

  test('isCalling is true while a handler is called, before its first await, and however it ends', async () => {
    const bench = new Bench(2);
    const calling: boolean[] = [];
    bench.handle = (message) => {
      calling.push(bench.delivery.isCalling);
      if (message === 1) throw new Error('thrown');
      return message === 2 ? bench.sleep(5) : undefined;
    };
    for (const message of [1, 2, 3]) {
      await bench.deliver(message);
      assert.equal(bench.delivery.isCalling, false, `${message} was called`);
    }
    assert.deepEqual(calling, [true, true, true]);
    await bench.time.runFor(10);
    assert.equal(bench.platform.timerCount, 0);
  });

  test('is not idle while a flood is handed over in parts', async () => {
    const bench = new Bench();
    bench.handle = () => void bench.log.pop();
    for (let message = 0; message < 3000; message++) bench.waiting.push(message);
    bench.delivery.pump();
    assert.deepEqual([bench.log, bench.waiting.length > 0], [[], true]);
    await bench.time.runFor(0);
    assert.deepEqual([bench.log, bench.waiting.length], [['idle'], 0]);
  });

  test('a flood lets other work of the process run in between', async () => {
    const bench = new Bench();
    let seenByOthers = -1;
    for (let message = 0; message < 5000; message++) bench.waiting.push(message);
    bench.delivery.pump();
    bench.time.afterRead(() => {
      seenByOthers = bench.delivery.deliveredCount;
    });
    await bench.time.runFor(0);
    assert.ok(seenByOthers > 0 && seenByOthers < 5000, `${seenByOthers} of 5000 before others ran`);
    assert.equal(bench.delivery.deliveredCount, 5000);
  });
});
