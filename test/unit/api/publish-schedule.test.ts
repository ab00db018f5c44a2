// When records leave: at the flush of their interval, so many at a time, after a resume, at the end; and who gives them up.
// Run by `npm test`, on virtual time.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PublishQueue } from '../../../src/api/publish-queue.ts';
import { PublishSchedule, type ScheduleSettings } from '../../../src/api/publish-schedule.ts';
import { OverflowError } from '../../../src/errors/index.ts';
import { SimulatedNetwork } from '../../support/simulation/network.ts';
import { SeededRandom } from '../../support/simulation/random.ts';
import { VirtualTime } from '../../support/simulation/virtual-time.ts';

class Bench {
  readonly time = new VirtualTime();
  readonly platform = new SimulatedNetwork(this.time, new SeededRandom(1)).platform('test', new SeededRandom(2), 0);
  /** What left, as `ms record`. */
  readonly left: string[] = [];
  readonly givenUp: unknown[] = [];
  onLeave = () => {};
  readonly schedule: PublishSchedule<unknown>;
  readonly #startedAt = this.platform.now();

  constructor(settings: Partial<ScheduleSettings> = {}) {
    const defaults = {
      publishInterval: 0,
      batchSize: 1000,
      maxQueueDepth: 100,
      queueType: 'fifo',
      unref: false,
    } as const;
    this.schedule = new PublishSchedule<unknown>(
      { ...defaults, ...settings },
      async (prepared) => {
        this.onLeave();
        this.left.push(`${this.platform.now() - this.#startedAt} ${prepared}`);
        return `sent ${prepared}`;
      },
      (reason, data) => this.givenUp.push([(reason as Error).message, data]),
      this.platform,
    );
  }

  add(record: unknown, signal?: AbortSignal): Promise<unknown> {
    return this.schedule.add(record, record, signal && { signal });
  }
}

/** What a promise has come to so far. */
function watched(promise: Promise<unknown>): { state: string } {
  const seen = { state: 'pending' };
  promise.then(
    (value) => (seen.state = `${value}`),
    (error: Error) => (seen.state = error.message),
  );
  return seen;
}

