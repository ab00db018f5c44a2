// Blocking commands and the connections of their own: how many are kept, when one is not used again, what they refuse.
// Run by `npm test`, over a scripted server.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { AshRedisClient } from '../../../src/api/ash-redis-client.ts';
import type { ClientOptions } from '../../../src/api/config-types.ts';
import { ClosedError, LinkLostError, ReplyError, TimeoutError, UsageError } from '../../../src/errors/index.ts';
import { nextEvent, until } from '../../support/events.ts';
import { resetSocket } from '../../support/reset-socket.ts';
import { greeting, type ScriptedServer, startScriptedServer } from '../../support/scripted-server.ts';

describe('a blocking command', () => {
  let server: ScriptedServer;
  let client: AshRedisClient;
  /** Answers all that block. */
  let unblock: (reply?: string) => void;

  before(async () => {
    server = await startScriptedServer();
  });
  after(() => server.stop());
  beforeEach(() => {
    const blocked: ((reply: string) => void)[] = [];
    unblock = (reply = '*-1\r\n') => {
      for (const answer of blocked.splice(0)) answer(reply);
    };
    server.script = (words, link) => {
      if (words[0] !== 'BLPOP') return greeting(words) ?? '+OK\r\n';
      blocked.push((reply) => link.write(reply));
      return undefined;
    };
    server.links.length = 0;
  });
  afterEach(() => client.close({ timeoutMs: 1 }));

  function clientOf(options: ClientOptions = {}): AshRedisClient {
    client = new AshRedisClient({ host: '127.0.0.1', port: server.port, protocol: 3, dialect: 'resp', ...options });
    return client;
  }

  const blockedCount = () =>
    server.links.flatMap(({ commands }) => commands.filter(([name]) => name === 'BLPOP')).length;
  const openCount = () => server.links.filter(({ socket }) => !socket.destroyed && !socket.readableEnded).length;

  test('each has a connection, two of which are kept for the next ones; the others are closed', async () => {
    clientOf();
    const first = [1, 2, 3, 4].map(() => client.command('BLPOP', 'l', 0));
    await server.until(() => blockedCount() === 4);
    assert.equal(client.stats().blockingConnections, 4);
    unblock();
    assert.deepEqual(await Promise.all(first), [null, null, null, null]);
    assert.equal(client.stats().blockingConnections, 2);
    await until(() => openCount() === 2, 'two were closed');
    const next = [1, 2].map(() => client.command('BLPOP', 'l', 0));
    await server.until(() => blockedCount() === 6);
    assert.equal(server.links.length, 4, 'no link was made for them');
    unblock();
    await Promise.all(next);
  });

  test('a refusal by the server keeps its connection; what else ends it does not', async () => {
    clientOf();
    const refused = client.command('BLPOP', 'l', 0);
    await server.until(() => blockedCount() === 1);
    unblock('-WRONGTYPE no list\r\n');
    await assert.rejects(refused, ReplyError);
    assert.equal(client.stats().blockingConnections, 1);
    const lost = client.command('BLPOP', 'l', 0);
    await server.until(() => blockedCount() === 2);
    server.links[0]?.reset();
    await assert.rejects(lost, (error: unknown) => error instanceof LinkLostError && error.safeToRetry === false);
    assert.equal(client.stats().blockingConnections, 0);
    const aborted = new AbortController();
    const given = client.command('BLPOP', 'l', 0, { signal: aborted.signal });
    await server.until(() => blockedCount() === 3);
    aborted.abort(new Error('enough'));
    await assert.rejects(given, /enough/);
    assert.equal(client.stats().blockingConnections, 0);
    await until(() => openCount() === 0, 'none is left');
  });

  test('one that is kept does not come back by itself when its link is lost: the next command makes it anew', async () => {
    clientOf();
    await client.connect();
    const first = client.command('BLPOP', 'l', 0);
    await server.until(() => blockedCount() === 1);
    unblock();
    await first;
    // The shared connection comes back each time, after a longer and longer while.
    for (let round = 1; round <= 5; round++) {
      const ready = nextEvent<{ to: string }>(client, 'state', ({ to }) => to === 'ready');
      for (const { socket } of server.links) if (!socket.destroyed) resetSocket(socket);
      await ready;
    }
    assert.equal(server.links.length, 2 + 5);
    assert.equal(client.stats().blockingConnections, 1);
    const second = client.command('BLPOP', 'l', 0);
    await server.until(() => blockedCount() === 2);
    assert.equal(server.links.length, 2 + 5 + 1);
    unblock();
    assert.equal(await second, null);
  });

  test('refused before it was handed over it leaves no connection busy', async () => {
    clientOf();
    await assert.rejects(client.command('BLPOP', 'l', 0, { signal: AbortSignal.abort(new Error('enough')) }), /enough/);
    await until(() => client.stats().blockingConnections === 0, 'it is given back');
    assert.equal(server.links.length, 0);
    await client.close();
    await assert.rejects(client.command('BLPOP', 'l', 0), ClosedError);
    await assert.rejects(client.batch().command('BLPOP', 'l', 0).exec(), ClosedError);
  });

  test('its limit is its own and commandTimeoutMs; timeoutMs of the call comes before both', async () => {
    clientOf({ commandTimeoutMs: 40 });
    for (const [limit, options, said] of [
      [0.02, {}, /\b60 ms/],
      [100, { timeoutMs: 30 }, /\b30 ms/],
      [0, { timeoutMs: 30 }, /\b30 ms/],
    ] as const) {
      await assert.rejects(
        client.command('BLPOP', 'l', limit, options),
        (error: unknown) => error instanceof TimeoutError && said.test(error.message),
      );
    }
  });

  test('it has no heartbeat: silence is what it is for', async () => {
    clientOf({ heartbeatIntervalMs: 5, heartbeatTimeoutMs: 5000 });
    await client.connect();
    const popped = client.command('BLPOP', 'l', 0);
    await server.until(() => blockedCount() === 1);
    const [shared, own] = server.links;
    const pings = (link = shared) => link?.commands.filter(([name]) => name === 'PING').length ?? 0;
    const before = [pings(shared), pings(own)] as const;
    await server.until(() => pings(shared) > before[0] + 4);
    assert.equal(pings(own), before[1]);
    unblock();
    assert.equal(await popped, null);
  });

  test('close() waits for those that are kept as for those that run', async () => {
    clientOf();
    const kept = client.command('BLPOP', 'l', 0);
    await server.until(() => blockedCount() === 1);
    unblock();
    await kept;
    const running = [1, 2].map(() => client.command('BLPOP', 'l', 0));
    await server.until(() => blockedCount() === 3);
    const ended = Promise.all(running.map((each) => assert.rejects(each, ClosedError)));
    await client.close();
    await ended;
    await until(() => openCount() === 0, 'none is left');
    assert.equal(client.stats().blockingConnections, 0);
  });

  test('a line server has none', async () => {
    clientOf({ dialect: 'ashredis' });
    await assert.rejects(
      client.command('BLPOP', 'l', 0),
      (error: unknown) => error instanceof UsageError && /Cannot send "BLPOP" to an AshRedis line/.test(error.message),
    );
    assert.equal(server.links.length, 0);
  });
});
