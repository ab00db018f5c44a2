// What one connection promises, on virtual time and against a server that answers by script.
// Run by `npm test`. It must never wait for a real clock.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import {
  ClosedError,
  ConnectError,
  HandshakeError,
  LinkLostError,
  OverflowError,
  ProtocolError,
  ReplyError,
  TimeoutError,
} from '../../../src/errors/index.ts';
import { REPLY } from '../../../src/net/index.ts';
import { greeting, VirtualConnection, type VirtualScript } from '../../support/virtual-connection.ts';

const store: VirtualScript = (words) =>
  greeting(words) ?? (words[0] === 'SET' ? '+OK\r\n' : words[0] === 'PUBLISH' ? ':1\r\n' : undefined);

describe('the handshake', () => {
  test('begins with exactly HELLO 3 when the dialect is not known', async () => {
    const bench = new VirtualConnection({}, () => undefined);
    bench.connection.connect().catch(() => {});
    await bench.run(50);
    assert.equal(bench.end.received, '*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n');
    await bench.connection.close({ timeoutMs: 0 });
  });

  test('ends with a PING, and tells what HELLO told', async () => {
    const bench = new VirtualConnection({ clientName: 'me', db: 2 });
    await bench.connect();
    assert.deepEqual(
      bench.end.commands.map((words) => words.join(' ')),
      ['HELLO 3', 'CLIENT SETNAME me', 'SELECT 2', 'PING'],
    );
    assert.equal(bench.connection.state, 'ready');
    assert.equal(bench.connection.server?.role, 'master');
    assert.equal(bench.connection.server?.protocol, 3);
    await bench.connection.close();
  });

  test('sends credentials first and everything in one write when the dialect is known', async () => {
    const bench = new VirtualConnection({ dialect: 'resp', credentials: () => ({ username: 'u', password: 'p' }) });
    await bench.connect();
    assert.deepEqual(
      bench.end.commands.map((words) => words[0]),
      ['AUTH', 'HELLO', 'PING'],
    );
    await bench.connection.close();
  });

  test('falls back to RESP2 where HELLO is unknown', async () => {
    const bench = new VirtualConnection({}, (words) =>
      words[0] === 'HELLO' ? "-ERR unknown command 'HELLO'\r\n" : greeting(words),
    );
    await bench.connect();
    assert.equal(bench.connection.server?.protocol, 2);
    await bench.connection.close();
  });

  test('falls back to a PING where something closes on HELLO, and remembers it', async () => {
    const bench = new VirtualConnection({}, (words, end) => {
      if (words[0] === 'HELLO') return void end.close();
      return greeting(words);
    });
    await bench.connect();
    assert.deepEqual(
      bench.ends.map((end) => end.received),
      ['*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n', '*1\r\n$4\r\nPING\r\n'],
    );
    bench.cutAll();
    await bench.run(1000);
    assert.equal(bench.connection.state, 'ready');
    assert.equal(bench.ends.length, 3);
    assert.equal(bench.end.commands[0]?.[0], 'PING');
    await bench.connection.close();
  });

  test('dials again in the line dialect when the first line ends with a bare LF', async () => {
    const bench = new VirtualConnection({}, (words) => {
      if (words[0] === 'PING') return '+PONG\n';
      if (words[0] === '""') return '-ERR empty command\n';
      return '-ERR unknown command\n';
    });
    await bench.connect();
    assert.equal(bench.connection.server?.dialect, 'line');
    assert.equal(bench.connection.server?.quoting, 'quoted');
    assert.equal(bench.ends[1]?.received, 'PING\n""\n');
    await bench.connection.close();
  });

  test('says what it found when RESP was asked for and a line server answers', async () => {
    const bench = new VirtualConnection({ dialect: 'resp' }, () => '-ERR unknown command\n');
    await assert.rejects(
      bench.connect(),
      (error) => error instanceof HandshakeError && /AshRedis line server/.test(error.message),
    );
    assert.equal(bench.connection.state, 'idle');
  });

  test('names an HTTP server, a TLS server, and other strangers', async () => {
    for (const [bytes, expected] of [
      ['HTTP/1.1 400 Bad Request\r\n\r\n', /HTTP server/],
      ['\u0015\u0003\u0003\u0000\u0002\u0002\n', /speaks TLS/],
      ['SSH-2.0-OpenSSH\r\n', /SSH-2.0/],
    ] as const) {
      const bench = new VirtualConnection({}, () => bytes);
      await assert.rejects(bench.connect(), (error) => error instanceof HandshakeError && expected.test(error.message));
      assert.equal(bench.connection.state, 'idle');
    }
  });

  test('rejects a wrong password at once, without the password in the message', async () => {
    const bench = new VirtualConnection({ dialect: 'resp', credentials: () => ({ password: 'hunter2' }) }, (words) =>
      words[0] === 'AUTH' ? "-WRONGPASS invalid pair for 'hunter2'\r\n" : greeting(words),
    );
    await assert.rejects(bench.connect(), (error) => {
      assert.ok(error instanceof HandshakeError);
      assert.match(error.message, /^Cannot connect to localhost:6379: WRONGPASS/);
      assert.doesNotMatch(inspect(error), /hunter2/);
      assert.ok(error.cause instanceof ReplyError);
      assert.deepEqual([error.cause.code, error.cause.command], ['WRONGPASS', 'AUTH']);
      return true;
    });
    assert.equal(bench.connection.state, 'idle');
  });

  test('asks for credentials at each handshake', async () => {
    let asked = 0;
    const bench = new VirtualConnection({ dialect: 'resp', credentials: async () => ({ password: `p${++asked}` }) });
    await bench.connect();
    bench.cutAll();
    await bench.run(1000);
    assert.deepEqual(
      bench.ends.map((end) => end.commands[0]),
      [
        ['AUTH', 'p1'],
        ['AUTH', 'p2'],
      ],
    );
    await bench.connection.close();
  });

  test('renews credentials on the live link before they expire', async () => {
    let asked = 0;
    const bench = new VirtualConnection({
      dialect: 'resp',
      credentials: () => ({ password: `p${++asked}`, expiresAt: 1_700_000_000_000 + bench.time.now() + 10_000 }),
    });
    await bench.connect();
    await bench.run(9000);
    assert.equal(bench.ends.length, 1);
    assert.deepEqual(
      bench.end.commands.filter((words) => words[0] === 'AUTH').map((words) => words[1]),
      ['p1', 'p2'],
    );
    await bench.connection.close();
  });

  test('waits for a server that is loading, within the limit', async () => {
    const bench = new VirtualConnection({}, (words) =>
      words[0] === 'PING' && bench.time.now() < 1000 ? '-LOADING Redis is loading\r\n' : greeting(words),
    );
    const connected = bench.connection.connect();
    await bench.run(4000);
    await connected;
    assert.ok(bench.ends.length > 1);
    await bench.connection.close();
  });

  test('rejects when the server accepts and stays silent', async () => {
    const bench = new VirtualConnection({}, () => undefined);
    const connected = bench.connection.connect();
    connected.catch(() => {});
    await bench.run(5001);
    await assert.rejects(connected, (error) => error instanceof TimeoutError && /5000 ms/.test(error.message));
    assert.equal(bench.connection.state, 'idle');
    assert.equal(bench.network.links.size, 0);
  });

  test('rejects when the attempt has ended, not a moment before it: the object is idle then', async () => {
    const bench = new VirtualConnection({ connectTimeoutMs: 100 }, () => undefined);
    // A clock that goes on between two questions, as a real one does where code runs for the first time.
    const now = bench.platform.now.bind(bench.platform);
    let passed = 0;
    bench.platform.now = () => now() + (passed < 1 ? passed++ : passed);
    const state = bench.connection.connect().then(
      () => 'connected',
      (error: unknown) => [(error as Error).name, bench.connection.state],
    );
    await bench.run(200);
    assert.deepEqual(await state, ['TimeoutError', 'idle']);
    await bench.connection.close({ timeoutMs: 0 });
  });

  test('rejects as soon as nobody listens, and tries again at the next call', async () => {
    const bench = new VirtualConnection();
    bench.network.weather.dial = 'refuse';
    await assert.rejects(bench.connect(), (error) => {
      assert.ok(error instanceof ConnectError);
      assert.match(error.message, /localhost:6379.*ECONNREFUSED.*check that a server runs there/);
      return true;
    });
    assert.equal(bench.connection.state, 'idle');
    bench.network.weather.dial = 'accept';
    await bench.connect();
    assert.equal(bench.connection.state, 'ready');
    await bench.connection.close();
  });
});

