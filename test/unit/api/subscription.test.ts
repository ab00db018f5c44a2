// What `client.subscribe()` gives: states, `ready`, iterating, handlers, gaps, overflow, being slow, closing.
// Run by `npm test`, over a source that the test plays and on virtual time.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import { jsonCodec } from '../../../src/api/codec.ts';
import type { Message } from '../../../src/api/config-types.ts';
import type { StreamOptions } from '../../../src/api/stream-types.ts';
import { Subscription } from '../../../src/api/subscription.ts';
import {
  type AshRedisError,
  ClosedError,
  LinkLostError,
  OverflowError,
  ReplyError,
  TimeoutError,
  UsageError,
} from '../../../src/errors/index.ts';
import type { Gap, MessageSink, MessageSource, SubscribeWish } from '../../../src/pubsub/index.ts';
import { SimulatedNetwork } from '../../support/simulation/network.ts';
import { SeededRandom } from '../../support/simulation/random.ts';
import { VirtualTime } from '../../support/simulation/virtual-time.ts';

const NOPERM = new ReplyError('Cannot execute SUBSCRIBE: NOPERM', { code: 'NOPERM', command: 'SUBSCRIBE' });

interface Changes extends Partial<Omit<StreamOptions<unknown>, 'reader'>> {
  reader?: Partial<StreamOptions<unknown>['reader']>;
  channels?: string[];
}

/** A subscription with a source that is played by the test. */
class Bench {
  readonly time = new VirtualTime();
  readonly platform = new SimulatedNetwork(this.time, new SeededRandom(1)).platform(
    'test',
    new SeededRandom(2),
    1_000_000,
  );
  /** What the source was told. */
  readonly told: string[] = [];
  readonly subscription: Subscription<unknown>;
  #wish: SubscribeWish | undefined;

  constructor(changes: Changes = {}) {
    const source: MessageSource = {
      subscribe: (wish) => {
        this.#wish = wish;
        return {
          cancel: () => void this.told.push('cancel'),
          retry: () => void this.told.push('retry'),
          hold: () => void this.told.push('hold'),
          release: () => void this.told.push('release'),
        };
      },
    };
    const { reader, channels, ...stream } = changes;
    this.subscription = new Subscription<unknown>({
      kind: 'channel',
      channels: channels ?? ['a'],
      source,
      platform: this.platform,
      bytes: false,
      stream: {
        name: 'subscription to "a"',
        reader: {
          region: undefined,
          prefix: '',
          codec: undefined,
          validate: undefined,
          numbered: false,
          latest: false,
          ...reader,
        },
        maxCount: 4,
        maxBytes: 1000,
        overflow: 'block',
        conflateKey: undefined,
        concurrency: 1,
        handlerTimeoutMs: undefined,
        onMessage: undefined,
        onGap: undefined,
        ...stream,
      },
    });
  }

  get wish(): SubscribeWish {
    return this.#wish as SubscribeWish;
  }

  get sink(): MessageSink {
    return this.wish.sink;
  }

  active(channel = this.wish.channels[0] as string): void {
    this.sink.onChannelState(channel, 'active', undefined);
  }

  /** Messages that arrive in one chunk. */
  message(...texts: string[]): void {
    for (const text of texts)
      this.sink.onMessage(this.wish.channels[0] as string, undefined, text, this.platform.wallClock());
  }

  gap(from: number, to: number): void {
    const cause = new LinkLostError('Lost the link');
    this.sink.onGap({ channels: this.wish.channels, from, to, cause, reason: 'link-lost', missed: 'unknown' });
  }

  async run(ms = 1): Promise<void> {
    await this.time.runFor(ms);
  }

  /** Iterates in the background; the list grows. An error ends it as text. */
  reading(): unknown[] {
    const seen: unknown[] = [];
    const read = async () => {
      try {
        for await (const { data } of this.subscription) seen.push(data);
        seen.push('end');
      } catch (error) {
        seen.push((error as Error).name);
      }
    };
    void read();
    return seen;
  }
}

/** A promise that the test settles. */
function gate(): { promise: Promise<void>; open(): void } {
  let open = () => {};
  const promise = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { promise, open: () => open() };
}

