// Holds the ring to a plain array, and to giving its memory back.
// Run by `npm test`.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Ring } from '../../../src/net/ring.ts';
import { SeededRandom } from '../../support/simulation/random.ts';

describe('the ring', () => {
  test('does what an array does, on 50,000 random steps', () => {
    const random = new SeededRandom(5);
    const ring = new Ring<number>();
    let model: number[] = [];
    for (let index = 0; index < 50_000; index++) {
      const choice = random.integer(0, 20);
      if (choice < 9) {
        ring.push(index);
        model.push(index);
      } else if (choice < 11) {
        ring.unshift(index);
        model.unshift(index);
      } else if (choice < 17) assert.equal(ring.shift(), model.shift());
      else if (choice < 19) assert.equal(ring.pop(), model.pop());
      else if (choice === 19 && model.length > 200) {
        assert.deepEqual(ring.drain(), model);
        model = [];
      } else assert.equal(ring.peek(), model[0]);
      assert.equal(ring.length, model.length);
    }
  });
});
