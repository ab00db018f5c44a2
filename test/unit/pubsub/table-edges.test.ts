// The table of wishes at its edges: names given twice, answers that come for nobody, retries of several channels, what goes
// alone. Run by `npm test`. Time is a number here.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LinkLostError, ReplyError, TimeoutError } from '../../../src/errors/index.ts';
import type { Wish } from '../../../src/pubsub/standing.ts';
import { SubscriptionTable } from '../../../src/pubsub/subscription-table.ts';
import { RespMessage } from '../../../src/resp/index.ts';
import { RecordingSink } from '../../support/pubsub-bench.ts';

const lost = new LinkLostError('Lost the link');
const late = new TimeoutError('Cannot subscribe: no confirmation in time');
const denied = new ReplyError('Cannot execute SUBSCRIBE: NOPERM', { code: 'NOPERM', command: 'SUBSCRIBE' });

/** What was asked, as `subscribe a`, with a mark where it must go alone. */
class Bench {
  readonly asked: string[] = [];
  readonly table = new SubscriptionTable({
    ask: (verb, _kind, channel, alone) => this.asked.push(`${verb} ${channel}${alone ? ' alone' : ''}`),
  });

  constructor(linked = true) {
    if (linked) this.table.linkUp();
  }

  wish(channels: string[], sink = new RecordingSink()): Wish {
    return this.table.add({ kind: 'channel', channels, bytes: false, sink }, 1);
  }

  confirm(...channels: string[]): void {
    for (const channel of channels) this.table.confirmed('subscribe', 'channel', channel, 1, true);
  }

  refuse(channel: string, now: number): void {
    this.table.refused('subscribe', 'channel', channel, denied, now);
  }

  take(): string[] {
    return this.asked.splice(0);
  }
}