describe('the state of a subscription', () => {
  test('is pending, then active when every channel is confirmed; ready resolves then', async () => {
    const bench = new Bench({ channels: ['a', 'b'] });
    const states: string[] = [];
    bench.subscription.on('state', ({ from, to }) => states.push(`${from} ${to}`));
    let ready = false;
    void bench.subscription.ready.then(() => {
      ready = true;
    });
    bench.active('a');
    await bench.run();
    assert.deepEqual([bench.subscription.state, ready], ['pending', false]);
    bench.active('b');
    await bench.run();
    assert.deepEqual([bench.subscription.state, ready], ['active', true]);
    assert.deepEqual(states, ['pending active']);
  });

  test('is denied with the refusal when all are; ready rejects, and nobody has to look', async () => {
    const bench = new Bench();
    bench.sink.onChannelState('a', 'denied', NOPERM);
    await bench.run();
    assert.equal(bench.subscription.state, 'denied');
    assert.equal(bench.subscription.error, NOPERM);
    await assert.rejects(bench.subscription.ready, NOPERM);
    bench.subscription.retry();
    bench.active();
    await bench.run();
    assert.deepEqual(
      [bench.subscription.state, bench.subscription.error, bench.told],
      ['active', undefined, ['retry']],
    );
  });

  test('is active when one of two is denied: the other flows, and each has its own state', async () => {
    const bench = new Bench({ channels: ['a', 'b'] });
    bench.active('a');
    bench.sink.onChannelState('b', 'denied', NOPERM);
    assert.equal(bench.subscription.state, 'active');
    assert.equal(bench.subscription.error, NOPERM);
    assert.deepEqual([bench.subscription.stateOf('a'), bench.subscription.stateOf('b')], ['active', 'denied']);
    const seen = bench.reading();
    bench.message('1');
    await bench.run();
    assert.deepEqual(seen, ['1']);
  });

  test('ready rejects when the confirmation is late, and the subscription lives on', async () => {
    const bench = new Bench();
    const late = new TimeoutError('Cannot subscribe: no confirmation in time');
    bench.sink.onChannelState('a', 'pending', late);
    await assert.rejects(bench.subscription.ready, late);
    assert.equal(bench.subscription.state, 'pending');
    bench.active();
    assert.equal(bench.subscription.state, 'active');
  });

  test('ready rejects with the error of the end when that comes before the confirmation, and error keeps it', async () => {
    for (const [given, name] of [
      [new LinkLostError('Gave up'), 'LinkLostError'],
      [undefined, 'ClosedError'],
    ] as const) {
      const bench = new Bench();
      bench.sink.onEnd(given);
      await assert.rejects(bench.subscription.ready, { name });
      assert.equal(bench.subscription.state, 'closed');
      assert.equal(bench.subscription.error?.name, name);
      bench.active();
      bench.sink.onChannelState('a', 'denied', NOPERM);
      bench.subscription.retry();
      await bench.run();
      assert.equal(bench.subscription.state, 'closed', 'nothing changes it any more');
      assert.deepEqual(bench.told, []);
    }
    const full = new Bench({ overflow: 'fail', maxCount: 1 });
    full.message('1', '2');
    await assert.rejects(full.subscription.ready, OverflowError);
  });

  test('each change is an event with its cause, told later than the source is at work', async () => {
    const bench = new Bench({ channels: ['a', 'b'] });
    const seen: unknown[] = [];
    bench.subscription.on('state', (event) => seen.push(event));
    bench.active('a');
    bench.active('b');
    bench.sink.onChannelState('b', 'pending', undefined);
    bench.sink.onChannelState('b', 'denied', NOPERM);
    bench.sink.onChannelState('a', 'denied', NOPERM);
    bench.subscription.close();
    assert.deepEqual(seen, []);
    await bench.run();
    assert.deepEqual(seen, [
      { from: 'pending', to: 'active' },
      { from: 'active', to: 'pending' },
      { from: 'pending', to: 'active', cause: NOPERM },
      { from: 'active', to: 'denied', cause: NOPERM },
      { from: 'denied', to: 'closed' },
    ]);
    assert.deepEqual([bench.subscription.stats().state, bench.subscription.stats().channels], ['closed', ['a', 'b']]);
    assert.deepEqual([bench.subscription.kind, bench.subscription.stateOf('c')], ['channel', undefined]);
  });

  test('close is local and immediate: what waits is gone, iterators end, ready rejects', async () => {
    const bench = new Bench();
    const seen = bench.reading();
    await bench.run();
    bench.subscription.close();
    bench.message('after');
    await bench.run();
    assert.equal(bench.subscription.state, 'closed');
    assert.deepEqual(bench.told, ['cancel']);
    assert.deepEqual(seen, ['end']);
    await assert.rejects(bench.subscription.ready, ClosedError);
    bench.subscription.close();
    assert.deepEqual(bench.told, ['cancel']);
    assert.equal(bench.platform.timerCount, 0);
  });

  test('hides the region from channels of messages, gaps and itself', async () => {
    const gaps: Gap[] = [];
    const bench = new Bench({ reader: { region: 'r', prefix: '@r:' }, onGap: (gap) => gaps.push(gap) });
    assert.deepEqual(bench.wish.channels, ['@r:a']);
    assert.deepEqual(bench.subscription.channels, ['a']);
    bench.active();
    bench.gap(1, 2);
    bench.message('1');
    const { value } = await bench.subscription[Symbol.asyncIterator]().next();
    assert.deepEqual([value.channel, value.region], ['a', 'r']);
    assert.deepEqual(gaps[0]?.channels, ['a']);
  });
});

