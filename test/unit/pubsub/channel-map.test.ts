// The map of channels finds what a plain map finds, after any changes, for few and many names and values.
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

function assertSame(map: ChannelMap<object>, model: Map<string, object>, names: Iterable<string>): void {
  assert.equal(map.size, model.size);
  for (const name of names) {
    assert.equal(map.find(name), model.get(name));
    assert.equal(map.get(name), model.get(name));
  }
  assert.deepEqual([...map], [...model]);
  const counts = new Map<object, number>();
  for (const [value, count] of map.counts()) counts.set(value, (counts.get(value) ?? 0) + count);
  const expected = new Map<object, number>();
  for (const value of model.values()) expected.set(value, (expected.get(value) ?? 0) + 1);
  assert.equal(counts.size, expected.size);
  for (const [value, count] of expected) assert.equal(counts.get(value), count);
}

describe('the map of channels', () => {
  test('finds each of many names, with any seed and any number of values', () => {
    for (const [seed, distinct] of [[0], [1], [-1], [2 ** 31 - 1], [2, 1], [3, 255], [4, 256], [5, MANY]] as const) {
      const map = filled(seed, distinct);
      const names = Array.from({ length: MANY }, (_, index) => nameOf(index));
      const values = names.map((name) => map.get(name) as object);
      assert.equal(new Set(values).size, distinct ?? 3);
      for (let index = 0; index < MANY; index++) {
        assert.equal(map.find(names[index] as string), values[index]);
        assert.equal(values[index], values[index % (distinct ?? 3)]);
      }
      for (const name of ['nobody', '', 'room:']) {
        assert.equal(map.find(name), undefined);
        assert.equal(map.get(name), undefined);
        assert.equal(map.delete(name), false);
      }
      assert.equal(map.size, MANY);
    }
  });

  test('tells two names of one fingerprint apart', () => {
    const map = filled(7);
    const [one, other] = [{}, {}];
    map.set('twin:uzv', one);
    assert.equal(map.get('twin:218i'), undefined);
    map.set('twin:218i', other);
    assert.equal(map.find('twin:uzv'), one);
    assert.equal(map.find('twin:218i'), other);
    map.delete('twin:uzv');
    assert.equal(map.find('twin:uzv'), undefined);
    assert.equal(map.find('twin:218i'), other);
  });

  test('takes the name of a stranger for that of another by a seed that strangers do not know', () => {
    const one = {};
    const found = [7, 8].map((seed) => {
      const map = filled(seed);
      map.set('twin:uzv', one);
      return [map.find('twin:218i'), map.get('twin:218i')];
    });
    assert.deepEqual(found, [
      [one, undefined],
      [undefined, undefined],
    ]);
  });

  test('is what a plain map is, order included, under random changes', () => {
    for (const [seed, nameCount, valueCount] of [
      [1, 5, 3],
      [2, 300, 4],
      [3, 3000, 300],
      [4, 3000, 2000],
    ] as const) {
      const random = new SeededRandom(seed);
      const values = Array.from({ length: valueCount }, () => ({}));
      const map = new ChannelMap<object>(random.integer(-1e9, 1e9));
      const model = new Map<string, object>();
      let adding = 0.7;
      for (let step = 1; step <= 20_000; step++) {
        const name = nameOf(random.integer(0, nameCount - 1));
        // A message for another name comes between two looks at this one.
        if (random.chance(0.3)) {
          assert.equal(map.get(name), model.get(name));
          const other = nameOf(random.integer(0, nameCount - 1));
          assert.equal(map.find(other), model.get(other));
        }
        if (random.chance(adding)) {
          const value = random.pick(values);
          map.set(name, value);
          model.set(name, value);
        } else assert.equal(map.delete(name), model.delete(name));
        assert.equal(map.find(name), model.get(name));
        if (step % 2000 === 0) {
          assertSame(map, model, model.keys());
          adding = random.pick([0.1, 0.5, 0.9]);
        }
      }
      map.clear();
      assertSame(map, new Map(), model.keys());
    }
  });

  test('goes on where it is while names are changed, added and deleted', () => {
    const map = filled();
    const value = {};
    const visit = (visited: Map<string, object> | ChannelMap<object>, add: boolean) => {
      const names: string[] = [];
      for (const [name] of visited) {
        names.push(name);
        visited.set(name, value);
        if (add) visited.set(`new:${name}`, value);
        visited.delete(nameOf(names.length * 3));
        if (names.length === 1500) for (let index = 3000; index < MANY; index++) visited.delete(nameOf(index));
      }
      return names;
    };
    const expected = visit(new Map(map), false);
    assert.ok(expected.length > 1500 && expected.length < 3000);
    assert.deepEqual(visit(map, true), expected);
  });

  test('a channel that comes and goes costs no more among many', () => {
    const map = filled();
    const value = {};
    // A map that was made anew for each of them would take minutes.
    for (let index = 0; index < 200_000; index++) {
      map.set(`guest:${index}`, value);
      assert.equal(map.delete(`guest:${index}`), true);
    }
    assert.equal(map.size, MANY);
  });
});
