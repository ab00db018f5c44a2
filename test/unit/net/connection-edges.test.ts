// A connection at its edges: who waits for it and how long, addresses and dials that fail, what is counted, what one
// refusal or one late answer costs. Run by `npm test`, on virtual time.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ConnectError, LinkLostError, TimeoutError } from '../../../src/errors/index.ts';
import { greeting, store, VirtualConnection, type VirtualScript } from '../../support/virtual-connection.ts';

const silent: VirtualScript = (words) => greeting(words);
const line: VirtualScript = ([word]) => (word === 'PING' ? '+PONG\n' : '+OK\n');

describe('who waits for a connection', () => {
  test('shares one attempt with the others, and has nothing to wait for once it is ready', async () => {
    const bench = new VirtualConnection();
    const waiting = [1, 2, 3].map(() => bench.connection.connect());
    await bench.run(20);
    await Promise.all(waiting);
    assert.equal(bench.network.dialCount, 1);
    // Time stands still here.
    await bench.connection.connect();
    await bench.close();
  });

  test('can give up, before and after, with the reason of the signal; the attempt goes on for others', async () => {
    const bench = new VirtualConnection();
    const reason = new Error('enough');
    await assert.rejects(bench.connection.connect(AbortSignal.abort(reason)), (error) => error === reason);
    assert.equal(bench.network.dialCount, 0);
    const controller = new AbortController();
    const given = bench.connection.connect(controller.signal);
    const kept = bench.connection.connect();
    controller.abort(reason);
    await assert.rejects(given, (error) => error === reason);
    await bench.run(20);
    await kept;
    await bench.close();
  });

  test('waits for ever for the first one where that was said, and not for later ones', async () => {
    const bench = new VirtualConnection({ waitOnFirstConnect: true });
    bench.network.weather.dial = 'refuse';
    const first = bench.connection.connect();
    await bench.run(60_000);
    bench.network.weather.dial = 'accept';
    await bench.run(6000);
    await first;
    bench.network.weather.dial = 'refuse';
    bench.cutAll();
    await bench.run(10);
    const later = assert.rejects(bench.connection.connect(), (error) => {
      assert.ok(error instanceof TimeoutError);
      assert.match(error.message, /^Cannot connect to localhost:6379 within 5000 ms/);
      assert.equal(error.safeToRetry, true);
      assert.ok(error.cause instanceof ConnectError, 'why there is none');
      return true;
    });
    await bench.run(5100);
    await later;
    assert.equal(bench.connection.state, 'waiting', 'the attempts go on');
    await bench.close();
  });
});

describe('an address', () => {
  const failing = {
    'that is not found by the resolver': (bench: VirtualConnection, how: () => never) =>
      Object.assign(bench.connection.options, { resolver: how }),
    'that the resolver finds no way to, later': (bench: VirtualConnection, how: () => never) =>
      Object.assign(bench.connection.options, { resolver: async () => how() }),
    'that can not be dialled': (bench: VirtualConnection, how: () => never) => {
      bench.platform.dial = how;
    },
  };
  for (const [what, fail] of Object.entries(failing)) {
    test(`${what} fails the attempt in its own words, and the next call tries again`, async () => {
      const bench = new VirtualConnection();
      const { resolver } = bench.connection.options;
      fail(bench, () => {
        throw new Error('nowhere');
      });
      await assert.rejects(bench.connect(), (error) => error instanceof ConnectError && /nowhere/.test(error.message));
      assert.equal(bench.connection.state, 'idle');
      Object.assign(bench.connection.options, { resolver });
      delete (bench.platform as { dial?: unknown }).dial;
      await bench.connect();
      await bench.close();
    });
  }

  test('that is found after the attempt was over is not dialled', async () => {
    const found: ((address: { host: string; port: number; generation: number }) => void)[] = [];
    const bench = new VirtualConnection({ resolver: () => new Promise((resolve) => found.push(resolve)) });
    const address = { host: 'h', port: 1, generation: 1 };
    const late = assert.rejects(bench.connection.connect(), ConnectError);
    await bench.run(5001);
    await late;
    const second = bench.connection.connect();
    found[0]?.(address);
    await bench.run(20);
    assert.equal(bench.network.dialCount, 0, 'the answer to an older question');
    found[1]?.(address);
    await bench.run(20);
    await second;
    bench.cutAll();
    await bench.run(1000);
    const closed = bench.connection.close();
    await closed;
    found[2]?.(address);
    await bench.run(1000);
    assert.equal(bench.network.dialCount, 1, 'nor one that comes after the end');
    assert.equal(bench.platform.timerCount, 0);
  });
});

