// Holds the table of wishes to a model server in all interleavings: wishes come and go, links break, channels are denied
// and taken away; messages reach who should have them, and every loss is told once, before anything newer.
// Run by `npm test`. Time is a number here.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LinkLostError, ReplyError } from '../../../src/errors/index.ts';
import type { Wish } from '../../../src/pubsub/standing.ts';
import { SubscriptionTable, type Verb } from '../../../src/pubsub/subscription-table.ts';
import type { ChannelKind, Gap, SubscriptionStateName } from '../../../src/pubsub/types.ts';
import { RespMessage } from '../../../src/resp/index.ts';
import { SeededRandom } from '../../support/simulation/random.ts';

const lost = new LinkLostError('Lost the link');
const denied = new ReplyError('Cannot execute SUBSCRIBE: NOPERM', { code: 'NOPERM', command: 'SUBSCRIBE' });

/** A sink that remembers what it was told. */
class Probe {
  readonly seen: (string | Gap)[] = [];
  readonly states: string[] = [];
  readonly kind = 'channel' as const;
  ended = false;

  readonly sink = {
    onMessage: (channel: string, _pattern: string | undefined, payload: string | Uint8Array) =>
      void this.seen.push(`${channel}:${payload}`),
    onGap: (gap: Gap) => void this.seen.push(gap),
    onChannelState: (channel: string, state: SubscriptionStateName) => void this.states.push(`${channel} ${state}`),
    onEnd: () => {
      this.ended = true;
    },
  };

  get gaps(): Gap[] {
    return this.seen.filter((entry) => typeof entry !== 'string');
  }
}

/** The table with an owner that notes what is asked. */
class Bench {
  readonly asked: { verb: Verb; kind: ChannelKind; channel: string }[] = [];
  readonly table = new SubscriptionTable({ ask: (verb, kind, channel) => this.asked.push({ verb, kind, channel }) });
  now = 1;

  wish(probe: Probe, ...channels: string[]): Wish {
    return this.table.add({ kind: 'channel', channels, bytes: false, sink: probe.sink }, this.now);
  }

  /** Answers everything that was asked. */
  answer(tellGap = true): void {
    for (const { verb, kind, channel } of this.asked.splice(0)) {
      this.table.confirmed(verb, kind, channel, this.now, tellGap);
    }
  }

  message(channel: string, text: string): void {
    this.table.route(new RespMessage(channel, undefined, text, false), this.now);
  }
}

