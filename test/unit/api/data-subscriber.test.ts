// The framework's subscriber over a transport that the test plays: starts and ends that cross, restarts, what is told.
// Run by `npm test`.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import type { SubscriberConfig } from '../../../src/api/config-types.ts';
import { DataSubscriber, type Receiver } from '../../../src/api/data-subscriber.ts';
import { PLATFORM } from '../../../src/api/platform.ts';
import { ClosedError, UsageError } from '../../../src/errors/index.ts';
import type { Gap } from '../../../src/pubsub/index.ts';
import { until } from '../../support/events.ts';
import { SimulatedNetwork } from '../../support/simulation/network.ts';
import { SeededRandom } from '../../support/simulation/random.ts';
import { VirtualTime } from '../../support/simulation/virtual-time.ts';

class PlayedSubscriber extends DataSubscriber<number> {
  /** One a start. */
  readonly receivers: Receiver[] = [];
  readonly calls: string[] = [];
  onStart: () => Promise<void> | void = () => {};
  onStop: () => Promise<void> | void = () => {};

  protected override doStart(receiver: Receiver): Promise<void> | void {
    this.calls.push('start');
    this.receivers.push(receiver);
    return this.onStart();
  }

  protected override doStop(timeoutMs: number): Promise<void> | void {
    this.calls.push(`stop ${timeoutMs}`);
    return this.onStop();
  }

  protected override doPause(): void {
    this.calls.push('pause');
    throw new Error('no pause');
  }

  protected override doResume(): void {
    this.calls.push('resume');
    throw new Error('no resume');
  }

  receive(...numbers: number[]): void {
    for (const n of numbers) this.receivers.at(-1)?.message('c', String(n));
  }
}

const make = (config?: SubscriberConfig<number>) => new PlayedSubscriber('s', 'played://x', config);
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

