// What the server's connections, faults and checks do to each other, asked over bare TCP.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createServer, type EmbeddedServer, type ServerOptions } from '../../../src/server/index.ts';
import { until } from '../../support/events.ts';
import { RawConnection } from '../../support/raw-connection.ts';

/** Runs `act` with a server and two connections to it. */
async function served(
  options: ServerOptions,
  act: (a: RawConnection, b: RawConnection, server: EmbeddedServer) => Promise<void>,
): Promise<void> {
  await using server = await createServer(options);
  const [a, b] = [await RawConnection.open(server), await RawConnection.open(server)];
  try {
    await act(a, b, server);
  } finally {
    server.faults.clear();
    a.close();
    b.close();
  }
}

/** One request with many replies: what is asked last shows that all have come. */
const said = (connection: RawConnection, lines: string[]) =>
  connection
    .ask(`${lines.join('\r\n')}\r\nECHO the-end\r\n`, 'the-end\r\n')
    .then((all) => all.replace('$7\r\nthe-end\r\n', ''));

describe('a planned error', () => {
  test('instead of EXEC ends the transaction with it, and what it watched is watched no more', () =>
    served({}, async (a, b, server) => {
      await a.ask('WATCH w\r\nMULTI\r\nSET t 1\r\n', '+QUEUED\r\n');
      server.faults.replyError('EXEC', 'LOADING not yet');
      assert.equal(await said(a, ['EXEC']), '-LOADING not yet\r\n');
      assert.match(await said(a, ['EXEC', 'EXISTS t']), /^-ERR EXEC without MULTI\r\n:0\r\n$/);
      await said(b, ['SET w changed']);
      assert.equal(await said(a, ['MULTI', 'SET t 2', 'EXEC']), '+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n');
    }));

  test('and every other fault is gone after clear()', () =>
    served({}, async (a, _b, server) => {
      server.faults.replyError('GET', 'ERR planned', 9);
      server.faults.corrupt(5);
      server.faults.refuse();
      server.faults.freeze();
      server.faults.freeze();
      server.faults.clear();
      assert.equal(await said(a, ['GET none']), '$-1\r\n');
      const late = await RawConnection.open(server);
      assert.equal(await late.ask('PING\r\n', '\n'), '+PONG\r\n');
      late.close();
      // Thawed twice is thawed once: what is frozen afterwards stays so until it is thawed.
      server.faults.thaw();
      server.faults.freeze();
      a.write('PING\r\n');
      const { sessions } = server as unknown as { sessions: Map<number, { socket: { isPaused(): boolean } }> };
      assert.ok([...sessions.values()].every(({ socket }) => socket.isPaused()));
      server.faults.thaw();
      assert.equal(await a.until((received) => received !== ''), '+PONG\r\n');
    }));
});

describe('a transaction', () => {
  test('that is larger than a request may be is refused as a whole, and the next one is not', () =>
    served({ limits: { maxRequestBytes: 2000 } }, async (a) => {
      const set = `SET k ${'x'.repeat(900)}`;
      assert.match(
        await said(a, ['MULTI', set, set, 'SET k small', 'EXEC', 'EXISTS k']),
        /^\+OK\r\n\+QUEUED\r\n-ERR transaction exceeds the limit of 2000 bytes\r\n\S+ ?.*\r\n-EXECABORT .*\r\n:0\r\n$/,
      );
      assert.equal(await said(a, ['MULTI', 'SET k 1', 'EXEC']), '+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n');
    }));

  test('finds memory full inside EXEC for what writes, and lets the rest go on', () =>
    served({ maxMemoryBytes: 1000 }, async (a) => {
      const value = 'x'.repeat(500);
      assert.match(
        await said(a, ['MULTI', `SET a ${value}`, `SET b ${value}`, 'GET none', 'DEL a', 'EXEC']),
        /^\+OK\r\n(\+QUEUED\r\n){4}\*4\r\n\+OK\r\n-OOM [^\r]*\r\n\$-1\r\n:1\r\n$/,
      );
      assert.match(
        await said(a, [`SET a ${value}`, `SET b ${value}`, 'EXISTS a b']),
        /^\+OK\r\n-OOM [^\r]*\r\n:1\r\n$/,
      );
    }));
});

