// Newest values when the link, the value or the user goes while a snapshot is asked for: what belongs to an older
// question is dropped. Run by `npm test`, on virtual time.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LinkLostError, ReplyError, TimeoutError } from '../../../src/errors/index.ts';
import { LatestSource } from '../../../src/pubsub/index.ts';
import { PubsubBench, RecordingSink } from '../../support/pubsub-bench.ts';

/** Its `get` waits until the test answers: it is the command connection. */
class SlowBench extends PubsubBench {
  readonly asked: { key: string; answer(value: string | null): void; fail(error: Error): void }[] = [];
  ready: Promise<void> = Promise.resolve();
  readonly latest = new LatestSource({
    subscriber: this.source,
    platform: this.platform,
    keyOf: (channel) => `channel:${channel}`,
    ready: () => this.ready,
    get: (key) =>
      new Promise((resolve, reject) => {
        this.asked.push({ key, answer: resolve, fail: reject });
      }),
    commandTimeoutMs: 5000,
  });

  want(sink: RecordingSink, channel = 'a') {
    return this.latest.subscribe({ kind: 'channel', channels: [channel], bytes: false, sink });
  }
}

describe('the newest values over RESP2', () => {
  test('take no answer to a question of the link before', async () => {
    const bench = new SlowBench({ protocol: 2 });
    const sink = new RecordingSink();
    bench.want(sink);
    await bench.run(50);
    bench.cut();
    await bench.run(1000);
    assert.equal(bench.asked.length, 2);
    bench.asked[0]?.answer('old');
    await bench.run(100);
    assert.deepEqual([sink.texts, sink.stateOf('a')], [[], 'pending']);
    bench.asked[1]?.answer('new');
    await bench.run(100);
    assert.deepEqual(sink.texts, ['a:new']);
    assert.equal(sink.stateOf('a'), 'active');
    await bench.close();
  });

  test('take no pong of the link before', async () => {
    const bench = new SlowBench({ protocol: 2 });
    const sink = new RecordingSink();
    bench.want(sink);
    await bench.run(50);
    bench.asked[0]?.answer('old');
    // The PING is on its way, and the link goes.
    await bench.run(0);
    bench.cut();
    await bench.run(1000);
    bench.asked[1]?.answer('new');
    await bench.run(100);
    assert.deepEqual(sink.texts, ['a:new']);
    await bench.close();
  });

  test('ask nothing and tell nothing once their user has gone', async () => {
    for (const moment of ['before the command link is there', 'before the answer', 'before the pong'] as const) {
      const bench = new SlowBench({ protocol: 2 });
      let connected = () => {};
      if (moment === 'before the command link is there') {
        bench.ready = new Promise((resolve) => {
          connected = resolve;
        });
      }
      const sink = new RecordingSink();
      const handle = bench.want(sink);
      await bench.run(50);
      if (moment === 'before the pong') {
        bench.asked[0]?.answer('1');
        await bench.run(0);
      }
      handle.cancel();
      connected();
      await bench.run(10);
      assert.equal(bench.asked.length, moment === 'before the command link is there' ? 0 : 1, moment);
      bench.asked[0]?.answer('1');
      await bench.run(100);
      assert.deepEqual([sink.seen, sink.states], [[], []], moment);
      await bench.close();
      assert.equal(bench.platform.timerCount, 0);
    }
  });

  test('do not ask again for who has gone when an answer fails late', async () => {
    const bench = new SlowBench({ protocol: 2 });
    const sink = new RecordingSink();
    const handle = bench.want(sink);
    await bench.run(50);
    handle.cancel();
    bench.asked[0]?.fail(new LinkLostError('Lost the link'));
    await bench.run(60_000);
    assert.deepEqual([bench.asked.length, sink.states], [1, []]);
    await bench.close();
  });

  test('are asked for a second after a failure, ten after a refusal, and not twice when the link comes anew', async () => {
    const bench = new SlowBench({ protocol: 2 });
    const sink = new RecordingSink();
    bench.want(sink);
    await bench.run(50);
    bench.asked[0]?.fail(new TimeoutError('late'));
    await bench.run(990);
    assert.equal(bench.asked.length, 1);
    await bench.run(20);
    assert.equal(bench.asked.length, 2);
    assert.deepEqual(sink.states, [], 'a failure is no state');
    bench.asked[1]?.fail(new ReplyError('no', { code: 'NOPERM', command: 'GET' }));
    await bench.run(9900);
    assert.deepEqual([bench.asked.length, sink.stateOf('a')], [2, 'denied']);
    bench.cut();
    await bench.run(2000);
    assert.equal(bench.asked.length, 3, 'the new link asks, and the planned question is dropped');
    bench.asked[2]?.answer('1');
    await bench.run(100);
    assert.equal(sink.stateOf('a'), 'active');
    await bench.run(60_000);
    assert.deepEqual([bench.asked.length, sink.texts], [3, ['a:1']]);
    await bench.close();
  });

  test('keep the thousand newest messages while they wait for the snapshot', async () => {
    const bench = new SlowBench({ protocol: 2 });
    const sink = new RecordingSink();
    bench.want(sink);
    await bench.run(50);
    for (let index = 1; index <= 1200; index++) bench.publish('a', String(index));
    await bench.run(50);
    bench.asked[0]?.answer('700');
    await bench.run(100);
    assert.deepEqual(
      sink.texts,
      Array.from({ length: 501 }, (_, index) => `a:${700 + index}`),
    );
    await bench.close();
  });
});

