// `memory://`: who hears whom in one process, by channel, region, codec and number, and that nothing is left of it.
// Run by `npm test`.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bytesCodec } from '../../../src/api/codec.ts';
import type { PublisherConfig, SubscriberConfig } from '../../../src/api/config-types.ts';
import { listenInMemory, publishInMemory } from '../../../src/api/memory-hub.ts';
import { MemoryDataPublisher } from '../../../src/api/memory-publisher.ts';
import { MemorySource } from '../../../src/api/memory-source.ts';
import { MemoryDataSubscriber } from '../../../src/api/memory-subscriber.ts';
import { UsageError } from '../../../src/errors/index.ts';
import type { Gap, MessageSink, SubscribeWish } from '../../../src/pubsub/index.ts';
import { SimulatedNetwork } from '../../support/simulation/network.ts';
import { SeededRandom } from '../../support/simulation/random.ts';
import { VirtualTime } from '../../support/simulation/virtual-time.ts';

describe('the hub of a process', () => {
  test('calls who listens, in order, each once for each time it listens, and counts them', () => {
    const seen: string[] = [];
    const note = (name: string) => (channel: string, payload: unknown) => seen.push(`${name} ${channel} ${payload}`);
    assert.equal(publishInMemory('hub', 'x'), 0);
    const stopA = listenInMemory('hub', note('a'));
    const stopB = listenInMemory('hub', note('b'));
    const stopOther = listenInMemory('other', note('other'));
    assert.equal(publishInMemory('hub', '1'), 2);
    stopA();
    stopA();
    assert.equal(publishInMemory('hub', '2'), 1);
    stopB();
    assert.equal(publishInMemory('hub', '3'), 0);
    const stopC = listenInMemory('hub', note('c'));
    // Of a set that is gone: it must not take the new one's away.
    stopB();
    assert.equal(publishInMemory('hub', '4'), 1);
    stopC();
    stopOther();
    assert.deepEqual(seen, ['a hub 1', 'b hub 1', 'b hub 2', 'c hub 4']);
  });

  test('a listener that leaves while it is told is told all the same; nothing is kept of a channel without any', () => {
    const hub = () =>
      (globalThis as unknown as Record<symbol, Map<string, unknown>>)[Symbol.for('ashredis.memory.channels')];
    const seen: string[] = [];
    const stops = ['a', 'b'].map((name) =>
      listenInMemory('leaving', () => {
        seen.push(name);
        for (const stop of stops) stop();
      }),
    );
    assert.equal(hub()?.has('leaving'), true);
    assert.equal(publishInMemory('leaving', 'x'), 2);
    assert.deepEqual(seen, ['a', 'b']);
    assert.equal(hub()?.has('leaving'), false);
  });
});

describe('a source in memory', () => {
  function reading(wish: Partial<SubscribeWish> = {}) {
    const time = new VirtualTime();
    const random = new SeededRandom(1);
    const platform = new SimulatedNetwork(time, random).platform('test', random, 1_700_000_000_000);
    const source = new MemorySource(platform);
    const seen: unknown[] = [];
    const gaps: Gap[] = [];
    const sink: MessageSink = {
      onMessage: (channel, pattern, payload, receivedAt) =>
        seen.push([channel, pattern, payload, receivedAt - 1_700_000_000_000]),
      onGap: (gap) => gaps.push(gap),
      onChannelState: (channel, state) => seen.push(`${channel} ${state}`),
      onEnd: (error) => seen.push(`end ${error}`),
    };
    const handle = source.subscribe({ kind: 'channel', channels: ['m', 'n'], bytes: false, sink, ...wish });
    return { time, seen, gaps, handle };
  }

  test('confirms each channel, then gives text as text and bytes as text, never in the turn of the publisher', async () => {
    const { time, handle, seen } = reading();
    publishInMemory('m', 'é');
    assert.deepEqual(seen, []);
    await time.runFor(5);
    publishInMemory('n', new TextEncoder().encode('ü'));
    await time.runFor(5);
    assert.deepEqual(seen, ['m active', 'n active', ['m', undefined, 'é', 0], ['n', undefined, 'ü', 5]]);
    handle.cancel();
    publishInMemory('m', 'after');
    await time.runFor(5);
    assert.equal(seen.length, 4, 'it hears nothing more');
  });

  test('gives bytes where they are wanted, a copy for each', async () => {
    const { time, handle, seen } = reading({ bytes: true, channels: ['m'] });
    const bytes = new Uint8Array([1, 2]);
    publishInMemory('m', bytes);
    publishInMemory('m', 'é');
    await time.runFor(1);
    bytes.fill(9);
    assert.deepEqual(seen.slice(1), [
      ['m', undefined, new Uint8Array([1, 2]), 0],
      ['m', undefined, new TextEncoder().encode('é'), 0],
    ]);
    handle.cancel();
  });

  test('cancelled, in the middle too, it gives nothing more', async () => {
    const { time, seen, handle } = reading({ channels: ['m'] });
    publishInMemory('m', '1');
    handle.retry();
    handle.cancel();
    assert.equal(publishInMemory('m', '2'), 0);
    await time.runFor(5);
    assert.deepEqual(seen, []);
    const second = reading({ channels: ['m'] });
    await second.time.runFor(1);
    const push = second.seen.push.bind(second.seen);
    second.seen.push = (...values) => {
      second.handle.cancel();
      return push(...values);
    };
    publishInMemory('m', '1');
    publishInMemory('m', '2');
    await second.time.runFor(5);
    assert.equal(second.seen.length, 2, 'the confirmation and one message');
  });

  test('a gap of what was lost is from the last message that was handed over to the next one', async () => {
    const { time, gaps, handle, seen } = reading({ channels: ['m'] });
    publishInMemory('m', 'first');
    await time.runFor(10);
    handle.hold();
    await time.runFor(10);
    const big = 'x'.repeat(16 * 1024 * 1024 - 100);
    for (const payload of [big, big]) publishInMemory('m', payload);
    assert.equal(gaps.length, 0, 'exactly as much as may wait');
    publishInMemory('m', 'last');
    await time.runFor(10);
    handle.release();
    await time.runFor(10);
    const gap = gaps[0] as Gap;
    assert.deepEqual(
      [gap.channels, gap.from - 1_700_000_000_000, gap.to - 1_700_000_000_000, gap.missed, gap.reason],
      [['m'], 0, 30, 2, 'overrun'],
    );
    assert.equal(seen.length, 3);
    handle.cancel();
  });
});

