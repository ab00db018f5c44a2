// The embedded server under attack: whatever strangers send, hold open or leave unread, it goes on serving others.
// Run by `npm test`. After each attack a client that does nothing wrong is still answered at once.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createServer, type EmbeddedServer, type ServerOptions } from '../../src/server/index.ts';
import { until } from '../support/events.ts';
import { RawConnection } from '../support/raw-connection.ts';

const MIB = 1024 * 1024;

/** Runs an attack on a fresh server and then asks it, on a new connection, whether it still serves. */
async function attacked(options: ServerOptions, attack: (server: EmbeddedServer) => Promise<void>): Promise<void> {
  await using server = await createServer(options);
  await attack(server);
  const client = await RawConnection.open(server);
  assert.equal(
    await client.ask('*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n', 'v\r\n'),
    '+OK\r\n$1\r\nv\r\n',
  );
  client.close();
}

async function openMany(server: EmbeddedServer, count: number): Promise<RawConnection[]> {
  const all: RawConnection[] = [];
  while (all.length < count) {
    all.push(
      ...(await Promise.all(
        Array.from({ length: Math.min(100, count - all.length) }, () => RawConnection.open(server)),
      )),
    );
  }
  return all;
}

/** xorshift32: the same bytes in every run. */
function noise(seed: number, length: number): Buffer {
  let state = seed;
  return Buffer.from(
    Array.from({ length }, () => {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      return state & 255;
    }),
  );
}

