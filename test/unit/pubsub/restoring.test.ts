// What a subscriber connection does with what comes at odd moments: between the confirmations of a new link, from a
// server that takes channels away, before there ever was a link, after the end. Run by `npm test`, on virtual time.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ClosedError } from '../../../src/errors/index.ts';
import type { ChannelKind } from '../../../src/pubsub/index.ts';
import { PubsubBench, RecordingSink } from '../../support/pubsub-bench.ts';

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** From the second link on: `insert` says what goes on the wire right behind what the server sends; null: nothing does. */
function inserting(bench: PubsubBench, insert: (sent: string, link: number) => string | null): void {
  let links = 0;
  bench.network.onAccept = (end) => {
    const link = ++links;
    const { send } = end;
    end.send = (bytes) => {
      const more = link === 1 ? '' : insert(decoder.decode(bytes), link);
      if (more === null) return;
      send(bytes);
      if (more !== '') send(encoder.encode(more));
    };
    bench.server.accept(end);
  };
}

for (const protocol of [2, 3] as const) {
  const mark = protocol === 3 ? '>' : '*';
  const message = (channel: string, payload: string) =>
    `${mark}3\r\n$7\r\nmessage\r\n$1\r\n${channel}\r\n$${payload.length}\r\n${payload}\r\n`;

  describe(`a new link, RESP${protocol}`, () => {
    test('gives what comes between its confirmations behind the one gap, in order', async () => {
      const bench = new PubsubBench({ protocol });
      const sink = new RecordingSink();
      inserting(bench, (sent) =>
        sent.includes('$9\r\nsubscribe\r\n$1\r\na') ? message('a', '1') + message('a', '2') : '',
      );
      bench.subscribe(sink, ['a', 'b']);
      await bench.run(50);
      bench.cut();
      await bench.run(1000);
      bench.publish('b', '3');
      await bench.run(10);
      assert.deepEqual(
        sink.seen.map((entry) => (typeof entry === 'string' ? entry : entry.channels)),
        [['a', 'b'], 'a:1', 'a:2', 'b:3'],
      );
      await bench.close();
    });

    test('keeps a bounded part of that: beyond it each channel has its gap when it is confirmed', async () => {
      const bench = new PubsubBench({ protocol });
      const sink = new RecordingSink();
      const large = 'x'.repeat(1024 * 1024);
      inserting(bench, (sent) =>
        sent.includes('$9\r\nsubscribe\r\n$1\r\na') ? message('a', large).repeat(4) + message('a', 'small') : '',
      );
      bench.subscribe(sink, ['a', 'b']);
      await bench.run(50);
      bench.cut();
      await bench.run(1000);
      assert.deepEqual(
        sink.seen.map((entry) => (typeof entry === 'string' ? entry.length : entry.channels)),
        [['a'], large.length + 2, large.length + 2, large.length + 2, large.length + 2, ['b'], 'a:small'.length],
      );
      await bench.close();
    });

    test('has the time of a handshake to confirm everything: one slow answer is no failure of its channel', async () => {
      const bench = new PubsubBench({ protocol, commandTimeoutMs: 1000 });
      const sink = new RecordingSink();
      let isSlow = false;
      bench.network.onAccept = (end) => {
        const { send } = end;
        end.send = (bytes) => {
          if (!isSlow || !decoder.decode(bytes).includes('$9\r\nsubscribe')) send(bytes);
          else bench.time.schedule(2000, () => send(bytes));
        };
        bench.server.accept(end);
      };
      bench.subscribe(sink, ['a', 'b']);
      await bench.run(50);
      isSlow = true;
      bench.cut();
      await bench.run(3000);
      assert.equal(bench.source.state, 'ready');
      assert.deepEqual(sink.errors, []);
      assert.deepEqual(
        sink.gaps.map(({ channels }) => channels),
        [['a', 'b']],
      );
      assert.equal(bench.network.dialCount, 2);
      await bench.close();
    });

    test('that is lost again between them has given what came, before the next gap', async () => {
      const bench = new PubsubBench({ protocol });
      const sink = new RecordingSink();
      inserting(bench, (sent, link) => {
        const confirms = (name: string) => sent.includes(`$9\r\nsubscribe\r\n$1\r\n${name}`);
        // The answer about b never comes over the second link.
        if (link === 2 && confirms('b')) return null;
        return link === 2 && confirms('a') ? message('a', '1') : '';
      });
      bench.subscribe(sink, ['a', 'b']);
      await bench.run(50);
      bench.cut();
      while (bench.network.dialCount < 2) await bench.run(1);
      await bench.run(20);
      assert.equal(sink.seen.length, 0, 'it waits for the end of the restoring');
      bench.cut();
      await bench.run(2000);
      assert.deepEqual(
        sink.seen.map((entry) => (typeof entry === 'string' ? entry : entry.channels)),
        [['a'], 'a:1', ['a', 'b']],
      );
      await bench.close();
    });
  });

  for (const kind of ['channel', 'pattern', 'shard'] as const satisfies ChannelKind[]) {
    test(`a ${kind} that the server takes away is asked for again and has its gap, RESP${protocol}`, async () => {
      const bench = new PubsubBench({ protocol });
      const [sink, other] = [new RecordingSink(), new RecordingSink()];
      bench.subscribe(sink, 'n*', kind);
      // The same name in the other ways is not meant.
      for (const each of ['channel', 'pattern', 'shard'] as const)
        if (each !== kind) bench.subscribe(other, 'n*', each);
      await bench.run(50);
      bench.server.takeAway(kind, 'n*');
      await bench.run(20);
      assert.deepEqual(
        sink.gaps.map(({ channels, reason }) => [channels, reason]),
        [[['n*'], 'unsubscribed-by-server']],
      );
      assert.deepEqual(
        sink.states.map(({ state }) => state),
        ['active', 'pending', 'active'],
      );
      assert.deepEqual(other.gaps, []);
      // The server holds it again.
      bench.server.takeAway(kind, 'n*');
      await bench.run(1500);
      assert.equal(sink.gaps.length, 2);
      assert.equal(sink.stateOf('n*'), 'active');
      await bench.close();
    });
  }
}

