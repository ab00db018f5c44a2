// What two gaps become when no message stands between them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canMerge, mergeGaps } from '../../../src/api/gap.ts';

const gap = (reason: string, missed: number | 'unknown', from: number, to: number, channel = 'a') => ({
  channels: [channel],
  from,
  to,
  cause: new Error(reason),
  reason,
  missed,
});

test('two gaps merge: earliest from, latest to, all channels, the newer cause, numbers added', () => {
  const merged = mergeGaps(gap('link-lost', 'unknown', 5, 9, 'a'), gap('overrun', 'unknown', 3, 7, 'b'));
  assert.deepEqual([merged.channels, merged.from, merged.to, merged.reason], [['a', 'b'], 3, 9, 'overrun']);
  assert.equal(merged.cause.message, 'overrun');
  assert.equal(mergeGaps(gap('counted', 2, 1, 2), gap('counted', 3, 2, 3)).missed, 5);
});

test('a number keeps its reason when a message that came late or twice follows', () => {
  const merged = mergeGaps(gap('counted', 14, 1, 2), gap('reordered', 0, 2, 3));
  assert.deepEqual([merged.reason, merged.missed, merged.cause.message, merged.to], ['counted', 14, 'counted', 3]);
});

test('a gap with a number does not merge with one without', () => {
  assert.equal(canMerge(gap('counted', 2, 1, 2), gap('link-lost', 'unknown', 2, 3)), false);
  assert.equal(canMerge(gap('counted', 2, 1, 2), gap('reordered', 0, 2, 3)), true);
});
