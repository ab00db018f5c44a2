// Holds the ring to a plain array, and to giving its memory back.
// Run by `npm test`.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Ring } from '../../../src/net/ring.ts';
import { SeededRandom } from '../../support/simulation/random.ts';

/** The chances, of 20, of push, unshift and shift; the others pop. */
const WEATHERS = [
  [9, 2, 6],
  [18, 0, 2],
  [2, 0, 18],
  [0, 17, 3],
  [2, 2, 0],
  [17, 1, 1],
  [2, 1, 1],
  [10, 0, 10],
] as const;

describe('the ring', () => {
  test('does what an array does, on 120,000 random steps, through many segments and back', () => {
    const random = new SeededRandom(5);
    const ring = new Ring<number>();
    let model: number[] = [];
    let longest = 0;
    let emptied = 0;
    for (let index = 0; index < 120_000; index++) {
      const [push, unshift, shift] = WEATHERS[Math.floor(index / 6000) % WEATHERS.length]!;
      const choice = random.integer(0, 19);
      if (choice < push) {
        ring.push(index);
        model.push(index);
      } else if (choice < push + unshift) {
        ring.unshift(index);
        model.unshift(index);
      } else if (choice < push + unshift + shift) assert.equal(ring.shift(), model.shift());
      else assert.equal(ring.pop(), model.pop());
      assert.equal(ring.peek(), model[0]);
      assert.equal(ring.length, model.length);
      longest = Math.max(longest, model.length);
      if (model.length === 0) emptied++;
      if (index % 43_000 !== 42_999) continue;
      assert.deepEqual(ring.drain(), model);
      assert.equal(ring.peek(), undefined);
      model = [];
    }
    assert.ok(longest > 4000 && emptied > 10, `${longest} at most, empty ${emptied} times`);
  });

  test('lets go of what has left it, by either end', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const ring = new Ring<object>();
    const gone: WeakRef<object>[] = [];
    const stays = {};
    (() => {
      for (let index = 0; index < 3; index++) ring.push({ index });
      ring.unshift(stays);
      ring.push({});
      gone.push(new WeakRef(ring.pop()!), new WeakRef(ring.pop()!));
      assert.equal(ring.shift(), stays);
      gone.push(new WeakRef(ring.shift()!));
    })();
    // A reference that was made in this turn is held until its end.
    await new Promise(setImmediate);
    collect();
    assert.deepEqual(
      gone.map((one) => one.deref()),
      [undefined, undefined, undefined],
    );
    assert.equal(ring.length, 1);
  });
});