test('a link that is lost while it is restored leaves nothing to be said on the next one', async () => {
  const bench = new PubsubBench();
  const receivedBytes: number[] = [];
  bench.network.onAccept = (end) => {
    const link = receivedBytes.push(0) - 1;
    bench.server.accept(end);
    const { onData } = end;
    end.onData = (bytes) => {
      receivedBytes[link]! += bytes.byteLength;
      onData(bytes);
    };
  };
  const sink = new RecordingSink();
  // More than is handed over at once.
  const names = Array.from({ length: 10_000 }, (_, index) => `a channel with a long name, ${index}`);
  bench.subscribe(sink, names);
  const last = bench.subscribe(sink, 'nobody wants it later');
  await bench.run(100);
  assert.equal(bench.source.state, 'ready');
  for (let link = 1; link <= 3; link++) {
    bench.cut();
    while (receivedBytes.length <= link || bench.source.stats().unsentCount === 0) await bench.run(0.1);
    assert.equal(bench.source.state, 'connecting');
  }
  bench.cut();
  last.cancel();
  await bench.run(6000);
  assert.equal(bench.source.state, 'ready');
  assert.ok(receivedBytes[4]! < receivedBytes[0]!, `${receivedBytes}`);
  assert.equal(bench.server.publishFrom('nobody wants it later', '1'), 0);
  assert.deepEqual(
    sink.gaps.map(({ channels }) => channels.length),
    [names.length],
  );
  await bench.close();
});