describe('commands', () => {
  test('are written in order, in one write a turn', async () => {
    const bench = new VirtualConnection({}, store);
    await bench.connect();
    const before = bench.end.received.length;
    const sent = [1, 2, 3].map((index) => bench.send(['SET', 'k', String(index)]));
    await bench.run(10);
    assert.deepEqual(
      sent.map(({ replies }) => replies),
      [['OK'], ['OK'], ['OK']],
    );
    assert.equal(
      bench.end.received.slice(before),
      [1, 2, 3].map((index) => `*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\n${index}\r\n`).join(''),
    );
    await bench.connection.close();
  });

  test('connect by themselves when idle', async () => {
    const bench = new VirtualConnection({}, store);
    const sent = bench.send(['SET', 'k', 'v']);
    await bench.run(50);
    assert.deepEqual(sent.replies, ['OK']);
    await bench.connection.close();
  });

  test('fail with the error of the connection when it can not be made', async () => {
    const bench = new VirtualConnection();
    bench.network.weather.dial = 'refuse';
    const sent = bench.send(['SET', 'k', 'v']);
    await bench.run(50);
    assert.ok(sent.failure instanceof ConnectError);
    assert.equal(sent.failure.safeToRetry, true);
  });

  test('reject with the server refusal, its code and their name', async () => {
    const bench = new VirtualConnection({}, (words) => greeting(words) ?? '-WRONGTYPE Operation against a key\r\n');
    await bench.connect();
    const sent = bench.send(['INCR', 'k']);
    await bench.run(10);
    assert.ok(sent.failure instanceof ReplyError);
    assert.equal(sent.failure.code, 'WRONGTYPE');
    assert.equal(sent.failure.command, 'INCR');
    await bench.connection.close();
  });

  test('time out unsent and sent, and a late reply is given to nobody', async () => {
    const bench = new VirtualConnection({}, (words) => greeting(words));
    await bench.connect();
    const slow = bench.send(['GET', 'a']);
    await bench.run(5001);
    assert.ok(slow.failure instanceof TimeoutError);
    assert.equal(slow.failure.safeToRetry, false);
    const next = bench.send(['GET', 'b']);
    await bench.run(5);
    bench.end.reply('$4\r\nlate\r\n$4\r\nnext\r\n');
    await bench.run(5);
    assert.deepEqual(next.replies, ['next']);
    bench.network.weather.dial = 'refuse';
    bench.cutAll();
    await bench.run(1);
    const unsent = bench.send(['GET', 'c']);
    await bench.run(6000);
    assert.ok(unsent.failure instanceof TimeoutError);
    assert.equal(unsent.failure.safeToRetry, true);
    await bench.connection.close();
  });

  test('with limits of different lengths each end at their own', async () => {
    const bench = new VirtualConnection({}, (words) => greeting(words));
    await bench.connect();
    const now = bench.time.now();
    const ended: number[] = [];
    for (const limit of [3000, 1000, 2000, 500]) {
      bench.send(['GET', 'a'], { deadline: now + limit, timeoutMs: limit, onFailure: () => ended.push(limit) });
    }
    await bench.run(3001);
    assert.deepEqual(ended, [500, 1000, 2000, 3000]);
    await bench.connection.close();
  });

  test('that were cancelled before the write are never written', async () => {
    const bench = new VirtualConnection({}, store);
    await bench.connect();
    bench.network.weather.dial = 'refuse';
    bench.cutAll();
    await bench.run(5);
    const cancelled = bench.send(['SET', 'secret', '1']);
    const kept = bench.send(['SET', 'kept', '1']);
    const reason = new Error('enough');
    bench.connection.cancel(cancelled, reason);
    assert.equal(cancelled.failure, reason);
    bench.network.weather.dial = 'accept';
    await bench.run(1000);
    assert.deepEqual(kept.replies, ['OK']);
    assert.doesNotMatch(bench.ends.map((end) => end.received).join(''), /secret/);
    await bench.connection.close();
  });

  test('in flight when the link is lost reject, those unsent go out afterwards in order', async () => {
    const bench = new VirtualConnection({}, (words) => greeting(words));
    await bench.connect();
    const flying = bench.send(['SET', 'a', '1']);
    await bench.run(5);
    bench.cutAll();
    await bench.run(1);
    assert.ok(flying.failure instanceof LinkLostError);
    assert.equal(flying.failure.safeToRetry, false);
    assert.match(String(flying.failure.hint), /^check on the server/);
    bench.script = store;
    const waiting = ['b', 'c'].map((key) => bench.send(['SET', key, '1']));
    await bench.run(1000);
    assert.deepEqual(
      waiting.map(({ replies }) => replies),
      [['OK'], ['OK']],
    );
    assert.deepEqual(
      bench.end.commands.filter((words) => words[0] === 'SET').map((words) => words[1]),
      ['b', 'c'],
    );
    await bench.connection.close();
  });

  test('that may be sent twice are sent again, before what is newer', async () => {
    const bench = new VirtualConnection({}, (words) => greeting(words));
    await bench.connect();
    const flying = bench.send(['SET', 'a', '1'], { retry: true });
    await bench.run(5);
    bench.cutAll();
    await bench.run(1);
    bench.script = store;
    const newer = bench.send(['SET', 'b', '1']);
    await bench.run(1000);
    assert.deepEqual([flying.replies, newer.replies], [['OK'], ['OK']]);
    assert.deepEqual(
      bench.end.commands.filter((words) => words[0] === 'SET').map((words) => words[1]),
      ['a', 'b'],
    );
    await bench.connection.close();
  });

  test('that may not wait fail at once while the link is down', async () => {
    const bench = new VirtualConnection();
    await bench.connect();
    bench.network.weather.dial = 'refuse';
    bench.cutAll();
    await bench.run(5);
    const sent = bench.send(['SET', 'a', '1'], { failWhenDisconnected: true });
    assert.ok(sent.failure instanceof LinkLostError);
    assert.equal(sent.failure.safeToRetry, true);
    await bench.connection.close();
  });

  test('beyond the offline limits are refused, the others are kept', async () => {
    const bench = new VirtualConnection({ offlineMaxCount: 2 }, store);
    await bench.connect();
    bench.network.weather.dial = 'refuse';
    bench.cutAll();
    await bench.run(5);
    const sent = ['a', 'b', 'c'].map((key) => bench.send(['SET', key, '1']));
    assert.ok(sent[2]?.failure instanceof OverflowError);
    assert.match(sent[2].failure.message, /offlineMaxCount/);
    bench.network.weather.dial = 'accept';
    await bench.run(1000);
    assert.deepEqual(
      sent.slice(0, 2).map(({ replies }) => replies),
      [['OK'], ['OK']],
    );
    await bench.connection.close();
  });

  test('with several replies settle after the last', async () => {
    const bench = new VirtualConnection(
      {},
      (words) => greeting(words) ?? (words[0] === 'EXEC' ? '*1\r\n:1\r\n' : '+OK\r\n'),
    );
    await bench.connect();
    const sent = bench.send(['MULTI'], { replyCount: 2 });
    const next = bench.send(['SET', 'a', '1']);
    bench.end.reply('');
    await bench.run(5);
    assert.equal(sent.replies.length, 2);
    assert.equal(next.replies.length, 0);
    await bench.connection.close({ timeoutMs: 0 });
  });
});

