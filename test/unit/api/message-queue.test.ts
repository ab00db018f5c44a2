// The bounded queue of a subscription: its limits, its five policies, and gaps that keep their place.
// Run by `npm test`. Pure: no clock, no network; the last test compares it with a plain array in random steps.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Overflow } from '../../../src/api/config-types.ts';
import { GapEntry, MessageQueue } from '../../../src/api/message-queue.ts';
import { OverflowError } from '../../../src/errors/index.ts';
import type { Gap } from '../../../src/pubsub/index.ts';
import { SeededRandom } from '../../support/simulation/random.ts';

interface Item {
  readonly key: string;
  readonly raw: string;
}

class Bench {
  readonly told: string[] = [];
  readonly failures: OverflowError[] = [];
  readonly queue: MessageQueue<Item>;

  constructor(overflow: Overflow, maxCount = 4, maxBytes = 1000) {
    this.queue = new MessageQueue<Item>(
      { maxCount, maxBytes, overflow },
      {
        keyOf: (item) => item.key,
        onFull: () => this.told.push('full'),
        onRoom: () => this.told.push('room'),
        onSlow: () => this.told.push('slow'),
        onFail: (error) => this.failures.push(error),
      },
    );
  }

  push(...raws: string[]): void {
    for (const raw of raws) this.queue.push({ key: raw[0] as string, raw });
  }

  gap(from: number, to: number, missed: number | 'unknown' = 'unknown', reason = 'link-lost'): void {
    this.queue.pushGap({ channels: ['c'], from, to, cause: new Error('x'), reason, missed });
  }

  /** Everything in order: messages as their text, gaps as `from-to`. */
  drain(): string[] {
    const seen: string[] = [];
    for (let entry = this.queue.shift(); entry !== undefined; entry = this.queue.shift()) seen.push(nameOf(entry));
    return seen;
  }
}

function nameOf(entry: Item | GapEntry): string {
  return entry instanceof GapEntry ? `${entry.gap.from}-${entry.gap.to}` : entry.raw;
}