describe('a pattern without a region', () => {
  test('skips what belongs to a region, unless it names one itself', async () => {
    for (const [pattern, wanted] of [
      ['*', ['plain', '@..:odd', '@no region']],
      ['@eu:*', ['plain', '@eu:news', '@..:odd', '@no region']],
    ] as const) {
      const bench = new Bench({ channels: [pattern] });
      const channels: string[] = [];
      bench.subscription.on('message', ({ channel }) => channels.push(channel));
      for (const channel of ['plain', '@eu:news', '@..:odd', '@no region']) {
        bench.sink.onMessage(channel, pattern, 'x', 1);
      }
      await bench.run();
      assert.deepEqual(channels, wanted);
    }
  });
});

describe('a message of a subscription', () => {
  test('has its channel, pattern and region where there are some, and when it came', async () => {
    for (const [region, prefix] of [
      [undefined, ''],
      ['r', '@r:'],
    ] as const) {
      for (const pattern of [undefined, `${prefix}p*`]) {
        const bench = new Bench({ reader: { region, prefix } });
        bench.sink.onMessage(`${prefix}p1`, pattern, 'x', 7);
        const { value } = await bench.subscription[Symbol.asyncIterator]().next();
        const expected = { channel: 'p1', data: 'x', raw: 'x', receivedAt: 7 };
        assert.deepEqual(value, { ...expected, ...(region && { region }), ...(pattern && { pattern: 'p*' }) });
      }
    }
  });
});