describe('a broken protocol', () => {
  for (const [what, bytes] of [
    ['a reply that nobody waits for', ':1\r\n'],
    ['bytes that are no RESP', 'what?\r\n'],
    ['an error out of the blue', '-ERR hello\r\n'],
  ] as const) {
    test(`ends the link on ${what}, tells the ProtocolError and comes back`, async () => {
      const bench = new VirtualConnection({}, store);
      await bench.connect();
      bench.end.reply(bytes);
      await bench.run(1000);
      const event = bench.events.find(({ to }) => to === 'waiting');
      assert.ok(event?.cause instanceof ProtocolError);
      assert.equal(bench.connection.state, 'ready');
      assert.equal(bench.ends.length, 2);
      await bench.connection.close();
    });
  }

  test('before the first ready ends the attempts, also where the first connection may take for ever', async () => {
    const bench = new VirtualConnection({ waitOnFirstConnect: true }, () => '+OK\r\n$x\r\n');
    await assert.rejects(bench.connect(), ProtocolError);
    assert.equal(bench.connection.state, 'idle');
  });

  test('gives no value to a command that never returns such a one', async () => {
    const bench = new VirtualConnection({}, (words) => greeting(words) ?? '$5\r\nhello\r\n');
    await bench.connect();
    const sent = bench.send(['PUBLISH', 'c', 'm'], { replyTypes: REPLY.integer });
    await bench.run(20);
    assert.ok(sent.failure instanceof LinkLostError);
    assert.ok(sent.failure.cause instanceof ProtocolError);
    await bench.connection.close();
  });

  test('survives a push of a kind that it does not know, and tells it', async () => {
    const pushes: string[] = [];
    const bench = new VirtualConnection({}, store, { onPush: (kind) => pushes.push(kind) });
    await bench.connect();
    bench.end.reply('>2\r\n+invalidate\r\n*1\r\n$1\r\nk\r\n');
    await bench.run(10);
    assert.deepEqual(pushes, ['invalidate']);
    assert.equal(bench.connection.state, 'ready');
    await bench.connection.close();
  });
});

