// Newest values: the snapshot and what follows it, with no hole between the two and never ending on an older value.
// Run by `npm test`, on virtual time against the model server; on RESP2 the command connection is a connection too.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  AshRedisError,
  ClosedError,
  ConnectError,
  HandshakeError,
  LinkLostError,
  ReplyError,
  TimeoutError,
} from '../../../src/errors/index.ts';
import { LatestSource, PollingSource } from '../../../src/pubsub/index.ts';
import { PubsubBench, RecordingSink } from '../../support/pubsub-bench.ts';
import { SeededRandom } from '../../support/simulation/random.ts';

class LatestBench extends PubsubBench {
  readonly latest: LatestSource;
  /** What `get` does instead of asking the server, once. */
  getFailure: Error | undefined;
  getDelayMs = 1;
  /** The command connection is there. */
  ready = Promise.resolve();

  constructor(protocol: 2 | 3) {
    super({ protocol });
    this.latest = new LatestSource({
      subscriber: this.source,
      platform: this.platform,
      keyOf: (channel) => `channel:${channel}`,
      ready: () => this.ready,
      get: (key) => this.#get(key),
      commandTimeoutMs: 5000,
    });
  }

  /** What `retain: true` does. */
  publishRetained(channel: string, value: string): void {
    this.server.setValue(`channel:${channel}`, value);
    this.publish(channel, value);
  }

  want(sink: RecordingSink, channel: string) {
    return this.latest.subscribe({ kind: 'channel', channels: [channel], bytes: false, sink });
  }

  #get(key: string): Promise<string | null> {
    const failure = this.getFailure;
    this.getFailure = undefined;
    if (failure !== undefined) return Promise.reject(failure);
    return new Promise((resolve) => {
      this.time.schedule(this.getDelayMs, () => {
        const value = this.server.getValue(key);
        this.time.schedule(this.getDelayMs, () => resolve(value));
      });
    });
  }
}

for (const protocol of [2, 3] as const) {
  describe(`the newest values, RESP${protocol}`, () => {
    test('begin with what the channel holds, then follow it', async () => {
      const bench = new LatestBench(protocol);
      bench.publishRetained('a', '1');
      const sink = new RecordingSink();
      bench.want(sink, 'a');
      await bench.run(50);
      bench.publishRetained('a', '2');
      await bench.run(10);
      assert.deepEqual(sink.seen, ['a:1', 'a:2']);
      assert.equal(sink.stateOf('a'), 'active');
      await bench.close();
    });

    test('begin with nothing where nothing is held', async () => {
      const bench = new LatestBench(protocol);
      const sink = new RecordingSink();
      bench.want(sink, 'a');
      await bench.run(50);
      assert.deepEqual(sink.seen, []);
      bench.publishRetained('a', '1');
      await bench.run(10);
      assert.deepEqual(sink.seen, ['a:1']);
      await bench.close();
    });

    test('are told after a reconnect only when they changed, and after the gap', async () => {
      const bench = new LatestBench(protocol);
      bench.publishRetained('a', '1');
      const sink = new RecordingSink();
      bench.want(sink, 'a');
      await bench.run(50);
      bench.cut();
      await bench.run(1000);
      assert.deepEqual(sink.texts, ['a:1']);
      assert.equal(sink.gaps.length, 1);
      bench.cut();
      bench.publishRetained('a', '2');
      await bench.run(1000);
      assert.deepEqual(sink.texts, ['a:1', 'a:2']);
      assert.equal(typeof sink.seen[2], 'object', 'the gap comes before the newer value');
      await bench.close();
    });

    test('never go back and never end on an older one, whatever is published when', async () => {
      for (let seed = 1; seed <= 15; seed++) {
        const random = new SeededRandom(seed);
        const bench = new LatestBench(protocol);
        bench.getDelayMs = random.integer(0, 8) / 4;
        const sink = new RecordingSink();
        let value = 0;
        if (random.chance(0.5)) bench.publishRetained('a', String(++value));
        const handle = bench.want(sink, 'a');
        for (let step = 0; step < 50; step++) {
          await bench.run(random.next() * 2);
          if (random.chance(0.4)) bench.publishRetained('a', String(++value));
          // A first connection that is cut ends the wish.
          if (random.chance(0.04) && bench.states.includes('ready')) bench.cut();
        }
        await bench.run(8000);
        const seen = sink.texts.map((text) => Number(text.slice(2)));
        assert.deepEqual(
          seen,
          [...new Set(seen)].sort((a, b) => a - b),
          `seed ${seed}: in order, none twice`,
        );
        assert.equal(seen.at(-1) ?? 0, value, `seed ${seed}: ends on the newest`);
        handle.cancel();
        await bench.close();
        assert.equal(bench.platform.timerCount, 0);
      }
    });
  });
}

