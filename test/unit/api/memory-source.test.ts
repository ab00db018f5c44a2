// What waits for a subscriber of `memory://` that does not read is bounded, and what is lost is told.
// Run by `npm test`. Pure.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { publishInMemory } from '../../../src/api/memory-hub.ts';
import { MemorySource } from '../../../src/api/memory-source.ts';
import type { Gap, MessageSink } from '../../../src/pubsub/index.ts';
import { SimulatedNetwork } from '../../support/simulation/network.ts';
import { SeededRandom } from '../../support/simulation/random.ts';
import { VirtualTime } from '../../support/simulation/virtual-time.ts';

function reading(channel: string) {
  const time = new VirtualTime();
  const random = new SeededRandom(1);
  const source = new MemorySource(new SimulatedNetwork(time, random).platform('test', random, 1_700_000_000_000));
  const seen: (string | Gap)[] = [];
  const sink: MessageSink = {
    onMessage: (_channel, _pattern, payload) => seen.push(String(payload).slice(0, 10)),
    onGap: (gap) => seen.push(gap),
    onChannelState() {},
    onEnd() {},
  };
  const handle = source.subscribe({ kind: 'channel', channels: [channel], bytes: false, sink });
  return { time, source, seen, handle };
}

test('a full queue is read in order once it has room', async () => {
  const { time, seen, handle } = reading('held');
  handle.hold();
  for (let index = 0; index < 1000; index++) publishInMemory('held', `m${index}`);
  await time.runFor(10);
  assert.deepEqual(seen, []);
  handle.release();
  await time.runFor(10);
  assert.deepEqual(
    seen,
    Array.from({ length: 1000 }, (_, index) => `m${index}`),
  );
  handle.cancel();
});

test('beyond 32 MiB what waits is lost, and a gap tells how many before the next message', async () => {
  const { time, seen, handle } = reading('flooded');
  handle.hold();
  const text = 'x'.repeat(1024 * 1024 - 100);
  for (let index = 0; index < 32; index++) publishInMemory('flooded', text);
  publishInMemory('flooded', 'one more');
  publishInMemory('flooded', 'and one');
  handle.release();
  await time.runFor(10);
  const [gap, ...messages] = seen as [Gap, ...string[]];
  assert.deepEqual([gap.reason, gap.missed, gap.channels], ['overrun', 32, ['flooded']]);
  assert.match(gap.cause.message, /Lost 32 messages/);
  assert.equal(gap.from, gap.to, 'nothing was handed over before');
  assert.deepEqual(messages, ['one more', 'and one']);
  publishInMemory('flooded', 'later');
  await time.runFor(10);
  assert.deepEqual(seen.slice(1), ['one more', 'and one', 'later']);
  handle.cancel();
});

test('short messages count with what they take in memory', async () => {
  const { time, seen, handle } = reading('short');
  handle.hold();
  for (let index = 0; index < 400_000; index++) publishInMemory('short', '');
  handle.release();
  await time.runFor(10);
  const gap = seen[0] as Gap;
  assert.equal(gap.reason, 'overrun');
  assert.equal(Number(gap.missed) + seen.length - 1, 400_000);
  handle.cancel();
});
