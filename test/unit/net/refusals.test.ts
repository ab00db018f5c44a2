// What a connection makes of servers that refuse, of strangers, and of ends: in words, and in whether it tries again.
// Run by `npm test`, on virtual time.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ClosedError, HandshakeError, LinkLostError, ProtocolError } from '../../../src/errors/index.ts';
import { greeting, HELLO_3, store, VirtualConnection, type VirtualScript } from '../../support/virtual-connection.ts';

describe('the attempts', () => {
  test('end at a line server where RESP was asked for, also where the first connection may take for ever', async () => {
    const bench = new VirtualConnection({ dialect: 'resp', waitOnFirstConnect: true }, () => '-ERR unknown command\n');
    await assert.rejects(bench.connect(), HandshakeError);
    assert.equal(bench.connection.state, 'idle');
  });

  test('end at a stranger, but go on where a server was ready once: bytes break on the way, proxies show a page', async () => {
    for (const [bytes, kind] of [
      ['+OK\r\n$x\r\n', ProtocolError],
      ['\0PONG\r\n', HandshakeError],
      ['HTTP/1.1 503 Service Unavailable\r\n\r\n', HandshakeError],
      ['+PONG\n', HandshakeError],
    ] as const) {
      const bench = new VirtualConnection({ dialect: 'resp' }, () => bytes);
      await assert.rejects(bench.connect(), kind);
      assert.equal(bench.connection.state, 'idle');
      bench.script = store;
      await bench.connect();
      bench.script = () => bytes;
      bench.cutAll();
      while (bench.ends.length < 4) await bench.run(1);
      await bench.run(2);
      assert.equal(bench.connection.state, 'waiting', bytes);
      assert.ok(bench.events.at(-1)?.cause instanceof kind);
      bench.script = store;
      await bench.run(5000);
      assert.equal(bench.connection.state, 'ready', bytes);
      await bench.close();
    }
  });

  test('go on after a refusal that says nothing of credentials, where a server was ready once', async () => {
    const options = { dialect: 'resp', db: 3, credentials: () => ({ password: 'p' }) } as const;
    for (const [at, text, after] of [
      ['SELECT', 'ERR DB index is out of range', 'ready'],
      ['SELECT', 'NOPERM User u has no permissions', 'ready'],
      ['SELECT', 'BUSY a script runs', 'ready'],
      ['AUTH', 'DENIED Redis is running in protected mode and no password is set', 'ready'],
      ['AUTH', 'ERR upstream failure', 'ready'],
      ['PING', 'DENIED Redis is running in protected mode', 'ready'],
      ['AUTH', 'WRONGPASS invalid username-password pair', 'idle'],
      ['AUTH', 'ERR invalid password', 'idle'],
      ['AUTH', 'ERR Client sent AUTH, but no password is set', 'idle'],
      ['HELLO', 'NOAUTH HELLO must be called', 'idle'],
    ] as const) {
      const refuse: VirtualScript = (words, end) => (words[0] === at ? `-${text}\r\n` : store(words, end));
      const bench = new VirtualConnection(options, store);
      await bench.connect();
      bench.script = refuse;
      bench.cutAll();
      while (bench.ends.length < 2) await bench.run(1);
      await bench.run(5);
      bench.script = store;
      await bench.run(11_000);
      assert.equal(bench.connection.state, after, text);
      await bench.close();
    }
  });

  test('go on after a greeting whose replies had shifted, and no command is given the last one', async () => {
    const doubled = { HELLO: HELLO_3, SELECT: '+OK\r\n', CLIENT: '+OK\r\n' };
    for (const name of ['HELLO', 'SELECT', 'CLIENT'] as const) {
      const options = { dialect: 'resp', db: name === 'SELECT' ? 1 : 0 } as const;
      const bench = new VirtualConnection(name === 'CLIENT' ? { ...options, clientName: 'me' } : options, store);
      await bench.connect();
      bench.script = (words, end) =>
        (end.number < 4 && words[0] === name ? doubled[name] : '') + (store(words, end) as string);
      bench.cutAll();
      await bench.run(0);
      const sent = bench.send(['GET', 'a']);
      while (bench.ends.length < 3) await bench.run(1);
      assert.ok(bench.events.at(-2)?.cause instanceof ProtocolError, String(bench.events.at(-2)?.cause));
      await bench.run(4000);
      assert.deepEqual([bench.connection.state, sent.replies, sent.failures], ['ready', ['OK'], []]);
      await bench.close();
    }
  });

  test('say HELLO again after a server that went down without a word: it would be RESP2 for ever', async () => {
    for (const dialAfter of ['accept', 'refuse'] as const) {
      const bench = new VirtualConnection({ dialect: 'resp' }, store);
      await bench.connect();
      bench.script = (_words, end) => {
        bench.network.weather.dial = dialAfter;
        end.close();
        return undefined;
      };
      bench.cutAll();
      while (bench.ends.length < 2) await bench.run(1);
      await bench.run(50);
      bench.network.weather.dial = 'accept';
      bench.script = store;
      await bench.run(11_000);
      assert.deepEqual([bench.connection.state, bench.connection.server?.protocol], ['ready', 3]);
      await bench.close();
    }
  });

  test('go on where the answers of a line server broke on the way', async () => {
    const line = (words: string[]) => (words[0] === 'PING' ? '+PONG\n' : '-ERR unknown command\n');
    for (const bytes of ['+P0NG\n', '\0PONG\n']) {
      const bench = new VirtualConnection({ dialect: 'line', quoting: 'none' }, () => bytes);
      await assert.rejects(bench.connect(), /was answered by|Cannot parse/);
      assert.equal(bench.connection.state, 'idle');
      bench.script = line;
      await bench.connect();
      bench.script = () => bytes;
      bench.cutAll();
      while (bench.ends.length < 3) await bench.run(1);
      await bench.run(2);
      assert.equal(bench.connection.state, 'waiting');
      bench.script = line;
      await bench.run(5000);
      assert.equal(bench.connection.state, 'ready');
      await bench.close();
    }
  });

  test('end at a certificate that is not accepted, but not at TLS that broke once it was agreed on before', async () => {
    for (const [code, before, after] of [
      ['CERT_HAS_EXPIRED', 'idle', 'idle'],
      ['ERR_SSL_WRONG_VERSION_NUMBER', 'idle', 'waiting'],
      ['EPROTO', 'idle', 'waiting'],
    ] as const) {
      const bench = new VirtualConnection({ dialect: 'resp' }, store);
      const { platform } = bench;
      const broken = () => {
        throw Object.assign(new Error('broken'), { code });
      };
      platform.dial = broken;
      await assert.rejects(bench.connect(), HandshakeError);
      assert.equal(bench.connection.state, before);
      // The prototype's.
      Reflect.deleteProperty(platform, 'dial');
      await bench.connect();
      platform.dial = broken;
      bench.cutAll();
      await bench.run(1000);
      assert.equal(bench.connection.state, after, code);
      await bench.close();
    }
  });

  test('that end with a closed link say whose it was and when', async () => {
    const bench = new VirtualConnection({ dialect: 'resp' }, (words, link) => {
      if (words[0] === 'PING') return void link.close();
      return greeting(words);
    });
    await assert.rejects(bench.connect(), (error) => {
      assert.ok(error instanceof HandshakeError);
      assert.match(
        error.message,
        /^Cannot connect to localhost:6379: the server closed the link during the handshake;/,
      );
      return true;
    });
  });
});

