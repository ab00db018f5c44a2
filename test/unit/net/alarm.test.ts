// The one timer of a connection: when it is set anew, and that it rings only after the sockets have been read.
// Run by `npm test`. The platform is a fake.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Alarm } from '../../../src/net/alarm.ts';
import type { Platform } from '../../../src/net/index.ts';

class Bench {
  now = 0;
  readonly set: [delayMs: number, keepsAlive: boolean][] = [];
  cleared = 0;
  judged = 0;
  linkBytesRead = 0;
  #ring: () => void = () => assert.fail('no timer is set');
  readonly #reads: (() => void)[] = [];
  readonly alarm: Alarm;

  constructor() {
    const platform: Partial<Platform> = {
      now: () => this.now,
      setTimer: (delayMs, callback, keepsAlive) => {
        this.set.push([delayMs, keepsAlive]);
        this.#ring = callback;
        return this.set.length;
      },
      clearTimer: () => void this.cleared++,
      afterRead: (callback) => void this.#reads.push(callback),
    };
    this.alarm = new Alarm(platform as Platform, this);
  }

  judge(): void {
    this.judged++;
  }

  /** The timer fires at this moment. */
  fire(now: number): void {
    this.now = now;
    this.#ring();
  }

  /** The sockets are read once, and bring so many bytes. Says whether anybody waited for that. */
  read(bytes: number): boolean {
    this.linkBytesRead += bytes;
    const callback = this.#reads.shift();
    callback?.();
    return callback !== undefined;
  }
}

describe('the alarm', () => {
  test('is set for the earliest moment, rounded up, and never for one in the past', () => {
    const bench = new Bench();
    bench.alarm.set(1000.2, true);
    bench.alarm.set(2000, true);
    bench.alarm.set(1000.2, true);
    assert.deepEqual([bench.set, bench.cleared, bench.alarm.setFor], [[[1001, true]], 0, 1000.2]);
    bench.now = 500;
    bench.alarm.set(600, true);
    assert.deepEqual([bench.set.at(-1), bench.cleared, bench.alarm.setFor], [[100, true], 1, 600]);
    bench.alarm.set(400, true);
    assert.deepEqual(bench.set.at(-1), [0, true]);
  });

  test('is set anew where it shall keep the process alive and did not, and cleared for never', () => {
    const bench = new Bench();
    bench.alarm.set(1000, false);
    bench.alarm.set(1000, true);
    bench.alarm.set(1000, false);
    assert.deepEqual(bench.set, [
      [1000, false],
      [1000, true],
      [1000, false],
    ]);
    bench.alarm.set(Infinity, false);
    bench.alarm.set(Infinity, false);
    assert.deepEqual([bench.set.length, bench.cleared, bench.alarm.setFor], [3, 3, Infinity]);
    bench.alarm.set(50, false);
    assert.deepEqual(bench.set.at(-1), [50, false]);
  });

  test('rings once, after one read, where it fires in time', () => {
    const bench = new Bench();
    bench.alarm.set(1000, true);
    bench.fire(1100);
    assert.deepEqual([bench.judged, bench.alarm.setFor], [0, Infinity]);
    assert.equal(bench.read(10), true);
    assert.equal(bench.judged, 1);
    assert.equal(bench.read(10), false);
  });

  test('rings, where it fires late, after reads that bring nothing more, or 64 of them', () => {
    const bench = new Bench();
    bench.alarm.set(1000, true);
    bench.fire(1101);
    for (let round = 0; round < 5; round++) assert.equal(bench.read(10), true);
    assert.equal(bench.judged, 0);
    bench.read(0);
    assert.equal(bench.judged, 1);
    bench.alarm.set(2000, true);
    bench.fire(5000);
    let reads = 0;
    while (bench.read(1)) reads++;
    assert.deepEqual([reads, bench.judged], [64, 2]);
  });

  test('can be set while it waits for the read, and then rings for that as well', () => {
    const bench = new Bench();
    bench.alarm.set(1000, true);
    bench.fire(1000);
    bench.alarm.set(1500, true);
    assert.equal(bench.cleared, 0, 'what has fired is not cleared');
    bench.read(0);
    bench.fire(1500);
    bench.read(0);
    assert.equal(bench.judged, 2);
  });
});