describe('the process', () => {
  /** What keeps it alive at each moment: timers, and links that were not told otherwise. */
  async function aliveBy(unref: boolean) {
    const bench = new VirtualConnection({ unref });
    const kept = new Set<boolean>();
    const { setTimer, dial } = bench.platform;
    bench.platform.setTimer = (delayMs: number, callback: () => void, keepsAlive?: boolean) => {
      kept.add(keepsAlive === true);
      return setTimer.call(bench.platform, delayMs, callback);
    };
    let unreferenced = 0;
    bench.platform.dial = (address, events) => {
      const link = dial.call(bench.platform, address, events);
      link.unref = () => void unreferenced++;
      return link;
    };
    await bench.connect();
    return { bench, kept, unreferenced: () => unreferenced };
  }

  test('is kept alive by the open link, and between links by the timer', async () => {
    const { bench, kept, unreferenced } = await aliveBy(false);
    assert.equal(unreferenced(), 0);
    kept.clear();
    await bench.run(60_000);
    assert.deepEqual([...kept], [false], 'no heartbeat keeps it alive');
    kept.clear();
    bench.network.weather.dial = 'refuse';
    bench.cutAll();
    await bench.run(1000);
    assert.deepEqual([...kept], [true]);
    await bench.close();
  });

  test('is kept alive by nothing where that was asked for', async () => {
    const { bench, kept, unreferenced } = await aliveBy(true);
    bench.cutAll();
    await bench.run(30_000);
    assert.deepEqual([...kept], [false]);
    assert.equal(unreferenced(), bench.network.dialCount);
    await bench.close();
  });
});

test('bytes are counted over all links, in both directions', async () => {
  const bench = new VirtualConnection({}, store);
  await bench.connect();
  for (let round = 0; round < 3; round++) {
    const sent = bench.send(['SET', 'k', 'v'.repeat(100)]);
    await bench.run(10);
    assert.deepEqual(sent.replies, ['OK']);
    const { bytesRead, bytesWritten } = bench.connection.stats();
    assert.equal(
      bytesWritten,
      bench.ends.reduce((sum, { received }) => sum + received.length, 0),
    );
    assert.ok(bytesRead > (round + 1) * 5, `${bytesRead}`);
    bench.cutAll();
    assert.equal(bench.connection.stats().bytesRead, bytesRead);
    await bench.run(1000);
  }
  await bench.close();
});

test('at most 256 KiB are handed over before they are taken; the rest waits, and goes in order', async () => {
  const bench = new VirtualConnection({}, store);
  await bench.connect();
  bench.freezeAll();
  const sent = Array.from({ length: 1000 }, (_, index) => bench.send(['SET', String(index), 'x'.repeat(1024)]));
  await bench.run(50);
  const { inFlightCount, unsentCount } = bench.connection.stats();
  assert.equal(inFlightCount + unsentCount, 1000);
  const bytes = sent.slice(0, inFlightCount).reduce((sum, { frame }) => sum + (frame?.byteLength ?? 0), 0);
  assert.ok(bytes >= 256 * 1024 && bytes < 258 * 1024, `${bytes} bytes`);
  bench.thawAll();
  await bench.run(100);
  assert.ok(sent.every(({ replies }) => replies[0] === 'OK'));
  assert.deepEqual(
    bench.end.commands.filter(([word]) => word === 'SET').map(([, key]) => Number(key)),
    sent.map((_, index) => index),
  );
  await bench.close();
});