describe('a command', () => {
  test('is known in any case, and one that is not is told with as much of its words as Redis tells', () =>
    served({}, async (a) => {
      assert.equal(await said(a, ['sEt k v', 'GeT k', 'get k']), '+OK\r\n$1\r\nv\r\n$1\r\nv\r\n');
      const told = `${"'abcdefgh' ".repeat(11)}'abcdefg' `;
      assert.equal(
        await said(a, [`noSuch${' abcdefgh'.repeat(100)}`]),
        `-ERR unknown command 'noSuch', with args beginning with: ${told}\r\n`,
      );
    }));

  test('that only reads or deletes is served however full memory is', () =>
    served({ maxMemoryBytes: 700 }, async (a) => {
      const [value, key] = ['x'.repeat(500), 'k'.repeat(200)];
      assert.equal(
        await said(a, [`SET a ${value}`, `GET ${key}`, `DEL ${key}`, 'EXPIRE a 100', 'PUBLISH a m', 'DEL a']),
        '+OK\r\n$-1\r\n:0\r\n:1\r\n:0\r\n:1\r\n',
      );
      assert.match(await said(a, [`SET a ${value}${key}`, 'EXISTS a']), /^-OOM [^\r]*\r\n:0\r\n$/);
    }));
});

describe('before AUTH', () => {
  test('a stranger learns of no command whether it exists, and gets no subcommand', () =>
    served({ password: 'secret' }, async (a) => {
      for (const line of [
        'GET k',
        'NOSUCH k',
        'CLIENT NOSUCH',
        'CONFIG NOSUCH',
        'PUBLISH c m',
        'GET',
        'GET a b',
        'CLIENT',
      ]) {
        assert.equal(await a.ask(`${line}\r\n`, '\n'), '-NOAUTH Authentication required.\r\n', line);
      }
      assert.equal(await a.ask('AUTH secret\r\n', '\n'), '+OK\r\n');
      assert.match(await a.ask('NOSUCH k\r\n', '\n'), /^-ERR unknown command 'NOSUCH', with args beginning with: 'k' /);
    }));
});

describe('the options of times', () => {
  test('exclude each other in every order', () =>
    served({}, async (a) => {
      await said(a, ['SET k v']);
      for (const line of [
        'SET k v EX 5 KEEPTTL',
        'SET k v KEEPTTL EX 5',
        'SET k v EX 5 PX 5',
        'SET k v PERSIST',
        'SET k v NX XX',
        'SET k v XX NX',
        'SET k v EX',
        'GETEX k EX 5 PERSIST',
        'GETEX k PERSIST EX 5',
        'GETEX k NX',
        'GETEX k KEEPTTL',
      ]) {
        assert.equal(await said(a, [line]), '-ERR syntax error\r\n', line);
      }
      assert.equal(
        await said(a, ['GETEX k EX 50', 'TTL k', 'GETEX k', 'TTL k']),
        '$1\r\nv\r\n:50\r\n$1\r\nv\r\n:50\r\n',
      );
      assert.equal(await said(a, ['GETEX k PERSIST', 'TTL k']), '$1\r\nv\r\n:-1\r\n');
      assert.equal(await said(a, ['SET k v EX 50', 'SET k w KEEPTTL', 'TTL k']), '+OK\r\n+OK\r\n:50\r\n');
    }));

  test('are exact up to the last millisecond that an int64 holds, and refused beyond', () =>
    served({}, async (a) => {
      const last = 2n ** 63n - 1n;
      for (const [line, fits] of [
        [`SET k v PXAT ${last}`, true],
        [`SET k v PX ${last}`, false],
        [`SET k v EXAT ${last / 1000n}`, true],
        [`SET k v EXAT ${last / 1000n + 1n}`, false],
        [`SET k v EX ${last / 1000n}`, false],
        ['SET k v EX 0', false],
        ['SET k v PX -1', false],
      ] as const) {
        const answer = await said(a, ['DEL k', line, 'EXISTS k']);
        const expected = fits ? '+OK\r\n:1\r\n' : "-ERR invalid expire time in 'set' command\r\n:0\r\n";
        assert.equal(answer.replace(/^:\d\r\n/, ''), expected, line);
      }
    }));
});