describe('the schedule of a publisher', () => {
  test('an interval begins with the first record; each flush takes batchSize of what waits', async () => {
    const bench = new Bench({ publishInterval: 0.1, batchSize: 2 });
    assert.equal(bench.schedule.isDirect, false);
    await bench.time.runFor(30);
    const results = [1, 2, 3, 4, 5].map((n) => bench.add(n));
    assert.equal(bench.schedule.size, 5);
    await bench.time.runFor(1000);
    assert.deepEqual(bench.left, ['130 1', '130 2', '230 3', '230 4', '330 5']);
    assert.deepEqual(
      await Promise.all(results),
      [1, 2, 3, 4, 5].map((n) => `sent ${n}`),
    );
    assert.equal(bench.platform.timerCount, 0, 'an empty queue needs no timer');
    void bench.add(6);
    await bench.time.runFor(1000);
    assert.equal(bench.left.at(-1), '1130 6');
  });

  test('suspended nothing leaves; resume() begins an interval where there is one, else sends all at once', async () => {
    for (const publishInterval of [0.1, 0]) {
      const bench = new Bench({ publishInterval, batchSize: 2 });
      if (publishInterval > 0) void bench.add(0);
      bench.schedule.suspend();
      bench.schedule.suspend();
      assert.deepEqual([bench.schedule.isSuspended, bench.schedule.isDirect], [true, false]);
      for (const n of [1, 2, 3]) void bench.add(n);
      await bench.time.runFor(500);
      assert.deepEqual([bench.left, bench.platform.timerCount], [[], 0]);
      bench.schedule.resume();
      assert.deepEqual([bench.schedule.isSuspended, bench.schedule.isDirect], [false, publishInterval === 0]);
      await bench.time.runFor(500);
      const expected = publishInterval === 0 ? ['500 1', '500 2', '500 3'] : ['600 0', '600 1', '700 2', '700 3'];
      assert.deepEqual(bench.left, expected);
      bench.schedule.suspend();
      bench.schedule.resume();
      assert.equal(bench.platform.timerCount, 0, 'nothing waits');
    }
  });

  test('resume() without a suspend() changes nothing', async () => {
    const bench = new Bench({ publishInterval: 0.1 });
    void bench.add(1);
    await bench.time.runFor(50);
    bench.schedule.resume();
    await bench.time.runFor(100);
    assert.deepEqual(bench.left, ['100 1']);
    const direct = new Bench();
    direct.schedule.resume();
    assert.equal(direct.schedule.isDirect, true);
    direct.schedule.end();
    direct.schedule.resume();
    assert.equal(direct.schedule.isDirect, false);
  });

  test('end() sends all that waits, suspended or not, and a resume() after it changes nothing', async () => {
    for (const suspended of [false, true]) {
      const bench = new Bench({ publishInterval: suspended ? 0 : 0.1, batchSize: 2 });
      if (suspended) bench.schedule.suspend();
      const results = [1, 2, 3].map((n) => bench.add(n));
      bench.schedule.end();
      assert.deepEqual(bench.left, ['0 1', '0 2', '0 3']);
      assert.deepEqual(await Promise.all(results), ['sent 1', 'sent 2', 'sent 3']);
      assert.equal(bench.platform.timerCount, 0);
      bench.schedule.resume();
      assert.equal(bench.schedule.isDirect, false);
    }
  });

  test('a signal gives up what waits, once, and nothing of what has left', async () => {
    const bench = new Bench({ publishInterval: 0.1 });
    const gone = new AbortController();
    const late = new AbortController();
    const first = watched(bench.add('gone', gone.signal));
    const second = watched(bench.add('late', late.signal));
    gone.abort(new Error('given up'));
    gone.abort(new Error('again'));
    await bench.time.runFor(0);
    assert.deepEqual([first.state, second.state, bench.schedule.size], ['given up', 'pending', 1]);
    await bench.time.runFor(200);
    late.abort(new Error('too late'));
    await bench.time.runFor(0);
    assert.equal(second.state, 'sent late');
    assert.deepEqual(bench.left, ['100 late']);
    assert.deepEqual(bench.givenUp, [['given up', 'gone']]);
  });

  test('a record that is given up by what the flush before it runs does not leave', async () => {
    const controller = new AbortController();
    const bench = new Bench({ publishInterval: 0.1 });
    bench.onLeave = () => controller.abort(new Error('given up'));
    void bench.add(1);
    const second = watched(bench.add(2, controller.signal));
    await bench.time.runFor(200);
    assert.deepEqual(bench.left, ['100 1']);
    assert.equal(second.state, 'given up');
  });

  test('who waits for a resume() goes on with it, with end(), or not at all when the signal is aborted', async () => {
    const bench = new Bench();
    const free = watched(bench.schedule.resumed(undefined));
    await bench.time.runFor(0);
    assert.equal(free.state, 'undefined');
    bench.schedule.suspend();
    const controller = new AbortController();
    const waits = watched(bench.schedule.resumed(undefined));
    const signalled = watched(bench.schedule.resumed(new AbortController().signal));
    const aborted = watched(bench.schedule.resumed(controller.signal));
    await bench.time.runFor(0);
    controller.abort(new Error('enough'));
    await bench.time.runFor(0);
    assert.deepEqual([waits.state, signalled.state, aborted.state], ['pending', 'pending', 'enough']);
    bench.schedule.resume();
    await bench.time.runFor(0);
    assert.deepEqual([waits.state, signalled.state], ['undefined', 'undefined']);
    bench.schedule.suspend();
    const ended = watched(bench.schedule.resumed(undefined));
    bench.schedule.end();
    const after = watched(bench.schedule.resumed(undefined));
    await bench.time.runFor(0);
    assert.deepEqual([ended.state, after.state], ['undefined', 'undefined']);
  });

  test('more than maxQueueDepth are refused by an error that says how many wait and how many may', () => {
    const bench = new Bench({ publishInterval: 1, maxQueueDepth: 2 });
    void bench.add(1);
    void bench.add(2);
    assert.throws(
      () => bench.add(3),
      (error: Error) =>
        error instanceof OverflowError && /: 2 records wait, allowed by "maxQueueDepth" is 2/.test(error.message),
    );
    assert.equal(bench.schedule.size, 2);
  });
});

describe('the queue of a publisher', () => {
  test('takes no more than it is asked for, the most urgent first', () => {
    const queue = new PublishQueue<string>({ queueType: 'priority', maxQueueDepth: 100 });
    const data: [string, unknown][] = [
      ['null', null],
      ['text', 'abc'],
      ['five', { _dag_priority: 5 }],
      ['four', { _dag_priority: 4 }],
      ['one', { _dag_priority: 1 }],
      ['two', { _dag_priority: 2 }],
      ['zero', { _dag_priority: 0 }],
      ['six', { _dag_priority: 6 }],
      ['half', { _dag_priority: 1.5 }],
      ['word', { _dag_priority: '1' }],
      ['three', { _dag_priority: 3 }],
      ['one more', { _dag_priority: 1 }],
    ];
    for (const [name, value] of data) queue.push(name, value);
    assert.equal(queue.size, 12);
    assert.deepEqual(queue.take(1), ['one']);
    assert.deepEqual(queue.take(3), ['one more', 'two', 'three']);
    assert.equal(queue.size, 8);
    assert.deepEqual(queue.take(3), ['four', 'null', 'text']);
    queue.delete('zero');
    assert.deepEqual(queue.take(100), ['five', 'six', 'half', 'word']);
    assert.deepEqual([queue.take(1), queue.size], [[], 0]);
  });

  test('in order of arrival a priority means nothing', () => {
    const queue = new PublishQueue<number>({ queueType: 'fifo', maxQueueDepth: 100 });
    for (const n of [3, 1, 2]) queue.push(n, { _dag_priority: n });
    assert.deepEqual([queue.take(2), queue.take(2)], [[3, 1], [2]]);
  });
});
