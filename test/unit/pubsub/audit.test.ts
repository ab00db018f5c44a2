// The audit: which differences it finds, which it must not, and who is told. Run by `npm test`, on virtual time.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PubsubBench, RecordingSink } from '../../support/pubsub-bench.ts';

const INTERVAL_MS = 30_000;

/** A bench with channels a, b, c and the pattern n*, at the moment before its audit. */
async function beforeAudit(protocol: 2 | 3) {
  const bench = new PubsubBench({ protocol }, INTERVAL_MS);
  const sink = new RecordingSink();
  const patterns = new RecordingSink();
  bench.subscribe(patterns, 'n*', 'pattern');
  bench.subscribe(sink, ['a', 'b', 'c']);
  await bench.run(50);
  await bench.run(INTERVAL_MS - 60);
  const differences = () => bench.source.stats().auditDifferenceCount;
  return { bench, sink, patterns, differences };
}

/** Until the audit has asked. */
async function asked(
  { server, run }: PubsubBench,
  protocol: 2 | 3,
  step: (ms: number) => Promise<void>,
): Promise<void> {
  const name = protocol === 3 ? 'CLIENT' : 'UNSUBSCRIBE';
  const before = server.executed.get(name) ?? 0;
  assert.equal(typeof run, 'function');
  for (let tries = 0; (server.executed.get(name) ?? 0) === before; tries++) {
    assert.ok(tries < 1000, 'the audit asks');
    await step(0.1);
  }
}