describe('what is to be restored', () => {
  test('is restored once, and what says so for a link that is gone says nothing', async () => {
    const dones: (() => void)[] = [];
    const bench = new VirtualConnection({}, store, { onRestore: (done) => dones.push(done) });
    const connected = bench.connection.connect();
    await bench.run(20);
    assert.equal(bench.connection.state, 'connecting');
    dones[0]?.();
    dones[0]?.();
    await connected;
    assert.equal(bench.connection.stats().readyCount, 1);
    bench.cutAll();
    await bench.run(1000);
    assert.equal(dones.length, 2);
    dones[0]?.();
    assert.equal(bench.connection.state, 'connecting');
    dones[1]?.();
    assert.deepEqual([bench.connection.state, bench.connection.stats().readyCount], ['ready', 2]);
    dones[1]?.();
    assert.equal(bench.connection.stats().readyCount, 2);
    await bench.close();
  });

  test('is told of a link that was lost, also of one that was never ready', async () => {
    const told: string[] = [];
    const bench = new VirtualConnection({}, store, {
      onRestore: (done) => {
        if (bench.ends.length !== 2) done();
      },
      onLinkLost: (cause) => told.push(`${cause.name} ${bench.ends.length}`),
    });
    await bench.connect();
    bench.cutAll();
    while (bench.ends.length < 2) await bench.run(1);
    await bench.run(5);
    bench.cutAll();
    await bench.run(1000);
    assert.deepEqual(told, ['LinkLostError 1', 'LinkLostError 2']);
    assert.equal(bench.connection.stats().lostCount, 1);
    await bench.close();
  });
});

