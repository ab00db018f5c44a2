// The store: time to live, memory accounts, and SCAN's promise, on a clock of the test's own.

import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import type { Entry } from '../../../src/server/entry.ts';
import { Glob } from '../../../src/server/glob.ts';
import { Keyspace, MemoryMeter } from '../../../src/server/keyspace.ts';

describe('Keyspace', () => {
  let now = 0;
  let changed: string[] = [];
  let memory: MemoryMeter;
  let keyspace: Keyspace;
  beforeEach(() => {
    now = 1000;
    changed = [];
    memory = new MemoryMeter(0);
    keyspace = new Keyspace(
      0,
      memory,
      () => now,
      (key) => changed.push(key),
    );
  });

  test('a key is there until its time, and gone from then on', () => {
    keyspace.set('k', 'v', 2000);
    now = 1999;
    assert.equal(keyspace.read('k'), 'v');
    now = 2000;
    assert.equal(keyspace.read('k'), undefined);
    assert.deepEqual([keyspace.size, keyspace.expiredCount, keyspace.hitCount, keyspace.missCount], [0, 1, 1, 1]);
  });

  test('write() makes, changes and accounts for a value, and keeps its time to live', () => {
    assert.equal(keyspace.write('k', 2, 'ab'), 4);
    assert.equal(keyspace.read('k'), '\0\0ab');
    keyspace.expireAt('k', 5000);
    changed = [];
    assert.equal(keyspace.write('k', 4, 'c'.repeat(100)), 104);
    assert.deepEqual([keyspace.get('k')?.expiresAt, changed], [5000, ['k']]);
    assert.ok(memory.usedBytes >= 105);
    keyspace.set('k', 'short', 0);
    keyspace.write('k', 0, 'S');
    keyspace.delete('k');
    assert.equal(memory.usedBytes, 0);
  });

  test('swap() exchanges the keys with their times, and numbers go on above both', () => {
    const other = new Keyspace(
      1,
      memory,
      () => now,
      (key) => changed.push(`other ${key}`),
    );
    keyspace.set('here', '1', 5000);
    for (const key of ['a', 'b', 'c']) other.set(key, '2', 0);
    changed = [];
    keyspace.swap(other);
    assert.deepEqual(
      [[...keyspace.keys()], [...other.keys()], other.get('here')?.expiresAt],
      [['a', 'b', 'c'], ['here'], 5000],
    );
    assert.deepEqual([keyspace.volatileCount, other.volatileCount], [0, 1]);
    assert.deepEqual(new Set(changed), new Set(['here', 'a', 'b', 'c'].flatMap((key) => [key, `other ${key}`])));
    for (const space of [keyspace, other]) {
      space.set('new', '3', 0);
      const keys: string[] = [];
      let cursor = 0;
      do {
        const step = space.scan(cursor, 1, undefined);
        keys.push(...step.keys);
        cursor = step.cursor;
      } while (cursor !== 0);
      assert.deepEqual(keys, [...space.keys()]);
    }
    now = 5000;
    other.expireSome();
    assert.deepEqual([...other.keys()], ['new']);
  });

  test('a key that is used is not idle, and one that is only looked at stays so', () => {
    const clock = { seconds: 100 };
    const idle = new Keyspace(
      0,
      memory,
      () => now,
      () => {},
      clock,
    );
    const seconds = () => idle.idleSeconds(idle.get('k') as Entry);
    idle.set('k', 'v', 0);
    clock.seconds = 107;
    assert.equal(seconds(), 7);
    idle.look('k');
    assert.equal(seconds(), 7);
    idle.read('k');
    assert.equal(seconds(), 0);
    clock.seconds = 110;
    idle.write('k', 0, 'w');
    assert.equal(seconds(), 0);
    clock.seconds = 120;
    idle.set('k', 'x', 0);
    assert.equal(seconds(), 0);
  });

  test('set() replaces the time to live, replace() keeps it', () => {
    keyspace.set('k', 'v', 2000);
    keyspace.replace('k', 'w');
    assert.equal(keyspace.get('k')?.expiresAt, 2000);
    keyspace.set('k', 'x', 0);
    assert.equal(keyspace.get('k')?.expiresAt, 0);
    assert.equal(keyspace.volatileCount, 0);
  });

  test('expireAt() in the past removes the key', () => {
    keyspace.set('k', 'v', 0);
    keyspace.expireAt('k', 500);
    assert.deepEqual([keyspace.size, keyspace.volatileCount], [0, 0]);
    keyspace.expireAt('none', 5000);
    assert.deepEqual([keyspace.size, keyspace.volatileCount], [0, 0]);
  });

  test('what nobody looks at is removed by expireSome()', () => {
    for (let n = 0; n < 5000; n++) keyspace.set(`k${n}`, 'v', n % 2 === 0 ? 2000 : 0);
    for (let n = 0; n < 1000; n++) keyspace.set(`lives${n}`, 'v', 2001);
    // One that got its time afterwards, and one that lost it.
    keyspace.expireAt('k1', 2000);
    keyspace.expireAt('k2', 0);
    now = 2000;
    for (let step = 0; step < 20; step++) keyspace.expireSome();
    assert.equal(keyspace.size, 2500 + 1000);
    assert.equal(keyspace.volatileCount, 1000);
    now = 2001;
    for (let step = 0; step < 20; step++) keyspace.expireSome();
    assert.deepEqual([keyspace.size, keyspace.volatileCount, keyspace.expiredCount], [2500, 0, 3500]);
  });

  test('one call of expireSome() removes a bounded number of keys, and the next ones the rest', () => {
    for (let n = 0; n < 40_000; n++) keyspace.set(`k${n}`, 'v', 1500);
    now = 2000;
    keyspace.expireSome();
    assert.ok(keyspace.size > 20_000 && keyspace.size < 40_000);
    for (let step = 0; step < 4; step++) keyspace.expireSome();
    assert.equal(keyspace.size, 0);
  });

  test('the memory account returns to nothing whatever happened', () => {
    for (let n = 0; n < 100; n++) keyspace.set(`k${n}`, 'v'.repeat(n), n % 3 === 0 ? 1500 : 0);
    for (let n = 0; n < 100; n += 2) keyspace.set(`k${n}`, 'longer'.repeat(n), 0);
    for (let n = 0; n < 50; n++) keyspace.delete(`k${n}`);
    now = 5000;
    for (let n = 0; n < 100; n++) keyspace.get(`k${n}`);
    assert.ok(memory.usedBytes > 0);
    keyspace.set('dies', 'v', 9000);
    assert.equal(keyspace.volatileCount, 1);
    keyspace.clear();
    assert.deepEqual([memory.usedBytes, keyspace.size, keyspace.volatileCount], [0, 0, 0]);
    assert.ok(memory.peakBytes > 0);
  });

  test('every change is told, reads are not', () => {
    keyspace.set('a', '1', 0);
    keyspace.get('a');
    keyspace.read('a');
    keyspace.expireAt('a', 3000);
    keyspace.delete('a');
    keyspace.delete('a');
    assert.deepEqual(changed, ['a', 'a', 'a']);
  });

  test('scan() gives each key that stays exactly once, while others come and go', () => {
    for (let n = 0; n < 1000; n++) keyspace.set(`stays${n}`, 'v', 0);
    const seen: string[] = [];
    let cursor = 0;
    let turn = 0;
    do {
      const step = keyspace.scan(cursor, 7, undefined);
      seen.push(...step.keys.filter((key) => key.startsWith('stays')));
      cursor = step.cursor;
      keyspace.set(`comes${turn}`, 'v', 0);
      if (turn % 3 === 0) keyspace.delete(`comes${turn - 3}`);
      turn++;
    } while (cursor !== 0 && turn < 5000);
    assert.equal(cursor, 0);
    assert.equal(seen.length, 1000);
    assert.equal(new Set(seen).size, 1000);
  });

  test('a cursor that was forgotten among many others goes on where it was', () => {
    for (let n = 0; n < 500; n++) keyspace.set(`k${n}`, 'v', 0);
    const first = keyspace.scan(0, 10, undefined);
    for (let n = 0; n < 100; n++) keyspace.scan(0, 11 + n, undefined);
    const second = keyspace.scan(first.cursor, 10, undefined);
    assert.deepEqual(
      second.keys,
      Array.from({ length: 10 }, (_, n) => `k${n + 10}`),
    );
  });

  test('scan() gives no key whose time is over, and after swap() or clear() none of other databases', () => {
    const other = new Keyspace(
      1,
      memory,
      () => now,
      () => {},
    );
    for (const [name, space] of [
      ['here', keyspace],
      ['there', other],
    ] as const) {
      for (let n = 0; n < 10; n++) space.set(`${name}${n}`, 'v', n === 5 ? 1500 : 0);
    }
    const { cursor } = keyspace.scan(0, 2, undefined);
    now = 1500;
    keyspace.swap(other);
    const { keys } = keyspace.scan(cursor, 100, undefined);
    assert.deepEqual(keys, ['there2', 'there3', 'there4', 'there6', 'there7', 'there8', 'there9']);
    const cleared = other.scan(0, 2, undefined);
    other.clear();
    assert.deepEqual(other.scan(cleared.cursor, 100, undefined), { cursor: 0, keys: [] });
  });

  test('scan() counts the keys that it looks at, not those that match', () => {
    for (let n = 0; n < 100; n++) keyspace.set(`k${n}`, 'v', 0);
    const step = keyspace.scan(0, 50, new Glob('k99'));
    assert.deepEqual(step.keys, []);
    assert.notEqual(step.cursor, 0);
    assert.deepEqual(keyspace.scan(step.cursor, 50, new Glob('k99')), { cursor: 0, keys: ['k99'] });
  });

  test('randomKey() begins where chance says, and goes on from there', () => {
    for (let n = 0; n < 10; n++) keyspace.set(`k${n}`, 'v', 0);
    assert.equal(
      keyspace.randomKey(() => 0.75),
      'k7',
    );
    assert.equal(
      keyspace.randomKey(() => 0),
      'k8',
    );
  });

  test('randomKey() finds a living key, and none when all are dead', () => {
    for (let n = 0; n < 100; n++) keyspace.set(`k${n}`, 'v', n === 50 ? 0 : 1500);
    now = 2000;
    assert.equal(
      keyspace.randomKey(() => 0.5),
      'k50',
    );
    keyspace.delete('k50');
    assert.equal(
      keyspace.randomKey(() => 0.5),
      undefined,
    );
  });
});