describe('the heartbeat', () => {
  for (const protocol of [2, 3] as const) {
    test(`finds a half-open link within interval and timeout in RESP${protocol}`, async () => {
      const bench = new VirtualConnection({ protocol });
      await bench.connect();
      bench.freezeAll();
      await bench.run(14_900);
      assert.equal(bench.connection.state, 'ready');
      bench.network.weather.dial = 'refuse';
      await bench.run(200);
      assert.equal(bench.connection.state, 'waiting');
      assert.ok(bench.events.find(({ to }) => to === 'waiting')?.cause instanceof TimeoutError);
      await bench.connection.close();
    });
  }

  test('finds a link that dies between a byte and its pong', async () => {
    const bench = new VirtualConnection({}, (words, end) => {
      if (words[0] !== 'PING' || words.length === 1) return greeting(words);
      end.reply('>2\r\n+invalidate\r\n*0\r\n');
      return undefined;
    });
    await bench.connect();
    bench.network.weather.dial = 'accept';
    await bench.run(21_000);
    assert.ok(bench.events.some(({ to, cause }) => to === 'waiting' && cause instanceof TimeoutError));
    await bench.connection.close();
  });

  test('keeps a quiet link that answers', async () => {
    const bench = new VirtualConnection();
    await bench.connect();
    await bench.run(3_600_000);
    assert.equal(bench.ends.length, 1);
    assert.ok(bench.end.commands.filter((words) => words[0] === 'PING').length > 300);
    await bench.connection.close();
  });

  test('ends the link when the nonce is wrong: replies have shifted', async () => {
    const bench = new VirtualConnection({}, (words) =>
      words[0] === 'PING' && words.length > 1 ? '$5\r\nother\r\n' : greeting(words),
    );
    await bench.connect();
    await bench.run(10_100);
    const event = bench.events.find(({ to }) => to === 'waiting');
    assert.ok(event?.cause instanceof ProtocolError);
    assert.match(event.cause.message, /nonce/);
    await bench.connection.close();
  });
});

