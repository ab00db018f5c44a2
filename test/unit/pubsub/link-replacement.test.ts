// A RESP2 subscriber whose credentials expire: another link takes over before the old one is closed, and nothing is
// lost, repeated or told as a gap. Run by `npm test`, on virtual time.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { newerMessages } from '../../../src/pubsub/link-replacement.ts';
import { RespMessage } from '../../../src/resp/index.ts';
import { PubsubBench, RecordingSink } from '../../support/pubsub-bench.ts';
import { SeededRandom } from '../../support/simulation/random.ts';

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

/** Just after the new link was dialled. */
async function secondDial(world: PubsubBench): Promise<void> {
  await world.run(7900);
  while (world.network.dialCount < 2) await world.run(0.1);
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
    await secondDial(world);
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

  test('loses nothing of what the old link brings late', async () => {
    const world = bench();
    const sink = new RecordingSink();
    world.subscribe(sink, 'a');
    await world.run(50);
    const [old] = world.network.links;
    old?.freeze();
    for (let index = 0; world.server.executed.get('SUBSCRIBE') !== 2; index++) {
      if (world.time.now() % 1000 < 1) world.publish('a', `${index}`);
      await world.run(1);
    }
    world.publish('a', 'last');
    await world.run(100);
    old?.thaw();
    await world.run(100);
    const order = world.server.journal.map(({ payload }) => `a:${payload}`);
    assert.ok(order.length > 5);
    assert.deepEqual(sink.seen, order);
    await world.close();
  });

  for (const [end, then] of [
    ['refuses the PING between the two', 'queues'],
    ['cuts both', 'queues'],
    ['cuts the old one before the new one answers', 'queues'],
    ['cuts the old one before the new one answers', 'silence'],
    ['says nothing on the new one any more', 'queues'],
  ] as const) {
    test(`that has paused the old link and then comes to nothing (a server that ${end}) is an ordinary reconnect: ${then}`, async () => {
      const world = bench();
      const sink = new RecordingSink();
      const handle = world.subscribe(sink, 'a');
      await world.run(50);
      while (world.server.executed.get('SUBSCRIBE') !== 2) await world.run(0.1);
      // The old link is paused as soon as the new one is confirmed.
      if (!/PING|both/.test(end)) {
        const pings = world.server.executed.get('PING') ?? 0;
        while (world.server.executed.get('PING') === pings) await world.run(0.1);
        const [old, second] = world.network.links;
        second?.freeze();
        await world.run(5);
        if (/cuts/.test(end)) old?.cut();
        else await world.run(2500);
      } else {
        world.server.forbidden.add('PING');
        await world.run(1);
        world.server.forbidden.clear();
        if (end === 'cuts both') world.cut();
      }
      await world.run(3000);
      world.publish('a', 'after');
      await world.run(10);
      assert.equal(world.source.state, 'ready');
      assert.deepEqual(sink.texts, ['a:after']);
      assert.equal(sink.gaps.length, 1);
      // Nothing of the old pause is left: a full queue stops and goes on, and silence is noticed.
      if (then === 'queues') {
        handle.hold();
        handle.release();
        world.publish('a', 'again');
        await world.run(10);
        assert.deepEqual(sink.texts, ['a:after', 'a:again']);
      } else {
        const [frozen] = world.network.links;
        frozen?.freeze();
        await world.run(17_000);
        assert.ok(frozen && !world.network.links.has(frozen));
      }
      await world.close();
    });
  }

  test('leaves on the new link what was given up on the old one after both had it', async () => {
    const world = bench();
    const gone = new RecordingSink();
    const handle = world.subscribe(gone, 'gone');
    world.subscribe(new RecordingSink(), 'kept');
    await world.run(50);
    await secondDial(world);
    while (world.server.publishFrom('gone', 'x') < 2) await world.run(0.1);
    const [, second] = world.network.links;
    second?.freeze();
    handle.cancel();
    const seen = gone.seen.length;
    await world.run(10);
    assert.equal(world.server.publishFrom('gone', 'x'), 1, 'the old link has left it');
    second?.thaw();
    await world.run(100);
    assert.deepEqual([...world.network.links], [second]);
    assert.equal(world.server.publishFrom('gone', 'nobody wants it'), 0);
    assert.equal(world.server.publishFrom('kept', 'x'), 1);
    assert.equal(gone.seen.length, seen);
    await world.close();
  });

  test('asks for what was denied on the new link, tells its loss alone, and lets the others flow', async () => {
    const world = bench();
    const [kept, denied] = [new RecordingSink(), new RecordingSink()];
    world.subscribe(kept, 'kept');
    world.subscribe(denied, 'denied');
    await world.run(50);
    world.server.denied.add('denied');
    await world.run(8500);
    assert.equal(denied.stateOf('denied'), 'denied');
    assert.equal(denied.errors.at(-1)?.code, 'NOPERM');
    world.publish('kept', '1');
    await world.run(10);
    assert.deepEqual([kept.seen, world.states], [['kept:1'], ['connecting', 'ready']]);
    world.server.denied.clear();
    await world.run(60_000);
    assert.deepEqual(
      denied.gaps.map(({ channels, reason }) => [channels, reason]),
      [[['denied'], 'link-lost']],
    );
    assert.match(String(denied.gaps[0]?.cause), /credentials expire/);
    assert.equal(denied.stateOf('denied'), 'active');
    await world.close();
  });

  for (const first of ['before the second link is dialled', 'while it comes up']) {
    test(`waits for a full queue that holds the reading ${first}, and loses nothing of what came meanwhile`, async () => {
      const world = bench();
      const sink = new RecordingSink();
      const handle = world.subscribe(sink, 'a');
      await world.run(50);
      if (first === 'while it comes up') await secondDial(world);
      handle.hold();
      world.publish('a', 'before');
      if (first !== 'while it comes up') await secondDial(world);
      await world.run(20_000);
      world.publish('a', 'after');
      await world.run(100);
      assert.deepEqual(sink.seen, []);
      handle.release();
      await world.run(100);
      assert.deepEqual(sink.seen, ['a:before', 'a:after']);
      assert.equal(world.network.links.size, 1, 'the new link has taken over');
      await world.close();
    });
  }

  test('reads nothing more from the old link once it asks where the new one stands', async () => {
    const world = bench();
    const sink = new RecordingSink();
    world.subscribe(sink, 'a');
    await world.run(50);
    let sent = 0;
    await secondDial(world);
    // The new link is slow: what the old one would bring behind its pong would come again.
    for (; world.network.links.size === 2 || sent === 0; sent++) {
      world.publish('a', String(sent));
      world.network.weather.latencyMs = sent % 3;
      await world.run(0.1);
    }
    await world.run(100);
    assert.deepEqual(
      sink.seen,
      Array.from({ length: sent }, (_, index) => `a:${index}`),
    );
    await world.close();
  });

  for (const [when, name] of [
    ['while it is asked for its channels', 'SUBSCRIBE'],
    ['before its last answer', 'PING'],
  ] as const) {
    test(`falls back to an ordinary reconnect when the second link ends ${when}, and tells one gap`, async () => {
      const world = bench();
      const sink = new RecordingSink();
      world.subscribe(sink, 'a');
      await world.run(50);
      await secondDial(world);
      const { executed } = world.server;
      // Each handshake has a PING of its own.
      const goal = (executed.get(name) ?? 0) + (name === 'PING' ? 2 : 1);
      while (executed.get(name) !== goal) await world.run(0.1);
      [...world.network.links][1]?.cut();
      await world.run(5000);
      world.publish('a', 'after');
      await world.run(10);
      assert.equal(sink.gaps.length, 1);
      assert.match(String(sink.gaps[0]?.cause.message), /credentials expire/);
      assert.deepEqual(sink.texts, ['a:after']);
      assert.equal(world.network.links.size, 1);
      await world.close();
    });
  }

  test('is given up with its link when the old one is lost', async () => {
    const world = bench();
    const sink = new RecordingSink();
    world.subscribe(sink, 'a');
    await world.run(50);
    await secondDial(world);
    const [old, second] = world.network.links;
    second?.freeze();
    old?.cut();
    await world.run(1000);
    assert.ok(second && !world.network.links.has(second));
    assert.equal(world.network.links.size, 1);
    assert.equal(world.server.publishFrom('a', '1'), 1);
    await world.run(10);
    assert.equal(sink.gaps.length, 1);
    assert.deepEqual(sink.texts, ['a:1']);
    await world.close();
  });

  test('ends with its owner', async () => {
    const world = bench();
    world.subscribe(new RecordingSink(), 'a');
    await world.run(50);
    await secondDial(world);
    [...world.network.links][1]?.freeze();
    await world.close();
    assert.equal(world.network.links.size, 0);
    await world.run(60_000);
    assert.equal(world.platform.timerCount, 0);
    assert.equal(world.network.dialCount, 2);
  });

  test('is not begun by an owner who closes, and waits for an answer', async () => {
    const world = bench();
    world.subscribe(new RecordingSink(), 'a');
    await world.run(50);
    await world.run(6500);
    [...world.network.links][0]?.freeze();
    world.subscribe(new RecordingSink(), 'b');
    await world.run(5);
    await world.close();
    assert.ok(world.time.now() > 9000, 'the credentials were due meanwhile');
    assert.equal(world.network.dialCount, 1);
  });

  test('costs no more memory than a bound: beyond it an ordinary reconnect tells its gap', async () => {
    const world = bench();
    const sink = new RecordingSink();
    world.subscribe(sink, 'a');
    await world.run(50);
    await secondDial(world);
    while (world.server.publishFrom('a', 'x') < 2) await world.run(0.1);
    const large = 'x'.repeat(4 * 1024 * 1024);
    for (let index = 0; index < 5; index++) world.publish('a', large);
    await world.run(3000);
    assert.equal(sink.gaps.length, 1);
    assert.match(String(sink.gaps[0]?.cause.cause), /Cannot replace the link: too many messages/);
    world.publish('a', 'after');
    await world.run(10);
    assert.equal(sink.seen.at(-1), 'a:after', 'what was paused for the new link is read again');
    await world.close();
  });

  test('finds where one list of messages goes on in another', () => {
    const list = (text: string) => [...text].map((payload) => new RespMessage('c', undefined, payload, false));
    const text = (messages: RespMessage[]) => messages.map(({ payload }) => payload).join('');
    assert.equal(text(newerMessages(list('abcd'), list('cdef'))), 'ef');
    assert.equal(text(newerMessages(list('abcd'), list('abcd'))), '');
    assert.equal(text(newerMessages(list('ab'), list('xy'))), 'xy');
    assert.equal(text(newerMessages([], list('xy'))), 'xy');
    assert.equal(text(newerMessages(list('abab'), list('ababab'))), 'ab');
  });

  test('finds it in any lists, as trying every place would', () => {
    const random = new SeededRandom(5);
    const list = () =>
      Array.from({ length: random.integer(0, 12) }, () => {
        const payload = random.pick(['a', 'b']);
        return new RespMessage('c', undefined, random.chance(0.5) ? payload : Buffer.from(payload), false);
      });
    const key = ({ payload }: RespMessage) => `${typeof payload} ${payload}`;
    for (let round = 0; round < 3000; round++) {
      const given = list();
      const brought = list();
      const repeats = (count: number) =>
        given
          .slice(given.length - count)
          .map(key)
          .join() === brought.slice(0, count).map(key).join();
      let count = Math.min(given.length, brought.length);
      while (!repeats(count)) count--;
      assert.deepEqual(newerMessages(given, brought), brought.slice(count));
    }
  });

  test('looks at each message a few times only, also where a channel says the same again and again', () => {
    let looks = 0;
    const list = (text: string) =>
      [...text].map((payload) =>
        Object.defineProperty(new RespMessage('c', undefined, '', false), 'payload', {
          get() {
            looks++;
            return payload;
          },
        }),
      );
    const same = 'a'.repeat(3000);
    assert.equal(newerMessages(list(same), list(`${same}b`)).length, 1);
    assert.equal(newerMessages(list(`${same}c`), list(`${same}b`)).length, 3001);
    assert.ok(looks < 12 * 4 * 3001, `looked ${looks} times`);
  });
});
