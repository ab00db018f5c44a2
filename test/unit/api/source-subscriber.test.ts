// A subscriber whose messages come through a source that the test plays: its confirmation, refusal, end, and being held.
// Run by `npm test`.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { SubscriberConfig } from '../../../src/api/config-types.ts';
import { PLATFORM } from '../../../src/api/platform.ts';
import { SourceSubscriber } from '../../../src/api/source-subscriber.ts';
import { ClosedError, LinkLostError, ReplyError, TimeoutError } from '../../../src/errors/index.ts';
import type { MessageSink, MessageSource, SubscribeWish } from '../../../src/pubsub/index.ts';
import { within } from '../../support/events.ts';
import { SimulatedNetwork } from '../../support/simulation/network.ts';
import { SeededRandom } from '../../support/simulation/random.ts';
import { VirtualTime } from '../../support/simulation/virtual-time.ts';

const NOPERM = new ReplyError('Cannot execute SUBSCRIBE: NOPERM', { code: 'NOPERM', command: 'SUBSCRIBE' });

class PlayedSubscriber extends SourceSubscriber<unknown> {
  protected override readonly channel = 'c';
  readonly told: string[] = [];
  readonly wishes: SubscribeWish[] = [];
  onSubscribe: (sink: MessageSink) => void = (sink) => sink.onChannelState('c', 'active', undefined);

  protected override openSource(): MessageSource {
    return {
      subscribe: (wish) => {
        this.wishes.push(wish);
        this.onSubscribe(wish.sink);
        return {
          cancel: () => void this.told.push('cancel'),
          retry() {},
          hold: () => void this.told.push('hold'),
          release: () => void this.told.push('release'),
        };
      },
    } as MessageSource;
  }

  get state(): string {
    return this.channelState;
  }

  get sink(): MessageSink {
    return (this.wishes.at(-1) as SubscribeWish).sink;
  }
}