for (const protocol of [2, 3] as const) {
  describe(`the audit over RESP${protocol}`, () => {
    test('tells the loss of one channel among others to those who wanted it, and of no other', async () => {
      const { bench, sink, patterns, differences } = await beforeAudit(protocol);
      const other = new RecordingSink();
      bench.subscribe(other, 'c');
      bench.server.deafen(0, 'b');
      await bench.run(1000);
      assert.equal(differences(), 1);
      assert.deepEqual(
        sink.gaps.map(({ channels, reason, missed }) => [channels, reason, missed]),
        [[['b'], 'audit', 'unknown']],
      );
      assert.match(String(sink.gaps[0]?.cause), /^LinkLostError: Lost subscriptions:/);
      assert.deepEqual([other.gaps, patterns.gaps], [[], []]);
      bench.publish('b', '1');
      await bench.run(10);
      assert.equal(sink.texts.at(-1), 'b:1');
      await bench.run(2 * INTERVAL_MS);
      assert.equal(differences(), 1, 'repaired');
      await bench.close();
    });

    test('repairs nothing while a channel is being left, whose answer would hide another: the next audit tells both', async () => {
      const { bench, sink, differences } = await beforeAudit(protocol);
      const left = bench.subscribe(new RecordingSink(), 'left');
      await bench.run(5);
      bench.server.deafen(0, 'a');
      bench.server.deafen(0, 'b');
      await asked(bench, protocol, (ms) => bench.run(ms));
      left.cancel();
      await bench.run(1000);
      assert.equal(differences(), 0);
      await bench.run(INTERVAL_MS);
      assert.equal(differences(), 1);
      assert.deepEqual(
        sink.gaps.map(({ channels }) => channels),
        [['a', 'b']],
      );
      await bench.close();
    });

    test('goes on while a channel is refused that it asked for again', async () => {
      const { bench, sink, differences } = await beforeAudit(protocol);
      bench.server.deafen(0, 'b');
      bench.server.denied.add('b');
      await bench.run(1000);
      assert.deepEqual([differences(), sink.stateOf('b')], [1, 'denied']);
      bench.server.deafen(0, 'c');
      await bench.run(2 * INTERVAL_MS);
      assert.equal(differences(), 2);
      assert.deepEqual(sink.gaps.at(-1)?.channels, ['c']);
      await bench.close();
    });

    test('tells each loss once where channels and shard channels were lost together', async () => {
      const { bench, sink } = await beforeAudit(protocol);
      const shards = new RecordingSink();
      bench.subscribe(shards, ['s', 't'], 'shard');
      await bench.run(5);
      bench.server.deafen(0);
      for (const name of ['s', 't']) bench.server.takeAway('shard', name, true);
      await bench.run(1000);
      assert.deepEqual(
        [...sink.gaps, ...shards.gaps].map(({ channels }) => channels),
        [
          ['a', 'b', 'c'],
          ['s', 't'],
        ],
      );
      await bench.close();
    });

    test('holds messages up for one time limit where its repair is not answered', async () => {
      const bench = new PubsubBench({ protocol }, INTERVAL_MS);
      let isSilent = false;
      bench.network.onAccept = (end) => {
        const { send } = end;
        end.send = (bytes) => {
          if (!isSilent || !/\$9\r\nsubscribe/.test(new TextDecoder().decode(bytes))) send(bytes);
        };
        bench.server.accept(end);
      };
      const [sink, patterns] = [new RecordingSink(), new RecordingSink()];
      bench.subscribe(patterns, 'n*', 'pattern');
      bench.subscribe(sink, ['a', 'b']);
      await bench.run(50);
      bench.server.deafen(0, 'b');
      isSilent = true;
      while (bench.server.executed.get('SUBSCRIBE') !== 2) await bench.run(1);
      bench.publish('news', '1');
      await bench.run(4500);
      assert.deepEqual(patterns.texts, []);
      await bench.run(1000);
      assert.deepEqual(patterns.texts, ['news:1']);
      assert.equal(bench.network.dialCount, 1);
      await bench.close();
    });

    test('finds one channel that is the only one', async () => {
      const bench = new PubsubBench({ protocol }, INTERVAL_MS);
      const sink = new RecordingSink();
      bench.subscribe(sink, 'only');
      await bench.run(50);
      bench.server.deafen(0);
      await bench.run(INTERVAL_MS);
      assert.deepEqual(
        sink.gaps.map(({ channels }) => channels),
        [['only']],
      );
      await bench.close();
    });

    test('compares no counts of different moments', async () => {
      const { bench, sink, differences } = await beforeAudit(protocol);
      await asked(bench, protocol, (ms) => bench.run(ms));
      // On the way back is a count without it.
      const late = new RecordingSink();
      const handle = bench.subscribe(late, 'd');
      await bench.run(100);
      assert.deepEqual([differences(), sink.gaps, late.gaps], [0, [], []]);
      assert.equal(late.stateOf('d'), 'active');
      await bench.run(INTERVAL_MS - 110);
      await asked(bench, protocol, (ms) => bench.run(ms));
      handle.cancel();
      await bench.run(INTERVAL_MS - 200);
      assert.deepEqual([differences(), sink.gaps], [0, []]);
      await bench.close();
    });

    test('judges nothing while something is asked for', async () => {
      const { bench, sink, differences } = await beforeAudit(protocol);
      // Its answer is on the way when the audit asks.
      bench.network.weather.latencyMs = 40;
      const late = new RecordingSink();
      await bench.run(5);
      bench.subscribe(late, 'd');
      await bench.run(500);
      assert.deepEqual([differences(), sink.gaps, late.gaps], [0, [], []]);
      await bench.close();
    });

    test('begins no second repair before the first is answered', async () => {
      const bench = new PubsubBench({ protocol }, 100);
      const sink = new RecordingSink();
      bench.subscribe(sink, ['a', 'b']);
      await bench.run(50);
      bench.server.deafen(0);
      bench.network.weather.latencyMs = 400;
      await bench.run(3000);
      assert.equal(bench.source.stats().auditDifferenceCount, 1);
      assert.equal(sink.gaps.length, 1);
      await bench.close();
    });

    test('asks nothing where nothing is subscribed', async () => {
      const bench = new PubsubBench({ protocol }, 100);
      const handle = bench.subscribe(new RecordingSink(), 'a');
      await bench.run(50);
      handle.cancel();
      await bench.run(60);
      const before = [...bench.server.executed].filter(([name]) => name !== 'PING');
      await bench.run(1000);
      assert.deepEqual(
        [...bench.server.executed].filter(([name]) => name !== 'PING'),
        before,
      );
      await bench.close();
    });

    for (const kind of ['pattern', 'shard'] as const) {
      test(`finds a ${kind} that the server does not hold any more, among channels that it does`, async () => {
        const { bench, sink, differences } = await beforeAudit(protocol);
        const [lost, kept] = [new RecordingSink(), new RecordingSink()];
        bench.subscribe(lost, 's1*', kind);
        bench.subscribe(kept, 's2*', kind);
        await bench.run(5);
        bench.server.takeAway(kind, 's1*', true);
        await bench.run(1000);
        assert.equal(differences(), 1);
        assert.deepEqual(
          lost.gaps.map(({ channels, reason }) => [channels, reason]),
          [[['s1*'], 'audit']],
        );
        assert.deepEqual([kept.gaps, sink.gaps], [[], []]);
        await bench.run(2 * INTERVAL_MS);
        assert.equal(differences(), 1, 'repaired');
        await bench.close();
      });
    }

    test('goes on after a link that was lost in the middle of a repair', async () => {
      const { bench, sink, differences } = await beforeAudit(protocol);
      bench.server.takeAway('channel', 'b', true);
      while (differences() === 0) await bench.run(0.1);
      bench.cut();
      await bench.run(1000);
      assert.equal(bench.source.state, 'ready');
      assert.equal(sink.gaps.length, 1, 'one loss of all');
      bench.server.takeAway('channel', 'c', true);
      await bench.run(INTERVAL_MS + 100);
      assert.equal(differences(), 2);
      assert.deepEqual([sink.gaps[1]?.channels, sink.gaps[1]?.reason], [['c'], 'audit']);
      await bench.close();
    });

    test('counts in another way where CLIENT INFO is forbidden, and asks no more where that is as well', async () => {
      const { bench, sink, differences } = await beforeAudit(protocol);
      bench.server.forbidden.add('CLIENT');
      await bench.run(100);
      bench.server.takeAway('channel', 'b', true);
      await bench.run(2 * INTERVAL_MS);
      assert.equal(differences(), 1);
      assert.deepEqual(sink.gaps[0]?.channels, ['b']);
      const asked = () => [bench.server.executed.get('CLIENT') ?? 0, bench.server.executed.get('UNSUBSCRIBE') ?? 0];
      assert.equal(asked()[0], protocol === 3 ? 1 : 0, 'it was told once');
      bench.server.forbidden.add('UNSUBSCRIBE');
      await bench.run(INTERVAL_MS + 100);
      const before = asked();
      await bench.run(5 * INTERVAL_MS);
      assert.deepEqual(asked(), before);
      await bench.close();
    });
  });
}
