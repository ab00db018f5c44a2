// What is left, asked for again or taken away while a second link comes up beside the first one: who wants it is told that
// it is there, and what happened on one link alone is no reason to repeat a message or to lose one untold.
// Run by `npm test`, on virtual time.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PubsubBench, RecordingSink } from '../../support/pubsub-bench.ts';

/** Credentials of ten seconds, and a second link that has all channels of the first one and is not heard of yet. */
async function betweenLinks(channels: string[]) {
  let made: PubsubBench | undefined;
  const bench = new PubsubBench({
    protocol: 2,
    dialect: 'resp',
    credentials: () => ({ password: 'p', expiresAt: 1_700_000_000_000 + (made?.time.now() ?? 0) + 10_000 }),
  });
  made = bench;
  const first = new RecordingSink();
  const handle = bench.subscribe(first, channels);
  const byKind = { channel: new RecordingSink(), pattern: new RecordingSink(), shard: new RecordingSink() };
  for (const kind of KINDS) bench.subscribe(byKind[kind], 'n*', kind);
  await bench.run(7950);
  while (bench.server.publishFrom(channels[0] as string, 'probe') < 2) await bench.run(0.1);
  const [old, second] = bench.network.links;
  assert.ok(old && second);
  return { bench, byKind, handle, old, second };
}

/** One PING went over each link: the old one has given all, and the answer of the new one is under way. */
async function betweenLastAnswers() {
  const links = await betweenLinks(['a', 'b']);
  const { bench } = links;
  const sink = new RecordingSink();
  bench.subscribe(sink, ['a', 'b']);
  const { executed } = bench.server;
  const pings = (executed.get('PING') ?? 0) + 2;
  while (executed.get('PING') !== pings) await bench.run(0.1);
  return { ...links, sink };
}

/** Subscribed to a and b; the link's credentials live for ten seconds. */
async function expiring(auditIntervalMs: number) {
  let made: PubsubBench | undefined;
  const credentials = () => ({ password: 'p', expiresAt: 1_700_000_000_000 + (made?.time.now() ?? 0) + 10_000 });
  const bench = new PubsubBench({ protocol: 2, dialect: 'resp', credentials }, auditIntervalMs);
  made = bench;
  const sink = new RecordingSink();
  bench.subscribe(sink, ['a', 'b']);
  await bench.run(50);
  return { bench, sink };
}

const KINDS = ['channel', 'pattern', 'shard'] as const;