test('commands that come after a READONLY wait for the next link, while older ones are still answered', async () => {
  const held = new VirtualConnection({}, (words, link) => {
    if (words[0] === 'GET') return undefined;
    return greeting(words) ?? (link.number === 1 ? "-READONLY You can't write\r\n" : '+OK\r\n');
  });
  await held.connect();
  held.send(['SET', 'a', '1']);
  const older = held.send(['GET', 'k']);
  await held.run(5);
  const later = held.send(['SET', 'b', '1']);
  await held.run(50);
  assert.equal(held.end.commands.filter(([word]) => word === 'SET').length, 1, 'it would be refused as well');
  held.end.reply('$1\r\nv\r\n');
  await held.run(1000);
  assert.deepEqual([older.replies, later.replies], [['v'], ['OK']]);
  assert.equal(held.ends.length, 2);
  await held.close();
});

describe('while a connection closes', () => {
  test('nobody waits for it any more, and what was sent before has its answer', async () => {
    const bench = new VirtualConnection({}, store);
    const early = bench.send(['SET', 'a', '1']);
    const closed = bench.connection.close();
    assert.equal(bench.connection.state, 'closing');
    assert.ok(bench.send(['SET', 'b', '1']).failure instanceof ClosedError);
    await assert.rejects(bench.connection.connect(), ClosedError);
    await bench.run(50);
    await closed;
    assert.deepEqual(early.replies, ['OK']);
  });

  test('what is given up no longer holds it up', async () => {
    const bench = new VirtualConnection({}, (words) => greeting(words));
    await bench.connect();
    const sent = bench.send(['GET', 'k']);
    await bench.run(5);
    const closed = bench.connection.close();
    bench.connection.cancel(sent, new Error('enough'));
    await closed;
    assert.equal(bench.connection.state, 'closed');
  });
});

test('commands that may not wait all wait while the first connection is made', async () => {
  const bench = new VirtualConnection({}, store);
  const sent = ['a', 'b', 'c'].map((key) => bench.send(['SET', key, '1'], { failWhenDisconnected: true }));
  await bench.run(50);
  assert.ok(sent.every(({ replies }) => replies[0] === 'OK'));
  await bench.close();
});

describe('a line server that closes', () => {
  const frame = { text: 'SET k v\n', ascii: true, parts: undefined, byteLength: 8 };

  test('without an answer may have found the line too long, and says so; else it does not', async () => {
    const bench = new VirtualConnection({ dialect: 'line', quoting: 'none' }, ([word]) =>
      word === 'PING' ? '+PONG\n' : undefined,
    );
    await bench.connect();
    const sent = bench.send(['SET'], { frame });
    await bench.run(5);
    bench.end.close();
    await bench.run(5);
    assert.ok(sent.failure instanceof LinkLostError);
    assert.match(sent.failure.message, /maxLineBytes/);
    await bench.run(1000);
    assert.equal(bench.connection.state, 'ready');
    bench.end.close();
    await bench.run(5);
    assert.doesNotMatch(String(bench.events.at(-1)?.cause?.message), /maxLineBytes/);
    await bench.close();
  });
});