describe('patterns and counts', () => {
  test('two connections of one pattern both get what matches, until each has left', () =>
    served({}, async (a, b, server) => {
      const publisher = await RawConnection.open(server);
      for (const each of [a, b]) await each.ask('PSUBSCRIBE p*\r\n', ':1\r\n');
      const message = '*4\r\n$8\r\npmessage\r\n$2\r\np*\r\n$2\r\np1\r\n$1\r\nm\r\n';
      assert.equal(await publisher.ask('PUBLISH p1 m\r\n', '\n'), ':2\r\n');
      for (const each of [a, b]) assert.equal(await each.ask('', 'm\r\n'), message);
      await a.ask('PUNSUBSCRIBE p*\r\n', ':0\r\n');
      assert.equal(await publisher.ask('PUBLISH p1 m\r\n', '\n'), ':1\r\n');
      assert.equal(await b.ask('', 'm\r\n'), message);
      assert.equal(await publisher.ask('PUBSUB NUMPAT\r\n', '\n'), ':1\r\n');
      await b.ask('PUNSUBSCRIBE never\r\nPUNSUBSCRIBE p*\r\n', ':0\r\n');
      assert.equal(await publisher.ask('PUBSUB NUMPAT\r\nPUBLISH p1 m\r\n', '\r\n:0\r\n'), ':0\r\n:0\r\n');
      publisher.close();
    }));

  test('what is read and written is counted in bytes', () =>
    served({}, async (a, _b, server) => {
      const { stats } = server as unknown as { stats: { inputBytes: number; outputBytes: number } };
      const before = { ...stats };
      assert.equal(await a.ask('PING 12345\r\n', '5\r\n'), '$5\r\n12345\r\n');
      assert.deepEqual([stats.inputBytes - before.inputBytes, stats.outputBytes - before.outputBytes], [12, 11]);
    }));

  test('cut({ name }) and cut({ id }) end that one connection', () =>
    served({}, async (a, b, server) => {
      await a.ask('CLIENT SETNAME a\r\n', '\n');
      const id = Number((await b.ask('CLIENT ID\r\n', '\n')).slice(1));
      assert.equal(server.faults.cut({ name: 'a' }), 1);
      await a.untilClosed();
      const other = await RawConnection.open(server);
      await other.ask('PING\r\n', '\n');
      assert.equal(server.faults.cut({ id }), 1);
      await b.untilClosed();
      assert.equal(await other.ask('PING\r\n', '\n'), '+PONG\r\n');
      other.close();
      await until(() => server.connectionCount === 0, 'all are gone');
    }));
});

test('stop() needs no timer where the clients close in turn', { timeout: 20_000 }, async (t) => {
  const server = await createServer();
  const client = await RawConnection.open(server);
  await client.ask('PING\r\n', '\n');
  t.mock.timers.enable({ apis: ['setTimeout'] });
  await server.stop();
  assert.equal(server.connectionCount, 0);
});

test('none of the options that exist is warned of', async () => {
  const warnings: Error[] = [];
  const listener = (warning: Error) => void warnings.push(warning);
  process.on('warning', listener);
  const options: Required<Omit<ServerOptions, 'unix'>> & Pick<ServerOptions, 'unix'> = {
    host: '127.0.0.1',
    port: 0,
    unix: undefined,
    password: 'secret',
    maxMemoryBytes: 0,
    unprotected: false,
    dialect: 'auto',
    databases: 1,
    limits: {},
  };
  await using _server = await createServer(options);
  await new Promise((resolve) => setImmediate(resolve));
  process.off('warning', listener);
  assert.deepEqual(warnings, []);
});
