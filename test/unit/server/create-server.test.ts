// createServer: which options it refuses, where it listens, and that `await using` ends it.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { describe, mock, test } from 'node:test';
import { UsageError } from '../../../src/errors/index.ts';
import { AshRedisClient } from '../../../src/index.ts';
import { createServer, type ServerOptions } from '../../../src/server/index.ts';
import { PACKAGE_VERSION } from '../../../src/server/version.ts';
import { until } from '../../support/events.ts';
import { RawConnection } from '../../support/raw-connection.ts';

/** How many connections the system lets wait to be accepted; 0 where it does not tell. */
function backlogLimit(): number {
  try {
    return Number(readFileSync('/proc/sys/net/core/somaxconn', 'utf8'));
  } catch {
    return 0;
  }
}

async function answered(server: { host: string; port: number }): Promise<void> {
  const other = await RawConnection.open(server);
  await other.ask('PING\r\n', '\n');
  other.close();
}

describe('createServer', () => {
  const refused: [options: ServerOptions, words: RegExp][] = [
    [{ port: 65_536 }, /port 65536/],
    [{ port: 1.5 }, /port 1\.5/],
    [{ maxMemoryBytes: -1 }, /maxMemoryBytes -1/],
    [{ dialect: 'latin' as 'resp' }, /'latin' is not one of auto, resp, ashredis/],
    [{ databases: 0 }, /databases 0 is not an integer from 1/],
    [{ limits: { maxClients: 0 } }, /limit maxClients 0 is not a number above 0/],
    [{ limits: { maxClient: 5 } as object }, /no limit is named 'maxClient'/],
    [{ maxMemoryBytes: '5' as unknown as number }, /maxMemoryBytes 5/],
    [{ limits: 5 as unknown as object }, /limits 5 is not an object/],
    [{ limits: null as unknown as object }, /limits null is not an object/],
    [{ unix: '' }, /unix '' is not the path of a socket/],
    [{ unix: 5 as unknown as string }, /unix '5' is not the path of a socket/],
    [{ password: '' }, /password is empty/],
    [{ password: 123 as unknown as string }, /password is empty or no text/],
    [{ host: '0.0.0.0' }, /beyond loopback/],
    [{ host: '::' }, /beyond loopback/],
    [{ host: 'example.org' }, /beyond loopback/],
  ];
  for (const [options, words] of refused) {
    test(`refuses ${JSON.stringify(options)} before it listens`, async () => {
      await assert.rejects(createServer(options), (error: Error) => {
        assert.ok(error instanceof UsageError);
        assert.match(error.message, words);
        return true;
      });
    });
  }

  test('options that are no object are refused: createServer(6379) would listen on any port', async () => {
    for (const options of [6379, 'redis://localhost', null, []]) {
      await assert.rejects(createServer(options as object), UsageError);
    }
  });

  test('a limit that is undefined is the default', async () => {
    await using server = await createServer({ host: undefined, limits: { maxClients: undefined, maxBulkBytes: 5 } });
    await answered(server);
  });

  test('a port in use rejects with EADDRINUSE', async () => {
    await using first = await createServer();
    await assert.rejects(createServer({ port: first.port }), { code: 'EADDRINUSE' });
  });

  test('takes a free loopback port by default and tells its address without the password', async () => {
    await using server = await createServer({ password: 'secret' });
    assert.equal(server.host, '127.0.0.1');
    assert.equal(server.url, `redis://127.0.0.1:${server.port}`);
  });

  test('listens on a Unix socket alone when only that is given, and beside TCP with a port', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'ashredis-unix-'));
    const path = join(folder, 'a.sock');
    const alone = await createServer({ unix: path });
    assert.deepEqual([alone.host, alone.port, alone.url], ['', 0, `unix://${path}`]);
    const client = new RawConnection(connect({ path }));
    assert.equal(await client.ask('PING\r\n', '\n'), '+PONG\r\n');
    client.close();
    await alone.stop();
    await using both = await createServer({ unix: path, port: 0 });
    assert.match(both.url, /^redis:/);
    assert.equal(both.unixUrl, `unix://${path}`);
    const local = new RawConnection(connect({ path }));
    assert.equal(await local.ask('PING\r\n', '\n'), '+PONG\r\n');
    assert.equal(both.faults.cut(), 1);
    await local.untilClosed();
    await both.stop();
    await rm(folder, { recursive: true });
  });

  test('the URL of a Unix socket leads every client to its file, whatever the path', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'ashredis-unix-'));
    for (const name of ['a b.sock', 'a#b.sock', 'a%20b.sock', 'a?b.sock', 'é.sock']) {
      await using server = await createServer({ unix: join(folder, name) });
      assert.equal(decodeURIComponent(new URL(server.url).pathname), join(folder, name));
      assert.equal(server.unixUrl, server.url);
      const client = new AshRedisClient({ url: server.url });
      assert.equal(await client.ping(), 'PONG');
      await client.close();
    }
    // From the working folder, as the system takes it; a URL knows no such thing.
    const near = relative(process.cwd(), join(folder, 'near.sock'));
    await using server = await createServer({ unix: near });
    assert.equal(new URL(server.url).host, '');
    assert.ok(server.url.endsWith('/near.sock'));
    const client = new AshRedisClient({ url: server.url });
    assert.equal(await client.ping(), 'PONG');
    await client.close();
    await rm(folder, { recursive: true });
  });

  test('a line beyond the limit ends the connection without a word, in however many pieces it comes', async () => {
    await using server = await createServer({ limits: { maxLineBytes: 10 } });
    for (const pieces of [['SET key value\n'], ['SET key va', 'lue\n'], ['S', 'ET key value', '\n']]) {
      const client = await RawConnection.open(server);
      for (const [index, piece] of pieces.entries()) {
        client.write(piece);
        // Another connection's answer shows that the piece was read.
        if (index < pieces.length - 1) await answered(server);
      }
      assert.equal(await client.untilClosed(), '');
    }
    // A Redis inline command is no line of that dialect.
    const inline = await RawConnection.open(server);
    inline.write('SET key a-value');
    await answered(server);
    assert.equal(await inline.ask('\r\n', '\n'), '+OK\r\n');
    inline.close();
    await using least = await createServer({ limits: { maxLineBytes: 1 } });
    const client = await RawConnection.open(least);
    assert.equal(await client.ask('\n', '\n'), '-ERR empty command\n');
    client.write('PING\n');
    assert.equal(await client.untilClosed(), '');
    await assert.rejects(createServer({ limits: { maxLineBytes: 0 } }), /limit maxLineBytes 0 is not a number above 0/);
  });

  test('a thousand clients that come at once are let in at once', {
    skip: backlogLimit() < 1000 ? 'this system lets fewer connections wait' : false,
  }, async () => {
    await using server = await createServer();
    // The other process runs while this one can accept nothing: whoever finds no place would have to try again.
    const program = `
      let count = 0;
      for (let i = 0; i < 900; i++) require('node:net').connect(${server.port}, '127.0.0.1', () => {
        if (++count === 900) process.exit(0);
      });
      setTimeout(() => process.exit(1), 60_000);`;
    assert.equal(spawnSync(process.execPath, ['-e', program]).status, 0);
    await until(() => server.connectionCount === 0, 'all of them gone');
  });

  test('the version that INFO tells is the package’s', async () => {
    const { default: manifest } = await import('../../../package.json', { with: { type: 'json' } });
    assert.equal(PACKAGE_VERSION, manifest.version);
  });

  test('stops also while clients that were turned away keep their side open', async () => {
    const server = await createServer({ limits: { maxClients: 1 } });
    const first = await RawConnection.open(server);
    const surplus = new RawConnection(connect({ port: server.port, host: server.host, allowHalfOpen: true }));
    assert.equal(await surplus.ask('PING\r\n', '\n'), '-ERR max number of clients reached\r\n');
    await server.stop();
    for (const connection of [first, surplus]) connection.close();
  });

  test('two servers in one process share nothing', async () => {
    await using one = await createServer();
    await using two = await createServer();
    const [a, b] = [await RawConnection.open(one), await RawConnection.open(two)];
    await a.ask('SET k v\r\n', '\n');
    assert.equal(await b.ask('GET k\r\n', '\n'), '$-1\r\n');
    a.close();
    b.close();
  });
});

