// The value of one key: changed in place where it grows, and the same bytes as strings would give.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Entry } from '../../../src/server/entry.ts';

const MIB = 1024 * 1024;

/** What SETRANGE does, with strings. */
function written(value: string, offset: number, part: string): string {
  return value.slice(0, offset).padEnd(offset, '\0') + part + value.slice(offset + part.length);
}

describe('the value of a key', () => {
  test('is what strings would give, whatever is written where', () => {
    const entry = new Entry('begin', 0, 1);
    let wanted = 'begin';
    let state = 7;
    for (let step = 0; step < 2000; step++) {
      state = (state * 1103515245 + 12345) % 2 ** 31;
      const offset = step % 3 === 0 ? entry.length : state % (entry.length + 40);
      const part = String.fromCharCode(state % 256).repeat(1 + (state % 7));
      entry.write(offset, part);
      wanted = written(wanted, offset, part);
      assert.equal(entry.length, wanted.length);
      assert.ok(entry.byteCount >= entry.length);
      assert.equal(entry.slice(offset, offset + 50), wanted.slice(offset, offset + 50));
      assert.equal(entry.slice(wanted.length + 5, wanted.length + 9), '');
    }
    assert.equal(entry.value, wanted);
  });

  test('is a plain string again once it was set', () => {
    const entry = new Entry('a', 0, 1);
    entry.write(1, 'bc');
    assert.equal(entry.isGrowing, true);
    entry.value = 'new';
    assert.deepEqual([entry.value, entry.length, entry.byteCount, entry.isGrowing], ['new', 3, 3, false]);
    assert.equal(entry.slice(1, 9), 'ew');
  });

  test('costs what changes, not what is there', () => {
    const entry = new Entry('x'.repeat(8 * MIB), 0, 1);
    entry.write(0, 'y');
    let before = process.cpuUsage();
    let seen = 0;
    for (let count = 0; count < 20; count++) seen += entry.value.charCodeAt(count);
    const copies = process.cpuUsage(before);
    before = process.cpuUsage();
    for (let count = 0; count < 1000; count++) {
      entry.write(count * 100, 'hello');
      entry.write(entry.length, 'world');
      seen += entry.slice(count, count + 5).length;
    }
    const changes = process.cpuUsage(before);
    assert.ok(seen > 0);
    const [few, many] = [copies.user + copies.system, changes.user + changes.system];
    assert.ok(many < few * 10, `2000 changes took ${many} µs, 20 copies of the value ${few} µs`);
  });

  test('takes no more room in advance than a mebibyte', () => {
    const entry = new Entry('x'.repeat(3 * MIB), 0, 1);
    entry.write(3 * MIB, 'y');
    entry.write(3 * MIB + 1, 'z');
    assert.equal(entry.length, 3 * MIB + 2);
    assert.ok(entry.byteCount <= 4 * MIB + 2);
  });
});