describe('the message queue', () => {
  test('gives messages back in order, over many turns of its ring', () => {
    const bench = new Bench('block', 1000);
    const seen: string[] = [];
    const wanted: string[] = [];
    for (let round = 0; round < 50; round++) {
      for (let index = 0; index < round; index++) {
        bench.push(`m${round}.${index}`);
        wanted.push(`m${round}.${index}`);
      }
      for (let index = 0; index < round / 2; index++) seen.push(nameOf(bench.queue.shift() as Item));
    }
    seen.push(...bench.drain());
    assert.deepEqual(seen, wanted);
    assert.equal(bench.queue.count, 0);
    assert.equal(bench.queue.bytes, 0);
    assert.ok(bench.queue.isEmpty);
  });

  test('block: says full once, keeps what still comes, and says room when half is free', () => {
    const bench = new Bench('block');
    bench.push('1', '2', '3', '4', '5');
    assert.deepEqual(bench.told, ['full', 'slow']);
    bench.queue.shift();
    bench.queue.shift();
    assert.deepEqual(bench.told, ['full', 'slow']);
    bench.queue.shift();
    assert.deepEqual(bench.told, ['full', 'slow', 'room']);
    bench.push('6', '7', '8');
    assert.deepEqual(bench.told, ['full', 'slow', 'room', 'full', 'slow']);
    assert.deepEqual(bench.drain(), ['4', '5', '6', '7', '8']);
    assert.equal(bench.queue.droppedCount, 0);
  });

  test('block: counts bytes as well, and accepts a message larger than the queue', () => {
    const bench = new Bench('block', 100, 10);
    bench.push('x'.repeat(50));
    assert.deepEqual(bench.told, ['full', 'slow']);
    assert.equal(bench.queue.bytes, 50);
    assert.equal(bench.drain().length, 1);
    assert.deepEqual(bench.told, ['full', 'slow', 'room']);
  });

  test('block: being emptied by its owner is room too', () => {
    const bench = new Bench('block');
    bench.push('1', '2', '3', '4');
    assert.equal(bench.queue.clear(), 4);
    assert.deepEqual(bench.told, ['full', 'slow', 'room']);
    assert.ok(bench.queue.isEmpty);
  });

  test('drop-oldest: keeps the newest and counts the others, with one slow an episode', () => {
    const bench = new Bench('drop-oldest');
    bench.push('1', '2', '3', '4', '5', '6');
    assert.equal(bench.queue.droppedCount, 2);
    assert.deepEqual(bench.told, ['slow']);
    assert.deepEqual(bench.drain(), ['3', '4', '5', '6']);
    bench.push('1', '2', '3', '4', '5');
    assert.deepEqual(bench.told, ['slow', 'slow']);
  });

  test('drop-oldest: makes room for a message that is larger than the queue', () => {
    const bench = new Bench('drop-oldest', 100, 10);
    bench.push('1', '2', 'x'.repeat(20));
    assert.equal(bench.queue.droppedCount, 2);
    assert.deepEqual(bench.drain(), ['x'.repeat(20)]);
  });

  test('drop-newest: keeps the oldest, also when one that is too large comes to a queue that is not empty', () => {
    const bench = new Bench('drop-newest', 3, 10);
    bench.push('1', 'x'.repeat(20), '2', '3', '4');
    assert.equal(bench.queue.droppedCount, 2);
    assert.deepEqual(bench.drain(), ['1', '2', '3']);
    bench.push('y'.repeat(20));
    assert.deepEqual(bench.drain(), ['y'.repeat(20)]);
  });

  test('conflate: the newest of a key replaces the older one and stands at the end', () => {
    const bench = new Bench('conflate', 10);
    bench.push('a1', 'b1', 'a2', 'c1', 'b2');
    assert.equal(bench.queue.count, 3);
    assert.equal(bench.queue.droppedCount, 2);
    assert.deepEqual(bench.drain(), ['a2', 'c1', 'b2']);
    assert.equal(bench.queue.bytes, 0);
  });

  test('conflate: replacing is no slowness, only a full queue is', () => {
    const bench = new Bench('conflate', 2);
    bench.push('a1', 'a2', 'b1', 'b2', 'a3');
    assert.deepEqual(bench.told, []);
    bench.push('c1');
    assert.deepEqual(bench.told, ['slow']);
    assert.deepEqual(bench.drain(), ['a3', 'c1']);
  });

  test('conflate: 200,000 of one key hold the memory of few', () => {
    const bench = new Bench('conflate', 10);
    for (let index = 0; index < 200_000; index++) bench.queue.push({ key: 'k', raw: String(index) });
    assert.equal(bench.queue.count, 1);
    assert.ok(bench.queue.slotCount <= 8192, `${bench.queue.slotCount} slots`);
    assert.deepEqual(bench.drain(), ['199999']);
  });

  test('conflate: what is given back when many were replaced keeps its order, with every gap in its place', () => {
    const bench = new Bench('conflate', 10_000);
    bench.push('a1', 'b1');
    bench.gap(1, 2);
    for (let index = 0; index < 1000; index++) bench.queue.push({ key: 'k', raw: String(index) });
    bench.gap(3, 4);
    bench.push('c1');
    for (let index = 1000; index < 2000; index++) bench.queue.push({ key: 'k', raw: String(index) });
    bench.gap(5, 6);
    assert.equal(bench.queue.count, 4);
    assert.equal(bench.queue.droppedCount, 1999);
    bench.push('c2');
    assert.deepEqual(bench.drain(), ['a1', 'b1', '1-4', '1999', '5-6', 'c2']);
    assert.deepEqual([bench.queue.count, bench.queue.bytes, bench.queue.isEmpty], [0, 0, true]);
    // Nothing that was replaced is counted as such any more.
    for (let index = 0; index < 1000; index++) bench.queue.push({ key: 'k', raw: String(index) });
    assert.deepEqual(bench.drain(), ['999']);
  });

  test('room is half of the bytes as well as half of the messages', () => {
    const bench = new Bench('block', 4, 100);
    bench.push('1', '2', '3', 'x'.repeat(90));
    bench.queue.shift();
    bench.queue.shift();
    assert.deepEqual(bench.told, ['full', 'slow'], 'two of four, but most of the bytes');
    bench.queue.shift();
    bench.queue.shift();
    assert.deepEqual(bench.told, ['full', 'slow', 'room']);
    const bytes = new Bench('block', 100, 10);
    bytes.push('12345', '12345');
    assert.deepEqual(bytes.told, ['full', 'slow'], 'the limit itself is full');
    bytes.queue.shift();
    assert.deepEqual(bytes.told, ['full', 'slow', 'room'], 'half is room');
  });

  test('after clear() nothing is accepted, and a key that clears it keeps its message out', () => {
    const bench = new Bench('drop-oldest', 2);
    bench.push('1', '2', '3');
    bench.gap(1, 2);
    assert.equal(bench.queue.clear(), 2);
    bench.push('4');
    assert.deepEqual([bench.queue.count, bench.queue.bytes, bench.queue.isSlow, bench.drain()], [0, 0, false, []]);
    const cleared: MessageQueue<Item> = new MessageQueue<Item>(
      { maxCount: 4, maxBytes: 100, overflow: 'conflate' },
      {
        keyOf: (item) => {
          if (item.raw === 'last') cleared.clear();
          return item.key;
        },
        onFull: assert.fail,
        onRoom: assert.fail,
        onSlow: assert.fail,
        onFail: assert.fail,
      },
    );
    for (const raw of ['first', 'last']) cleared.push({ key: raw, raw });
    assert.deepEqual([cleared.count, cleared.isEmpty], [0, true]);
  });

  test('fail: says so once and accepts nothing more', () => {
    const bench = new Bench('fail');
    bench.push('1', '2', '3', '4', '5', '6');
    assert.equal(bench.failures.length, 1);
    assert.ok(bench.failures[0] instanceof OverflowError);
    assert.match(bench.failures[0].message, /4 messages of 4 bytes wait, allowed are 4 and 1000/);
    assert.equal(
      bench.failures[0].hint,
      'read faster, raise "queueMaxCount" or "queueMaxBytes", or choose another "overflow"',
    );
    assert.equal(bench.failures[0].safeToRetry, false);
    assert.equal(bench.queue.count, 4);
  });

  test('gaps keep their place, and no policy drops them', () => {
    for (const overflow of ['drop-oldest', 'drop-newest', 'block'] as const) {
      const bench = new Bench(overflow, 2);
      bench.push('1');
      bench.gap(1, 2);
      bench.push('2');
      bench.gap(3, 4);
      bench.push('3', '4');
      const seen = bench.drain();
      if (overflow === 'block') assert.deepEqual(seen, ['1', '1-2', '2', '3-4', '3', '4']);
      else if (overflow === 'drop-newest') assert.deepEqual(seen, ['1', '1-2', '2', '3-4']);
      else assert.deepEqual(seen, ['1-4', '3', '4']);
    }
  });

  test('two gaps with no message between them are one: earliest from, latest to, all channels', () => {
    const bench = new Bench('block');
    bench.gap(1, 2);
    bench.gap(3, 9);
    bench.push('1');
    bench.gap(10, 11);
    assert.deepEqual(bench.drain(), ['1-9', '1', '10-11']);
  });

  test('gaps that a replaced message stood between are one as well', () => {
    const bench = new Bench('conflate', 10);
    bench.push('a1');
    bench.gap(1, 2);
    bench.push('b1');
    bench.gap(3, 4);
    bench.push('a2', 'b2');
    assert.deepEqual(bench.drain(), ['1-4', 'a2', 'b2']);
  });

  test('nor do gaps with and without a number, when what stood between them was replaced', () => {
    const bench = new Bench('conflate', 10);
    bench.push('a1');
    bench.gap(1, 2);
    bench.push('b1');
    bench.gap(3, 4, 5, 'counted');
    bench.push('b2', 'a2');
    const [first, second] = [bench.queue.shift(), bench.queue.shift()] as GapEntry[];
    assert.deepEqual([first?.gap.missed, second?.gap.missed, second?.gap.reason], ['unknown', 5, 'counted']);
    assert.deepEqual(bench.drain(), ['b2', 'a2']);
  });

  test('a counted gap keeps its number beside one that can not be counted', () => {
    const bench = new Bench('block');
    bench.gap(1, 2);
    bench.gap(2, 3, 5, 'counted');
    bench.gap(3, 4, 2, 'counted');
    const first = bench.queue.shift() as GapEntry;
    const second = bench.queue.shift() as GapEntry;
    assert.deepEqual([first.gap.missed, first.gap.reason], ['unknown', 'link-lost']);
    assert.deepEqual([second.gap.missed, second.gap.reason, second.gap.from, second.gap.to], [7, 'counted', 2, 4]);
    assert.equal(bench.queue.shift(), undefined);
  });

  test('behaves like a plain list in 60,000 random steps', () => {
    for (const overflow of ['block', 'drop-oldest', 'drop-newest', 'conflate'] as const) {
      const random = new SeededRandom(7);
      for (let world = 0; world < 100; world++) {
        const maxCount = random.integer(1, 6);
        const maxBytes = random.integer(1, 40);
        const bench = new Bench(overflow, maxCount, maxBytes);
        const model = new Model(overflow, maxCount, maxBytes);
        for (let step = 0; step < 150; step++) {
          const choice = random.integer(0, 9);
          if (choice < 5) {
            const item = { key: random.pick(['a', 'b', 'c']), raw: 'x'.repeat(random.integer(0, 12)) };
            bench.queue.push(item);
            model.push(item);
          } else if (choice < 6) {
            const gap = { channels: ['c'], from: step, to: step, cause: new Error('x'), reason: 'r', missed: 1 };
            bench.queue.pushGap(gap);
            model.pushGap(gap);
          } else {
            const found = bench.queue.shift();
            const wanted = model.shift();
            if (found instanceof GapEntry && wanted instanceof GapEntry) {
              assert.deepEqual({ ...found.gap, cause: 0 }, { ...wanted.gap, cause: 0 });
            } else assert.equal(found, wanted);
          }
          assert.equal(bench.queue.count, model.count);
          assert.equal(bench.queue.bytes, model.bytes);
          assert.equal(bench.queue.droppedCount, model.droppedCount);
        }
        assert.equal(
          bench.told.filter((word) => word === 'full').length - bench.told.filter((word) => word === 'room').length <=
            1,
          true,
        );
      }
    }
  });
});

