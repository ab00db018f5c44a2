// What a subscriber connection promises when things do not go well: time limits, held reading over a reconnect, repairs,
// second tries. Run by `npm test`, on virtual time.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ConnectError, OverflowError, TimeoutError } from '../../../src/errors/index.ts';
import { PubsubBench, RecordingSink } from '../../support/pubsub-bench.ts';

for (const protocol of [2, 3] as const) {
  describe(`a subscriber connection under strain, RESP${protocol}`, () => {
    test('greets and subscribes again while a full queue holds it, and reads on when it is released', async () => {
      const bench = new PubsubBench({ protocol });
      const sink = new RecordingSink();
      const handle = bench.subscribe(sink, 'a');
      await bench.run(50);
      handle.hold();
      bench.cut();
      await bench.run(4000);
      assert.equal(bench.source.state, 'ready');
      assert.equal(sink.gaps.length, 1);
      assert.equal(sink.gaps[0]?.reason, 'overrun');
      bench.publish('a', 'kept by the network');
      await bench.run(1000);
      assert.deepEqual(sink.texts, [], 'reading is stopped again');
      handle.release();
      await bench.run(100);
      assert.deepEqual(sink.texts, ['a:kept by the network']);
      await bench.source.close();
    });

    test('greets and subscribes while a queue that fills between links holds it, and reads once all are released', async () => {
      const bench = new PubsubBench({ protocol });
      const [sink, other] = [new RecordingSink(), new RecordingSink()];
      const handles = [bench.subscribe(sink, 'a'), bench.subscribe(other, 'a')];
      await bench.run(50);
      bench.cut();
      await bench.run(1);
      while (bench.network.links.size === 0) await bench.run(0.1);
      assert.notEqual(bench.source.state, 'ready');
      for (const handle of handles) handle.hold();
      await bench.run(4000);
      assert.equal(bench.source.state, 'ready');
      bench.publish('a', '1');
      await bench.run(10);
      handles[0]?.release();
      await bench.run(10);
      assert.deepEqual([sink.texts, other.texts], [[], []]);
      handles[1]?.release();
      await bench.run(10);
      assert.deepEqual([sink.texts, other.texts], [['a:1'], ['a:1']]);
      handles[0]?.hold();
      bench.publish('a', '2');
      handles[0]?.cancel();
      await bench.run(10);
      assert.deepEqual([sink.texts, other.texts], [['a:1'], ['a:1', 'a:2']], 'who holds and leaves holds no more');
      await bench.close();
    });

    test('calls no loss an overrun because somebody left who had not held it', async () => {
      const bench = new PubsubBench({ protocol });
      const sink = new RecordingSink();
      bench.subscribe(sink, 'a');
      const left = bench.subscribe(new RecordingSink(), 'a');
      await bench.run(50);
      left.cancel();
      await bench.run(10);
      bench.cut();
      await bench.run(4000);
      assert.deepEqual(
        sink.gaps.map(({ reason }) => reason),
        ['link-lost'],
      );
      await bench.close();
    });

    test('asks again a moment after a SUBSCRIBE that was not answered in time', async () => {
      const bench = new PubsubBench({ protocol });
      bench.subscribe(new RecordingSink(), 'a');
      await bench.run(50);
      const sink = new RecordingSink();
      const [link] = bench.network.links;
      // Heard before, so that its silence is not yet a dead link's.
      bench.publish('a', '1');
      await bench.run(10);
      link?.freeze();
      bench.subscribe(sink, 'b');
      await bench.run(5100);
      assert.ok(sink.errors.some((error) => error instanceof TimeoutError));
      link?.thaw();
      await bench.run(50);
      const before = bench.server.executed.get('SUBSCRIBE') ?? 0;
      await bench.run(1500);
      assert.equal(bench.server.executed.get('SUBSCRIBE'), before + 1);
      assert.equal(sink.stateOf('b'), 'active');
      await bench.close();
    });

    test('calls a loss an overrun that is read right behind the pause, and a later one a lost link', async () => {
      const bench = new PubsubBench({ protocol });
      const sink = new RecordingSink();
      const handle = bench.subscribe(sink, 'a');
      await bench.run(50);
      for (const [held, quietMs] of [
        [true, 20],
        // Its pause was that of another link.
        [false, 20],
        [true, 6000],
      ] as const) {
        if (held) {
          handle.hold();
          await bench.run(10);
          handle.release();
        }
        await bench.run(quietMs);
        bench.cut();
        await bench.run(1000);
        bench.publish('a', 'between');
        await bench.run(10);
      }
      assert.deepEqual(
        sink.gaps.map(({ reason }) => reason),
        ['overrun', 'link-lost', 'link-lost'],
      );
      await bench.source.close();
    });

    test('tells who subscribes on a link that has fallen silent that no answer comes', async () => {
      const bench = new PubsubBench({ protocol });
      const [first, late] = [new RecordingSink(), new RecordingSink()];
      bench.subscribe(first, 'a');
      await bench.run(50);
      for (const link of bench.network.links) link.freeze();
      bench.subscribe(late, 'b');
      await bench.run(5100);
      assert.match(late.errors[0]!.message, /: no confirmation in time; the server does not answer; it stays wanted/);
      await bench.close();
    });

    test('tells who subscribes while the link is gone after five seconds, and subscribes when it is back', async () => {
      const bench = new PubsubBench({ protocol });
      const [first, late] = [new RecordingSink(), new RecordingSink()];
      bench.subscribe(first, 'a');
      await bench.run(50);
      bench.network.weather.dial = 'refuse';
      bench.cut();
      await bench.run(10);
      bench.subscribe(late, 'b');
      await bench.run(4900);
      assert.equal(late.errors.length, 0);
      await bench.run(200);
      assert.equal(late.errors.length, 1);
      const told = late.errors[0];
      assert.ok(told instanceof TimeoutError);
      assert.match(
        told.message,
        /^Cannot subscribe to "b": no confirmation in time; there is no link; it stays wanted/,
      );
      bench.network.weather.dial = 'accept';
      await bench.run(10_000);
      assert.equal(late.stateOf('b'), 'active');
      bench.publish('b', '1');
      await bench.run(10);
      assert.deepEqual(late.seen, ['b:1'], 'who came while it was gone has missed nothing');
      assert.equal(first.gaps.length, 1);
      await bench.source.close();
    });

    test('tells a repair of many channels as one gap, before what came meanwhile', async () => {
      const bench = new PubsubBench({ protocol });
      const sink = new RecordingSink();
      const channels = Array.from({ length: 50 }, (_, index) => `c${index}`);
      bench.subscribe(sink, channels);
      await bench.run(50);
      bench.server.deafen(0);
      await bench.run(31_000);
      bench.publish('c7', 'after');
      await bench.run(10);
      assert.equal(sink.gaps.length, 1);
      assert.deepEqual(sink.gaps[0]?.channels, channels);
      assert.deepEqual(sink.seen.slice(1), ['c7:after']);
      await bench.source.close();
    });

    test('asks at once for a denied channel when somebody else wants it', async () => {
      const bench = new PubsubBench({ protocol });
      const [first, second] = [new RecordingSink(), new RecordingSink()];
      bench.server.denied.add('a');
      bench.subscribe(first, 'a');
      await bench.run(50);
      assert.equal(first.stateOf('a'), 'denied');
      bench.server.denied.clear();
      bench.subscribe(second, 'a');
      await bench.run(50);
      assert.equal(second.stateOf('a'), 'active');
      assert.equal(first.stateOf('a'), 'active');
      await bench.source.close();
    });

    test('is ready only when what was subscribed during the restoring is answered too', async () => {
      const bench = new PubsubBench({ protocol });
      const [first, late] = [new RecordingSink(), new RecordingSink()];
      const channels = Array.from({ length: 20 }, (_, index) => `c${index}`);
      let added = false;
      first.onChannelState = (_channel, state) => {
        if (state !== 'active' || added) return;
        added = true;
        bench.subscribe(late, 'late');
      };
      bench.subscribe(first, channels);
      await bench.run(0);
      while (bench.source.state !== 'ready') await bench.run(0.1);
      assert.equal(added, true);
      assert.equal(late.stateOf('late'), 'active');
      await bench.source.close();
    });

    test('gives what is wanted again after it was left in one turn', async () => {
      const bench = new PubsubBench({ protocol });
      const [old, fresh] = [new RecordingSink(), new RecordingSink()];
      const handle = bench.subscribe(old, 'a');
      await bench.run(50);
      handle.cancel();
      bench.subscribe(fresh, 'a');
      bench.publish('a', 'before the new confirmation');
      await bench.run(50);
      bench.publish('a', 'after');
      await bench.run(50);
      assert.deepEqual(old.seen, []);
      assert.deepEqual(fresh.seen, ['a:after']);
      await bench.source.close();
    });
  });
}

