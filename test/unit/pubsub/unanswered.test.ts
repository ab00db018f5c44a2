// The table of wishes where answers go missing: late, refused, executed or not. Whatever happened, once the server
// answers again it holds what is wanted, everybody knows it, and nothing is held for nobody.
// Run by `npm test`. Time is a number here.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LinkLostError, ReplyError, TimeoutError } from '../../../src/errors/index.ts';
import type { Wish } from '../../../src/pubsub/standing.ts';
import { SubscriptionTable, type Verb } from '../../../src/pubsub/subscription-table.ts';
import type { ChannelKind } from '../../../src/pubsub/types.ts';
import { RespMessage } from '../../../src/resp/index.ts';
import { RecordingSink } from '../../support/pubsub-bench.ts';
import { SeededRandom } from '../../support/simulation/random.ts';

const late = new TimeoutError('Cannot subscribe: no confirmation in time');
const lost = new LinkLostError('Lost the link');
const noperm = new ReplyError('Cannot execute SUBSCRIBE: NOPERM', { code: 'NOPERM', command: 'SUBSCRIBE' });

interface Asked {
  readonly verb: Verb;
  readonly kind: ChannelKind;
  readonly channel: string;
}

/** A server that executes what it is asked, and whose answers the test decides. */
class Bench {
  readonly asked: Asked[] = [];
  readonly held = new Set<string>();
  readonly table = new SubscriptionTable({ ask: (verb, kind, channel) => this.asked.push({ verb, kind, channel }) });
  now = 1;

  wish(sink: RecordingSink, channels: string[]): Wish {
    return this.table.add({ kind: 'channel', channels, bytes: false, sink }, this.now);
  }

  next(): Asked | undefined {
    return this.asked.shift();
  }

  execute({ verb, channel }: Asked): void {
    if (verb === 'subscribe') this.held.add(channel);
    else this.held.delete(channel);
  }

  confirm(asked: Asked): void {
    this.execute(asked);
    this.table.confirmed(asked.verb, asked.kind, asked.channel, this.now, true);
  }

  /** Answers everything, retries included, until nothing is asked any more. */
  heal(): void {
    for (let round = 0; round < 10; round++) {
      for (let asked = this.next(); asked !== undefined; asked = this.next()) this.confirm(asked);
      this.table.retryDue(Infinity);
    }
  }
}

describe('the subscription table without answers', () => {
  test('a wish that goes before its late answer leaves nothing on the server', () => {
    const bench = new Bench();
    const sink = new RecordingSink();
    bench.table.linkUp();
    const wish = bench.wish(sink, ['a']);
    const asked = bench.next() as Asked;
    bench.execute(asked);
    bench.table.unanswered('subscribe', 'channel', asked.channel, late, bench.now);
    assert.deepEqual(sink.errors, [late]);
    bench.table.remove(wish);
    bench.heal();
    assert.deepEqual([...bench.held], []);
    assert.ok(bench.table.isEmpty);
  });

  test('what is wanted again while its UNSUBSCRIBE is not answered is asked for again', () => {
    for (const outcome of ['unanswered', 'refused'] as const) {
      const bench = new Bench();
      const [old, fresh] = [new RecordingSink(), new RecordingSink()];
      bench.table.linkUp();
      const wish = bench.wish(old, ['a']);
      bench.confirm(bench.next() as Asked);
      bench.table.remove(wish);
      bench.wish(fresh, ['a']);
      const asked = bench.next() as Asked;
      assert.equal(asked.verb, 'unsubscribe');
      if (outcome === 'unanswered') bench.table.unanswered('unsubscribe', 'channel', asked.channel, late, bench.now);
      else bench.table.refused('unsubscribe', 'channel', asked.channel, noperm, bench.now);
      bench.heal();
      assert.deepEqual([...bench.held], ['a'], outcome);
      assert.equal(fresh.stateOf('a'), 'active', outcome);
    }
  });

  test('a server that answers neither is not asked for ever', () => {
    const bench = new Bench();
    bench.table.linkUp();
    const wish = bench.wish(new RecordingSink(), ['a']);
    bench.table.unanswered('subscribe', 'channel', (bench.next() as Asked).channel, late, bench.now);
    bench.table.remove(wish);
    bench.table.unanswered('unsubscribe', 'channel', (bench.next() as Asked).channel, late, bench.now);
    assert.equal(bench.next(), undefined);
    assert.ok(bench.table.isEmpty);
  });

  test('is right again in 20,000 random steps', () => {
    const random = new SeededRandom(77);
    const names = ['a', 'b', 'c', 'd'];
    for (let world = 0; world < 250; world++) {
      const bench = new Bench();
      const live = new Map<Wish, RecordingSink>();
      let linked = true;
      bench.table.linkUp();
      for (let step = 0; step < 80; step++) {
        bench.now += random.integer(1, 3000);
        switch (random.integer(0, 7)) {
          case 0:
          case 1: {
            const sink = new RecordingSink();
            const channels = names.filter(() => random.chance(0.4));
            if (channels.length > 0) live.set(bench.wish(sink, channels), sink);
            break;
          }
          case 2: {
            const wish = [...live.keys()][random.integer(0, Math.max(0, live.size - 1))];
            if (wish !== undefined) bench.table.remove(wish);
            if (wish !== undefined) live.delete(wish);
            break;
          }
          case 3:
            if (!random.chance(0.3)) break;
            bench.asked.length = 0;
            bench.held.clear();
            if (linked) bench.table.linkDown(lost, 'link-lost');
            else bench.table.linkUp();
            linked = !linked;
            break;
          case 4:
            if (linked) bench.table.retryDue(bench.now);
            break;
          case 5: {
            const name = random.pick(names);
            if (!bench.held.has(name)) break;
            bench.table.route(new RespMessage(name, undefined, String(step), false), bench.now);
            break;
          }
          default: {
            const asked = bench.next();
            if (asked === undefined) break;
            const { verb, kind, channel } = asked;
            if (random.chance(0.6)) bench.confirm(asked);
            else if (verb === 'subscribe' && random.chance(0.5)) {
              bench.table.refused(verb, kind, channel, noperm, bench.now);
            } else {
              if (verb === 'unsubscribe' || random.chance(0.5)) bench.execute(asked);
              bench.table.unanswered(verb, kind, channel, late, bench.now);
            }
          }
        }
        assert.ok(bench.asked.length <= names.length, 'one command a channel is in flight');
      }
      if (!linked) bench.table.linkUp();
      bench.heal();
      const wanted = new Set([...live.keys()].flatMap((wish) => wish.channels));
      assert.deepEqual([...bench.held].sort(), [...wanted].sort(), `world ${world}`);
      for (const [wish, sink] of live) {
        for (const channel of wish.channels)
          assert.equal(sink.stateOf(channel), 'active', `world ${world}, ${channel}`);
      }
      assert.equal(bench.table.nextRetryAt(), Infinity);
    }
  });
});