describe('closing', () => {
  test('waits for what is in flight, then closes; twice is harmless', async () => {
    const bench = new VirtualConnection({}, (words) => greeting(words));
    await bench.connect();
    const sent = bench.send(['SET', 'a', '1']);
    await bench.run(5);
    const closed = bench.connection.close();
    const again = bench.connection.close();
    assert.equal(bench.connection.state, 'closing');
    bench.end.reply('+OK\r\n');
    await bench.run(5);
    await Promise.all([closed, again]);
    assert.deepEqual(sent.replies, ['OK']);
    assert.equal(bench.connection.state, 'closed');
  });

  test('settles by its limit when the server is silent', async () => {
    const bench = new VirtualConnection({}, (words) => greeting(words));
    await bench.connect();
    const sent = bench.send(['SET', 'a', '1']);
    await bench.run(5);
    const closed = bench.connection.close();
    await bench.run(2001);
    await closed;
    assert.ok(sent.failure instanceof ClosedError);
    assert.equal(sent.failure.safeToRetry, false);
    assert.equal(bench.network.links.size, 0);
  });

  test('works while connecting and while waiting, and leaves no timer', async () => {
    const connecting = new VirtualConnection({}, () => undefined);
    const promise = connecting.connection.connect();
    promise.catch(() => {});
    await connecting.run(1);
    await connecting.connection.close();
    await assert.rejects(promise, ClosedError);
    assert.equal(connecting.platform.timerCount, 0);
    const waiting = new VirtualConnection();
    await waiting.connect();
    waiting.network.weather.dial = 'refuse';
    waiting.cutAll();
    await waiting.run(5);
    const sent = waiting.send(['SET', 'a', '1']);
    await waiting.connection.close();
    assert.ok(sent.failure instanceof ClosedError);
    assert.equal(sent.failure.safeToRetry, true);
    await waiting.run(10_000);
    assert.equal(waiting.platform.timerCount, 0);
  });

  test('lets nothing in afterwards', async () => {
    const bench = new VirtualConnection();
    await bench.connection.close();
    assert.ok(bench.send(['SET', 'a', '1']).failure instanceof ClosedError);
    await assert.rejects(bench.connection.connect(), ClosedError);
  });
});

