// Node's clock and timers as the platform has them, also where a test framework has put its own in their place.
// Run by `npm test`. It waits for no real clock.

import assert from 'node:assert/strict';
import { describe, mock, test } from 'node:test';
import { nodePlatform } from '../../../src/net/index.ts';

describe('timers', () => {
  test('keep the process alive only where they shall', () => {
    const platform = nodePlatform();
    for (const keeps of [true, false]) {
      const timer = platform.setTimer(1000, () => {}, keeps) as NodeJS.Timeout;
      assert.equal(timer.hasRef(), keeps);
      platform.clearTimer(timer);
    }
  });

  test('fire once at their time unless they are cleared, and never at once for being far away', () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    try {
      const platform = nodePlatform();
      const fired: string[] = [];
      platform.setTimer(100, () => fired.push('a'), true);
      const cleared = platform.setTimer(100, () => fired.push('b'), true);
      // Beyond 2^31 - 1 Node fires in a millisecond.
      platform.setTimer(2 ** 40, () => fired.push('c'), true);
      platform.clearTimer(cleared);
      mock.timers.tick(99);
      assert.deepEqual(fired, []);
      mock.timers.tick(100_000);
      assert.deepEqual(fired, ['a']);
    } finally {
      mock.timers.reset();
    }
  });

  test('are those of the moment at which the platform was made', () => {
    const platform = nodePlatform();
    mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 5 });
    try {
      assert.ok(platform.wallClock() > 1_700_000_000_000);
      const timer = platform.setTimer(1000, () => {}, true) as NodeJS.Timeout;
      assert.equal(timer.hasRef(), true, 'a real one');
      platform.clearTimer(timer);
      assert.equal(nodePlatform().wallClock(), 5);
    } finally {
      mock.timers.reset();
    }
  });
});

test('the end of a turn is nextTick’s, and a promise’s where nextTick is faked', async () => {
  const { nextTick } = process;
  const order: string[] = [];
  let faked = 0;
  // As fake clocks mark their functions.
  process.nextTick = Object.assign(() => void faked++, { clock: {} }) as unknown as typeof nextTick;
  const underFake = nodePlatform();
  process.nextTick = nextTick;
  const plain = nodePlatform();
  underFake.defer(() => order.push('promise'));
  plain.defer(() => order.push('nextTick'));
  order.push('turn');
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([order[0], faked], ['turn', 0]);
  assert.deepEqual([...order].sort(), ['nextTick', 'promise', 'turn']);
});

test('what is to come after a read comes after one, and a promise’s turn later where setImmediate is faked', async () => {
  const real = globalThis.setImmediate;
  let faked = 0;
  globalThis.setImmediate = Object.assign(() => void faked++, { clock: {} }) as unknown as typeof real;
  const underFake = nodePlatform();
  globalThis.setImmediate = real;
  const order: string[] = [];
  nodePlatform().afterRead(() => order.push('immediate'));
  underFake.afterRead(() => order.push('promise'));
  await Promise.resolve();
  assert.deepEqual(order, ['promise']);
  await new Promise((resolve) => real(resolve));
  assert.deepEqual([order, faked], [['promise', 'immediate'], 0]);
});

test('what node:test and jest.fn() make of setImmediate and nextTick is no real one either', async () => {
  const real = globalThis.setImmediate;
  const { nextTick } = process;
  mock.timers.enable({ apis: ['setImmediate'] });
  const underMock = nodePlatform();
  mock.timers.reset();
  let faked = 0;
  const mockConstructor = () => void faked++;
  globalThis.setImmediate = mockConstructor as unknown as typeof real;
  process.nextTick = mockConstructor as unknown as typeof nextTick;
  const underJest = nodePlatform();
  globalThis.setImmediate = real;
  process.nextTick = nextTick;
  const order: string[] = [];
  underMock.afterRead(() => order.push('node:test'));
  underJest.afterRead(() => order.push('jest'));
  underJest.defer(() => order.push('deferred'));
  await Promise.resolve();
  assert.deepEqual([order, faked], [['node:test', 'jest', 'deferred'], 0]);
});