describe('iterating a subscription', () => {
  test('gives messages in order, those that wait and those that come', async () => {
    const bench = new Bench();
    bench.active();
    bench.message('1', '2');
    const seen = bench.reading();
    await bench.run();
    bench.message('3');
    await bench.run();
    assert.deepEqual(seen, ['1', '2', '3']);
  });

  test('leaving the loop closes it', async () => {
    const bench = new Bench();
    bench.message('1', '2');
    for await (const { data } of bench.subscription) {
      assert.equal(data, '1');
      break;
    }
    assert.equal(bench.subscription.state, 'closed');
  });

  test('an iterator that was left gives nothing more, and leaves the queue to nobody', async () => {
    const bench = new Bench();
    bench.message('1', '2');
    const iterator = bench.subscription[Symbol.asyncIterator]();
    assert.equal(iterator[Symbol.asyncIterator](), iterator);
    assert.equal((await iterator.next()).value.data, '1');
    assert.deepEqual(await iterator.return?.(), { value: undefined, done: true });
    assert.deepEqual(await iterator.next(), { value: undefined, done: true });
    assert.equal(bench.subscription.stats().deliveredCount, 1);
  });

  test('a message that comes to who waits is counted as delivered, and other listeners are as welcome as before', async () => {
    const bench = new Bench();
    const next = bench.subscription[Symbol.asyncIterator]().next();
    await bench.run();
    const gaps: Gap[] = [];
    bench.subscription.on('gap', (gap) => gaps.push(gap));
    bench.gap(1, 2);
    bench.message('1');
    await bench.run();
    assert.equal((await next).value.data, '1');
    assert.deepEqual([bench.subscription.stats().deliveredCount, gaps.length], [1, 1]);
  });

  test('a `validate` that reads by itself gets the messages in their order', async () => {
    const seen: unknown[] = [];
    const bench: Bench = new Bench({
      reader: {
        codec: jsonCodec,
        validate: (data) => {
          void bench.subscription[Symbol.asyncIterator]()
            .next()
            .then(({ value }) => seen.push(value.data));
          return data;
        },
      },
    });
    bench.message('1', '2', '3');
    await bench.run();
    assert.deepEqual(seen, [1, 2, 3]);
  });

  test('`await using` closes it, and inspect shows its first channels and its state', async () => {
    const bench = new Bench({ channels: ['a', 'b', 'c', 'd', 'e', 'f'] });
    assert.equal(inspect(bench.subscription), 'Subscription { channel a, b, c, d, e, pending }');
    await bench.subscription[Symbol.asyncDispose]();
    assert.deepEqual([bench.subscription.state, bench.told], ['closed', ['cancel']]);
  });

  test('several iterators share one queue, first come, first served', async () => {
    const bench = new Bench();
    const iterators = [0, 1].map(() => bench.subscription[Symbol.asyncIterator]());
    const results = iterators.map((iterator) => iterator.next());
    await bench.run();
    bench.message('1', '2');
    await bench.run();
    assert.deepEqual(
      (await Promise.all(results)).map(({ value }) => value.data),
      ['1', '2'],
    );
  });

  test('a pending next() is answered when it is closed, and later ones at once', async () => {
    const bench = new Bench();
    const iterator = bench.subscription[Symbol.asyncIterator]();
    const next = iterator.next();
    bench.subscription.close();
    await bench.run();
    assert.deepEqual(await next, { value: undefined, done: true });
    assert.deepEqual(await iterator.next(), { value: undefined, done: true });
  });

  test('what has arrived is given before the error of the end is thrown', async () => {
    const bench = new Bench();
    bench.message('1', '2');
    bench.sink.onEnd(new LinkLostError('Gave up'));
    bench.sink.onEnd(new TimeoutError('Later'));
    const seen = bench.reading();
    await bench.run();
    assert.deepEqual(seen, ['1', '2', 'LinkLostError']);
    assert.equal(bench.subscription.state, 'closed');
    assert.ok(bench.subscription.error instanceof LinkLostError);
  });

  test('a next() that nobody awaits never becomes an unhandled rejection', async () => {
    const bench = new Bench();
    const iterator = bench.subscription[Symbol.asyncIterator]();
    void iterator.next();
    bench.sink.onEnd(new LinkLostError('Gave up'));
    void iterator.next();
    await bench.run();
    await new Promise((resolve) => setImmediate(resolve));
  });

  test('and handlers at once are a UsageError, whichever comes second', async () => {
    const pulled = new Bench();
    void pulled.subscription[Symbol.asyncIterator]().next();
    assert.throws(() => pulled.subscription.on('message', () => {}), UsageError);
    const handled = new Bench();
    handled.subscription.on('message', () => {});
    await assert.rejects(handled.subscription[Symbol.asyncIterator]().next(), UsageError);
  });
});

