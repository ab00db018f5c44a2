// A hundred virtual hours of the whole client: users, cuts, freezes, restarts, ACL changes, clock jumps; every guarantee.
// Run by `npm test`; `npm run simulate` runs more. A failing seed replays exactly.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { World } from '../support/simulation/world.ts';

describe('the simulated client', () => {
  for (const seed of [1, 2, 3, 5, 8, 13, 21, 34, 55, 89]) {
    test(`holds every guarantee for ten hours of seed ${seed}`, async () => {
      const result = await new World(seed).run(10);
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