describe('a server that only reads', () => {
  const replica: VirtualScript = (words) => greeting(words) ?? "-READONLY You can't write\r\n";

  test('is left once in the longest delay, so that refusals in a row are not links in a row', async () => {
    const bench = new VirtualConnection({ reconnect: { maxAttempts: Infinity, maxDelayMs: 3000 } }, replica);
    await bench.connect();
    for (let index = 0; index < 60; index++) {
      bench.send(['SET', 'a', '1']);
      await bench.run(100);
    }
    assert.equal(bench.network.dialCount, 3, 'at the first refusal, and after three seconds');
    await bench.close();
  });

  test('is kept where nothing is to be dialled again', async () => {
    const bench = new VirtualConnection({ reconnect: false }, replica);
    await bench.connect();
    const refused = bench.send(['SET', 'a', '1']);
    await bench.run(100);
    assert.equal(refused.failure.code, 'READONLY');
    assert.deepEqual([bench.connection.state, bench.network.dialCount], ['ready', 1]);
    await bench.close();
  });
});

describe('a link that somebody above wants to end', () => {
  test('ends also while it is greeted, and while there is none nothing happens', async () => {
    const bench = new VirtualConnection();
    bench.connection.breakLink(new LinkLostError('Lost the link: idle'));
    assert.equal(bench.connection.state, 'idle');
    await bench.connect();
    bench.script = () => undefined;
    bench.cutAll();
    await bench.run(1000);
    assert.equal(bench.connection.state, 'connecting');
    const cause = new LinkLostError('Lost the link: told to');
    bench.connection.breakLink(cause);
    assert.equal(bench.events.at(-1)?.cause, cause);
    assert.equal(bench.connection.state, 'waiting');
    bench.connection.breakLink(new LinkLostError('Lost the link: again'));
    assert.equal(bench.events.at(-1)?.cause, cause);
    await bench.close();
  });
});

describe('a command that may not wait', () => {
  test('waits for a connection that was never there, and for one that is made for it', async () => {
    const bench = new VirtualConnection({}, store);
    const first = bench.send(['SET', 'a', '1'], { failWhenDisconnected: true });
    await bench.run(50);
    assert.deepEqual(first.replies, ['OK']);
    await bench.close();
    const idle = new VirtualConnection({ reconnect: { maxAttempts: 1, maxDelayMs: 10 } }, store);
    await idle.connect();
    idle.network.weather.dial = 'refuse';
    idle.cutAll();
    await idle.run(1000);
    assert.equal(idle.connection.state, 'idle');
    idle.network.weather.dial = 'accept';
    const again = [1, 2].map(() => idle.send(['SET', 'a', '1'], { failWhenDisconnected: true }));
    await idle.run(50);
    assert.deepEqual(
      again.map(({ replies }) => replies),
      [['OK'], ['OK']],
    );
    await idle.close();
  });

  test('and connect() with "waitOnFirstConnect" waits as long as it takes, also after attempts that had ended', async () => {
    const bench = new VirtualConnection({ waitOnFirstConnect: true }, store);
    await bench.connect();
    bench.script = () => '-NOAUTH Authentication required.\r\n';
    bench.cutAll();
    await bench.run(1000);
    assert.equal(bench.connection.state, 'idle');
    // TCP answers, the handshake does not.
    bench.script = () => undefined;
    const connecting = bench.connection.connect();
    connecting.catch(() => {});
    await bench.run(20_000);
    bench.script = store;
    bench.cutAll();
    await bench.run(20_000);
    await connecting;
    await bench.close();
  });

  test('is told why there is no link', async () => {
    const bench = new VirtualConnection({}, store);
    await bench.connect();
    bench.network.weather.dial = 'refuse';
    bench.cutAll();
    await bench.run(300);
    const refused = bench.send(['SET', 'a', '1'], { failWhenDisconnected: true });
    assert.match(refused.failure.message, /^Cannot execute SET: the link to localhost:6379 is down/);
    assert.equal(refused.failure.cause, bench.events.at(-1)?.cause);
    await bench.close();
  });
});