describe('the gaps of a subscription', () => {
  test('come between the older and the newer messages, and onGap is awaited', async () => {
    const order: string[] = [];
    const opened = gate();
    const bench = new Bench({
      onGap: () => {
        order.push('gap');
        return opened.promise;
      },
    });
    bench.message('1');
    bench.gap(1, 2);
    bench.message('2');
    const iterator = bench.subscription[Symbol.asyncIterator]();
    order.push(((await iterator.next()).value as Message<string>).data);
    const second = iterator.next().then(({ value }) => order.push(value.data as string));
    await bench.run();
    assert.deepEqual(order, ['1', 'gap']);
    opened.open();
    await second;
    assert.deepEqual(order, ['1', 'gap', '2']);
    assert.equal(bench.subscription.stats().gapCount, 1);
  });

  test('come after older messages that are to be decoded yet', async () => {
    const bench = new Bench({ reader: { codec: jsonCodec } });
    const order: unknown[] = [];
    bench.subscription.on('message', ({ data }) => order.push(data));
    bench.subscription.on('gap', ({ from }) => order.push(`gap ${from}`));
    bench.message('1');
    bench.gap(1, 2);
    bench.message('2');
    await bench.run();
    bench.gap(3, 4);
    bench.message('3');
    await bench.run();
    assert.deepEqual(order, [1, 'gap 1', 2, 'gap 3', 3]);
  });

  test('are events as well, in their place among handled messages', async () => {
    const bench = new Bench();
    const order: string[] = [];
    bench.subscription.on('message', ({ data }) => order.push(data as string));
    bench.subscription.on('gap', ({ from, to }) => order.push(`${from}-${to}`));
    bench.message('1');
    bench.gap(1, 2);
    bench.gap(3, 4);
    bench.message('2');
    await bench.run();
    assert.deepEqual(order, ['1', '1-4', '2']);
  });

  test('a hook that throws or rejects is a handlerError, and delivery goes on', async () => {
    for (const onGap of [() => Promise.reject(new Error('gap hook')), () => assert.fail('gap hook')]) {
      const bench = new Bench({ onGap });
      const errors: unknown[] = [];
      bench.subscription.on('handlerError', ({ error }) => errors.push((error as Error).message));
      const seen = bench.reading();
      bench.gap(1, 2);
      bench.message('1');
      await bench.run();
      assert.deepEqual(errors, ['gap hook']);
      assert.deepEqual(seen, ['1']);
    }
  });
});

describe('the queue of a subscription', () => {
  test('block: holds the source when full and releases it when half is read', async () => {
    const bench = new Bench();
    bench.message('1', '2', '3', '4');
    await bench.run();
    assert.deepEqual(bench.told, ['hold']);
    const iterator = bench.subscription[Symbol.asyncIterator]();
    await iterator.next();
    assert.deepEqual(bench.told, ['hold']);
    await iterator.next();
    assert.deepEqual(bench.told, ['hold', 'release']);
  });

  test('fail: closes it at once; its iterator throws the OverflowError, and all that is lost is counted', async () => {
    // Decoded at the end of the turn, all six are there; else the sixth comes after the end.
    for (const [codec, droppedCount] of [
      [undefined, 5],
      [jsonCodec, 6],
    ] as const) {
      const bench = new Bench({ overflow: 'fail', reader: { codec } });
      bench.message('1', '2', '3', '4', '5', '6');
      await bench.run();
      assert.equal(bench.subscription.state, 'closed');
      assert.ok(bench.subscription.error instanceof OverflowError);
      assert.deepEqual(bench.told, ['cancel']);
      await assert.rejects(bench.subscription[Symbol.asyncIterator]().next(), OverflowError);
      assert.equal(bench.subscription.stats().droppedCount, droppedCount);
      assert.equal(bench.subscription.stats().queuedCount, 0);
    }
  });

  test('conflate: a key function of a user that throws harms nobody', async () => {
    const bench = new Bench({
      overflow: 'conflate',
      conflateKey: (message) => {
        if (message.data === 'bad') throw new Error('no key');
        return (message.data as string)[0] as string;
      },
    });
    const errors: unknown[] = [];
    bench.subscription.on('handlerError', ({ error }) => errors.push((error as Error).message));
    bench.message('x1', 'bad', 'x2', 'y1');
    const seen = bench.reading();
    await bench.run();
    assert.deepEqual(seen, ['bad', 'x2', 'y1']);
    assert.deepEqual(errors, ['no key']);
  });

  test('conflate: a key function that gives a promise is an error, and its rejection is nobody’s business', async () => {
    const conflateKey = (async () => assert.fail('too late')) as unknown as () => string;
    const bench = new Bench({ overflow: 'conflate', conflateKey });
    const errors: unknown[] = [];
    bench.subscription.on('handlerError', ({ error }) => errors.push((error as Error).message));
    bench.message('x1', 'x2');
    const seen = bench.reading();
    await bench.run();
    assert.deepEqual(seen, ['x2']);
    assert.match(errors[0] as string, /found a promise, allowed is a value/);
  });

  test('slow is told once an episode, with counts, and never while a chunk is read', async () => {
    const bench = new Bench({ overflow: 'drop-oldest' });
    const slow: object[] = [];
    bench.subscription.on('slow', (event) => slow.push(event));
    bench.message('1', '2', '3', '4', '5', '6');
    assert.deepEqual(slow, []);
    await bench.run();
    assert.equal(slow.length, 1);
    assert.deepEqual(slow[0], { policy: 'drop-oldest', queuedCount: 4, queuedBytes: 4, droppedCount: 1 });
    await bench.run(20_000);
    assert.equal(slow.length, 1, 'nobody reading is the same episode');
  });

  test('what ended in the turn of its messages leaves no timer', async () => {
    const bench = new Bench();
    bench.message('1');
    bench.sink.onEnd(new LinkLostError('Gave up'));
    await bench.run();
    assert.deepEqual([bench.subscription.stats().queuedCount, bench.platform.timerCount], [1, 0]);
  });

  test('slow is told once where nobody reads and the queue overflows meanwhile', async () => {
    const bench = new Bench({ overflow: 'drop-oldest' });
    let count = 0;
    bench.subscription.on('slow', () => count++);
    bench.message('1', '2');
    await bench.run(3000);
    bench.message('3', '4', '5', '6');
    await bench.run(1);
    assert.equal(count, 1);
    await bench.run(20_000);
    assert.equal(count, 1);
  });

  test('slow is told when nobody reads for five seconds, once until somebody does', async () => {
    const bench = new Bench();
    const slow: object[] = [];
    bench.subscription.on('slow', (event) => slow.push(event));
    bench.message('1', '2');
    await bench.run(4900);
    assert.equal(slow.length, 0);
    await bench.run(200);
    assert.equal(slow.length, 1);
    bench.message('3');
    await bench.run(20_000);
    assert.equal(slow.length, 1);
    await bench.subscription[Symbol.asyncIterator]().next();
    bench.message('4');
    await bench.run(6000);
    assert.equal(slow.length, 2);
    assert.equal(bench.platform.timerCount, 0);
  });
});