describe('the embedded server under attack', () => {
  test('1,000 connections that never finish a request do not keep it from serving', () =>
    attacked({}, async (server) => {
      const all = await openMany(server, 1000);
      const begins = ['', '*', '*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1000\r\n', 'SET k "half', '*1\r\n$4\r\nPI'];
      all.forEach((connection, index) => {
        connection.write(begins[index % begins.length] as string);
      });
      await until(() => server.connectionCount === 1000, 'all connections');
      const client = await RawConnection.open(server);
      assert.equal(await client.ask('PING\r\n', '\n'), '+PONG\r\n');
      for (const connection of [...all, client]) connection.close();
      await until(() => server.connectionCount === 0, 'all connections gone');
    }));

  test('connections beyond the limit are told so and closed', () =>
    attacked({ limits: { maxClients: 10 } }, async (server) => {
      const all = await openMany(server, 10);
      const surplus = await RawConnection.open(server);
      assert.equal(await surplus.untilClosed(), '-ERR max number of clients reached\r\n');
      for (const connection of all) connection.close();
      await until(() => server.connectionCount === 0, 'all connections gone');
    }));

  test('a request that comes byte by byte is answered, and holds up nobody', () =>
    attacked({}, async (server) => {
      const slow = await RawConnection.open(server);
      const other = await RawConnection.open(server);
      for (const byte of '*2\r\n$4\r\nECHO\r\n$3\r\nabc\r\n') {
        slow.write(byte);
        assert.equal(await other.ask('PING\r\n', '\n'), '+PONG\r\n');
      }
      assert.equal(await slow.until((received) => received.endsWith('abc\r\n')), '$3\r\nabc\r\n');
      slow.write('PING\r');
      await other.ask('PING\r\n', '\n');
      slow.take();
      assert.equal(await slow.ask('\n', '\n'), '+PONG\r\n');
      slow.close();
      other.close();
    }));

  test('a bulk of 100 MB is refused when it is declared, not when it has come', () =>
    attacked({}, async (server) => {
      const connection = await RawConnection.open(server);
      connection.write(`*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$${100 * MIB}\r\n`);
      assert.equal(
        await connection.untilClosed(),
        `-ERR Protocol error: invalid bulk length: ${100 * MIB} exceeds the limit of ${64 * MIB} bytes\r\n`,
      );
    }));

  test('many bulks that are too much together are refused', () =>
    attacked({ limits: { maxBulkBytes: 1000, maxRequestBytes: 2000 } }, async (server) => {
      const connection = await RawConnection.open(server);
      const key = `$900\r\n${'k'.repeat(900)}\r\n`;
      connection.write(`*4\r\n$3\r\nDEL\r\n${key}${key}$900\r\n`);
      assert.match(
        await connection.untilClosed(),
        /^-ERR Protocol error: request exceeds the limit of 2000 bytes\r\n$/,
      );
    }));

  for (const dialect of ['auto', 'resp', 'ashredis'] as const) {
    test(`a line of 10 MB without an end is closed and not kept (${dialect})`, () =>
      attacked({ dialect: dialect === 'ashredis' ? 'auto' : dialect }, async (server) => {
        const connection = await RawConnection.open(server);
        if (dialect === 'ashredis') await connection.ask('PING\n', '+PONG\n');
        const part = Buffer.alloc(MIB, 120);
        for (let count = 0; count < 10 && !connection.ended; count++) {
          connection.write(part);
          await new Promise((resolve) => setImmediate(resolve));
        }
        const answer = await connection.untilClosed();
        // A reset may overtake the words, since we go on sending.
        assert.match(answer, dialect === 'ashredis' ? /^$/ : /^(-ERR Protocol error: too big inline request\r\n)?$/);
      }));
  }

  test('what all connections leave unfinished is limited together', () =>
    attacked({ limits: { maxPendingInputBytes: 300_000 } }, async (server) => {
      const all = await openMany(server, 10);
      for (const connection of all) connection.write(`*2\r\n$4\r\nECHO\r\n$1000000\r\n${'x'.repeat(60_000)}`);
      await until(() => server.connectionCount <= 5, 'the surplus to be closed');
      for (const connection of all) connection.close();
      await until(() => server.connectionCount === 0, 'all connections gone');
    }));

  for (const kept of ['SUBSCRIBE', 'PSUBSCRIBE', 'SSUBSCRIBE', 'WATCH', 'CLIENT SETNAME']) {
    test(`names that a client makes the server keep are limited together (${kept})`, () =>
      // A pattern weighs more, since it is kept compiled.
      attacked({ limits: { maxPendingInputBytes: kept === 'PSUBSCRIBE' ? 6_000_000 : 300_000 } }, async (server) => {
        const words = kept.split(' ').map((word) => `$${word.length}\r\n${word}\r\n`);
        const command = (name: string) => `*${words.length + 1}\r\n${words.join('')}$${name.length}\r\n${name}\r\n`;
        const name = (index: number) => String(index).padEnd(60_000, 'x');
        const undo = {
          SUBSCRIBE: 'UNSUBSCRIBE',
          PSUBSCRIBE: 'PUNSUBSCRIBE',
          SSUBSCRIBE: 'SUNSUBSCRIBE',
          WATCH: 'UNWATCH',
        };
        const good = await RawConnection.open(server);
        // Given back as often as taken: any number of times.
        for (let round = 0; round < 8; round++) {
          good.write(command(name(round)));
          await good.ask(`${undo[kept as keyof typeof undo] ?? 'RESET'}\r\nPING end\r\n`, 'end\r\n');
        }
        const hogs = await openMany(server, 10);
        for (const [index, hog] of hogs.entries()) hog.write(command(name(index)));
        await until(() => server.connectionCount <= 6, 'the surplus to be closed');
        for (const connection of hogs) connection.close();
        await until(() => server.connectionCount === 1, 'all but the good one gone');
        // Nothing is held of those that are gone.
        for (let round = 0; round < 4; round++) good.write(command(name(round)));
        assert.match(await good.ask('PING still\r\n', 'still\r\n'), /still\r\n$/);
        good.close();
      }));
  }

  test('commands without a byte of their own are not free: neither in MULTI nor as empty arguments', () =>
    attacked({ limits: { maxRequestBytes: 100_000, maxPendingInputBytes: 100_000 } }, async (server) => {
      const client = await RawConnection.open(server);
      const answer = await client.ask(`MULTI\r\n${'PING\r\n'.repeat(1000)}EXEC\r\n`, '-EXECABORT');
      assert.match(answer, /\+QUEUED\r\n-ERR transaction exceeds the limit of 100000 bytes\r\n/);
      const hog = await RawConnection.open(server);
      hog.write(`*100000\r\n${'$0\r\n\r\n'.repeat(50_000)}`);
      await hog.untilClosed();
      assert.equal(await client.ask('PING end\r\n', 'end\r\n').then((text) => text.endsWith('end\r\n')), true);
      client.close();
    }));

  test('a client that asks and never reads is closed at its limit', () =>
    attacked({ limits: { maxOutputBytes: MIB, maxBulkBytes: MIB } }, async (server) => {
      const hog = await RawConnection.open(server);
      hog.socket.pause();
      hog.write(`*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$${MIB}\r\n${'x'.repeat(MIB)}\r\n`);
      hog.write('*2\r\n$3\r\nGET\r\n$3\r\nbig\r\n'.repeat(200));
      await until(() => server.connectionCount === 0, 'the hog to be closed');
      hog.close();
    }));

  test('a subscriber that never reads is closed at its limit, and the others get every message', () =>
    attacked({ limits: { maxSubscriberOutputBytes: MIB } }, async (server) => {
      const subscribe = '*2\r\n$9\r\nSUBSCRIBE\r\n$1\r\nc\r\n';
      const [lazy, good, publisher] = (await openMany(server, 3)) as [RawConnection, RawConnection, RawConnection];
      await lazy.ask(subscribe, ':1\r\n');
      await good.ask(subscribe, ':1\r\n');
      lazy.socket.pause();
      const publish = `*3\r\n$7\r\nPUBLISH\r\n$1\r\nc\r\n$100000\r\n${'m'.repeat(100_000)}\r\n`;
      let sent = 0;
      while (server.connectionCount === 3) {
        await publisher.ask(publish, '\n');
        sent++;
        assert.ok(sent < 500, 'the lazy subscriber is still there');
      }
      await good.until((received) => received.length >= sent * 100_000);
      assert.equal(good.received.split('$7\r\nmessage\r\n').length - 1, sent);
      for (const connection of [lazy, good, publisher]) connection.close();
    }));

  test('a subscriber that stays behind for too long is closed, also when it is told nothing new', () =>
    attacked(
      { limits: { softSubscriberOutputBytes: 100_000, softOutputMs: 50, maxSubscriberOutputBytes: 64 * MIB } },
      async (server) => {
        const [lazy, publisher] = (await openMany(server, 2)) as [RawConnection, RawConnection];
        await lazy.ask('SUBSCRIBE c\r\n', ':1\r\n');
        lazy.socket.pause();
        const size = 16 * MIB;
        await publisher.ask(`*3\r\n$7\r\nPUBLISH\r\n$1\r\nc\r\n$${size}\r\n${'m'.repeat(size)}\r\n`, '\n');
        await until(() => server.connectionCount === 1, 'the lazy subscriber to be closed');
        for (const connection of [lazy, publisher]) connection.close();
      },
    ));

  test('a burst in one turn closes the subscriber that it is too much for, not the publisher', () =>
    attacked({ limits: { maxSubscriberOutputBytes: 4 * MIB } }, async (server) => {
      const [lazy, publisher] = (await openMany(server, 2)) as [RawConnection, RawConnection];
      await lazy.ask('SUBSCRIBE c\r\n', ':1\r\n');
      lazy.socket.pause();
      const publish = `*3\r\n$7\r\nPUBLISH\r\n$1\r\nc\r\n$${MIB}\r\n${'m'.repeat(MIB)}\r\n`;
      // Before the turn is through: nobody's output grows as long as others' speak.
      const told = await publisher.ask(`MULTI\r\n${publish.repeat(20)}INFO stats\r\nEXEC\r\n`, '\n\r\n');
      assert.match(told, /\*21\r\n[\s\S]*limit_disconnections:1\r\n/);
      await until(() => server.connectionCount === 1, 'the lazy subscriber to be closed');
      assert.equal(await publisher.ask('PING end\r\n', 'end\r\n').then((text) => text.endsWith('$3\r\nend\r\n')), true);
      for (const connection of [lazy, publisher]) connection.close();
    }));

  test('a pattern made to be slow is answered in time', () =>
    attacked({}, async (server) => {
      const client = await RawConnection.open(server);
      const key = 'a'.repeat(2000);
      await client.ask(`*3\r\n$3\r\nSET\r\n$2000\r\n${key}\r\n$1\r\nv\r\n`, '\n');
      const before = process.cpuUsage();
      const pattern = `${'a*'.repeat(50)}b`;
      assert.equal(await client.ask(`*2\r\n$4\r\nKEYS\r\n$${pattern.length}\r\n${pattern}\r\n`, '\n'), '*0\r\n');
      await client.ask(`*2\r\n$10\r\nPSUBSCRIBE\r\n$${pattern.length}\r\n${pattern}\r\n`, ':1\r\n');
      const publisher = await RawConnection.open(server);
      assert.equal(await publisher.ask(`*3\r\n$7\r\nPUBLISH\r\n$2000\r\n${key}\r\n$1\r\nm\r\n`, '\n'), ':0\r\n');
      const line = await RawConnection.open(server);
      assert.equal(await line.ask('KEYS (a|b){0,}c\n', '\n\n'), '*0\r\n\n');
      assert.ok(process.cpuUsage(before).user < 2_000_000, 'matching took seconds');
      for (const connection of [client, publisher, line]) connection.close();
    }));

  test('a stranger before AUTH may neither declare much nor learn anything', () =>
    attacked({}, async () => {
      await using server = await createServer({ password: 'secret' });
      const [large, many, curious] = (await openMany(server, 3)) as [RawConnection, RawConnection, RawConnection];
      large.write('*2\r\n$4\r\nAUTH\r\n$20000\r\n');
      assert.match(await large.untilClosed(), /^-ERR Protocol error: unauthenticated bulk length\r\n$/);
      many.write('*11\r\n');
      assert.match(await many.untilClosed(), /^-ERR Protocol error: unauthenticated multibulk length\r\n$/);
      for (const word of ['GET x', 'NOSUCH', 'INFO']) {
        assert.equal(await curious.ask(`${word}\r\n`, '\n'), '-NOAUTH Authentication required.\r\n');
      }
      assert.match(await curious.ask('AUTH wrong\r\n', '\n'), /^-WRONGPASS /);
      assert.equal(await curious.ask('AUTH secret\r\n', '\n'), '+OK\r\n');
      curious.close();
    }));

  test('random bytes never hurt it', () =>
    attacked({}, async (server) => {
      for (let seed = 1; seed <= 60; seed++) {
        const connection = await RawConnection.open(server);
        const begin = ['', '*2\r\n$3\r\n', '*1\r\n', 'PING\r\n', 'PING\n', '*3\r\n$3\r\nSET\r\n$5\r\n'][
          seed % 6
        ] as string;
        connection.write(Buffer.concat([Buffer.from(begin), noise(seed, 3000)]));
        connection.socket.end();
        await connection.untilClosed();
      }
      await until(() => server.connectionCount === 0, 'all connections gone');
    }));

  test('memory beyond the limit is refused with OOM, and reading goes on', () =>
    attacked({ maxMemoryBytes: 10_000 }, async (server) => {
      const client = await RawConnection.open(server);
      const value = 'x'.repeat(3000);
      const set = (key: string) => client.ask(`*3\r\n$3\r\nSET\r\n$1\r\n${key}\r\n$3000\r\n${value}\r\n`, '\n');
      for (const key of ['a', 'b', 'c']) assert.equal(await set(key), '+OK\r\n');
      assert.equal(await set('d'), "-OOM command not allowed when used memory > 'maxmemory'.\r\n");
      assert.equal(await client.ask('STRLEN a\r\n', '\n'), ':3000\r\n');
      assert.equal(await client.ask('DEL a b\r\n', '\n'), ':2\r\n');
      assert.equal(await set('d'), '+OK\r\n');
      client.close();
    }));

  test('beyond loopback it listens only with a password, or when told so', async () => {
    await assert.rejects(
      createServer({ host: '0.0.0.0' }),
      /Cannot start the server: host '0\.0\.0\.0' is beyond loopback/,
    );
    // An address that no machine has: allowed by us, refused by the system.
    await assert.rejects(createServer({ host: '192.0.2.1', unprotected: true }), { code: 'EADDRNOTAVAIL' });
    await assert.rejects(createServer({ host: '192.0.2.1', password: 'secret' }), { code: 'EADDRNOTAVAIL' });
  });
});