describe('the dialect of a connection', () => {
  test('is found by its first line, and inline may go on in RESP', async () => {
    await using server = await createServer();
    const [resp, inline, line] = [
      await RawConnection.open(server),
      await RawConnection.open(server),
      await RawConnection.open(server),
    ];
    assert.equal(await resp.ask('*1\r\n$4\r\nPING\r\n', '\n'), '+PONG\r\n');
    assert.equal(await inline.ask('PING\r\n', '\n'), '+PONG\r\n');
    assert.equal(await inline.ask('*1\r\n$4\r\nPING\r\nPING\n', 'PONG\r\n+PONG\r\n'), '+PONG\r\n+PONG\r\n');
    line.write('PI');
    line.write('NG');
    assert.equal(await line.ask('\n', '\n'), '+PONG\n');
    assert.equal(await line.ask('*1\r\n', '\n'), "-ERR unknown command '*1'\n");
    for (const connection of [resp, inline, line]) connection.close();
  });

  test('is fixed by the option', async () => {
    await using resp = await createServer({ dialect: 'resp' });
    await using lines = await createServer({ dialect: 'ashredis' });
    const [a, b] = [await RawConnection.open(resp), await RawConnection.open(lines)];
    assert.equal(await a.ask('PING\n', '\n'), '+PONG\r\n');
    assert.equal(await b.ask('PING\r\n', '\n'), '+PONG\n');
    a.close();
    b.close();
  });
});

