// One listener a signal, whoever waits for it.

import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, test } from 'node:test';
import { whenAborted } from '../../../src/net/when-aborted.ts';

const listenersOf = (signal: AbortSignal) => getEventListeners(signal, 'abort').length;

describe('whenAborted', () => {
  test('many who wait for one signal are one listener of it, gone with the last of them', () => {
    const { signal } = new AbortController();
    const unwatch = Array.from({ length: 30 }, () => whenAborted(signal, () => {}));
    assert.equal(listenersOf(signal), 1);
    const last = unwatch.pop();
    for (const stop of unwatch) stop();
    assert.equal(listenersOf(signal), 1);
    last?.();
    last?.();
    assert.equal(listenersOf(signal), 0);
    const stop = whenAborted(signal, () => {});
    assert.equal(listenersOf(signal), 1);
    stop();
    assert.equal(listenersOf(signal), 0);
  });

  test('each is called once, in order, but for who was settled meanwhile', () => {
    const controller = new AbortController();
    const called: string[] = [];
    whenAborted(controller.signal, () => {
      called.push('first');
      second();
    });
    const second = whenAborted(controller.signal, () => called.push('second'));
    whenAborted(controller.signal, () => called.push('third'));
    const gone = whenAborted(controller.signal, () => called.push('gone'));
    gone();
    controller.abort();
    controller.signal.dispatchEvent(new Event('abort'));
    assert.deepEqual(called, ['first', 'third']);
  });

  test('signals do not hear of each other, and none is no signal', () => {
    const [one, other] = [new AbortController(), new AbortController()];
    const called: string[] = [];
    whenAborted(one.signal, () => called.push('one'));
    whenAborted(other.signal, () => called.push('other'));
    whenAborted(undefined, () => called.push('none'))();
    other.abort();
    assert.deepEqual(called, ['other']);
  });
});
