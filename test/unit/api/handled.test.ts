// Promises that nobody has to look at, and what is left behind by who waits for one.
// Run by `npm test`.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { begun, present, untilAborted, within } from '../../../src/api/handled.ts';
import { SimulatedNetwork } from '../../support/simulation/network.ts';
import { SeededRandom } from '../../support/simulation/random.ts';
import { VirtualTime } from '../../support/simulation/virtual-time.ts';

test('who waits until a signal is held as long as it waits, however that ends', async () => {
  const rejecters = new Set<(reason: unknown) => void>();
  const controller = new AbortController();
  const never = new Promise<never>(() => {});
  const answered = untilAborted(Promise.resolve(5), undefined, rejecters);
  const failed = untilAborted(Promise.reject(new Error('failed')), controller.signal, rejecters);
  assert.equal(rejecters.size, 2);
  assert.equal(await answered, 5);
  await assert.rejects(failed, /failed/);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(rejecters.size, 0);
  const aborted = untilAborted(never, controller.signal, rejecters);
  const rejected = untilAborted(never, undefined, rejecters);
  controller.abort(new Error('aborted'));
  await assert.rejects(aborted, /aborted/);
  for (const reject of rejecters) reject(new Error('stopped'));
  await assert.rejects(rejected, /stopped/);
});

test('what must be there at once is no promise, whose rejection is then nobody’s business', async () => {
  for (const value of [undefined, null, 0, 'x', {}]) assert.equal(present(value), value);
  assert.throws(() => present(Promise.reject(new Error('late'))), /found a promise, allowed is a value/);
  await new Promise((resolve) => setImmediate(resolve));
});

test('what is begun is kept before it runs', async () => {
  let kept: Promise<number> | undefined;
  const promise = begun<number>(
    (given) => (kept = given),
    async () => {
      assert.ok(kept, 'who asks while it begins finds it');
      return 5;
    },
  );
  assert.equal(kept, promise);
  assert.equal(await promise, 5);
});

test('what does not end within its limit is waited for no longer, and leaves no timer where it does', async () => {
  const time = new VirtualTime();
  const platform = new SimulatedNetwork(time, new SeededRandom(1)).platform('test', new SeededRandom(2), 0);
  const ended: string[] = [];
  const wait = (name: string, promise: unknown) =>
    within(promise, 100, platform, true).then(
      (value) => ended.push(`${name} ${value}`),
      (error: Error) => ended.push(`${name} ${error.message}`),
    );
  void wait('never', new Promise(() => {}));
  void wait('value', 5);
  void wait('failure', Promise.reject(new Error('no')));
  // It has the same limit itself: what it comes to is heard.
  void wait('late', new Promise((_, reject) => platform.setTimer(100, () => reject(new Error('its own limit')))));
  await time.runFor(50);
  assert.deepEqual(ended, ['value 5', 'failure no']);
  await time.runFor(55);
  assert.deepEqual(ended.slice(2), ['late its own limit']);
  await time.runFor(50);
  assert.deepEqual(ended.slice(3), ['never undefined']);
  assert.equal(platform.timerCount, 0);
});
