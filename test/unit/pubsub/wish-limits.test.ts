// Time limits of wishes: one timer for all of them, each told once, none kept.
// Run by `npm test`, on virtual time.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Wish } from '../../../src/pubsub/standing.ts';
import { WishLimits } from '../../../src/pubsub/wish-limits.ts';
import { RecordingSink } from '../../support/pubsub-bench.ts';
import { SimulatedNetwork } from '../../support/simulation/network.ts';
import { SeededRandom } from '../../support/simulation/random.ts';
import { VirtualTime } from '../../support/simulation/virtual-time.ts';

function bench() {
  const time = new VirtualTime();
  const platform = new SimulatedNetwork(time, new SeededRandom(1)).platform('test', new SeededRandom(2), 0);
  const passed: string[] = [];
  const limits = new WishLimits(platform, (wish) => passed.push(`${wish.channels[0]} ${time.now()}`));
  const wish = (name: string): Wish => ({
    kind: 'channel',
    channels: [name],
    sink: new RecordingSink(),
    firstConfirmedAt: 0,
    lastMessageAt: 0,
    cancelled: false,
  });
  return { time, platform, passed, limits, wish };
}

describe('the time limits of wishes', () => {
  test('pass one after the other, also where a shorter one was set later', async () => {
    const { time, platform, passed, limits, wish } = bench();
    limits.add(wish('first'), 1000);
    await time.runFor(100);
    limits.add(wish('short'), 200);
    limits.add(wish('same'), 200);
    await time.runFor(50);
    limits.add(wish('last'), 1000);
    assert.equal(platform.timerCount, 1);
    await time.runFor(2000);
    assert.deepEqual(passed, ['short 300', 'same 300', 'first 1000', 'last 1150']);
    assert.equal(platform.timerCount, 0);
  });

  test('of a wish that went are not told, and the last one takes the timer with it', async () => {
    const { time, platform, passed, limits, wish } = bench();
    const [a, b] = [wish('a'), wish('b')];
    limits.add(a, 100);
    limits.add(b, 300);
    limits.delete(a);
    await time.runFor(200);
    assert.deepEqual(passed, []);
    limits.delete(b);
    assert.equal(platform.timerCount, 0);
    limits.add(a, 100);
    limits.clear();
    assert.equal(platform.timerCount, 0);
    await time.runFor(500);
    assert.deepEqual(passed, []);
  });
});