describe('coming back', () => {
  test('tells each state with its cause, its attempt and its delay', async () => {
    const bench = new VirtualConnection();
    await bench.connect();
    bench.cutAll();
    await bench.run(1000);
    assert.deepEqual(bench.states, ['connecting', 'ready', 'waiting', 'connecting', 'ready']);
    const waiting = bench.events[2];
    assert.ok(waiting?.cause instanceof LinkLostError);
    assert.ok((waiting.retryInMs ?? -1) >= 0);
    await bench.connection.close();
  });

  test('makes a new connection when the server only reads, after answering what is in flight', async () => {
    const bench = new VirtualConnection(
      {},
      (words, end) => greeting(words) ?? (end.number === 1 ? "-READONLY You can't write\r\n" : '+OK\r\n'),
    );
    await bench.connect();
    const refused = bench.send(['SET', 'a', '1']);
    await bench.run(1000);
    assert.ok(refused.failure instanceof ReplyError);
    assert.equal(refused.failure.safeToRetry, true);
    assert.equal(bench.ends.length, 2);
    const accepted = bench.send(['SET', 'a', '1']);
    await bench.run(10);
    assert.deepEqual(accepted.replies, ['OK']);
    await bench.connection.close();
  });

  test('restores before it is ready', async () => {
    const order: string[] = [];
    const bench = new VirtualConnection({}, store, {
      onRestore: (done) => {
        order.push('restore');
        bench.send(['SET', 'restored', '1'], {
          onReply: () => {
            order.push('reply');
            done();
          },
        });
      },
      onState: (event) => order.push(event.to),
    });
    await bench.connect();
    assert.deepEqual(order, ['connecting', 'restore', 'reply', 'ready']);
    await bench.connection.close();
  });

  test('asks the resolver for an address at each attempt', async () => {
    let asked = 0;
    const bench = new VirtualConnection({
      resolver: async () => ({ host: `h${++asked}`, port: 1, generation: asked }),
    });
    await bench.connect();
    bench.cutAll();
    await bench.run(1000);
    assert.equal(asked, 2);
    await bench.connection.close();
  });
});
