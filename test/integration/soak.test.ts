// Ten seconds of the soak: real sockets, faults by seed, and accounts that close.
// Run by `npm test`; `npm run soak -- --seconds 600` runs more.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { soak } from '../support/soak.ts';

test('after ten seconds of faults received + told lost = published, nothing twice, nothing left open', async () => {
  const result = await soak(10, 20);
  assert.deepEqual(result.problems, [], JSON.stringify(result));
  const faultCount = Object.values(result.faults).reduce((a, b) => a + b, 0);
  assert.ok(result.published > 100 && faultCount > 5, JSON.stringify(result));
});