test('names options that it does not know', async () => {
  const warned = once(process, 'warning');
  await using _server = await createServer({ pasword: 'x', maxMemory: 1, port: 0 } as object);
  const [warning] = (await warned) as [Error];
  assert.match(warning.message, /^Unknown options of createServer are ignored: pasword, maxMemory; known are host, /);
});

describe('a server under a fake clock', () => {
  test('answers, whether it was started before or after the clock was faked', async () => {
    const real = globalThis.setImmediate;
    const before = await createServer();
    // As the fakes of Jest and Vitest mark themselves.
    globalThis.setImmediate = Object.assign(() => {}, { clock: {} }) as unknown as typeof real;
    try {
      await using after = await createServer();
      for (const server of [before, after]) {
        const connection = await RawConnection.open(server);
        assert.equal(await connection.ask('*1\r\n$4\r\nPING\r\n', '\n'), '+PONG\r\n');
        connection.close();
      }
      await before.stop();
    } finally {
      globalThis.setImmediate = real;
    }
  });

  test('answers also under that of node:test, which marks nothing', async () => {
    mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'setImmediate', 'Date'] });
    try {
      await using server = await createServer();
      const connection = await RawConnection.open(server);
      assert.equal(await connection.ask('*1\r\n$4\r\nPING\r\n', '\n'), '+PONG\r\n');
      connection.close();
    } finally {
      mock.timers.reset();
    }
  });

  test('judges times to live by the clock that it was made with, whatever was asked before another was there', async () => {
    await using server = await createServer();
    const connection = await RawConnection.open(server);
    await connection.ask('PING\r\n', '\n');
    mock.timers.enable({ apis: ['Date'], now: 0 });
    try {
      assert.equal(await connection.ask('SET k v PX 60000\r\n', '\n'), '+OK\r\n');
      assert.equal(await connection.ask('GET k\r\n', 'v\r\n'), '$1\r\nv\r\n');
    } finally {
      mock.timers.reset();
    }
    connection.close();
  });

  test('takes timers that are numbers, as in a page, and clears its own by what it was made with', async () => {
    const { setTimeout: realTimeout, setInterval: realInterval, clearInterval: realClear } = globalThis;
    const cleared: unknown[] = [];
    globalThis.setTimeout = (() => 1) as unknown as typeof setTimeout;
    globalThis.setInterval = (() => 7) as unknown as typeof setInterval;
    globalThis.clearInterval = (timer: unknown) => void cleared.push(timer);
    try {
      const server = await createServer();
      const connection = await RawConnection.open(server);
      assert.equal(await connection.ask('PING\r\n', '\n'), '+PONG\r\n');
      globalThis.clearInterval = realClear;
      await server.stop();
      assert.deepEqual(cleared, [7]);
    } finally {
      Object.assign(globalThis, { setTimeout: realTimeout, setInterval: realInterval, clearInterval: realClear });
    }
  });
});
