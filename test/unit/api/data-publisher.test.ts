// The framework's publisher over a transport that the test plays: connecting, counting, what a signal gives up.
// Run by `npm test`.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DataPublisher } from '../../../src/api/data-publisher.ts';
import { ClosedError, UsageError } from '../../../src/errors/index.ts';
import { within } from '../../support/events.ts';

describe('a publisher of a user’s own', () => {
  class PlayedPublisher extends DataPublisher<number> {
    readonly seen: unknown[] = [];
    onPublish: (data: unknown) => number | Promise<number> = () => 0;
    onConnect: () => Promise<void> | void = () => {};

    protected override doPublish(data: unknown): number | Promise<number> {
      this.seen.push(data);
      return this.onPublish(data);
    }

    protected override doConnect(): Promise<void> | void {
      this.seen.push('connect');
      return this.onConnect();
    }
  }

  test('connect() is the transport’s, refused with an aborted signal and after stop()', async () => {
    const publisher = new PlayedPublisher('p', 'played://x');
    publisher.onConnect = () => Promise.reject(new Error('no way'));
    await assert.rejects(publisher.connect(), /no way/);
    publisher.onConnect = () => {};
    assert.equal(await publisher.connect(), undefined);
    await assert.rejects(publisher.connect({ signal: AbortSignal.abort(new Error('enough')) }), /enough/);
    await assert.rejects(publisher.connect(null as never), UsageError);
    await publisher.stop();
    await assert.rejects(publisher.connect(), {
      name: 'ClosedError',
      safeToRetry: true,
      hint: 'stop() is final; make a new publisher',
    });
    assert.deepEqual(publisher.seen, ['connect', 'connect']);
  });

  test('a signal that is aborted before keeps a record from leaving, at once and at an interval', async () => {
    for (const publishInterval of [0, 60]) {
      const publisher = new PlayedPublisher('p', 'played://x', { publishInterval });
      await assert.rejects(publisher.publish(1, { signal: AbortSignal.abort(new Error('enough')) }), /enough/);
      assert.deepEqual([publisher.seen, publisher.failedCount, publisher.getQueueSize()], [[], 1, 0]);
      await publisher.stop();
      assert.deepEqual(publisher.seen, []);
    }
  });

  test('publishMany stops between two records of a source that goes on by itself', async () => {
    const publisher = new PlayedPublisher('p', 'played://x');
    const controller = new AbortController();
    publisher.onPublish = (data) => {
      if (data === 2) controller.abort(new Error('enough'));
      return 0;
    };
    let given = 0;
    const source = (function* () {
      while (given < 10) yield ++given;
    })();
    await assert.rejects(publisher.publishMany(source, { signal: controller.signal }), /enough/);
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([publisher.seen, given], [[1, 2], 3]);
    await publisher.stop();
  });

  test('publishMany: what its source gives after stop() never reaches the transport', async () => {
    const publisher = new PlayedPublisher('p', 'played://x');
    const source = (function* () {
      yield 1;
      void publisher.stop();
      yield 2;
      yield 3;
    })();
    await assert.rejects(publisher.publishMany(source), ClosedError);
    assert.deepEqual([publisher.seen, publisher.publishCount], [[1], 1]);
  });

  test('stop() of who has nothing pending, any more, waits for no limit', async () => {
    const idle = new PlayedPublisher('p', 'played://x', { closeTimeoutMs: 60_000 });
    await within(idle.stop(), 15_000, 'an idle one');
    const busy = new PlayedPublisher('p', 'played://x', { closeTimeoutMs: 60_000 });
    let answer: (value: number) => void = () => {};
    busy.onPublish = () => new Promise((resolve) => (answer = resolve));
    const sent = busy.publish(1);
    let stopped = false;
    const stopping = busy.stop().then(() => (stopped = true));
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(stopped, false);
    answer(1);
    await within(stopping, 15_000, 'one that is answered');
    assert.equal(await sent, 1);
  });

  test('autoPackageNonDict packs bytes and null as it packs text; without it all goes as it is', async () => {
    const bytes = new Uint8Array([1]);
    for (const autoPackageNonDict of [true, false]) {
      const publisher = new PlayedPublisher('p', 'played://x', { autoPackageNonDict });
      const data = [bytes, null, 'text', { a: 1 }];
      for (const each of data) await publisher.publish(each);
      await publisher.publishMany(data);
      const packed = [{ payload: bytes }, { payload: null }, { payload: 'text' }, { a: 1 }];
      assert.deepEqual(publisher.seen, autoPackageNonDict ? [...packed, ...packed] : [...data, ...data]);
      await publisher.stop();
    }
  });

  test('counts as pending what has not been answered, and tells when it was last', async () => {
    const publisher = new PlayedPublisher('p', 'played://x');
    let answer: (value: number) => void = () => {};
    publisher.onPublish = () => new Promise((resolve) => (answer = resolve));
    const before = Date.now();
    const sent = publisher.publish(1);
    assert.deepEqual([publisher.stats().pendingCount, publisher.publishCount, publisher.lastPublish], [1, 0, null]);
    answer(7);
    assert.equal(await sent, 7);
    assert.deepEqual([publisher.stats().pendingCount, publisher.publishCount], [0, 1]);
    assert.ok((publisher.lastPublish as number) >= before && (publisher.lastPublish as number) <= Date.now());
    await publisher.stop();
  });
});
