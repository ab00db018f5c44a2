// What numbers of messages show: holes, repetitions, what comes late, and of how much of it is kept.
// Run by `npm test`. Pure.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Numbering } from '../../../src/api/numbering.ts';
import { SeededRandom } from '../../support/simulation/random.ts';

test('a life that began before us begins anywhere; one that began after us should begin with 1', () => {
  const numbering = new Numbering();
  assert.equal(numbering.note('c', 'old', 7, false), undefined);
  assert.equal(numbering.note('c', 'old', 8, false), undefined);
  assert.equal(numbering.note('c', 'old', 6, false), 0, 'it was never counted as missing');
  assert.equal(numbering.note('c', 'new', 3, true), 2);
  assert.equal(numbering.note('c', 'first', 1, true), undefined);
  assert.equal(numbering.note('d', 'old', 20, false), undefined, 'another channel is another life');
});

test('each of a hole may come late once, in any order; what comes again came twice', () => {
  const numbering = new Numbering();
  numbering.note('c', 'e', 1, false);
  assert.equal(numbering.note('c', 'e', 7, false), 5);
  // In the middle, at the ends, and what is left between them.
  for (const offset of [4, 2, 6, 3, 5]) {
    assert.equal(numbering.note('c', 'e', offset, false), -1, `${offset} is late`);
    assert.equal(numbering.note('c', 'e', offset, false), 0, `${offset} came twice`);
  }
  for (const offset of [1, 7]) assert.equal(numbering.note('c', 'e', offset, false), 0);
  assert.equal(numbering.note('c', 'e', 8, false), undefined);
});

test('random orders: what was missed and did not come late is what is missing', () => {
  const random = new SeededRandom(5);
  for (let world = 0; world < 200; world++) {
    const numbering = new Numbering();
    const seen = new Set<number>();
    let last = 0;
    let missing = 0;
    for (let step = 0; step < 60; step++) {
      const offset = random.integer(1, 40);
      const expected = offset > last ? offset - last - 1 : seen.has(offset) ? 0 : -1;
      const found = numbering.note('c', 'e', offset, true);
      assert.equal(found, offset === last + 1 ? undefined : expected);
      missing += found ?? 0;
      seen.add(offset);
      last = Math.max(last, offset);
    }
    assert.equal(missing, last - seen.size);
  }
});

test('a hundred holes of a life are kept: what comes late of an older one counts as twice', () => {
  const numbering = new Numbering();
  for (let offset = 2; offset <= 202; offset += 2) numbering.note('c', 'e', offset, true);
  assert.equal(numbering.note('c', 'e', 1, true), 0);
  assert.equal(numbering.note('c', 'e', 3, true), -1);
  assert.equal(numbering.note('c', 'e', 201, true), -1);
});

test('five thousand lives are kept at least, and not many more: the longest silent are forgotten', () => {
  const numbering = new Numbering();
  const hear = (first: number, count: number) => {
    for (let life = first; life < first + count; life++) numbering.note('c', `e${life}`, 5, false);
  };
  hear(0, 5000);
  // All are known still: a hole is a hole.
  assert.equal(numbering.note('c', 'e1', 7, false), 1);
  assert.equal(numbering.note('c', 'e0', 7, false), 1);
  hear(5000, 10_000);
  assert.equal(numbering.note('c', 'e0', 20, false), undefined, 'forgotten: it begins anywhere');
  assert.equal(numbering.note('c', 'e14999', 7, false), 1, 'known');
});

test('a life that goes on is known for ever, however many others come and go', () => {
  const numbering = new Numbering();
  for (let offset = 1; offset <= 30; offset++) {
    assert.equal(numbering.note('c', 'goes on', offset, true), undefined, `number ${offset}`);
    for (let other = 0; other < 1000; other++) numbering.note('c', `${offset}-${other}`, 1, true);
  }
  assert.equal(numbering.note('c', 'goes on', 33, true), 2);
  assert.equal(numbering.note('c', 'goes on', 32, true), -1);
});
