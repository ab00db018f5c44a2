// Who waits for a message: first come, first served, each with a time limit of its own that leaves no timer behind.
// Run by `npm test`, on virtual time.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Message } from '../../../src/api/config-types.ts';
import { MessagePull, type PullOwner } from '../../../src/api/message-pull.ts';
import { SimulatedNetwork } from '../../support/simulation/network.ts';
import { SeededRandom } from '../../support/simulation/random.ts';
import { VirtualTime } from '../../support/simulation/virtual-time.ts';

class Bench implements PullOwner<number> {
  readonly time = new VirtualTime();
  readonly platform = new SimulatedNetwork(this.time, new SeededRandom(1)).platform('test', new SeededRandom(2), 0);
  readonly pull = new MessagePull<number>(this, this.platform);
  readonly isPaused = false;
  readonly waiting: Message<number>[] = [];
  /** Who got what, in order. */
  readonly log: string[] = [];

  wait(name: string, timeoutMs: number): void {
    this.pull.wait(timeoutMs).then(
      (message) => this.log.push(`${name} ${message?.data}`),
      (error: Error) => this.log.push(`${name} ${error.message}`),
    );
  }

  serve(data: number): void {
    this.waiting.push({ channel: 'c', data, raw: '', receivedAt: 0 });
    this.pull.serve();
  }

  takeAny(): Message<number> | undefined {
    return this.waiting.shift();
  }

  tellGap(): void {}
  onHandlerError(): void {}
  servePullers(): void {}
}

test('serves in order of arrival; who was late for is served no more, and the others keep their place', async () => {
  const bench = new Bench();
  assert.equal(bench.pull.isEmpty, true);
  bench.wait('a', Infinity);
  bench.wait('b', 10);
  bench.wait('c', 100);
  bench.wait('d', 10);
  assert.equal(bench.pull.isEmpty, false);
  assert.equal(bench.platform.timerCount, 3, 'who waits for ever needs none');
  await bench.time.runFor(50);
  assert.deepEqual(bench.log, ['b undefined', 'd undefined']);
  bench.serve(1);
  bench.serve(2);
  await bench.time.runFor(0);
  assert.deepEqual(bench.log.slice(2), ['a 1', 'c 2']);
  assert.deepEqual([bench.pull.isEmpty, bench.platform.timerCount], [true, 0]);
});

test('the end is told to all who wait, and leaves no timer', async () => {
  for (const [error, said] of [
    [undefined, 'undefined'],
    [new Error('gone'), 'gone'],
  ] as const) {
    const bench = new Bench();
    bench.wait('a', 100);
    bench.wait('b', Infinity);
    bench.pull.end(error);
    assert.deepEqual([bench.pull.isEmpty, bench.platform.timerCount], [true, 0]);
    await bench.time.runFor(200);
    assert.deepEqual(bench.log, [`a ${said}`, `b ${said}`]);
    bench.pull.end(error);
  }
});

test('who waits with a limit keeps the process alive until then', () => {
  const bench = new Bench();
  const kept: boolean[] = [];
  const platform = Object.create(bench.platform, {
    setTimer: {
      value: (_delayMs: number, _callback: () => void, keepProcessAlive: boolean) => kept.push(keepProcessAlive),
    },
  });
  void new MessagePull<number>(bench, platform).wait(5);
  assert.deepEqual(kept, [true]);
});