function logger() {
  const lines: string[] = [];
  const note = (level: string) => (text: string) => void lines.push(`${level} ${text}`);
  return { lines, debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') };
}

describe('the framework’s subscriber', () => {
  test('what it shows of itself, before and after', async () => {
    const subscriber = make();
    const shown = { name: 's', source: 'played://x', isRunning: false, isSuspended: false };
    assert.deepEqual(subscriber.stats(), {
      ...shown,
      messageCount: 0,
      deliveredCount: 0,
      invalidCount: 0,
      droppedCount: 0,
      gapCount: 0,
      queuedCount: 0,
      queuedBytes: 0,
      handlerErrorCount: 0,
      missedCount: 0,
      duplicateCount: 0,
      reorderedCount: 0,
      skippedCount: 0,
    });
    await subscriber.start();
    subscriber.receive(10, 2);
    await turn();
    assert.equal(await subscriber.getData(), 10);
    const { isRunning, messageCount, deliveredCount, queuedCount, queuedBytes } = subscriber.stats();
    assert.deepEqual([isRunning, messageCount, deliveredCount, queuedCount, queuedBytes], [true, 2, 1, 1, 1]);
    assert.deepEqual(JSON.parse(JSON.stringify(subscriber)), subscriber.details());
    assert.equal(inspect(subscriber), "PlayedSubscriber { 's', 'played://x', running: true, messages: 2, queued: 1 }");
    await subscriber[Symbol.asyncDispose]();
    assert.equal(subscriber.isRunning(), false);
  });

  test('a name, a source and seconds that are none are refused', async () => {
    assert.throws(() => new PlayedSubscriber('', 'played://x'), /name of a subscriber/);
    assert.throws(() => new PlayedSubscriber('s', ''), /source of a subscriber/);
    const subscriber = make();
    for (const seconds of [-1, Number.NaN, '1', null] as never[]) {
      await assert.rejects(subscriber.getData(seconds), (error: Error) => {
        return error instanceof UsageError && /"blockSeconds" is .*, allowed is a number from 0/.test(error.message);
      });
    }
    assert.equal(await subscriber.getData(), null);
    assert.equal(await subscriber.getData(0.001), null);
    await subscriber.stop();
  });

  test('stop() in the very turn in which the source confirms makes start() reject', async () => {
    const subscriber = make();
    let stopped: Promise<unknown> | undefined;
    subscriber.onStart = () => {
      const confirmed = Promise.resolve();
      // One microtask after the subscriber hears of it, and one before it goes on.
      void confirmed.then(() => {}).then(() => (stopped = subscriber.stop()));
      return confirmed;
    };
    await assert.rejects(subscriber.start(), ClosedError);
    await stopped;
    assert.equal(subscriber.isRunning(), false);
    assert.deepEqual(subscriber.calls, ['start', 'stop 2000']);
  });

  test('an end that comes before the confirmation rejects start(), and leaves the source once', async () => {
    const subscriber = make();
    subscriber.onStart = () => {
      subscriber.receivers[0]?.end(new Error('gone at once'));
      return new Promise(() => {});
    };
    await assert.rejects(subscriber.start(), /gone at once/);
    assert.deepEqual(subscriber.calls, ['start', 'stop 0']);
    subscriber.onStart = () => {};
    await subscriber.start();
    assert.equal(subscriber.isRunning(), true);
    await subscriber.stop();
  });

  test('what an older start’s receiver still says is nobody’s: it ends and brings nothing', async () => {
    const subscriber = make();
    await subscriber.start();
    subscriber.receive(1);
    assert.equal(await subscriber.getData(1), 1);
    subscriber.receivers[0]?.end(new Error('gone'));
    subscriber.receivers[0]?.end(new Error('gone again'));
    assert.deepEqual([subscriber.isRunning(), subscriber.calls], [false, ['start', 'stop 0']]);
    await subscriber.start();
    const [older] = subscriber.receivers;
    older?.message('c', '2');
    older?.gap({ channels: ['c'], from: 1, to: 2, cause: new Error('x'), reason: 'late', missed: 'unknown' });
    older?.end(new Error('late'));
    subscriber.receive(3);
    assert.equal(await subscriber.getData(1), 3);
    assert.equal(subscriber.isRunning(), true);
    assert.deepEqual([subscriber.getMessageCount(), subscriber.stats().gapCount], [2, 0]);
    await subscriber.stop();
  });

  test('a pause lasts over a restart, for handlers and for who pulls', async () => {
    for (const handled of [true, false]) {
      const seen: unknown[] = [];
      const subscriber = make(handled ? { onMessage: ({ data }) => void seen.push(data) } : {});
      const reading = async () => {
        seen.push(await subscriber.getData(5));
      };
      await subscriber.start();
      subscriber.suspend();
      subscriber.receivers[0]?.end(new Error('gone'));
      await subscriber.start();
      const read = handled ? undefined : reading();
      subscriber.receive(1);
      await turn();
      assert.deepEqual([subscriber.isSuspended(), subscriber.getQueueSize(), seen], [true, 1, []]);
      subscriber.resume();
      await read;
      assert.deepEqual([subscriber.isSuspended(), subscriber.getQueueSize(), seen], [false, 0, [1]]);
      await subscriber.stop();
    }
  });

  test('leaving a loop ends that iterator and leaves the subscriber as it is', async () => {
    const subscriber = make();
    await subscriber.start();
    subscriber.receive(1, 2);
    for await (const { data } of subscriber) {
      assert.equal(data, 1);
      break;
    }
    const left = subscriber[Symbol.asyncIterator]();
    await left.return?.();
    assert.deepEqual(await left.next(), { value: undefined, done: true });
    assert.equal(subscriber.isRunning(), true);
    assert.equal((await subscriber[Symbol.asyncIterator]().next()).value.data, 2);
    await subscriber.stop();
  });

  test('paused it gives nothing to who pulls: neither what waits nor the error of the end behind it', async () => {
    const subscriber = make();
    await subscriber.start();
    subscriber.receive(1);
    await turn();
    subscriber.pause();
    assert.equal(await subscriber.getData(), null);
    subscriber.receivers[0]?.end(new Error('gone'));
    assert.equal(await subscriber.getData(), null);
    subscriber.resume();
    assert.equal(await subscriber.getData(), 1);
    await assert.rejects(subscriber.getData(), /gone/);
    await subscriber.stop();
  });

  test('the first hole of a new publisher began when the subscription was confirmed', async () => {
    const time = new VirtualTime();
    const random = new SeededRandom(1);
    const platform = new SimulatedNetwork(time, random).platform('test', random, 1_700_000_000_000);
    const subscriber = make({ numbered: true, [PLATFORM]: platform } as SubscriberConfig<number>);
    const gaps: Gap[] = [];
    subscriber.on('gap', (gap) => gaps.push(gap));
    subscriber.on('message', () => {});
    await time.runFor(10);
    await subscriber.start();
    const confirmedAt = platform.wallClock();
    await time.runFor(50);
    const epoch = `${platform.wallClock().toString(36)}-x`;
    for (const offset of [3, 5]) {
      subscriber.receivers[0]?.message('c', JSON.stringify({ epoch, offset, data: 0 }));
      await time.runFor(50);
    }
    assert.deepEqual(
      gaps.map(({ from, to, missed }) => [from - confirmedAt, to - confirmedAt, missed]),
      [
        [0, 50, 2],
        [50, 100, 1],
      ],
    );
  });

  test('the logger is told of gaps and of what the transport throws; neither holds anything up', async () => {
    const log = logger();
    const subscriber = make({ logger: log, queueMaxCount: 1 });
    subscriber.onStop = () => Promise.reject(new Error('no stop'));
    await subscriber.start();
    subscriber.receivers[0]?.gap({
      channels: ['c'],
      from: 1,
      to: 2,
      cause: new Error('x'),
      reason: 'link-lost',
      missed: 'unknown',
    });
    subscriber.receive(1);
    await turn();
    assert.equal(await subscriber.getData(), 1);
    await subscriber.stop();
    assert.deepEqual(log.lines, [
      'warn subscriber "s": no pause',
      'warn subscriber "s": gap (link-lost), missed unknown',
      'warn subscriber "s": no resume',
      'warn subscriber "s": no stop',
    ]);
  });

  test('numbered: of a publisher that began after us the first messages are missed, of an older one they are not', async () => {
    const subscriber = make({ numbered: true });
    await subscriber.start();
    const told: unknown[] = [];
    subscriber.on('gap', ({ reason, missed }) => told.push([reason, missed]));
    const epoch = (ms: number) => `${ms.toString(36)}-x`;
    const send = (epoch: string, offset: number) =>
      subscriber.receivers[0]?.message('c', JSON.stringify({ epoch, offset, data: offset }));
    send(epoch(Date.now() - 60_000), 7);
    send(epoch(Date.now() + 60_000), 3);
    send(epoch(Date.now() + 60_001), 1);
    for (const n of [7, 3, 1]) assert.equal(await subscriber.getData(1), n);
    assert.deepEqual(told, [['counted', 2]]);
    assert.equal(subscriber.stats().missedCount, 2);
    await subscriber.stop();
  });

  test('a signal that was aborted before stops it once it is made; one that is aborted later stops it then', async () => {
    const never = make({ signal: AbortSignal.abort() });
    await turn();
    await assert.rejects(never.start(), ClosedError);
    const controller = new AbortController();
    const bound = make({ signal: controller.signal });
    await bound.start();
    controller.abort();
    assert.equal(bound.isRunning(), false);
    await until(() => bound.calls.length === 2, 'the source is left');
    await assert.rejects(bound.start(), ClosedError);
  });

  test('listeners may hear once, and leave; what a listener throws is an event', async () => {
    const subscriber = make();
    const seen: unknown[] = [];
    const leaving = ({ data }: { data: number }) => seen.push(`leaving ${data}`);
    subscriber
      .on('message', leaving)
      .once('message', ({ data }) => seen.push(`once ${data}`))
      .on('gap', () => assert.fail('thrown'))
      .on('handlerError', ({ error, message }) => seen.push((error as Error).message, message));
    await subscriber.start();
    subscriber.receive(1);
    await turn();
    subscriber.off('message', leaving).on('message', ({ data }) => seen.push(data));
    subscriber.receivers[0]?.gap({ channels: ['c'], from: 1, to: 2, cause: new Error('x'), reason: 'r', missed: 1 });
    subscriber.receive(2);
    await turn();
    assert.deepEqual(seen, ['leaving 1', 'once 1', 'thrown', undefined, 2]);
    await subscriber.stop();
  });

  test('what comes after the only handler has left waits for who reads next', async () => {
    const subscriber = make();
    const seen: number[] = [];
    let open = () => {};
    const gate = new Promise<void>((resolve) => (open = resolve));
    const leaving = async ({ data }: { data: number }) => {
      seen.push(data);
      await gate;
      subscriber.off('message', leaving);
    };
    subscriber.on('message', leaving);
    await subscriber.start();
    subscriber.receive(1, 2);
    await turn();
    open();
    await turn();
    assert.deepEqual([seen, subscriber.getQueueSize()], [[1], 1]);
    assert.equal(await subscriber.getData(), 2);
    await subscriber.stop();
  });

  test('stop() inside a handler that a draining stop() waits for gives nothing and hangs nobody', async () => {
    const results: unknown[] = [];
    const subscriber = make({
      onMessage: async ({ data }) => {
        if (data === 1) results.push(await subscriber.stop({ drain: true, timeoutMs: 1000 }));
        else results.push(await subscriber.stop());
      },
    });
    await subscriber.start();
    subscriber.receive(1, 2);
    await until(() => results.length === 2, 'both have ended');
    assert.deepEqual(results, [
      { delivered: 0, discarded: 0 },
      { delivered: 1, discarded: 0 },
    ]);
  });
});
