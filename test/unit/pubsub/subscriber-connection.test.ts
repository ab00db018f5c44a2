// The subscriber's connection on virtual time against a model server: confirmations, gaps, audit, denial, holding.
// Run by `npm test`. It must never wait for a real clock.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type AshRedisError, LinkLostError, TimeoutError, UsageError } from '../../../src/errors/index.ts';
import type { ConnectionOptions } from '../../../src/net/index.ts';
import { type Gap, SubscriberConnection, type SubscriptionStateName } from '../../../src/pubsub/index.ts';
import { ModelServer } from '../../support/simulation/model-server.ts';
import { SimulatedNetwork } from '../../support/simulation/network.ts';
import { SeededRandom } from '../../support/simulation/random.ts';
import { VirtualTime } from '../../support/simulation/virtual-time.ts';
import { DEFAULTS } from '../../support/virtual-connection.ts';

class Probe {
  readonly seen: (string | Gap)[] = [];
  readonly states: [string, SubscriptionStateName, AshRedisError | undefined][] = [];
  ended: AshRedisError | undefined | 'not' = 'not';
  readonly sink = {
    onMessage: (channel: string, pattern: string | undefined, payload: string | Uint8Array) =>
      void this.seen.push(`${pattern === undefined ? '' : `${pattern}>`}${channel}:${payload}`),
    onGap: (gap: Gap) => void this.seen.push(gap),
    onChannelState: (channel: string, state: SubscriptionStateName, error: AshRedisError | undefined) =>
      void this.states.push([channel, state, error]),
    onEnd: (error: AshRedisError | undefined) => {
      this.ended = error;
    },
  };

  get gaps(): Gap[] {
    return this.seen.filter((entry) => typeof entry !== 'string');
  }

  get texts(): string[] {
    return this.seen.filter((entry) => typeof entry === 'string');
  }
}

class Bench {
  readonly time = new VirtualTime();
  readonly network = new SimulatedNetwork(this.time, new SeededRandom(4));
  readonly server = new ModelServer(this.time);
  readonly source: SubscriberConnection;
  readonly platform = this.network.platform('test', new SeededRandom(5), 1_700_000_000_000);

  constructor(options: Partial<ConnectionOptions> = {}, auditIntervalMs = 30_000) {
    this.network.onAccept = (end) => this.server.accept(end);
    this.source = new SubscriberConnection({
      connectionOptions: { ...DEFAULTS, ...options },
      platform: this.platform,
      auditIntervalMs,
    });
  }

  subscribe(probe: Probe, channels: string[], kind: 'channel' | 'pattern' = 'channel') {
    return this.source.subscribe({ kind, channels, bytes: false, sink: probe.sink });
  }

  /** Publishes as another client would: the model executes it at once. */
  publish(channel: string, payload: string): void {
    this.server.publishFrom(channel, payload);
  }

  async run(ms: number): Promise<void> {
    await this.time.runFor(ms);
  }
}