describe('while a link is replaced', () => {
  test('a channel that the first link did not hear has its gap also where that one is slower than the second', async () => {
    const { bench, sink } = await expiring(30_000);
    bench.server.deafen(0, 'b');
    bench.publish('b', 'not heard');
    await bench.run(7900);
    while (bench.network.dialCount < 2) await bench.run(0.1);
    const [old] = bench.network.links;
    old?.freeze();
    while (bench.server.executed.get('SUBSCRIBE') !== 2) await bench.run(0.1);
    await bench.run(50);
    old?.thaw();
    await bench.run(100);
    bench.publish('b', '1');
    await bench.run(10);
    assert.ok(old && !bench.network.links.has(old));
    assert.ok(sink.gaps.some(({ channels }) => channels.includes('b')));
    assert.equal(sink.seen.at(-1), 'b:1');
    await bench.close();
  });

  test('a channel that the first link hears again, later than the second, repeats nothing', async () => {
    const { bench, sink } = await expiring(30_000);
    const { executed } = bench.server;
    bench.server.deafen(0, 'b');
    await bench.run(7900);
    while (!executed.get('UNSUBSCRIBE')) await bench.run(0.1);
    const [old] = bench.network.links;
    const { bytesWritten } = bench.source.stats();
    while (bench.source.stats().bytesWritten === bytesWritten) await bench.run(0.1);
    // Under way is what asks for both again.
    old?.freeze();
    while (executed.get('SUBSCRIBE') !== 2) await bench.run(0.1);
    bench.publish('b', 'first');
    old?.thaw();
    while (executed.get('SUBSCRIBE') !== 3) await bench.run(0.1);
    bench.publish('b', 'second');
    await bench.run(200);
    bench.publish('b', 'third');
    await bench.run(10);
    assert.ok(old && !bench.network.links.has(old));
    assert.deepEqual(sink.texts, ['b:second', 'b:third']);
    assert.ok(sink.gaps.length > 0);
    await bench.close();
  });

  for (const audit of [true, false]) {
    test(`a channel that the first link did not hear for a while ${audit ? 'has its gap' : 'has none where nobody audits'}`, async () => {
      const { bench, sink } = await expiring(audit ? 30_000 : 0);
      bench.server.deafen(0, 'b');
      bench.publish('b', 'not heard');
      await bench.run(8000);
      assert.equal(bench.network.dialCount, 2, 'long before the audit is due');
      bench.publish('b', '1');
      bench.publish('a', '1');
      await bench.run(10);
      assert.deepEqual(sink.texts, ['b:1', 'a:1']);
      assert.equal(sink.gaps[0]?.reason, audit ? 'audit' : undefined);
      assert.equal(sink.seen.indexOf('b:1'), sink.gaps.length, 'they come first');
      for (const gap of sink.gaps) assert.deepEqual(gap.channels, ['b']);
      assert.equal(bench.source.stats().auditDifferenceCount, audit ? 1 : 0);
      await bench.close();
    });
  }

  test('a channel that is left and wanted again is told as active once the new link has it', async () => {
    const { bench, handle, old, second } = await betweenLinks(['a', 'b']);
    second.freeze();
    await bench.run(5);
    handle.cancel();
    old.freeze();
    const again = new RecordingSink();
    bench.subscribe(again, ['a', 'b']);
    await bench.run(5);
    second.thaw();
    old.thaw();
    await bench.run(1000);
    assert.equal(bench.network.links.size, 1);
    assert.deepEqual([again.stateOf('a'), again.stateOf('b')], ['active', 'active']);
    bench.publish('a', '1');
    await bench.run(10);
    assert.equal(again.texts.at(-1), 'a:1');
    await bench.close();
  });

  test('a channel that was left and confirmed again repeats nothing, and has a gap', async () => {
    const { bench, handle, second } = await betweenLinks(['a', 'b']);
    second.freeze();
    bench.publish('a', 'first');
    await bench.run(5);
    handle.cancel();
    await bench.run(5);
    bench.publish('a', 'nobody had it');
    await bench.run(5);
    const again = new RecordingSink();
    bench.subscribe(again, ['a', 'b']);
    await bench.run(5);
    assert.equal(again.stateOf('a'), 'active');
    bench.publish('a', 'second');
    await bench.run(5);
    bench.publish('a', 'third');
    await bench.run(5);
    assert.deepEqual(again.texts, ['a:second', 'a:third']);
    second.thaw();
    await bench.run(1000);
    bench.publish('a', 'last');
    await bench.run(10);
    assert.deepEqual([...bench.network.links], [second]);
    assert.deepEqual(again.texts, ['a:second', 'a:third', 'a:last']);
    assert.deepEqual(
      again.gaps.map(({ reason }) => reason),
      ['link-lost', 'link-lost'],
    );
    assert.equal(again.stateOf('a'), 'active');
    await bench.close();
  });

  test('a channel that was left, confirmed again and left again is left on the new link as well', async () => {
    const { bench, handle, second } = await betweenLinks(['a', 'b']);
    second.freeze();
    handle.cancel();
    await bench.run(5);
    const again = bench.subscribe(new RecordingSink(), ['a', 'b']);
    bench.subscribe(new RecordingSink(), ['kept']);
    await bench.run(5);
    again.cancel();
    await bench.run(5);
    second.thaw();
    await bench.run(1000);
    assert.deepEqual([...bench.network.links], [second]);
    assert.equal(bench.server.publishFrom('a', 'nobody wants it'), 0);
    assert.equal(bench.server.publishFrom('kept', '1'), 1);
    await bench.close();
  });

  for (const kind of KINDS) {
    test(`a ${kind} that the server takes away from both links is asked for again on the new one`, async () => {
      const { bench, byKind, second } = await betweenLinks(['a', 'b']);
      bench.server.takeAway(kind, 'n*');
      await bench.run(1000);
      assert.deepEqual([...bench.network.links], [second]);
      for (const other of KINDS) {
        assert.equal(byKind[other].stateOf('n*'), 'active');
        assert.equal(byKind[other].gaps.length > 0, other === kind, `${other}`);
      }
      // The server holds it again.
      const before = byKind[kind].gaps.length;
      bench.server.takeAway(kind, 'n*');
      await bench.run(1500);
      assert.equal(byKind[kind].gaps.length, before + 1);
      await bench.close();
    });
  }

  test('a queue that is full and read again between the two last answers lets nothing more come over the old link', async () => {
    const { bench, handle, second, sink } = await betweenLastAnswers();
    second.freeze();
    await bench.run(5);
    sink.seen.length = 0;
    const sent: string[] = [];
    for (let index = 0; bench.network.links.size === 2; index++) {
      bench.publish('a', String(index));
      sent.push(`a:${index}`);
      await bench.run(0.1);
      handle.hold();
      handle.release();
      if (index === 100) second.thaw();
    }
    await bench.run(100);
    assert.deepEqual([...bench.network.links], [second]);
    assert.deepEqual(sink.texts, sent);
    await bench.close();
  });

  test('a queue that fills between the two last answers holds the new link as well', async () => {
    const { bench, handle, second, sink } = await betweenLastAnswers();
    handle.hold();
    while (bench.network.links.size === 2) await bench.run(0.1);
    bench.publish('a', 'held');
    await bench.run(100);
    assert.deepEqual([...bench.network.links], [second]);
    assert.ok(!sink.texts.includes('a:held'));
    handle.release();
    await bench.run(10);
    assert.equal(sink.texts.at(-1), 'a:held');
    await bench.close();
  });
});