describe('the newest values where GET fails, RESP2', () => {
  test('say that it is refused, give nothing meanwhile, and try again when told to', async () => {
    const bench = new LatestBench(2);
    bench.publishRetained('a', '1');
    const sink = new RecordingSink();
    bench.getFailure = new ReplyError('Cannot execute GET: NOPERM', { code: 'NOPERM', command: 'GET' });
    const handle = bench.want(sink, 'a');
    await bench.run(50);
    assert.equal(sink.stateOf('a'), 'denied');
    bench.publishRetained('a', '2');
    await bench.run(10);
    assert.deepEqual(sink.seen, []);
    handle.retry();
    await bench.run(50);
    assert.deepEqual(sink.seen, ['a:2']);
    assert.equal(sink.stateOf('a'), 'active');
    await bench.close();
  });

  test('are not followed by what came while the command connection was made, where its own message was lost', async () => {
    const bench = new LatestBench(2);
    let connected = () => {};
    bench.ready = new Promise((resolve) => (connected = resolve));
    const sink = new RecordingSink();
    bench.want(sink, 'a');
    await bench.run(50);
    for (const value of ['5', '6', '7']) bench.publishRetained('a', value);
    await bench.run(50);
    bench.server.setValue('channel:a', '8');
    connected();
    await bench.run(50);
    assert.deepEqual(sink.seen, ['a:8']);
    await bench.close();
  });

  test('ask again when the command connection was lost', async () => {
    const bench = new LatestBench(2);
    bench.publishRetained('a', '1');
    const sink = new RecordingSink();
    bench.getFailure = new LinkLostError('Lost the link');
    bench.want(sink, 'a');
    await bench.run(50);
    assert.deepEqual(sink.seen, []);
    await bench.run(1000);
    assert.deepEqual(sink.seen, ['a:1']);
    await bench.close();
  });
});

