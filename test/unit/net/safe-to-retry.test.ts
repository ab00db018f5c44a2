// What a connection says of commands that were handed over before, of links that are to be replaced, and of credentials
// that are over. Run by `npm test`, on virtual time.

import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { describe, test } from 'node:test';
import { ClosedError, LinkLostError, OverflowError, TimeoutError, UsageError } from '../../../src/errors/index.ts';
import { nodePlatform } from '../../../src/net/index.ts';
import { greeting, store, VirtualConnection, type VirtualScript } from '../../support/virtual-connection.ts';

const silent: VirtualScript = (words) => greeting(words);

describe('a command that was handed over and waits to be sent again is not safe to retry', () => {
  /** The command is on its second wait, and nobody listens. */
  async function waitingAgain(options: ConstructorParameters<typeof VirtualConnection>[0] = {}) {
    const bench = new VirtualConnection(options, silent);
    await bench.connect();
    const sent = bench.send(['INCR', 'a'], { retry: true });
    await bench.run(5);
    bench.network.weather.dial = 'refuse';
    bench.cutAll();
    await bench.run(1);
    return { bench, sent };
  }

  test('when its time is over', async () => {
    const { bench, sent } = await waitingAgain();
    await bench.run(6000);
    assert.ok(sent.failure instanceof TimeoutError);
    assert.equal(sent.failure.safeToRetry, false);
    assert.match(sent.failure.message, /it may have been executed/);
    await bench.connection.close();
  });

  test('when the connection is closed', async () => {
    const { bench, sent } = await waitingAgain();
    await bench.connection.close();
    assert.ok(sent.failure instanceof ClosedError);
    assert.equal(sent.failure.safeToRetry, false);
  });

  test('when the attempts end, while what was never sent is', async () => {
    const { bench, sent } = await waitingAgain({ reconnect: { maxAttempts: 2, maxDelayMs: 10 } });
    const fresh = bench.send(['INCR', 'b']);
    await bench.run(1000);
    assert.ok(sent.failure instanceof LinkLostError);
    assert.equal(sent.failure.safeToRetry, false);
    assert.equal(fresh.failure.safeToRetry, true);
  });

  test('when the offline queue has no room for it', async () => {
    const { bench, sent } = await waitingAgain({ offlineMaxCount: 0 });
    assert.ok(sent.failure instanceof OverflowError);
    assert.equal(sent.failure.safeToRetry, false);
    await bench.connection.close();
  });

  test('and can be given up', async () => {
    const { bench, sent } = await waitingAgain();
    bench.connection.cancel(sent, new Error('enough'));
    assert.equal(sent.failure.message, 'enough');
    assert.deepEqual([bench.connection.stats().unsentCount, bench.connection.stats().unsentBytes], [0, 0]);
    await bench.connection.close();
  });
});

test('what waited for a connection that is closed before it is made is safe to retry', async () => {
  const bench = new VirtualConnection({}, () => undefined);
  const connected = bench.connection.connect();
  const refused = assert.rejects(connected, (error) => error instanceof ClosedError && error.safeToRetry);
  await bench.run(50);
  await bench.connection.close();
  await refused;
  await assert.rejects(bench.connection.connect(), (error) => error instanceof ClosedError && error.safeToRetry);
});

test('what may not wait and was not handed over fails with the link, safe to retry; the rest waits', async () => {
  const bench = new VirtualConnection({}, store);
  await bench.connect();
  bench.script = silent;
  const sent = bench.send(['SET', 'a', '1'], { failWhenDisconnected: true });
  await bench.run(5);
  bench.script = store;
  const [failing, waiting] = [true, false].map((failWhenDisconnected) =>
    bench.send(['SET', 'a', '1'], { failWhenDisconnected }),
  );
  bench.connection.breakLink(new LinkLostError('cut'));
  assert.equal(sent.failure.safeToRetry, false);
  assert.ok(failing?.failure instanceof LinkLostError);
  assert.equal(failing.failure.safeToRetry, true);
  await bench.run(1000);
  assert.deepEqual(waiting?.replies, ['OK']);
  assert.deepEqual(bench.end.commands.filter(([name]) => name === 'SET').length, 1);
  assert.deepEqual([bench.connection.stats().unsentCount, bench.connection.stats().unsentBytes], [0, 0]);
  await bench.connection.close();
});