const make = (config?: SubscriberConfig<unknown>) => new PlayedSubscriber('s', 'played://c', config);
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('a subscriber over a source', () => {
  test('asks for its channel in its region, by kind and by codec', async () => {
    const binary = {
      name: 'own',
      binary: true,
      encode: () => new Uint8Array(),
      decode: (raw: unknown) => raw,
    } as const;
    const subscriber = make({ region: 'r', kind: 'shard', codec: binary });
    assert.equal(subscriber.state, 'pending');
    await subscriber.start();
    const [{ kind, channels, bytes }] = subscriber.wishes as [SubscribeWish];
    assert.deepEqual([kind, channels, bytes, subscriber.state], ['shard', ['@r:c'], true, 'active']);
    const gaps: unknown[] = [];
    subscriber.on('gap', (gap) => gaps.push(gap.channels));
    const cause = new LinkLostError('Lost the link');
    subscriber.sink.onGap({ channels: ['@r:c'], from: 1, to: 2, cause, reason: 'link-lost', missed: 'unknown' });
    subscriber.sink.onMessage('@r:c', undefined, new Uint8Array([7]), 5);
    const { value } = await subscriber[Symbol.asyncIterator]().next();
    assert.deepEqual(value, {
      channel: 'c',
      data: new Uint8Array([7]),
      raw: new Uint8Array([7]),
      region: 'r',
      receivedAt: 5,
    });
    assert.deepEqual(gaps, [['c']]);
    await subscriber.stop();
    assert.equal(subscriber.state, 'closed');
  });

  test('without a confirmation start() rejects once connecting and subscribing have had their time', async () => {
    const subscriber = make({ connectTimeoutMs: 10, commandTimeoutMs: 15 });
    subscriber.onSubscribe = () => {};
    // Its timer keeps no process alive; this one does.
    await assert.rejects(
      within(subscriber.start(), 15_000, 'its own limit'),
      (error: unknown) =>
        error instanceof TimeoutError &&
        error.message.startsWith('Cannot start subscriber "s": no confirmation within 25 ms') &&
        error.safeToRetry &&
        error.hint === 'check the server, or raise "connectTimeoutMs" and "commandTimeoutMs"',
    );
    assert.deepEqual([subscriber.told, subscriber.state], [['cancel'], 'closed']);
    await subscriber.stop();
  });

  test('stop() before the confirmation leaves no timer, nor does a start that was given up', async () => {
    const network = new SimulatedNetwork(new VirtualTime(), new SeededRandom(1));
    const platform = network.platform('test', new SeededRandom(1), 0);
    const subscriber = make({ [PLATFORM]: platform } as SubscriberConfig<unknown>);
    subscriber.onSubscribe = () => {};
    const controller = new AbortController();
    const given = assert.rejects(subscriber.start({ signal: controller.signal }), /enough/);
    await turn();
    assert.equal(platform.timerCount, 1);
    controller.abort(new Error('enough'));
    await given;
    await turn();
    assert.equal(platform.timerCount, 0);
    const started = assert.rejects(subscriber.start(), ClosedError);
    await turn();
    assert.equal(platform.timerCount, 1);
    const stopping = subscriber.stop();
    await started;
    await turn();
    await network.time.runFor(0);
    assert.equal(subscriber.state, 'closed');
    await network.time.runFor(5);
    await stopping;
    assert.equal(platform.timerCount, 0);
  });

  test('a confirmation leaves no timer', async () => {
    const time = new VirtualTime();
    const random = new SeededRandom(1);
    const platform = new SimulatedNetwork(time, random).platform('test', random, 0);
    const subscriber = make({ [PLATFORM]: platform } as SubscriberConfig<unknown>);
    await subscriber.start();
    assert.equal(platform.timerCount, 0);
  });

  test('with waitOnFirstConnect it waits as long as it takes', async () => {
    const subscriber = make({ connectTimeoutMs: 1, commandTimeoutMs: 1, waitOnFirstConnect: true });
    subscriber.onSubscribe = () => {};
    const started = subscriber.start();
    // Another one with the same limits has come to its end meanwhile.
    const other = make({ connectTimeoutMs: 1, commandTimeoutMs: 1 });
    other.onSubscribe = () => {};
    await assert.rejects(within(other.start(), 15_000, 'its own limit'), TimeoutError);
    subscriber.sink.onChannelState('c', 'active', undefined);
    await started;
    assert.equal(subscriber.isRunning(), true);
    await Promise.all([subscriber.stop(), other.stop()]);
  });

  test('a refusal and a late confirmation reject with their error; pending without one changes nothing', async () => {
    for (const state of ['denied', 'pending'] as const) {
      const subscriber = make();
      subscriber.onSubscribe = (sink) => {
        sink.onChannelState('c', 'pending', undefined);
        sink.onChannelState('c', state, NOPERM);
      };
      await assert.rejects(subscriber.start(), NOPERM);
      await subscriber.stop();
    }
  });

  test('an end by itself is told to who starts and to who reads; without an error it is a ClosedError', async () => {
    for (const error of [new LinkLostError('Gave up'), undefined]) {
      const name = error ? 'LinkLostError' : 'ClosedError';
      const starting = make();
      starting.onSubscribe = (sink) => sink.onEnd(error);
      await assert.rejects(starting.start(), { name });
      const running = make();
      await running.start();
      const next = running[Symbol.asyncIterator]().next();
      running.sink.onEnd(error);
      await assert.rejects(next, { name });
      assert.equal(running.isRunning(), false);
      await running.start();
      assert.deepEqual([running.isRunning(), running.told, running.wishes.length], [true, ['cancel'], 2]);
      await Promise.all([starting.stop(), running.stop()]);
    }
  });

  test('a full queue holds the source, and half of it read releases it', async () => {
    const subscriber = make({ queueMaxCount: 2 });
    await subscriber.start();
    for (const n of [1, 2]) subscriber.sink.onMessage('c', undefined, `${n}`, n);
    await turn();
    assert.deepEqual(subscriber.told, ['hold']);
    assert.equal(await subscriber.getData(), 1);
    assert.deepEqual(subscriber.told, ['hold', 'release']);
    await subscriber.stop();
    await assert.rejects(subscriber.start(), ClosedError);
  });
});