describe('the subscription table', () => {
  test('asks once for a channel that two want, and leaves it when both have gone', () => {
    const bench = new Bench();
    const [a, b] = [new Probe(), new Probe()];
    bench.table.linkUp();
    const first = bench.wish(a, 'x');
    const second = bench.wish(b, 'x');
    assert.equal(bench.asked.length, 1);
    bench.answer();
    bench.message('x', '1');
    bench.table.remove(first);
    bench.message('x', '2');
    assert.deepEqual([a.seen, b.seen], [['x:1'], ['x:1', 'x:2']]);
    assert.equal(bench.asked.length, 0);
    bench.table.remove(second);
    assert.deepEqual(
      bench.asked.map(({ verb }) => verb),
      ['unsubscribe'],
    );
    bench.answer();
    assert.equal(bench.table.isEmpty, true);
  });

  test('asks again for a channel that is wanted while it is being left', () => {
    const bench = new Bench();
    bench.table.linkUp();
    const wish = bench.wish(new Probe(), 'x');
    bench.answer();
    bench.table.remove(wish);
    const probe = new Probe();
    bench.wish(probe, 'x');
    assert.deepEqual(
      bench.asked.map(({ verb }) => verb),
      ['unsubscribe'],
    );
    bench.answer();
    bench.answer();
    bench.message('x', '1');
    assert.deepEqual(probe.seen, ['x:1']);
  });

  test('tells one gap a wish after a reconnect, naming its channels, before anything newer', () => {
    const bench = new Bench();
    const probe = new Probe();
    bench.table.linkUp();
    bench.wish(probe, 'x', 'y');
    bench.answer();
    bench.now = 50;
    bench.message('x', 'old');
    bench.table.linkDown(lost, 'link-lost');
    bench.now = 90;
    bench.table.linkUp();
    assert.equal(bench.asked.length, 2);
    bench.answer(false);
    bench.table.tellLosses(bench.now);
    bench.message('y', 'new');
    assert.equal(probe.gaps.length, 1);
    const gap = probe.seen[1] as Gap;
    assert.deepEqual(
      { ...gap, cause: undefined },
      { channels: ['x', 'y'], from: 50, to: 90, cause: undefined, reason: 'link-lost', missed: 'unknown' },
    );
    assert.equal(gap.cause, lost);
    assert.equal(probe.seen[2], 'y:new');
  });

  test('begins a gap with the last message, else with the first confirmation, also of a channel that was held', () => {
    const bench = new Bench();
    const [early, late] = [new Probe(), new Probe()];
    bench.table.linkUp();
    bench.now = 10;
    bench.wish(early, 'x');
    bench.now = 20;
    bench.answer();
    bench.now = 30;
    bench.wish(late, 'x');
    const lose = () => {
      bench.table.linkDown(lost, 'link-lost');
      bench.table.linkUp();
      bench.answer(false);
      bench.table.tellLosses(bench.now);
    };
    bench.now = 40;
    lose();
    assert.deepEqual(
      [early, late].map(({ gaps }) => [gaps[0]?.from, gaps[0]?.to]),
      [
        [20, 40],
        [30, 40],
      ],
    );
    bench.now = 50;
    bench.message('x', 'm');
    bench.now = 60;
    lose();
    assert.deepEqual([early.gaps[1]?.from, late.gaps[1]?.from], [50, 50]);
  });

  test('tells the first of two losses, once, and to nobody who went before it could be told', () => {
    const bench = new Bench();
    const [stays, goes] = [new Probe(), new Probe()];
    bench.table.linkUp();
    bench.wish(stays, 'x');
    const gone = bench.wish(goes, 'x');
    bench.answer();
    const first = new LinkLostError('the first');
    bench.table.linkDown(first, 'overrun');
    bench.table.linkUp();
    bench.table.linkDown(lost, 'link-lost');
    bench.table.linkUp();
    bench.table.remove(gone);
    bench.asked.splice(1);
    bench.answer();
    assert.deepEqual(goes.gaps, []);
    assert.deepEqual(
      stays.gaps.map(({ reason, cause }) => [reason, cause.message]),
      [['overrun', first.message]],
    );
  });

  test('takes a channel that is named twice once', () => {
    const bench = new Bench();
    const probe = new Probe();
    bench.table.linkUp();
    const wish = bench.wish(probe, 'x', 'x');
    assert.equal(bench.asked.length, 1);
    bench.answer();
    bench.message('x', '1');
    assert.deepEqual(probe.seen, ['x:1']);
    bench.table.remove(wish);
    bench.answer();
    assert.equal(bench.table.isEmpty, true);
  });

  test('tells a wish that it is late no more once it goes in the middle of that', () => {
    const bench = new Bench();
    const probe = new Probe();
    bench.table.linkUp();
    const wish = bench.wish(probe, 'x', 'y', 'z');
    const told: string[] = [];
    const { onChannelState } = probe.sink;
    probe.sink.onChannelState = (channel, state) => {
      onChannelState(channel, state);
      told.push(channel);
      bench.table.remove(wish);
    };
    bench.table.late(wish, () => denied);
    assert.deepEqual(told, ['x']);
  });

  test('keeps to itself what the audit asked again for and its user left meanwhile', () => {
    const bench = new Bench();
    bench.table.linkUp();
    const wish = bench.wish(new Probe(), 'x');
    bench.answer();
    bench.table.askAgain('channel', 'x');
    bench.table.remove(wish);
    assert.deepEqual(
      bench.asked.map(({ verb }) => verb),
      ['subscribe', 'unsubscribe'],
    );
    for (const answer of ['confirmed', 'refused'] as const) {
      if (answer === 'confirmed') bench.table.confirmed('subscribe', 'channel', 'x', 1, true);
      else bench.table.refused('subscribe', 'channel', 'x', denied, 1);
      assert.equal(bench.table.find('channel', 'x')?.held, 'turning-off');
    }
    bench.table.unanswered('subscribe', 'channel', 'x', denied, 1);
    assert.equal(bench.table.find('channel', 'x')?.held, 'turning-off');
    bench.table.confirmed('unsubscribe', 'channel', 'x', 1, true);
    assert.equal(bench.table.isEmpty, true);
  });

  test('tells no gap to who came while the link was down', () => {
    const bench = new Bench();
    const [old, fresh] = [new Probe(), new Probe()];
    bench.table.linkUp();
    bench.wish(old, 'x');
    bench.answer();
    bench.table.linkDown(lost, 'link-lost');
    bench.wish(fresh, 'x');
    bench.table.linkUp();
    bench.answer(false);
    bench.table.tellLosses(bench.now);
    assert.deepEqual([old.gaps.length, fresh.gaps.length], [1, 0]);
  });

  test('keeps a denied channel apart, tries it again later and further apart each time', () => {
    const bench = new Bench();
    const probe = new Probe();
    bench.table.linkUp();
    bench.wish(probe, 'x', 'secret');
    const [x, secret] = bench.asked.splice(0);
    bench.table.confirmed('subscribe', 'channel', x!.channel, 1, true);
    bench.table.refused('subscribe', 'channel', secret!.channel, denied, 1000);
    bench.message('x', '1');
    assert.deepEqual(probe.states, ['x active', 'secret denied']);
    assert.deepEqual(probe.seen, ['x:1']);
    const waits: number[] = [];
    let now = 1000;
    for (let index = 0; index < 8; index++) {
      const at = bench.table.nextRetryAt();
      waits.push(at - now);
      now = at;
      bench.table.retryDue(now);
      bench.table.refused('subscribe', 'channel', bench.asked.splice(0)[0]!.channel, denied, now);
    }
    assert.deepEqual(waits, [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
  });

  test('tries a denied channel at once when its user says so', () => {
    const bench = new Bench();
    const probe = new Probe();
    bench.table.linkUp();
    const wish = bench.wish(probe, 'secret');
    bench.table.refused('subscribe', 'channel', bench.asked.splice(0)[0]!.channel, denied, 0);
    bench.table.retry(wish);
    bench.answer();
    assert.deepEqual(probe.states, ['secret denied', 'secret active']);
    assert.equal(bench.table.nextRetryAt(), Infinity);
  });

  test('subscribes again what the server took away, and not at once when that repeats', () => {
    const bench = new Bench();
    const probe = new Probe();
    bench.table.linkUp();
    bench.wish(probe, 'x');
    bench.answer();
    const loss = { cause: new Error('taken'), reason: 'unsubscribed-by-server' };
    bench.table.takenAway('channel', 'x', loss, 0);
    bench.answer();
    assert.equal(probe.gaps[0]?.reason, 'unsubscribed-by-server');
    bench.table.takenAway('channel', 'x', loss, 10);
    assert.equal(bench.asked.length, 0);
    assert.equal(bench.table.nextRetryAt(), 1010);
    bench.table.retryDue(1010);
    bench.answer();
    assert.equal(probe.gaps.length, 2);
  });

  test('gives nothing to a wish that is cancelled in the middle of a message', () => {
    const bench = new Bench();
    bench.table.linkUp();
    const seen: string[] = [];
    const wishes: Wish[] = [];
    for (const name of ['a', 'b', 'c']) {
      const probe = new Probe();
      const sink = {
        ...probe.sink,
        onMessage: () => {
          seen.push(name);
          for (const wish of wishes) bench.table.remove(wish);
        },
      };
      wishes.push(bench.table.add({ kind: 'channel', channels: ['x'], bytes: false, sink }, 1));
    }
    bench.answer();
    bench.message('x', '1');
    assert.deepEqual(seen, ['a']);
  });

  test('is right in 30,000 random interleavings', () => {
    const random = new SeededRandom(21);
    const names = ['a', 'b', 'c'];
    for (let world = 0; world < 300; world++) {
      const bench = new Bench();
      const live = new Map<Wish, Probe>();
      /** What the server really holds, and what each wish must be told before its next message. */
      const held = new Set<string>();
      const owed = new Map<Wish, Set<string>>();
      const confirmedFor = new Map<Wish, Set<string>>();
      let linked = false;
      let number = 0;
      const losing = (channel: string) => {
        for (const [wish] of live) if (confirmedFor.get(wish)?.has(channel)) owed.get(wish)?.add(channel);
      };
      for (let step = 0; step < 100; step++) {
        bench.now++;
        const channel = random.pick(names);
        switch (random.integer(0, 7)) {
          case 0: {
            const probe = new Probe();
            const channels = names.filter(() => random.chance(0.5));
            if (channels.length === 0) break;
            const wish = bench.wish(probe, ...channels);
            live.set(wish, probe);
            owed.set(wish, new Set());
            confirmedFor.set(
              wish,
              new Set(channels.filter((name) => bench.table.find('channel', name)?.held === 'on')),
            );
            break;
          }
          case 1: {
            const wish = [...live.keys()][random.integer(0, Math.max(0, live.size - 1))];
            if (wish === undefined) break;
            bench.table.remove(wish);
            live.delete(wish);
            break;
          }
          case 2:
            if (linked) {
              linked = false;
              bench.asked.length = 0;
              for (const name of [...held]) if (bench.table.find('channel', name)?.held === 'on') losing(name);
              held.clear();
              bench.table.linkDown(lost, 'link-lost');
            } else {
              linked = true;
              bench.table.linkUp();
            }
            break;
          case 3:
            if (held.has(channel) && bench.table.find('channel', channel)?.held === 'on') {
              held.delete(channel);
              losing(channel);
              bench.table.takenAway(
                'channel',
                channel,
                { cause: lost, reason: 'unsubscribed-by-server' },
                bench.now * 10_000,
              );
            }
            break;
          case 4:
          case 5: {
            const next = bench.asked.shift();
            if (next === undefined || !linked) break;
            const { verb, channel: asked } = next;
            if (verb === 'subscribe' && random.chance(0.2)) {
              bench.table.refused('subscribe', 'channel', asked, denied, bench.now);
              break;
            }
            if (verb === 'subscribe') held.add(asked);
            else held.delete(asked);
            bench.table.confirmed(verb, 'channel', asked, bench.now, true);
            if (verb === 'subscribe') {
              for (const [wish] of live) {
                if (!wish.channels.includes(asked)) continue;
                confirmedFor.get(wish)?.add(asked);
                owed.get(wish)?.delete(asked);
              }
            }
            break;
          }
          case 6:
            if (linked) bench.table.retryDue(random.chance(0.5) ? Infinity : bench.now);
            break;
          default: {
            if (!linked || !held.has(channel)) break;
            const before = new Map([...live].map(([wish, probe]) => [wish, probe.seen.length]));
            bench.message(channel, String(++number));
            for (const [wish, probe] of live) {
              const wanted = wish.channels.includes(channel);
              const got = probe.seen.length - (before.get(wish) ?? 0);
              if (!wanted) assert.equal(got, 0, 'a message reached who does not want it');
              else if (bench.table.find('channel', channel)?.held === 'on') {
                assert.equal(got, 1, 'a message did not reach who wants it');
                assert.equal(owed.get(wish)?.has(channel), false, 'a message came before its gap');
              }
            }
          }
        }
      }
      // Whatever happened: once linked and answered, all that is wanted is held, and nothing else.
      if (!linked) bench.table.linkUp();
      for (let round = 0; round < 5; round++) {
        bench.answer();
        bench.table.retryDue(Infinity);
      }
      bench.answer();
      const wanted = new Set([...live.keys()].flatMap((wish) => wish.channels));
      const holding = new Set(bench.table.held('channel'));
      assert.deepEqual([...holding].sort(), [...wanted].sort());
    }
  });
});