describe('the decoding of a subscription', () => {
  test('uses its codec and validation; what fails is the event invalid, and the next one flows', async () => {
    const bench = new Bench({
      reader: {
        codec: jsonCodec,
        validate: (data) => {
          if (typeof data !== 'number') throw new TypeError('not a number');
          return data * 2;
        },
      },
    });
    const invalid: string[] = [];
    bench.subscription.on('invalid', ({ message, error }) => {
      invalid.push(`${message.raw} ${error.name} ${error.message}`);
      assert.deepEqual(Object.keys(message).sort(), ['channel', 'raw', 'receivedAt']);
    });
    const seen = bench.reading();
    bench.message('1', '{', '"x"', '4');
    await bench.run();
    assert.deepEqual(seen, [2, 8]);
    assert.equal(invalid.length, 2);
    assert.match(invalid[0] as string, /^\{ UsageError Cannot read message of channel "a": /);
    assert.match(invalid[1] as string, /^"x" UsageError Cannot read message of channel "a": not a number/);
    const { messageCount, invalidCount } = bench.subscription.stats();
    assert.deepEqual([messageCount, invalidCount], [2, 2]);
  });

  test("a codec or a validation that gives a promise makes a message invalid, and its rejection is nobody's business", async () => {
    const late = async () => assert.fail('too late');
    for (const reader of [
      { codec: jsonCodec, validate: late },
      { codec: { name: 'late', encode: String, decode: late } },
    ]) {
      const bench = new Bench({ reader });
      const invalid: string[] = [];
      bench.subscription.on('invalid', ({ error }) => invalid.push(error.message));
      const seen = bench.reading();
      bench.message('1');
      await bench.run();
      assert.deepEqual(seen, []);
      assert.equal(invalid.length, 1);
      assert.match(invalid[0] as string, /found a promise, allowed is a value/);
    }
  });

  test('counts numbered messages: a hole is a gap with a number, told before the message that shows it', async () => {
    const bench = new Bench({ reader: { codec: jsonCodec, numbered: true } });
    const order: unknown[] = [];
    bench.subscription.on('message', ({ data, position }) => order.push([data, position?.offset]));
    bench.subscription.on('gap', ({ reason, missed }) => order.push([reason, missed]));
    bench.active();
    const numbered = (offset: number) => JSON.stringify({ epoch: 'k-1', offset, data: offset * 10 });
    bench.message(numbered(5), numbered(6), numbered(9), numbered(7), numbered(9), 'x');
    await bench.run();
    assert.deepEqual(order, [
      [50, 5],
      [60, 6],
      ['counted', 2],
      [90, 9],
      ['reordered', 0],
      [70, 7],
      ['duplicate', 0],
      [90, 9],
    ]);
    const { missedCount, duplicateCount, reorderedCount, invalidCount } = bench.subscription.stats();
    assert.deepEqual([missedCount, duplicateCount, reorderedCount, invalidCount], [1, 1, 1, 1]);
  });

  test('a codec of text that is no JSON reads the text in the envelope; without one the text is the data', async () => {
    for (const [codec, expected] of [
      [{ name: 'upper', encode: String, decode: (raw: unknown) => String(raw).toUpperCase() }, 'A"B'],
      [undefined, 'a"b'],
    ] as const) {
      const bench = new Bench({ reader: { codec, numbered: true } });
      const seen: unknown[] = [];
      bench.subscription.on('message', ({ data, raw, position }) => seen.push(data, raw, position));
      const invalid: string[] = [];
      bench.subscription.on('invalid', ({ error }) => invalid.push(error.message));
      bench.message('{"epoch":"e","offset":2,"data":"a\\"b"}', '{"epoch":"e","offset":3,"data":{}}');
      await bench.run();
      assert.match(invalid.join(), /^Cannot read message of channel "a": it has no envelope \{ epoch, offset, data \}/);
      assert.deepEqual(seen, [expected, 'a"b', { epoch: 'e', offset: 2 }]);
      assert.equal(bench.subscription.stats().invalidCount, 1);
    }
  });

  test('closed by its own `validate` it counts what it was reading and the rest as dropped', async () => {
    const bench: Bench = new Bench({
      reader: {
        codec: jsonCodec,
        validate: (data) => {
          bench.subscription.close();
          return data;
        },
      },
    });
    bench.message('1', '2', '3');
    await bench.run();
    const { droppedCount, messageCount, invalidCount } = bench.subscription.stats();
    assert.deepEqual([droppedCount, messageCount, invalidCount], [3, 0, 0]);
  });

  test('what is invalid has a code of its own, its cause, and a hint', async () => {
    const cause = new Error('no');
    const bench = new Bench({ reader: { codec: jsonCodec, validate: () => assert.fail(cause) } });
    const told: unknown[] = [];
    bench.subscription.on('invalid', ({ error }) => {
      const { code, hint, safeToRetry } = error as AshRedisError;
      told.push(code, error.cause, hint, safeToRetry);
    });
    bench.message('1');
    await bench.run();
    const hint = 'check the publisher, the codec and "validate"';
    assert.deepEqual(told, ['ASHREDIS_INVALID_MESSAGE', cause, hint, false]);
  });

  test('a message longer than maxDecodedBytes of its codec is invalid, before the codec sees it', async () => {
    const decoded: unknown[] = [];
    const decode = (raw: string | Uint8Array) => decoded.push(raw);
    const bench = new Bench({ reader: { codec: { name: 'own', encode: String, decode, maxDecodedBytes: 3 } } });
    const invalid: string[] = [];
    bench.subscription.on('invalid', ({ error }) => invalid.push(error.message));
    bench.message('123', '1234');
    await bench.run();
    assert.deepEqual(decoded, ['123']);
    assert.match(invalid.join(), /^Cannot read message of channel "a": its 4 bytes exceed "maxDecodedBytes" of 3/);
  });

  test('what the gap of a number says: how many are missing, or that it came late or twice, and since when', async () => {
    const bench = new Bench({ reader: { codec: jsonCodec, numbered: true } });
    const gaps: Gap[] = [];
    bench.subscription.on('gap', (gap) => gaps.push(gap));
    bench.subscription.on('message', () => {});
    const at = bench.platform.wallClock();
    for (const offset of [1, 4, 2, 2]) {
      bench.message(JSON.stringify({ epoch: 'k-1', offset, data: 0 }));
      await bench.run(10);
    }
    assert.deepEqual(
      gaps.map(({ channels, cause, from, to }) => `${channels} ${cause.message} ${from - at} ${to - at}`),
      [
        'a Missed 2 messages of channel "a" before number 4 0 10',
        'a Message number 2 of channel "a" came late 10 20',
        'a Message number 2 of channel "a" came twice 20 30',
      ],
    );
  });

  test('newest values that are numbered skip, and say how many', async () => {
    const bench = new Bench({ reader: { codec: jsonCodec, numbered: true, latest: true } });
    const seen = bench.reading();
    for (const offset of [1, 4, 9]) bench.message(JSON.stringify({ epoch: 'k-1', offset, data: offset }));
    await bench.run();
    assert.deepEqual(seen, [1, 4, 9]);
    const { skippedCount, missedCount, gapCount } = bench.subscription.stats();
    assert.deepEqual([skippedCount, missedCount, gapCount], [6, 0, 0]);
  });
});

describe('stopping a stream', () => {
  test('drain hands over what has arrived, awaits the handlers and counts', async () => {
    const opened = gate();
    const seen: unknown[] = [];
    const bench = new Bench({
      onMessage: async ({ data }) => {
        await opened.promise;
        seen.push(data);
      },
    });
    bench.message('1', '2', '3');
    await bench.run();
    const stopped = bench.subscription.stop(true, 2000);
    bench.message('after');
    await bench.run();
    opened.open();
    assert.deepEqual(await stopped, { delivered: 2, discarded: 0 });
    assert.deepEqual(seen, ['1', '2', '3']);
    assert.equal(bench.platform.timerCount, 0);
  });

  test('drain ends at its limit when a handler never returns, and says what is left', async () => {
    const bench = new Bench({ onMessage: () => new Promise(() => {}) });
    bench.message('1', '2', '3');
    await bench.run();
    const stopped = bench.subscription.stop(true, 500);
    await bench.run(600);
    assert.deepEqual(await stopped, { delivered: 0, discarded: 2 });
  });

  test('drain inside a handler hands the others over, and ends at its limit when one of them never returns', async () => {
    for (const hangs of [false, true]) {
      const seen: unknown[] = [];
      const results: unknown[] = [];
      const bench = new Bench({
        onMessage: ({ data }) => {
          seen.push(data);
          if (data === '1') {
            return bench.subscription.stop(true, 500).then((result) => void results.push(result));
          }
          return hangs && data === '2' ? new Promise(() => {}) : undefined;
        },
      });
      bench.message('1', '2', '3');
      await bench.run(600);
      assert.deepEqual(seen, hangs ? ['1', '2'] : ['1', '2', '3']);
      assert.deepEqual(results, [hangs ? { delivered: 1, discarded: 1 } : { delivered: 2, discarded: 0 }]);
    }
  });

  test('drain waits for an iterator that goes on reading, and not for one that nobody has', async () => {
    const read = new Bench();
    read.message('1', '2', '3');
    const iterator = read.subscription[Symbol.asyncIterator]();
    await iterator.next();
    let result: unknown;
    void read.subscription.stop(true, 2000).then((stopped) => {
      result = stopped;
    });
    await iterator.next();
    await read.run();
    assert.equal(result, undefined);
    await iterator.next();
    await read.run();
    assert.deepEqual(result, { delivered: 2, discarded: 0 });
    assert.equal((await iterator.next()).done, true);
    const unread = new Bench();
    unread.message('1');
    assert.deepEqual(await unread.subscription.stop(true, 2000), { delivered: 0, discarded: 1 });
  });

  test('without drain nothing more is handed over', async () => {
    const seen: unknown[] = [];
    const bench = new Bench({ onMessage: ({ data }) => void seen.push(data) });
    bench.message('1', '2');
    assert.deepEqual(await bench.subscription.stop(false, 2000), { delivered: 0, discarded: 2 });
    await bench.run();
    assert.deepEqual(seen, []);
  });
});