describe('a line server', () => {
  const options = { dialect: 'line', quoting: 'none' } as const;
  const ask = { text: 'GET k\n', ascii: true, parts: undefined, byteLength: 6 };

  test('whose thread does not answer is asked on another link, within one limit', async () => {
    const bench = new VirtualConnection(options, (words, { number }) =>
      number < 3 ? undefined : line(words, bench.end),
    );
    const connected = bench.connection.connect();
    await bench.run(4000);
    await connected;
    assert.equal(bench.ends.length, 3);
    await bench.close();
    const mute = new VirtualConnection(options, () => undefined);
    const refused = assert.rejects(mute.connection.connect(), TimeoutError);
    await mute.run(5001);
    await refused;
    assert.ok(mute.ends.length <= 4, `${mute.ends.length} links`);
    await mute.close();
  });

  test('that answers in part is not left for that', async () => {
    const bench = new VirtualConnection(options, () => '+PO');
    const refused = assert.rejects(bench.connection.connect(), TimeoutError);
    await bench.run(5001);
    await refused;
    assert.equal(bench.ends.length, 1);
    await bench.close();
  });

  test('that answers late loses its link: what comes then is nobody’s, and what waits goes over the next', async () => {
    let answers = false;
    const bench = new VirtualConnection(options, (words) =>
      words[0] === 'GET' && !answers ? undefined : line(words, bench.end),
    );
    await bench.connect();
    const late = bench.send(['GET', 'k'], { frame: ask, deadline: 1000 });
    const next = bench.send(['GET', 'k'], { frame: ask, deadline: 4000 });
    await bench.run(900);
    assert.equal(bench.ends.length, 1);
    answers = true;
    await bench.run(1500);
    assert.ok(late.failure instanceof TimeoutError);
    assert.deepEqual(next.replies, ['OK']);
    assert.equal(bench.ends.length, 2);
    await bench.close();
  });

  test('keeps its link for a command that was given up before it was sent', async () => {
    const bench = new VirtualConnection(options, (words) => (words[0] === 'GET' ? undefined : line(words, bench.end)));
    await bench.connect();
    bench.send(['GET', 'k'], { frame: ask });
    const waits = bench.send(['GET', 'k'], { frame: ask });
    await bench.run(10);
    bench.connection.cancel(waits, new Error('enough'));
    await bench.run(100);
    assert.deepEqual([bench.connection.state, bench.ends.length], ['ready', 1]);
    await bench.close();
  });
});

test('a command that is given up in flight costs no link where replies come in order, and its reply is nobody’s', async () => {
  const bench = new VirtualConnection({}, silent);
  await bench.connect();
  const [given, kept] = [bench.send(['GET', 'a']), bench.send(['GET', 'b'])];
  await bench.run(5);
  const reason = new Error('enough');
  bench.connection.cancel(given, reason);
  bench.end.reply('$3\r\nold\r\n$3\r\nnew\r\n');
  await bench.run(5);
  assert.deepEqual([given.failure, given.replies, kept.replies], [reason, [], ['new']]);
  assert.equal(bench.ends.length, 1);
  await bench.close();
});

test('a command that waits for a link ends at its own limit, whatever the attempt still has', async () => {
  const bench = new VirtualConnection();
  await bench.connect();
  bench.network.weather.dial = 'blackhole';
  bench.cutAll();
  await bench.run(1000);
  const sent = bench.send(['GET', 'a'], { deadline: bench.time.now() + 200, timeoutMs: 200 });
  await bench.run(210);
  assert.ok(sent.failure instanceof TimeoutError);
  assert.equal(sent.failure.safeToRetry, true);
  await bench.close();
});

test('what waits for another link, since this one only reads, goes over it all the same when the user closes', async () => {
  const replica: VirtualScript = (words) => (words[0] === 'SET' ? "-READONLY You can't write\r\n" : greeting(words));
  const bench = new VirtualConnection({}, replica);
  await bench.connect();
  const refused = bench.send(['SET', 'a', '1']);
  const slow = bench.send(['GET', 'a']);
  await bench.run(5);
  const waits = bench.send(['GET', 'b']);
  await bench.run(5);
  assert.deepEqual([refused.settled, bench.connection.stats().unsentCount], [true, 1]);
  const closed = bench.connection.close();
  await bench.run(5);
  bench.end.reply('+1\r\n+2\r\n');
  await bench.run(5);
  await closed;
  assert.deepEqual([slow.replies, waits.replies], [['1'], ['2']]);
});

test('a silent command holds up close() for its limit, and a limit of 0 for nothing', async () => {
  const bench = new VirtualConnection({}, silent);
  await bench.connect();
  bench.send(['GET', 'a']);
  await bench.run(5);
  await bench.connection.close({ timeoutMs: 0 });
  assert.equal(bench.connection.state, 'closed');
  await bench.connection.close();
});
