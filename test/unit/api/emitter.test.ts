// The typed events of everything that users hold. Run by `npm test`.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Emitter } from '../../../src/api/emitter.ts';

interface Events {
  state: number;
  error: Error;
}

describe('an emitter', () => {
  test('calls listeners in order, each as often as it was added', () => {
    const emitter = new Emitter<Events>();
    const seen: string[] = [];
    const a = (value: number) => seen.push(`a${value}`);
    emitter.on('state', a);
    emitter.on('state', (value) => seen.push(`b${value}`));
    emitter.on('state', a);
    emitter.emit('state', 1);
    assert.deepEqual(seen, ['a1', 'b1', 'a1']);
    emitter.off('state', a);
    emitter.emit('state', 2);
    assert.deepEqual(seen.slice(3), ['a2', 'b2'], 'the newest registration went');
  });

  test('once means once, also when it emits again inside', () => {
    const emitter = new Emitter<Events>();
    let count = 0;
    emitter.once('state', () => {
      count++;
      emitter.emit('state', 2);
    });
    emitter.emit('state', 1);
    assert.equal(count, 1);
    assert.equal(emitter.has('state'), false);
  });

  test('who hears once may leave before, by the name it came with; who never came changes nothing', () => {
    const emitter = new Emitter<Events>();
    const seen: string[] = [];
    const once = (value: number) => seen.push(`once${value}`);
    emitter.once('state', once);
    emitter.on('state', (value) => seen.push(`on${value}`));
    emitter.off('state', () => {});
    emitter.off('error', once as never);
    emitter.off('state', once);
    emitter.emit('state', 1);
    emitter.once('state', once);
    emitter.on('state', once);
    emitter.off('state', once);
    emitter.emit('state', 2);
    emitter.emit('state', 3);
    assert.deepEqual(seen, ['on1', 'on2', 'once2', 'on3']);
    new Emitter<Events>().off('state', once);
  });

  test('has() and listeners() say who listens now', () => {
    const emitter = new Emitter<Events>();
    const listener = () => {};
    assert.deepEqual([emitter.has('state'), emitter.listeners('state')], [false, []]);
    emitter.on('state', listener);
    assert.deepEqual(
      [emitter.has('state'), emitter.has('error'), emitter.listeners('state')],
      [true, false, [listener]],
    );
    emitter.off('state', listener);
    assert.deepEqual([emitter.has('state'), emitter.listeners('state')], [false, []]);
  });

  test('what a listener of handlerError throws or rejects with is told to nobody', async () => {
    const told: unknown[] = [];
    const emitter = new Emitter<{ handlerError: number }>((error) => told.push(error));
    emitter.on('handlerError', () => assert.fail('thrown'));
    emitter.on('handlerError', () => Promise.reject(new Error('rejected')));
    emitter.emit('handlerError', 1);
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(told, []);
  });

  test('a listener added or removed while it emits is in or out from the next time on', () => {
    const emitter = new Emitter<Events>();
    const seen: string[] = [];
    const late = () => seen.push('late');
    const second = () => seen.push('second');
    emitter.on('state', () => {
      seen.push('first');
      emitter.off('state', second);
      emitter.on('state', late);
    });
    emitter.on('state', second);
    emitter.emit('state', 1);
    assert.deepEqual(seen, ['first', 'second']);
    seen.length = 0;
    emitter.emit('state', 2);
    assert.deepEqual(seen, ['first', 'late']);
  });

  test('never throws: not for want of a listener, not for a listener that throws or rejects', async () => {
    const thrown: unknown[] = [];
    const emitter = new Emitter<Events>((error) => thrown.push((error as Error).message));
    emitter.emit('error', new Error('nobody listens'));
    const seen: number[] = [];
    emitter.on('state', () => assert.fail('thrown'));
    emitter.on('state', () => Promise.reject(new Error('rejected')));
    emitter.on('state', (value) => seen.push(value));
    emitter.emit('state', 1);
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(seen, [1]);
    assert.deepEqual(thrown, ['thrown', 'rejected']);
  });

  test('refuses what is no function, by name of the event', () => {
    const emitter = new Emitter<Events>();
    assert.throws(
      () => emitter.on('state', 7 as never),
      /Cannot listen to "state": found number, allowed is a function/,
    );
  });
});