/** The same rules over an array, as slow and as plain as they come. */
class Model {
  entries: (Item | GapEntry)[] = [];
  droppedCount = 0;
  readonly overflow: Overflow;
  readonly maxCount: number;
  readonly maxBytes: number;

  constructor(overflow: Overflow, maxCount: number, maxBytes: number) {
    this.overflow = overflow;
    this.maxCount = maxCount;
    this.maxBytes = maxBytes;
  }

  get items(): Item[] {
    return this.entries.filter((entry): entry is Item => !(entry instanceof GapEntry));
  }

  get count(): number {
    return this.items.length;
  }

  get bytes(): number {
    return this.items.reduce((sum, { raw }) => sum + raw.length, 0);
  }

  exceeds(item: Item): boolean {
    return this.count > 0 && (this.count >= this.maxCount || this.bytes + item.raw.length > this.maxBytes);
  }

  push(item: Item): void {
    if (this.overflow === 'conflate') {
      const older = this.items.find(({ key }) => key === item.key);
      if (older !== undefined) this.drop(older);
    }
    if (this.exceeds(item) && this.overflow === 'drop-newest') {
      this.droppedCount++;
      return;
    }
    if (this.overflow !== 'block') while (this.exceeds(item)) this.drop(this.items[0] as Item);
    this.entries.push(item);
  }

  drop(item: Item): void {
    this.entries = this.entries.filter((entry) => entry !== item);
    this.droppedCount++;
    this.mergeGaps();
  }

  pushGap(gap: Gap): void {
    this.entries.push(new GapEntry(gap));
    this.mergeGaps();
  }

  mergeGaps(): void {
    const merged: (Item | GapEntry)[] = [];
    for (const entry of this.entries) {
      const last = merged.at(-1);
      if (!(entry instanceof GapEntry && last instanceof GapEntry)) merged.push(entry);
      else {
        const [older, newer] = [last.gap, entry.gap];
        const missed = (older.missed as number) + (newer.missed as number);
        merged[merged.length - 1] = new GapEntry({ ...older, from: older.from, to: newer.to, missed });
      }
    }
    this.entries = merged;
  }

  shift(): Item | GapEntry | undefined {
    return this.entries.shift();
  }
}