for (const protocol of [2, 3] as const) {
  describe(`the subscriber connection over RESP${protocol}`, () => {
    test('subscribes before it is ready and delivers', async () => {
      const bench = new Bench({ protocol });
      const probe = new Probe();
      bench.subscribe(probe, ['a', 'b']);
      await bench.run(50);
      assert.equal(bench.source.state, 'ready');
      bench.publish('a', '1');
      bench.publish('b', '2');
      await bench.run(10);
      assert.deepEqual(probe.seen, ['a:1', 'b:2']);
      await bench.source.close();
    });

    test('takes patterns', async () => {
      const bench = new Bench({ protocol });
      const probe = new Probe();
      bench.subscribe(probe, ['news.*'], 'pattern');
      await bench.run(50);
      bench.publish('news.tech', 'x');
      await bench.run(10);
      assert.deepEqual(probe.seen, ['news.*>news.tech:x']);
      await bench.source.close();
    });

    test('tells exactly one gap after a cut, before the next message', async () => {
      const bench = new Bench({ protocol });
      const probe = new Probe();
      bench.subscribe(probe, ['a', 'b']);
      await bench.run(50);
      bench.publish('a', '1');
      await bench.run(10);
      for (const link of [...bench.network.links]) link.cut();
      bench.publish('a', 'lost');
      await bench.run(1000);
      bench.publish('b', '2');
      await bench.run(10);
      assert.deepEqual(probe.texts, ['a:1', 'b:2']);
      assert.equal(probe.gaps.length, 1);
      assert.deepEqual(probe.gaps[0]?.channels, ['a', 'b']);
      assert.equal(probe.gaps[0]?.reason, 'link-lost');
      assert.ok(probe.gaps[0]?.cause instanceof LinkLostError);
      assert.equal(probe.seen.indexOf(probe.gaps[0] as Gap), 1);
      await bench.source.close();
    });

    test('finds a deaf subscription by the audit, tells it and repairs it', async () => {
      const bench = new Bench({ protocol });
      const probe = new Probe();
      bench.subscribe(probe, ['a']);
      await bench.run(50);
      bench.server.deafen(0);
      bench.publish('a', 'lost');
      await bench.run(31_000);
      bench.publish('a', 'after');
      await bench.run(10);
      assert.deepEqual(probe.texts, ['a:after']);
      assert.equal(probe.gaps[0]?.reason, 'audit');
      assert.equal(bench.source.stats().auditDifferenceCount, 1);
      await bench.run(120_000);
      assert.equal(probe.gaps.length, 1);
      await bench.source.close();
    });

    test('audits again on a new link what was forbidden on the one before', async () => {
      const bench = new Bench({ protocol });
      const probe = new Probe();
      for (const name of ['CLIENT', 'UNSUBSCRIBE']) bench.server.forbidden.add(name);
      bench.subscribe(probe, ['a']);
      await bench.run(95_000);
      bench.server.forbidden.clear();
      for (const link of [...bench.network.links]) link.cut();
      await bench.run(1000);
      bench.server.deafen(0);
      await bench.run(31_000);
      assert.deepEqual(
        probe.gaps.map(({ reason }) => reason),
        ['link-lost', 'audit'],
      );
      await bench.source.close();
    });

    for (const text of ['BUSY a script runs', 'LOADING', 'OOM command not allowed']) {
      test(`goes on with the audit that was refused once by ${text}`, async () => {
        const bench = new Bench({ protocol });
        const probe = new Probe();
        bench.subscribe(probe, ['a']);
        await bench.run(50);
        bench.server.refusal = text;
        for (const name of ['CLIENT', 'UNSUBSCRIBE']) bench.server.forbidden.add(name);
        await bench.run(65_000);
        bench.server.forbidden.clear();
        bench.server.deafen(0);
        await bench.run(31_000);
        assert.deepEqual(
          probe.gaps.map(({ reason }) => reason),
          ['audit'],
        );
        await bench.source.close();
      });
    }

    test('subscribes again when the server unsubscribes it, and tells the gap', async () => {
      const bench = new Bench({ protocol });
      const probe = new Probe();
      bench.subscribe(probe, ['a']);
      await bench.run(50);
      bench.server.unsubscribeByServer(0);
      await bench.run(50);
      bench.publish('a', 'after');
      await bench.run(10);
      assert.deepEqual(probe.texts, ['a:after']);
      assert.equal(probe.gaps[0]?.reason, 'unsubscribed-by-server');
      assert.match(String(probe.gaps[0]?.cause), /Lost the subscription to "a": the server ended it/);
      await bench.source.close();
    });

    test('keeps a denied channel from harming the others, and takes it when the right comes', async () => {
      const bench = new Bench({ protocol });
      const probe = new Probe();
      bench.server.denied.add('secret');
      bench.subscribe(probe, ['open', 'secret']);
      await bench.run(50);
      bench.publish('open', '1');
      await bench.run(10);
      assert.deepEqual(probe.texts, ['open:1']);
      const refusal = probe.states.find(([, state]) => state === 'denied');
      assert.equal(refusal?.[0], 'secret');
      assert.equal(refusal?.[2]?.code, 'NOPERM');
      bench.server.denied.clear();
      await bench.run(10_000);
      bench.publish('secret', '2');
      await bench.run(10);
      assert.deepEqual(probe.texts, ['open:1', 'secret:2']);
      assert.equal(probe.gaps.length, 0);
      await bench.source.close();
    });

    test('gives nothing after cancel, also in the middle of a reconnect', async () => {
      const bench = new Bench({ protocol });
      const [a, b] = [new Probe(), new Probe()];
      const handle = bench.subscribe(a, ['x']);
      bench.subscribe(b, ['x']);
      await bench.run(50);
      for (const link of [...bench.network.links]) link.cut();
      await bench.run(1);
      handle.cancel();
      await bench.run(1000);
      bench.publish('x', '1');
      await bench.run(10);
      assert.deepEqual(a.seen, []);
      assert.deepEqual(b.texts, ['x:1']);
      await bench.source.close();
    });

    test('calls a link that was lost while a full queue held it an overrun', async () => {
      const bench = new Bench({ protocol });
      const probe = new Probe();
      const handle = bench.subscribe(probe, ['a']);
      await bench.run(50);
      handle.hold();
      for (const link of [...bench.network.links]) link.cut();
      await bench.run(1);
      handle.release();
      await bench.run(1000);
      assert.equal(probe.gaps[0]?.reason, 'overrun');
      await bench.source.close();
    });

    test('survives hours of being held: silence proves nothing then', async () => {
      const bench = new Bench({ protocol });
      const probe = new Probe();
      const handle = bench.subscribe(probe, ['a']);
      await bench.run(50);
      handle.hold();
      await bench.run(3_600_000);
      assert.equal(bench.network.dialCount, 1);
      handle.release();
      await bench.run(60_000);
      bench.publish('a', '1');
      await bench.run(10);
      assert.deepEqual(probe.seen, ['a:1']);
      await bench.source.close();
    });

    test('names the full queue to who subscribes meanwhile and gets no confirmation', async () => {
      const bench = new Bench({ protocol });
      const [full, late] = [new Probe(), new Probe()];
      const handle = bench.subscribe(full, ['full']);
      await bench.run(50);
      handle.hold();
      bench.subscribe(late, ['late']);
      await bench.run(5100);
      const told = late.states.find(([, , error]) => error !== undefined)?.[2];
      assert.ok(told instanceof TimeoutError);
      assert.match(told.message, /full queue of "full"/);
      handle.release();
      await bench.run(5000);
      bench.publish('late', '1');
      await bench.run(10);
      assert.deepEqual(late.texts, ['late:1']);
      await bench.source.close();
    });
  });
}

