// Commands of many channels: what is asked for together, what goes alone, what a refusal, a late answer and a lost link
// do to the channels of one command. Run by `npm test`, on virtual time.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TimeoutError } from '../../../src/errors/index.ts';
import { PubsubBench, RecordingSink } from '../../support/pubsub-bench.ts';

const names = (count: number, prefix = 'c') => Array.from({ length: count }, (_, index) => `${prefix}${index}`);

for (const protocol of [2, 3] as const) {
  describe(`commands of many channels over RESP${protocol}`, () => {
    const executed = (bench: PubsubBench, word = 'SUBSCRIBE') => bench.server.executed.get(word) ?? 0;

    test('what is asked for in one turn is asked for together, by several users too', async () => {
      const bench = new PubsubBench({ protocol });
      const [first, second] = [new RecordingSink(), new RecordingSink()];
      bench.subscribe(new RecordingSink(), 'always');
      await bench.run(50);
      const before = executed(bench);
      const handle = bench.subscribe(first, names(300));
      bench.subscribe(second, names(200, 'd'));
      await bench.run(50);
      assert.equal(executed(bench) - before, 1);
      assert.deepEqual(
        first.states.map(({ channel, state }) => `${channel} ${state}`),
        names(300).map((channel) => `${channel} active`),
      );
      assert.equal(second.states.length, 200);
      handle.cancel();
      await bench.run(50);
      assert.equal(executed(bench, 'UNSUBSCRIBE'), 1);
      bench.publish('c7', 'x');
      bench.publish('d7', 'y');
      await bench.run(10);
      assert.deepEqual([first.texts, second.texts], [[], ['d7:y']]);
      await bench.close();
    });

    test('what is wanted and what is left in one turn are two commands', async () => {
      const bench = new PubsubBench({ protocol });
      const late = new RecordingSink();
      const left = bench.subscribe(new RecordingSink(), 'left');
      await bench.run(50);
      const first = new RecordingSink();
      bench.subscribe(first, 'first');
      left.cancel();
      bench.subscribe(late, 'last');
      bench.subscribe(late, 'p*', 'pattern');
      await bench.run(50);
      for (const channel of ['left', 'first', 'last', 'pq']) bench.publish(channel, '1');
      await bench.run(10);
      assert.deepEqual([first.texts, late.texts], [['first:1'], ['last:1', 'pq:1']]);
      assert.equal(bench.server.publishFrom('left', 'nobody'), 0);
      await bench.close();
    });

    test('a command is bounded, by count and by bytes', async () => {
      const bench = new PubsubBench({ protocol });
      const sink = new RecordingSink();
      bench.subscribe(sink, names(5000));
      await bench.run(100);
      assert.ok(executed(bench) >= 10 && executed(bench) <= 12, `${executed(bench)} commands`);
      assert.equal(sink.states.length, 5000);
      const long = names(6).map((name) => name.padEnd(5000, '-'));
      const before = executed(bench);
      bench.subscribe(sink, long);
      await bench.run(100);
      assert.equal(executed(bench) - before, 3);
      await bench.close();
    });

    test('one refused channel costs each of its command a second question and nothing more', async () => {
      const bench = new PubsubBench({ protocol });
      const sink = new RecordingSink();
      bench.server.denied.add('c3');
      bench.subscribe(sink, names(10));
      await bench.run(50);
      assert.equal(executed(bench), 11);
      for (const name of names(10)) assert.equal(sink.stateOf(name), name === 'c3' ? 'denied' : 'active');
      assert.deepEqual(sink.errors.length, 1);
      const before = executed(bench);
      bench.cut();
      await bench.run(1000);
      assert.equal(sink.gaps.length, 1);
      assert.equal(sink.gaps[0]?.channels.length, 9);
      assert.equal(executed(bench) - before, 2, 'what was denied goes alone, the others together');
      await bench.close();
    });

    test('a link that is lost between two confirmations of one command is one loss, of what was confirmed', async () => {
      const bench = new PubsubBench({ protocol });
      const sink = new RecordingSink();
      bench.subscribe(new RecordingSink(), 'always');
      await bench.run(50);
      let cut = false;
      const told = sink.onChannelState.bind(sink);
      sink.onChannelState = (channel, state, error) => {
        told(channel, state, error);
        if (cut || sink.states.length < 5) return;
        cut = true;
        bench.cut();
      };
      bench.subscribe(sink, names(10));
      await bench.run(1000);
      assert.ok(cut);
      for (const name of names(10)) assert.equal(sink.stateOf(name), 'active', name);
      assert.deepEqual(sink.errors, []);
      bench.publish('c9', 'x');
      await bench.run(10);
      assert.deepEqual(sink.texts, ['c9:x']);
      await bench.close();
    });

    test('confirmations that come after the time limit are counted off: the next command finds its own', async () => {
      const bench = new PubsubBench({ protocol });
      const sink = new RecordingSink();
      const handle = bench.subscribe(sink, 'always');
      await bench.run(50);
      handle.hold();
      const late = new RecordingSink();
      bench.subscribe(late, names(10));
      await bench.run(5100);
      assert.ok(late.errors.every((error) => error instanceof TimeoutError));
      assert.equal(new Set(late.states.map(({ channel }) => channel)).size, 10);
      handle.release();
      await bench.run(5000);
      for (const name of names(10)) assert.equal(late.stateOf(name), 'active', name);
      assert.equal(bench.source.stats().lostCount, 0, 'replies have not shifted');
      bench.publish('c9', 'x');
      await bench.run(10);
      assert.deepEqual(late.texts, ['c9:x']);
      await bench.close();
    });
  });
}