for (const protocol of [2, 3] as const) {
  test(`a value that is gone after a reconnect is no message, RESP${protocol}`, async () => {
    const bench = new SlowBench({ protocol });
    const sink = new RecordingSink();
    bench.server.setValue('channel:a', '1');
    bench.want(sink);
    await bench.run(50);
    bench.asked[0]?.answer('1');
    await bench.run(50);
    assert.deepEqual(sink.texts, ['a:1']);
    bench.server.restart(0);
    await bench.run(2000);
    bench.asked[1]?.answer(null);
    await bench.run(50);
    assert.equal(sink.stateOf('a'), 'active');
    bench.publish('a', '2');
    await bench.run(50);
    assert.deepEqual([sink.texts, sink.gaps.length], [['a:1', 'a:2'], 1]);
    await bench.close();
  });
}

describe('the newest values over RESP3', () => {
  test('wait for the gap, also where they are known before the new link has restored everything', async () => {
    const bench = new SlowBench({ protocol: 3 });
    const [sink, other, late] = [new RecordingSink(), new RecordingSink(), new RecordingSink()];
    bench.server.setValue('channel:a', '1');
    bench.want(sink);
    bench.subscribe(other, 'z');
    await bench.run(50);
    // Asked for behind the question for the value, and before the restoring is over.
    const { onChannelState } = other;
    let subscribed = 0;
    other.onChannelState = (channel, state, error) => {
      onChannelState.call(other, channel, state, error);
      if (state === 'active' && subscribed++ === 0) bench.subscribe(late, 'late');
    };
    bench.server.setValue('channel:a', '2');
    bench.cut();
    await bench.run(1000);
    assert.equal(subscribed, 1);
    bench.publish('a', '3');
    await bench.run(50);
    assert.deepEqual(
      sink.seen.map((entry) => (typeof entry === 'string' ? entry : entry.channels)),
      ['a:1', ['a'], 'a:2', 'a:3'],
    );
    assert.deepEqual(
      sink.states.map(({ state }) => state),
      ['active', 'pending', 'active'],
    );
    await bench.close();
  });

  test('give the newest message alone where nothing is kept and messages come before the answer', async () => {
    const bench = new SlowBench({ protocol: 3 });
    const sink = new RecordingSink();
    bench.want(sink);
    while ((bench.server.executed.get('SUBSCRIBE') ?? 0) === 0) await bench.run(0.05);
    for (const payload of ['1', '2', '3']) bench.publish('a', payload);
    await bench.run(50);
    assert.deepEqual(sink.seen, ['a:3']);
    await bench.close();
  });

  test('take no answer of the link before, and ask on the next one at once', async () => {
    const bench = new SlowBench({ protocol: 3 });
    const sink = new RecordingSink();
    bench.server.setValue('channel:a', '1');
    bench.want(sink);
    while ((bench.server.executed.get('GET') ?? 0) === 0) await bench.run(0.05);
    bench.cut();
    bench.server.setValue('channel:a', '2');
    await bench.run(900);
    assert.deepEqual(sink.texts, ['a:2']);
    assert.equal(bench.server.executed.get('GET'), 2);
    await bench.run(60_000);
    assert.equal(bench.server.executed.get('GET'), 2, 'nothing else was planned');
    await bench.close();
  });

  test('end with the connection, and ask nothing more', async () => {
    const bench = new SlowBench({ protocol: 3 });
    const sink = new RecordingSink();
    bench.server.forbidden.add('GET');
    bench.want(sink);
    await bench.run(50);
    assert.equal(sink.stateOf('a'), 'denied');
    await bench.close();
    await bench.run(60_000);
    assert.deepEqual([sink.ends, bench.server.executed.get('GET'), bench.platform.timerCount], [[undefined], 1, 0]);
  });

  test('that are given up leave the channel', async () => {
    const bench = new SlowBench({ protocol: 3 });
    const handle = bench.want(new RecordingSink());
    await bench.run(50);
    assert.equal(bench.server.publishFrom('a', '1'), 1);
    handle.cancel();
    await bench.run(10);
    assert.equal(bench.server.publishFrom('a', '2'), 0);
    await bench.close();
  });

  test('whose channel is denied are asked for again with it when told to', async () => {
    const bench = new SlowBench({ protocol: 3 });
    const sink = new RecordingSink();
    bench.server.denied.add('a');
    const handle = bench.want(sink);
    await bench.run(50);
    assert.equal(sink.stateOf('a'), 'denied');
    bench.server.denied.clear();
    handle.retry();
    await bench.run(20);
    assert.equal(sink.stateOf('a'), 'active');
    await bench.close();
  });
});
