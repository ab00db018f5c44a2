// The map of channels finds what a plain map finds, with and without its snapshot, after any change.
// Run by `npm test`. Pure.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ChannelMap } from '../../../src/pubsub/channel-map.ts';
import { SeededRandom } from '../../support/simulation/random.ts';

const MANY = 6000;
const nameOf = (index: number) => (index % 3 === 0 ? `room:${index}` : index % 3 === 1 ? `ÄÖ€😀${index}` : `${index}`);

function filled(seed = 7, distinct = 3): ChannelMap<object> {
  const map = new ChannelMap<object>(seed);
  const values = Array.from({ length: distinct }, () => ({}));
  for (let index = 0; index < MANY; index++) map.set(nameOf(index), values[index % distinct] as object);
  return map;
}

/** As many messages as make a snapshot worth its while. */
function use(map: ChannelMap<object>): void {
  for (let index = 0; index < MANY; index++) map.find(nameOf(index));
}

describe('the map of channels', () => {
  test('makes a snapshot once messages have paid for it, and finds the same in it', () => {
    for (const [seed, distinct] of [[0], [1], [-1], [2 ** 31 - 1], [2, 1], [3, 255], [4, 256], [5, MANY]] as const) {
      const map = filled(seed, distinct);
      assert.equal(map.hasSnapshot, false);
      use(map);
      assert.equal(map.hasSnapshot, true);
      for (let index = 0; index < MANY; index++) assert.equal(map.find(nameOf(index)), map.get(nameOf(index)));
      assert.equal(map.find('nobody'), undefined);
      assert.equal(map.find(''), undefined);
      assert.equal(map.find('room:'), undefined);
    }
  });

  test('makes none where two names have one fingerprint, and finds each by name', () => {
    const map = filled(7);
    const [one, other] = [{}, {}];
    map.set('twin:uzv', one);
    use(map);
    assert.equal(map.hasSnapshot, true);
    map.set('twin:218i', other);
    use(map);
    assert.equal(map.hasSnapshot, false);
    assert.equal(map.find('twin:uzv'), one);
    assert.equal(map.find('twin:218i'), other);
  });

  test('makes none for few channels', () => {
    const map = new ChannelMap<object>(1);
    map.set('a', {});
    for (let index = 0; index < 10_000; index++) map.find('a');
    assert.equal(map.hasSnapshot, false);
  });

  test('any change is seen at once', () => {
    const random = new SeededRandom(3);
    const map = filled();
    const model = new Map(map);
    for (let step = 0; step < 20; step++) {
      use(map);
      assert.equal(map.hasSnapshot, true);
      const name = nameOf(random.integer(0, MANY - 1));
      const value = {};
      if (random.chance(0.5)) {
        map.set(name, value);
        model.set(name, value);
      } else {
        map.delete(name);
        model.delete(name);
      }
      assert.equal(map.hasSnapshot, false);
      assert.equal(map.find(name), model.get(name));
    }
    use(map);
    for (let index = 0; index < MANY; index++) assert.equal(map.find(nameOf(index)), model.get(nameOf(index)));
    map.clear();
    assert.equal(map.find(nameOf(1)), undefined);
    assert.equal(map.size, 0);
  });
});
