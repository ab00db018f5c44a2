// A RESP2 subscriber whose credentials expire: another link takes over before the old one is closed, and nothing is
// lost, repeated or told as a gap. Run by `npm test`, on virtual time.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { newerMessages } from '../../../src/pubsub/link-replacement.ts';
import { RespMessage } from '../../../src/resp/index.ts';
import { PubsubBench, RecordingSink } from '../../support/pubsub-bench.ts';

const EPOCH_MS = 1_700_000_000_000;

/** Credentials that live for ten seconds each. */
function bench(): PubsubBench & { asked: number } {
  let made: PubsubBench | undefined;
  const result = new PubsubBench({
    protocol: 2,
    dialect: 'resp',
    credentials: () => {
      box.asked++;
      return { password: `p${box.asked}`, expiresAt: EPOCH_MS + (made?.time.now() ?? 0) + 10_000 };
    },
  });
  made = result;
  const box = Object.assign(result, { asked: 0 });
  return box;
}

describe('the replacement of a link', () => {
  test('loses nothing, repeats nothing and tells no gap, while messages flow all the time', async () => {
    const world = bench();
    const sink = new RecordingSink();
    world.subscribe(sink, ['a', 'b']);
    world.subscribe(new RecordingSink(), 'n*', 'pattern');
    await world.run(50);
    const sent: string[] = [];
    for (let index = 0; index < 6000; index++) {
      const channel = index % 3 === 0 ? 'b' : 'a';
      sent.push(`${channel}:${index}`);
      world.publish(channel, String(index));
      await world.run(5);
    }
    await world.run(50);
    assert.deepEqual(sink.texts, sent);
    assert.equal(sink.gaps.length, 0);
    assert.ok(world.asked >= 3, `asked ${world.asked} times`);
    assert.ok(world.network.dialCount >= 3);
    assert.equal(world.network.links.size, 1);
    assert.deepEqual(world.states, ['connecting', 'ready']);
    await world.close();
    assert.equal(world.platform.timerCount, 0);
  });

  test('takes what is subscribed and given up meanwhile along', async () => {
    const world = bench();
    const [kept, late] = [new RecordingSink(), new RecordingSink()];
    const gone = world.subscribe(new RecordingSink(), 'gone');
    world.subscribe(kept, 'kept');
    await world.run(50);
    // Just after the new link was dialled.
    while (world.network.dialCount < 2) await world.run(0.1);
    gone.cancel();
    world.subscribe(late, 'late');
    await world.run(1000);
    world.publish('late', '1');
    world.publish('kept', '2');
    world.publish('gone', '3');
    await world.run(10);
    assert.deepEqual([kept.texts, late.texts], [['kept:2'], ['late:1']]);
    assert.equal(world.server.journal.at(-1)?.receivers, 0);
    await world.close();
  });

  test('falls back to an ordinary reconnect with its gap when the second link can not be made', async () => {
    const world = bench();
    const sink = new RecordingSink();
    world.subscribe(sink, 'a');
    await world.run(50);
    world.network.weather.dial = 'refuse';
    await world.run(9000);
    world.network.weather.dial = 'accept';
    await world.run(5000);
    world.publish('a', 'after');
    await world.run(10);
    assert.deepEqual(sink.texts, ['a:after']);
    assert.equal(sink.gaps.length, 1);
    await world.close();
  });

  for (const end of ['refuses the PING between the two', 'cuts both']) {
    test(`that has paused the old link and then comes to nothing (a server that ${end}) is an ordinary reconnect`, async () => {
      const world = bench();
      const sink = new RecordingSink();
      world.subscribe(sink, 'a');
      await world.run(50);
      while (world.server.executed.get('SUBSCRIBE') !== 2) await world.run(0.1);
      // The old link is paused as soon as the new one is confirmed.
      world.server.forbidden.add('PING');
      await world.run(1);
      world.server.forbidden.clear();
      if (end === 'cuts both') world.cut();
      await world.run(3000);
      world.publish('a', 'after');
      await world.run(10);
      assert.equal(world.source.state, 'ready');
      assert.deepEqual(sink.texts, ['a:after']);
      assert.equal(sink.gaps.length, 1);
      await world.close();
    });
  }

  test('finds where one list of messages goes on in another', () => {
    const list = (text: string) => [...text].map((payload) => new RespMessage('c', undefined, payload, false));
    const text = (messages: RespMessage[]) => messages.map(({ payload }) => payload).join('');
    assert.equal(text(newerMessages(list('abcd'), list('cdef'))), 'ef');
    assert.equal(text(newerMessages(list('abcd'), list('abcd'))), '');
    assert.equal(text(newerMessages(list('ab'), list('xy'))), 'xy');
    assert.equal(text(newerMessages([], list('xy'))), 'xy');
    assert.equal(text(newerMessages(list('abab'), list('ababab'))), 'ab');
  });
});