test('a command that its dialect can not say is counted off once', async () => {
  const bench = new VirtualConnection({}, store);
  await bench.connect();
  const refused = bench.send(['SET'], {
    frame: undefined,
    encode: () => {
      throw new UsageError('Cannot say it');
    },
  });
  await bench.run(5);
  assert.ok(refused.failure instanceof UsageError);
  assert.deepEqual([bench.connection.stats().unsentCount, bench.connection.stats().unsentBytes], [0, 0]);
  await bench.connection.close();
});

test('links that never became ready are not counted as lost', async () => {
  const bench = new VirtualConnection({}, (_words, end) => void end.close());
  await assert.rejects(bench.connect());
  assert.equal(bench.connection.stats().lostCount, 0);
  bench.script = store;
  await bench.connect();
  bench.cutAll();
  await bench.run(1000);
  assert.equal(bench.connection.stats().lostCount, 1);
  await bench.connection.close();
});

describe('a server that only reads does not hold up close()', () => {
  const replica: VirtualScript = (words) => greeting(words) ?? "-READONLY You can't write\r\n";

  test('when its refusal comes after the call', async () => {
    const bench = new VirtualConnection({}, replica);
    await bench.connect();
    const sent = bench.send(['SET', 'a', '1']);
    const closed = bench.connection.close();
    await bench.run(100);
    assert.equal(bench.connection.state, 'closed');
    assert.equal((sent.failure as { code?: string }).code, 'READONLY');
    await closed;
  });

  test('when it came before, and commands wait for the next link', async () => {
    const bench = new VirtualConnection({}, (words) => (words[0] === 'GET' ? undefined : replica(words, bench.end)));
    await bench.connect();
    bench.send(['SET', 'a', '1']);
    const slow = bench.send(['GET', 'a']);
    await bench.run(5);
    const held = bench.send(['PING']);
    const closed = bench.connection.close();
    bench.end.reply('$1\r\n1\r\n');
    await bench.run(100);
    assert.equal(bench.connection.state, 'closed');
    assert.deepEqual([slow.replies, held.replies], [['1'], ['PONG']]);
    await closed;
  });
});

test('falls back to a PING where something closes on HELLO behind an AUTH that was answered', async () => {
  const bench = new VirtualConnection({ credentials: () => ({ password: 'p' }) }, (words, end) => {
    if (words[0] === 'HELLO') return void end.close();
    return greeting(words);
  });
  await bench.connect();
  assert.deepEqual(
    bench.ends.map((end) => end.commands.map(([name]) => name)),
    [
      ['AUTH', 'HELLO'],
      ['AUTH', 'PING'],
    ],
  );
  await bench.connection.close();
});

test('credentials that are over already, or in seconds, are asked for once a second and not in every turn', async () => {
  for (const expiresAt of [1_700_000_000, 0, Number.NaN, null as unknown as number]) {
    let asked = 0;
    const bench = new VirtualConnection({
      credentials: () => {
        asked++;
        return { password: 'p', expiresAt };
      },
    });
    await bench.connect();
    await bench.run(5500);
    assert.ok(asked <= 6, `asked ${asked} times for ${expiresAt}`);
    await bench.connection.close();
  }
});

test('a stream that comes too late is ended, and its error ends nobody', async () => {
  let bring: (stream: Duplex) => void = () => {};
  const platform = nodePlatform({ transport: () => new Promise<Duplex>((resolve) => (bring = resolve)) });
  const link = platform.dial(
    { host: 'h', port: 1, generation: 1 },
    { onOpen() {}, onData() {}, onDrain() {}, onClose() {} },
  );
  await Promise.resolve();
  link.destroy();
  const stream = new Duplex({ read() {}, destroy: (_error, done) => done(new Error('broke while ending')) });
  const ended = new Promise<void>((resolve) => stream.on('close', resolve));
  bring(stream);
  await ended;
});

test('what a script answers is never safe to retry: it may have done half of its work, and chooses its words', async () => {
  const bench = new VirtualConnection({}, (words) => greeting(words) ?? '-BUSY try later\r\n');
  await bench.connect();
  const names = ['EVAL', 'EVALSHA', 'EVAL_RO', 'FCALL', 'FCALL_RO', 'GET'];
  const sent = names.map((name) => bench.send([name, 'x', '0']));
  await bench.run(10);
  assert.deepEqual(
    sent.map(({ failure }) => [failure.code, failure.safeToRetry]),
    names.map((name) => ['BUSY', name === 'GET']),
  );
  await bench.close();
});