describe('the subscriber connection', () => {
  test('subscribes 2,000 channels again in one burst', async () => {
    const bench = new Bench();
    const probe = new Probe();
    bench.subscribe(
      probe,
      Array.from({ length: 2000 }, (_, index) => `c${index}`),
    );
    await bench.run(200);
    for (const link of [...bench.network.links]) link.cut();
    await bench.run(1000);
    bench.publish('c1999', 'x');
    await bench.run(10);
    assert.deepEqual(probe.texts, ['c1999:x']);
    assert.equal(probe.gaps.length, 1);
    await bench.source.close();
  });

  test('tells its sinks why it gave up', async () => {
    const bench = new Bench();
    const probe = new Probe();
    bench.network.weather.dial = 'refuse';
    bench.subscribe(probe, ['a']);
    await bench.run(50);
    assert.equal((probe.ended as AshRedisError).code, 'ASHREDIS_CONNECT');
  });

  test('refuses a line server with the way that works there', async () => {
    const bench = new Bench();
    const probe = new Probe();
    bench.network.onAccept = (end) => {
      end.onData = () => end.send(new TextEncoder().encode('-ERR unknown command\n'));
    };
    bench.subscribe(probe, ['a']);
    await bench.run(50);
    assert.ok(probe.ended instanceof UsageError);
    assert.match(probe.ended.message, /delivery: "latest"/);
  });

  test('takes a SUBSCRIBE that is confirmed unasked, and an end of no channel, for no loss', async () => {
    const bench = new Bench();
    const probe = new Probe();
    const accept = bench.network.onAccept;
    let say = (_text: string) => {};
    bench.network.onAccept = (end) => {
      accept(end);
      say = (text) => end.send(new TextEncoder().encode(text));
    };
    bench.subscribe(probe, ['a']);
    await bench.run(50);
    say('>3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n>3\r\n$11\r\nunsubscribe\r\n_\r\n:1\r\n');
    await bench.run(50);
    assert.deepEqual(probe.gaps, []);
    bench.server.publishFrom('a', '1');
    await bench.run(50);
    assert.equal(bench.server.executed.get('SUBSCRIBE'), 1);
    await bench.source.close();
  });

  test('leaves no timer behind', async () => {
    const bench = new Bench();
    bench.server.denied.add('secret');
    bench.subscribe(new Probe(), ['a', 'secret']);
    await bench.run(5000);
    await bench.source.close();
    assert.equal(bench.platform.timerCount, 0);
    assert.equal(bench.network.links.size, 0);
  });
});
