// The subscriber connection in random weather: wishes come and go, queues hold it, links break, the server forgets, denies
// and unsubscribes. Nothing is given twice, late, or after an untold hole; when the weather clears all is well again.
// Run by `npm test`, on virtual time. A failing seed replays exactly.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { SourceHandle } from '../../../src/pubsub/index.ts';
import { PubsubBench, RecordingSink } from '../../support/pubsub-bench.ts';
import { SeededRandom } from '../../support/simulation/random.ts';

const SEEDS = 20;
const NAMES = ['a', 'b', 'c', 'd'];

interface Wanted {
  readonly sink: RecordingSink;
  readonly handle: SourceHandle;
  readonly channels: string[];
  held: boolean;
}

/** What a sink saw of a channel is in order, none twice, and every hole is told before the next message. */
function holesTold(sink: RecordingSink, channel: string): string | undefined {
  let last: number | undefined;
  let told = false;
  for (const entry of sink.seen) {
    if (typeof entry !== 'string') {
      if (entry.channels.includes(channel)) told = true;
      continue;
    }
    if (!entry.startsWith(`${channel}:`)) continue;
    const number = Number(entry.slice(channel.length + 1));
    if (last !== undefined && number <= last) return `${entry} came after ${last}`;
    if (last !== undefined && number > last + 1 && !told) return `${entry} came after ${last} without a gap`;
    last = number;
    told = false;
  }
  return undefined;
}

async function play(seed: number, protocol: 2 | 3): Promise<void> {
  const random = new SeededRandom(seed);
  const bench = new PubsubBench({ protocol }, 10_000);
  const wanted = new Set<Wanted>();
  const numbers = new Map(NAMES.map((name) => [name, 0]));
  const publish = (name: string) => {
    const number = (numbers.get(name) ?? 0) + 1;
    numbers.set(name, number);
    bench.publish(name, String(number));
  };
  const want = () => {
    const channels = NAMES.filter(() => random.chance(0.5));
    if (channels.length === 0) return;
    const sink = new RecordingSink();
    wanted.add({ sink, handle: bench.subscribe(sink, channels), channels, held: false });
  };
  want();
  bench.subscribe(new RecordingSink(), 'always');
  await bench.run(100);
  for (let step = 0; step < 80; step++) {
    const one = [...wanted][random.integer(0, Math.max(0, wanted.size - 1))];
    switch (random.integer(0, 13)) {
      case 0:
        want();
        break;
      case 1:
        if (one !== undefined) one.handle.cancel();
        if (one !== undefined) wanted.delete(one);
        break;
      case 2:
        if (one === undefined) break;
        one.held = !one.held;
        if (one.held) one.handle.hold();
        else one.handle.release();
        break;
      case 3:
        bench.cut();
        break;
      case 4:
        bench.network.weather.dial = random.chance(0.5) ? 'refuse' : 'accept';
        break;
      case 5:
        bench.server.deafen(0);
        break;
      case 6:
        bench.server.unsubscribeByServer(0);
        break;
      case 7:
        bench.server.denied.add(random.pick(NAMES));
        break;
      case 8:
        bench.server.denied.clear();
        break;
      case 9:
        one?.handle.retry();
        break;
      default:
        for (let count = random.integer(1, 4); count > 0; count--) publish(random.pick(NAMES));
    }
    const before = bench.time.eventCount;
    await bench.run(random.next() * (random.chance(0.1) ? 15_000 : 300));
    assert.ok(bench.time.eventCount - before < 3000, `seed ${seed}, step ${step}: turns in circles`);
  }
  bench.network.weather.dial = 'accept';
  bench.server.denied.clear();
  for (const { handle } of wanted) {
    handle.release();
    handle.retry();
  }
  await bench.run(70_000);
  for (const name of NAMES) publish(name);
  await bench.run(100);
  for (const { sink, channels } of wanted) {
    for (const channel of channels) {
      const where = `seed ${seed}, RESP${protocol}, ${channel}`;
      assert.equal(sink.stateOf(channel), 'active', where);
      assert.equal(sink.seen.filter((entry) => entry === `${channel}:${numbers.get(channel)}`).length, 1, where);
      assert.equal(holesTold(sink, channel), undefined, where);
    }
  }
  await bench.close();
  assert.equal(bench.platform.timerCount, 0);
}

describe('the subscriber connection in random weather', () => {
  for (const protocol of [2, 3] as const) {
    test(`keeps its promises over RESP${protocol}`, async () => {
      for (let seed = 1; seed <= SEEDS; seed++) await play(seed, protocol);
      // Once: what came before a late confirmation was given, and a hole behind it was not told.
      await play(286, protocol);
    });
  }
});