describe('a subscriber connection that is held', () => {
  test('names at most ten channels of the queue that holds it', async () => {
    const bench = new PubsubBench();
    const [full, late] = [new RecordingSink(), new RecordingSink()];
    const handle = bench.subscribe(
      full,
      Array.from({ length: 1000 }, (_, index) => `c${index}`),
    );
    await bench.run(50);
    handle.hold();
    bench.subscribe(late, 'late');
    await bench.run(5100);
    assert.match(late.errors[0]?.message ?? '', /full queue of "c0", "c1", .*"c9", …; read it/);
    assert.ok((late.errors[0]?.message.length ?? 0) < 400);
    handle.release();
    await bench.close();
  });
});

describe('a subscriber connection that gives up', () => {
  test('reads again for others after the one that held it has ended', async () => {
    const bench = new PubsubBench({ reconnect: { maxAttempts: 2, maxDelayMs: 10 } });
    const [first, second] = [new RecordingSink(), new RecordingSink()];
    const handle = bench.subscribe(first, 'a');
    await bench.run(50);
    handle.hold();
    bench.network.weather.dial = 'refuse';
    bench.cut();
    await bench.run(1000);
    assert.equal(first.ends.length, 1);
    assert.equal(bench.source.state, 'idle');
    bench.network.weather.dial = 'accept';
    bench.subscribe(second, 'b');
    await bench.run(100);
    bench.publish('b', '1');
    await bench.run(10);
    assert.deepEqual(second.seen, ['b:1']);
    await bench.source.close();
  });

  test('tells a refused first connection in its own words and nothing more', async () => {
    const bench = new PubsubBench();
    const sink = new RecordingSink();
    bench.network.weather.dial = 'refuse';
    bench.subscribe(sink, 'a');
    await bench.run(20_000);
    assert.equal(sink.ends.length, 1);
    assert.ok(sink.ends[0] instanceof ConnectError);
    assert.deepEqual(sink.errors, []);
    assert.equal(bench.platform.timerCount, 0);
    await bench.source.close();
  });

  test('tries later what did not fit into the backlog, and then tells one gap', async () => {
    const bench = new PubsubBench({ maxBacklogBytes: 40_000 });
    const sink = new RecordingSink();
    const channels = Array.from({ length: 30 }, (_, index) => `channel-${index}`.padEnd(4000, '.'));
    bench.subscribe(sink, channels);
    await bench.run(100);
    const overflowed = sink.errors.filter((error) => error instanceof OverflowError).length;
    assert.ok(overflowed > 0, 'the limit was reached');
    assert.equal(bench.source.state, 'ready');
    await bench.run(20_000);
    for (const channel of channels) assert.equal(sink.stateOf(channel), 'active', channel);
    await bench.source.close();
  });

  test('does not turn in circles when a retry comes due while the link is not ready', async () => {
    const bench = new PubsubBench();
    const [denied, other] = [new RecordingSink(), new RecordingSink()];
    bench.server.denied.add('a');
    bench.subscribe(denied, 'a');
    const handle = bench.subscribe(other, 'b');
    await bench.run(100);
    bench.network.weather.dial = 'refuse';
    bench.cut();
    await bench.run(5);
    // Leaving looks at what is to be tried next.
    handle.cancel();
    const before = bench.time.eventCount;
    await bench.run(10_000);
    assert.ok(bench.time.eventCount - before < 200, `${bench.time.eventCount - before} events in 10 s`);
    bench.network.weather.dial = 'accept';
    bench.server.denied.clear();
    await bench.run(10_000);
    assert.equal(denied.stateOf('a'), 'active');
    await bench.close();
  });

  test('tries what is denied again by a slow backoff, whatever the number of channels', async () => {
    const bench = new PubsubBench();
    const sink = new RecordingSink();
    const channels = Array.from({ length: 500 }, (_, index) => `c${index}`);
    for (const channel of channels) bench.server.denied.add(channel);
    bench.subscribe(sink, channels);
    await bench.run(60_000);
    const tries = bench.server.executed.get('SUBSCRIBE') ?? 0;
    assert.equal(tries, 1 + 500 * 6, 'once together, then each at 0, 1, 3, 7, 15 and 31 seconds');
    await bench.source.close();
    assert.equal(bench.platform.timerCount, 0);
  });
});