describe('the newest values by polling', () => {
  test('are asked for at the interval, one question at a time, and given when they change', async () => {
    const bench = new PollingBench();
    const sink = new RecordingSink();
    const handle = bench.want(sink);
    bench.value = '1';
    await bench.run(250);
    assert.deepEqual(sink.seen, ['a:1']);
    bench.value = '2';
    await bench.run(100);
    bench.latencyMs = 350;
    await bench.run(1000);
    assert.equal(bench.mostAtOnce, 1);
    assert.deepEqual(sink.seen, ['a:1', 'a:2']);
    handle.cancel();
    bench.value = '3';
    await bench.run(1000);
    assert.deepEqual(sink.seen, ['a:1', 'a:2']);
    assert.equal(bench.platform.timerCount, 0);
  });

  test('tell one gap for a link that was lost, and made again, between two polls', async () => {
    const bench = new PollingBench();
    const sink = new RecordingSink();
    bench.lostCount = 3;
    bench.want(sink);
    bench.value = '1';
    await bench.run(250);
    bench.lostCount = 4;
    bench.value = '2';
    await bench.run(250);
    const told = sink.seen.map((entry) => (typeof entry === 'string' ? entry : `${entry.reason} ${entry.missed}`));
    assert.deepEqual(told, ['a:1', 'link-lost unknown', 'a:2']);
  });

  test('tell a gap once the server answers again, before the newer value', async () => {
    const bench = new PollingBench();
    const sink = new RecordingSink();
    bench.want(sink);
    bench.value = '1';
    await bench.run(50);
    bench.failure = new LinkLostError('Lost the link');
    bench.value = '2';
    await bench.run(1000);
    assert.equal(sink.stateOf('a'), 'pending');
    bench.failure = undefined;
    await bench.run(200);
    assert.deepEqual(
      sink.seen.map((entry) => (typeof entry === 'string' ? entry : entry.reason)),
      ['a:1', 'link-lost', 'a:2'],
    );
    assert.equal(sink.stateOf('a'), 'active');
  });

  test('end when the connection has given up or was closed, with why; nothing is asked any more', async () => {
    for (const failure of [new ClosedError('closed'), new ConnectError('refused'), new HandshakeError('wrong')]) {
      const bench = new PollingBench();
      const sink = new RecordingSink();
      bench.want(sink);
      await bench.run(50);
      bench.failure = failure;
      await bench.run(1000);
      assert.deepEqual(sink.ends, [failure]);
      assert.equal(sink.stateOf('a'), 'active', 'an end is no state of its own');
      assert.equal(bench.platform.timerCount, 0);
    }
  });

  test('go on after a refusal, an answer that is late, and what is no error of ours, and say so', async () => {
    for (const [failure, state] of [
      [new ReplyError('no', { code: 'NOPERM', command: 'GET' }), 'denied'],
      [new TimeoutError('late'), 'pending'],
      [new Error('odd'), 'pending'],
    ] as const) {
      const bench = new PollingBench();
      const sink = new RecordingSink();
      bench.want(sink);
      await bench.run(50);
      bench.failure = failure;
      await bench.run(1000);
      assert.deepEqual([sink.ends, sink.stateOf('a')], [[], state]);
      assert.equal(sink.states.at(-1)?.error, failure instanceof AshRedisError ? failure : undefined);
      bench.failure = undefined;
      await bench.run(200);
      assert.deepEqual([sink.stateOf('a'), sink.gaps.length], ['active', 1]);
      assert.equal(sink.gaps[0]?.cause, failure);
    }
  });

  test('are asked for at once when told to, and then at the interval again', async () => {
    const bench = new PollingBench();
    const sink = new RecordingSink();
    const handle = bench.want(sink);
    await bench.run(50);
    bench.value = '1';
    handle.retry();
    await bench.run(5);
    assert.deepEqual(sink.seen, ['a:1']);
    bench.value = '2';
    await bench.run(90);
    assert.deepEqual(sink.seen, ['a:1']);
    await bench.run(15);
    assert.deepEqual(sink.seen, ['a:1', 'a:2']);
    bench.latencyMs = 50;
    await bench.run(110);
    handle.retry();
    await bench.run(1000);
    assert.equal(bench.mostAtOnce, 1, 'not while a question is on its way');
    handle.cancel();
  });

  test('are refused at the first question, and given once the right comes: no gap, since nothing was promised', async () => {
    const bench = new PollingBench();
    const sink = new RecordingSink();
    bench.failure = new ReplyError('no', { code: 'NOPERM', command: 'GET' });
    bench.value = '1';
    bench.want(sink);
    await bench.run(50);
    assert.deepEqual([sink.stateOf('a'), sink.ends], ['denied', []]);
    bench.failure = undefined;
    await bench.run(200);
    assert.deepEqual([sink.stateOf('a'), sink.seen], ['active', ['a:1']]);
  });

  test('end with the error where the first question is not answered', async () => {
    const bench = new PollingBench();
    const sink = new RecordingSink();
    bench.failure = new LinkLostError('Lost the link');
    bench.want(sink);
    await bench.run(1000);
    assert.deepEqual(sink.ends, [bench.failure]);
    assert.equal(bench.platform.timerCount, 0);
  });

  test('are not asked for while a full queue holds them', async () => {
    const bench = new PollingBench();
    const sink = new RecordingSink();
    const handle = bench.want(sink);
    await bench.run(50);
    handle.hold();
    bench.value = '1';
    await bench.run(1000);
    assert.deepEqual(sink.seen, []);
    handle.release();
    await bench.run(100);
    assert.deepEqual(sink.seen, ['a:1']);
    handle.cancel();
  });
});

class PollingBench extends PubsubBench {
  value: string | null = null;
  failure: Error | undefined;
  latencyMs = 1;
  mostAtOnce = 0;
  #asking = 0;
  readonly polling = new PollingSource({
    platform: this.platform,
    intervalMs: 100,
    get: () => this.#get(),
    lostCount: () => this.lostCount,
  });
  lostCount = 0;

  want(sink: RecordingSink) {
    return this.polling.subscribe({ kind: 'channel', channels: ['a'], bytes: false, sink });
  }

  #get(): Promise<string | null> {
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#asking);
    return new Promise((resolve, reject) => {
      this.time.schedule(this.latencyMs, () => {
        this.#asking--;
        if (this.failure === undefined) resolve(this.value);
        else reject(this.failure);
      });
    });
  }
}
