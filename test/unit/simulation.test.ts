// A hundred virtual hours of the whole client: users, cuts, freezes, restarts, ACL changes, clock jumps; every guarantee.
// Run by `npm test`; `npm run simulate` runs more. A failing seed replays exactly.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type SimulationResult, World } from '../support/simulation/world.ts';

/** Run before the first test is made: from then on node:test follows each promise (measured: half of the time). */
const worlds = new Map<number, Promise<SimulationResult>>();
for (const seed of [1, 2, 3, 5, 8, 13, 21, 34, 55, 89]) {
  const world = new World(seed).run(10);
  worlds.set(seed, world);
  await Promise.allSettled([world]);
}

describe('the simulated client', () => {
  for (const [seed, world] of worlds) {
    test(`holds every guarantee for ten hours of seed ${seed}`, async () => {
      const result = await world;
      assert.deepEqual(result.violations, [], `npm run simulate -- --hours 10 --worlds 1 --seed ${seed}`);
      // A world in which nothing happens proves nothing.
      assert.ok(result.published > 100 && result.received > 100 && result.dials > 20);
    });
  }

  test('replays a seed exactly', async () => {
    const [first, second] = [await new World(4).run(2), await new World(4).run(2)];
    assert.deepEqual(first, second);
  });
});