test('the time of a message is that of the chunk that brought it', async () => {
  const bench = new PubsubBench();
  bench.network.weather.fragment = 0;
  const times: number[] = [];
  const sink = new RecordingSink();
  sink.onMessage = (_channel, _pattern, _payload, ...rest: unknown[]) => void times.push(rest[0] as number);
  bench.subscribe(sink, 'a');
  await bench.run(50);
  for (const waitMs of [100, 200]) {
    bench.publish('a', '1');
    await bench.run(waitMs);
  }
  assert.equal(times.length, 2);
  const [first, second] = times as [number, number];
  const start = 1_700_000_000_000;
  assert.ok(first > start + 50 && first < start + 55, `${first}`);
  assert.ok(second > start + 150 && second < start + 155, `${second}`);
  await bench.close();
});

test('nobody is told of a limit while the first connection may take for ever', async () => {
  const bench = new PubsubBench({ waitOnFirstConnect: true });
  bench.network.weather.dial = 'refuse';
  const sink = new RecordingSink();
  bench.subscribe(sink, 'a');
  await bench.run(60_000);
  assert.deepEqual([sink.states, sink.ends], [[], []]);
  bench.network.weather.dial = 'accept';
  await bench.run(6000);
  assert.equal(sink.stateOf('a'), 'active');
  await bench.close();
});

test('a loss that was told is over: the next one has its own reason', async () => {
  const bench = new PubsubBench();
  const sink = new RecordingSink();
  bench.subscribe(sink, 'a');
  await bench.run(50);
  bench.server.takeAway('channel', 'a');
  await bench.run(2000);
  // Refused on the next link, and allowed later.
  bench.server.denied.add('a');
  bench.cut();
  await bench.run(1000);
  assert.equal(sink.stateOf('a'), 'denied');
  bench.server.denied.clear();
  await bench.run(3000);
  bench.server.takeAway('channel', 'a');
  await bench.run(2000);
  assert.deepEqual(
    sink.gaps.map(({ reason }) => reason),
    ['unsubscribed-by-server', 'link-lost', 'unsubscribed-by-server'],
  );
  await bench.close();
});

test('a loss that a refusal kept untold is told by the link that has the channel again', async () => {
  const bench = new PubsubBench();
  const sink = new RecordingSink();
  bench.subscribe(sink, ['a', 'b']);
  await bench.run(50);
  bench.server.denied.add('a');
  bench.cut();
  while (sink.stateOf('a') !== 'denied') await bench.run(1);
  bench.server.denied.clear();
  // Before it would be tried again.
  bench.cut();
  await bench.run(900);
  assert.equal(sink.stateOf('a'), 'active');
  assert.ok(sink.gaps.some(({ channels }) => channels.includes('a')));
  await bench.close();
});

test('who gives up leaves no timer behind', async () => {
  const bench = new PubsubBench({ reconnect: false });
  const sink = new RecordingSink();
  bench.subscribe(sink, 'a');
  await bench.run(50);
  bench.cut();
  await bench.run(50);
  assert.equal(sink.ends.length, 1);
  assert.deepEqual([bench.source.state, bench.platform.timerCount], ['idle', 0]);
});

test('after the end nothing can be wanted', async () => {
  const bench = new PubsubBench();
  bench.subscribe(new RecordingSink(), 'a');
  await bench.run(50);
  await bench.close();
  assert.throws(
    () => bench.subscribe(new RecordingSink(), 'b'),
    (error) => error instanceof ClosedError && error.safeToRetry && /^Cannot subscribe:/.test(error.message),
  );
  await bench.run(60_000);
  assert.deepEqual([bench.network.links.size, bench.platform.timerCount], [0, 0]);
});

test('a retry that is denied again goes on with the slow backoff', async () => {
  const bench = new PubsubBench();
  const sink = new RecordingSink();
  bench.server.denied.add('a');
  const handle = bench.subscribe(sink, 'a');
  await bench.run(50);
  assert.equal(sink.stateOf('a'), 'denied');
  handle.retry();
  await bench.run(20);
  assert.equal(sink.states.length, 2, 'asked again at once');
  bench.server.denied.clear();
  await bench.run(1500);
  assert.equal(sink.stateOf('a'), 'denied', 'its second delay is two seconds');
  await bench.run(1000);
  assert.equal(sink.stateOf('a'), 'active');
  await bench.close();
});