describe('the classes of memory://', () => {
  const pair = (channel: string, publisher: PublisherConfig = {}, subscriber: SubscriberConfig<unknown> = {}) => ({
    publisher: new MemoryDataPublisher('p', `memory://${channel}`, publisher),
    subscriber: new MemoryDataSubscriber<unknown>('s', `memory://${channel}`, subscriber),
  });

  test('what is published in a region is heard there alone, without its prefix', async () => {
    const { publisher, subscriber } = pair('regions', { region: 'r' }, { region: 'r' });
    const { publisher: outside, subscriber: elsewhere } = pair('regions', {}, { region: 's' });
    await Promise.all([subscriber.start(), elsewhere.start()]);
    assert.equal(await outside.publish('outside'), 0);
    assert.equal(await publisher.publish({ n: 1 }), 1);
    const { value } = await subscriber[Symbol.asyncIterator]().next();
    assert.deepEqual([value.channel, value.region, value.data, value.raw], ['regions', 'r', { n: 1 }, '{"n":1}']);
    assert.equal(elsewhere.getQueueSize(), 0);
    await Promise.all([subscriber.stop(), elsewhere.stop()]);
    assert.equal(await publisher.publish(2), 0);
    await Promise.all([publisher.stop(), outside.stop()]);
  });

  test('numbers count from 1 in one life of the publisher; without `numbered` there is no envelope', async () => {
    const { publisher, subscriber } = pair('numbers', { numbered: true }, { numbered: true });
    const plain = new MemoryDataSubscriber<{ offset: number }>('s', 'memory://numbers');
    await Promise.all([subscriber.start(), plain.start()]);
    for (const data of ['a', 'b']) assert.equal(await publisher.publish(data), 2);
    const iterator = subscriber[Symbol.asyncIterator]();
    for (const [data, offset] of [
      ['a', 1],
      ['b', 2],
    ]) {
      const { value } = await iterator.next();
      assert.deepEqual([value.data, value.raw, value.position?.offset], [data, `"${data}"`, offset]);
    }
    assert.equal((await plain.getData(1))?.offset, 1);
    assert.equal(subscriber.stats().gapCount, 0);
    await Promise.all([publisher.stop(), subscriber.stop(), plain.stop()]);
    const { publisher: unnumbered, subscriber: hearing } = pair('numbers');
    await hearing.start();
    await unnumbered.publish({ a: 1 });
    assert.deepEqual(await hearing.getData(1), { a: 1 });
    await Promise.all([unnumbered.stop(), hearing.stop()]);
  });

  test('bytes stay bytes; what can not travel is refused as on a network', async () => {
    const { publisher, subscriber } = pair('bytes', { codec: bytesCodec }, { codec: bytesCodec });
    await subscriber.start();
    const bytes = new Uint8Array([0, 255]);
    await publisher.publish(bytes);
    bytes.fill(7);
    assert.deepEqual(await subscriber.getData(1), new Uint8Array([0, 255]));
    await assert.rejects(publisher.publish('text'), /found string, allowed is a Uint8Array/);
    await Promise.all([publisher.stop(), subscriber.stop()]);
    const { publisher: json, subscriber: never } = pair('json');
    await assert.rejects(json.publish(1n), UsageError);
    await Promise.all([json.stop(), never.stop()]);
  });

  test('names are what stands after ://, verbatim; patterns and newest values are refused', async () => {
    const { publisher, subscriber } = pair('a:b/c');
    assert.deepEqual([publisher.channel, subscriber.channel], ['a:b/c', 'a:b/c']);
    for (const make of [
      () => new MemoryDataPublisher('p', 'memory://'),
      () => new MemoryDataSubscriber('s', 'memory://'),
      () => new MemoryDataPublisher('p', 'redis://c'),
    ]) {
      assert.throws(make, (error: Error) => error instanceof UsageError && /(destination|source)/.test(error.message));
    }
    for (const config of [{ kind: 'pattern' }, { delivery: 'latest' }] as const) {
      assert.throws(() => new MemoryDataSubscriber('s', 'memory://c', config), /kind "pattern" or delivery "latest"/);
    }
    await Promise.all([publisher.stop(), subscriber.stop()]);
  });
});