describe('the subscription table at its edges', () => {
  test('takes what follows a channel that is named twice, and forgets both where there is no link', () => {
    const bench = new Bench(false);
    const wish = bench.wish(['x', 'x', 'y']);
    bench.table.linkUp();
    assert.deepEqual(bench.take(), ['subscribe x', 'subscribe y']);
    bench.table.linkDown(lost, 'link-lost');
    bench.table.remove(wish);
    assert.ok(bench.table.isEmpty);
    bench.table.retry(wish);
    bench.table.remove(wish);
    assert.deepEqual(bench.take(), []);
  });

  test('takes answers about what it has forgotten for nothing', () => {
    const bench = new Bench();
    for (const verb of ['subscribe', 'unsubscribe'] as const) {
      bench.table.confirmed(verb, 'channel', 'x', 1, true);
      bench.table.refused(verb, 'channel', 'x', denied, 1);
      bench.table.unanswered(verb, 'channel', 'x', late, 1);
    }
    bench.table.takenAway('channel', 'x', { cause: lost, reason: 'unsubscribed-by-server' }, 1);
    bench.table.markLost('channel', 'x', { cause: lost, reason: 'audit' });
    bench.table.askAgain('channel', 'x');
    assert.ok(bench.table.isEmpty);
    assert.deepEqual(bench.take(), []);
    assert.equal(bench.table.nextRetryAt(), Infinity);
  });

  test('tries each of several denied channels when its own time has come', () => {
    const bench = new Bench();
    bench.wish(['x', 'y', 'z']);
    bench.take();
    bench.refuse('x', 0);
    bench.refuse('z', 700);
    bench.refuse('y', 500);
    assert.equal(bench.table.nextRetryAt(), 1000);
    bench.table.retryDue(1000);
    assert.deepEqual(bench.take(), ['subscribe x alone']);
    assert.equal(bench.table.nextRetryAt(), 1500);
    bench.table.retryDue(1500);
    assert.deepEqual(bench.take(), ['subscribe y alone']);
    assert.equal(bench.table.nextRetryAt(), 1700);
  });

  test('begins the backoff of a channel anew once it was confirmed', () => {
    const bench = new Bench();
    const sink = new RecordingSink();
    bench.wish(['x'], sink);
    bench.confirm('x');
    // That it was taken away is remembered, and nothing else of before.
    bench.table.takenAway('channel', 'x', { cause: lost, reason: 'unsubscribed-by-server' }, 0);
    bench.refuse('x', 0);
    bench.table.retryDue(1000);
    bench.refuse('x', 1000);
    assert.equal(bench.table.nextRetryAt(), 3000);
    bench.table.retryDue(3000);
    bench.confirm('x');
    bench.table.linkDown(lost, 'link-lost');
    bench.table.linkUp();
    bench.take();
    bench.refuse('x', 10_000);
    assert.equal(bench.table.nextRetryAt(), 11_000);
    bench.table.retryDue(11_000);
    bench.table.unanswered('subscribe', 'channel', 'x', late, 11_000);
    bench.table.retryDue(12_000);
    bench.confirm('x');
    assert.deepEqual(bench.take(), ['subscribe x alone', 'subscribe x alone']);
    bench.table.takenAway('channel', 'x', { cause: lost, reason: 'unsubscribed-by-server' }, 20_000);
    assert.deepEqual(bench.take(), ['subscribe x']);
  });

  test('asks alone for what was denied or not answered, and for the latter with the others on a new link', () => {
    const bench = new Bench();
    const sink = new RecordingSink();
    bench.wish(['no', 'late', 'good'], sink);
    assert.deepEqual(bench.take(), ['subscribe no', 'subscribe late', 'subscribe good']);
    bench.refuse('no', 0);
    bench.table.unanswered('subscribe', 'channel', 'late', late, 0);
    bench.confirm('good');
    assert.deepEqual([sink.stateOf('no'), sink.stateOf('late'), sink.errors], ['denied', 'pending', [denied, late]]);
    bench.table.retryDue(999);
    assert.deepEqual(bench.take(), []);
    bench.table.retryDue(1000);
    assert.deepEqual(bench.take(), ['subscribe no alone', 'subscribe late alone']);
    bench.table.linkDown(lost, 'link-lost');
    bench.table.linkUp();
    assert.deepEqual(bench.take(), ['subscribe no alone', 'subscribe late', 'subscribe good']);
    bench.confirm('no', 'late', 'good');
    bench.table.linkDown(lost, 'link-lost');
    bench.table.linkUp();
    assert.deepEqual(bench.take(), ['subscribe no', 'subscribe late', 'subscribe good']);
  });

  for (const way of ['by a new link', 'by its retry', 'by its user'] as const) {
    test(`asks for what is wanted again after it was denied, asked for ${way}, given up and not answered`, () => {
      const bench = new Bench();
      const wish = bench.wish(['x']);
      bench.refuse('x', 0);
      bench.take();
      if (way === 'by its retry') bench.table.retryDue(1000);
      else if (way === 'by its user') bench.table.retry(wish);
      else {
        bench.table.linkDown(lost, 'link-lost');
        bench.table.linkUp();
      }
      assert.deepEqual(bench.take(), ['subscribe x alone']);
      bench.table.remove(wish);
      bench.table.unanswered('subscribe', 'channel', 'x', late, 6000);
      assert.deepEqual(bench.take(), ['unsubscribe x alone']);
      const sink = new RecordingSink();
      bench.wish(['x'], sink);
      bench.table.confirmed('unsubscribe', 'channel', 'x', 1, true);
      assert.deepEqual(bench.take(), ['subscribe x alone']);
      bench.confirm('x');
      assert.equal(sink.stateOf('x'), 'active');
    });
  }

  test('tells a loss once, however often all losses are told', () => {
    const bench = new Bench();
    const sink = new RecordingSink();
    bench.wish(['x', 'y'], sink);
    bench.confirm('x', 'y');
    bench.table.linkDown(lost, 'link-lost');
    bench.table.linkUp();
    bench.table.confirmed('subscribe', 'channel', 'x', 1, false);
    bench.table.tellLosses(1);
    bench.table.tellLosses(1);
    bench.table.confirmed('subscribe', 'channel', 'y', 1, false);
    bench.table.tellLosses(1);
    assert.deepEqual(
      sink.gaps.map(({ channels }) => channels),
      [['x'], ['y']],
    );
  });

  test('asks nothing more about a channel that is being left when an older question about it is answered', () => {
    const bench = new Bench();
    const wish = bench.wish(['x']);
    bench.confirm('x');
    bench.table.askAgain('channel', 'x');
    assert.deepEqual(bench.take(), ['subscribe x', 'subscribe x']);
    bench.table.remove(wish);
    bench.confirm('x');
    bench.refuse('x', 1);
    bench.table.unanswered('subscribe', 'channel', 'x', late, 1);
    assert.deepEqual(bench.take(), ['unsubscribe x']);
    bench.table.confirmed('unsubscribe', 'channel', 'x', 1, true);
    assert.ok(bench.table.isEmpty);
  });

  test('tells of a limit only what never had an answer', () => {
    const bench = new Bench();
    const sink = new RecordingSink();
    const wish = bench.wish(['lost', 'on', 'no', 'never'], sink);
    bench.confirm('lost', 'on');
    bench.refuse('no', 0);
    bench.table.takenAway('channel', 'lost', { cause: lost, reason: 'unsubscribed-by-server' }, 0);
    sink.states.length = 0;
    bench.table.late(wish, () => late);
    assert.deepEqual(sink.states, [{ channel: 'never', state: 'pending', error: late }]);
  });

  test('forgets at once what is refused and not wanted any more, and asks nothing again', () => {
    const bench = new Bench();
    const [before, after, unsure] = [bench.wish(['before']), bench.wish(['after']), bench.wish(['unsure'])];
    bench.table.remove(before);
    bench.refuse('before', 0);
    bench.refuse('after', 0);
    bench.table.remove(after);
    bench.table.unanswered('subscribe', 'channel', 'unsure', late, 0);
    bench.take();
    bench.table.remove(unsure);
    assert.deepEqual(bench.take(), ['unsubscribe unsure alone']);
    bench.table.refused('unsubscribe', 'channel', 'unsure', denied, 0);
    assert.deepEqual(bench.take(), []);
    assert.ok(bench.table.isEmpty);
    assert.equal(bench.table.nextRetryAt(), Infinity);
  });

  test('tells a right that went while a channel was held as its loss, once it is back', () => {
    const bench = new Bench();
    const sink = new RecordingSink();
    bench.wish(['x'], sink);
    bench.confirm('x');
    bench.table.askAgain('channel', 'x');
    bench.refuse('x', 0);
    assert.deepEqual([sink.stateOf('x'), sink.gaps], ['denied', []]);
    bench.table.retryDue(1000);
    bench.confirm('x');
    assert.deepEqual(
      sink.gaps.map(({ reason, cause }) => [reason, cause]),
      [['denied', denied]],
    );
  });

  /** Three wishes for x. The first gives up, at the call of `name`, the second one; the third learns all the same. */
  function trio(bench: Bench, name: 'onMessage' | 'onChannelState' | 'onGap') {
    const sinks = [new RecordingSink(), new RecordingSink(), new RecordingSink()] as const;
    const wishes: Wish[] = [];
    Object.assign(sinks[0], { [name]: () => bench.table.remove(wishes[1] as Wish) });
    for (const sink of sinks) wishes.push(bench.wish(['x'], sink));
    return sinks;
  }

  test('tells those behind a wish that is given up by another in the middle of being told', () => {
    for (const name of ['onMessage', 'onChannelState', 'onGap'] as const) {
      const bench = new Bench();
      const [, second, third] = trio(bench, name);
      bench.confirm('x');
      assert.deepEqual([second.states.length, third.states.length], [name === 'onChannelState' ? 0 : 1, 1], name);
      if (name === 'onMessage') bench.table.route(new RespMessage('x', undefined, '1', false), 1);
      bench.table.takenAway('channel', 'x', { cause: lost, reason: 'unsubscribed-by-server' }, 1);
      bench.confirm('x');
      assert.deepEqual(second.seen, [], name);
      assert.deepEqual(third.gaps.length, 1, name);
      assert.deepEqual(third.texts, name === 'onMessage' ? ['x:1'] : [], name);
      assert.equal(third.stateOf('x'), 'active', name);
    }
  });

  test('tells the first of two losses that were not told between', () => {
    const bench = new Bench();
    const sink = new RecordingSink();
    bench.wish(['x'], sink);
    bench.confirm('x');
    bench.table.linkDown(lost, 'overrun');
    bench.table.linkUp();
    bench.table.confirmed('subscribe', 'channel', 'x', 2, false);
    bench.table.linkDown(late, 'link-lost');
    bench.table.linkUp();
    bench.confirm('x');
    assert.deepEqual(
      sink.gaps.map(({ cause, reason }) => [cause, reason]),
      [[lost, 'overrun']],
    );
  });

  test('asks a link that took over for what the old one refused, now, and leaves there what it holds of that', () => {
    const bench = new Bench();
    const wish = bench.wish(['x', 'y']);
    bench.confirm('x', 'y');
    bench.table.askAgain('channel', 'x');
    bench.refuse('x', 1000);
    bench.take();
    // It was asked before that refusal.
    const channel = new Map([
      ['x', true],
      ['y', true],
    ]);
    bench.table.moved({ channel, pattern: new Map(), shard: new Map() }, { cause: lost, reason: 'link-lost' });
    assert.deepEqual(bench.take(), ['subscribe x alone']);
    assert.equal(bench.table.nextRetryAt(), Infinity);
    bench.table.remove(wish);
    bench.confirm('x');
    assert.deepEqual(bench.take(), ['unsubscribe y', 'unsubscribe x']);
  });

  for (const event of ['taken away', 'not on the link that took over'] as const) {
    test(`leaves nothing of a channel that its only user gives up when it hears that it is ${event}`, () => {
      const bench = new Bench();
      const sink = new RecordingSink();
      const wish = bench.wish(['x'], sink);
      bench.confirm('x');
      sink.onChannelState = () => bench.table.remove(wish);
      bench.take();
      if (event === 'taken away')
        bench.table.takenAway('channel', 'x', { cause: lost, reason: 'unsubscribed-by-server' }, 1);
      else
        bench.table.moved(
          { channel: new Map(), pattern: new Map(), shard: new Map() },
          { cause: lost, reason: 'link-lost' },
        );
      assert.deepEqual(bench.take(), []);
      assert.ok(bench.table.isEmpty);
    });
  }
});
