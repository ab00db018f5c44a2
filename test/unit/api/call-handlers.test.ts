// Who is called with a message, and what becomes of what handlers give, throw and reject with.
// Run by `npm test`. Pure.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { callHandlers } from '../../../src/api/call-handlers.ts';
import type { Message } from '../../../src/api/config-types.ts';
import { Emitter, isThenable } from '../../../src/api/emitter.ts';
import type { StreamEvents } from '../../../src/api/stream-types.ts';

const MESSAGE: Message<unknown> = { channel: 'c', data: 1, raw: '1', receivedAt: 5 };

class Bench {
  readonly events = new Emitter<StreamEvents<unknown>>();
  readonly called: string[] = [];
  readonly errors: unknown[] = [];

  /** Notes that it was called, then does what `act` says. */
  handler(name: string, act: () => unknown = () => {}): (message: Message<unknown>) => unknown {
    return (message) => {
      assert.equal(message, MESSAGE);
      this.called.push(name);
      return act();
    };
  }

  call(onMessage?: (message: Message<unknown>) => unknown): unknown {
    return callHandlers(onMessage, this.events, MESSAGE, {
      onHandlerError: (error, message) => this.errors.push((error as Error).message, message.data),
    });
  }
}

describe('the handlers of a message', () => {
  test('nobody is nothing; one alone gives what it gives, and throws what it throws', () => {
    assert.equal(new Bench().call(), undefined);
    const hook = new Bench();
    assert.equal(hook.call(hook.handler('hook', () => 'given')), 'given');
    assert.throws(() => hook.call(hook.handler('hook', () => assert.fail('thrown'))), /thrown/);
    const listener = new Bench();
    listener.events.on(
      'message',
      listener.handler('listener', () => 'given'),
    );
    assert.equal(listener.call(), 'given');
    listener.events.once('message', listener.handler('once'));
    assert.equal(listener.call(), undefined, 'of several nothing is given');
    assert.deepEqual([listener.called, listener.errors], [['listener', 'listener', 'once'], []]);
  });

  test('of several each is called, the hook first; a throw of one is told and keeps it from nobody', () => {
    const bench = new Bench();
    bench.events.on(
      'message',
      bench.handler('first', () => assert.fail('first')),
    );
    bench.events.on('message', bench.handler('second'));
    assert.equal(bench.call(bench.handler('hook', () => assert.fail('hook'))), undefined);
    assert.deepEqual(bench.called, ['hook', 'first', 'second']);
    assert.deepEqual(bench.errors, ['hook', 1, 'first', 1]);
  });

  test('the hook beside one listener is two: both are called', () => {
    const bench = new Bench();
    bench.events.on('message', bench.handler('listener'));
    bench.call(bench.handler('hook'));
    assert.deepEqual(bench.called, ['hook', 'listener']);
  });

  test('a promise of one of several is waited for with the others; a rejection is told, and is none of the whole', async () => {
    const bench = new Bench();
    let open = () => {};
    const gate = new Promise<void>((resolve) => (open = resolve));
    bench.events.on(
      'message',
      bench.handler('slow', () => gate),
    );
    bench.events.on(
      'message',
      bench.handler('broken', async () => assert.fail('broken')),
    );
    bench.events.on(
      'message',
      bench.handler('plain', () => 5),
    );
    let ended = false;
    const whole = (bench.call() as Promise<unknown>).then(() => (ended = true));
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([bench.called, bench.errors, ended], [['slow', 'broken', 'plain'], ['broken', 1], false]);
    open();
    await whole;
  });

  test('a promise is an object with then()', () => {
    const withThen = (then: unknown) => Object.fromEntries([['then', then]]);
    for (const value of [undefined, null, 5, 'x', {}, withThen(5), () => {}]) assert.equal(isThenable(value), false);
    for (const value of [Promise.resolve(), withThen(() => {})]) assert.equal(isThenable(value), true);
  });
});
