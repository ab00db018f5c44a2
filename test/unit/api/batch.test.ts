// Batches: what each command of one says, whose region and limits hold, blocking commands in one, transactions.
// Run by `npm test`, over a scripted server.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { AshRedisClient } from '../../../src/api/ash-redis-client.ts';
import type { ClientOptions } from '../../../src/api/config-types.ts';
import { ClosedError, LinkLostError, ReplyError, TimeoutError, UsageError } from '../../../src/errors/index.ts';
import { bulk, greeting, type ScriptedServer, startScriptedServer } from '../../support/scripted-server.ts';

/** A reply of the type that each command has. */
const answering = (words: string[]): string | undefined => {
  switch (words[0]) {
    case 'GET':
    case 'INFO':
      return bulk(words[1] ?? 'all');
    case 'SET':
      return '+OK\r\n';
    case 'KEYS':
      return `*2\r\n${bulk('@r:a')}${bulk('b')}`;
    case 'BLPOP':
      return '*-1\r\n';
    default:
      return greeting(words) ?? ':1\r\n';
  }
};

describe('a batch', () => {
  let server: ScriptedServer;
  const clients: AshRedisClient[] = [];

  before(async () => {
    server = await startScriptedServer();
  });
  after(() => server.stop());
  beforeEach(() => {
    server.script = answering;
    server.links.length = 0;
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) await client.close({ timeoutMs: 1 });
  });

  function clientOf(options: ClientOptions = {}): AshRedisClient {
    const client = new AshRedisClient({ host: '127.0.0.1', port: server.port, protocol: 3, ...options });
    clients.push(client);
    return client;
  }

  /** What a link got after its handshake, HELLO and PING. */
  const commands = (link = 0) => (server.links[link]?.commands ?? []).slice(2).map((words) => words.join(' '));

  test('each method says what the client’s own method says, and shapes the reply alike', async () => {
    const client = clientOf({ ttlSeconds: 9 });
    const batch = client
      .batch({ region: 'r' })
      .ping()
      .ping('hi')
      .get('k')
      .set('k', 'v')
      .set('k', 'v', { ttlSeconds: 1, nx: true })
      .del(['a', 'b'])
      .delete('c')
      .exists('k')
      .expire('k', 2)
      .ttl('k')
      .persist('k')
      .keys()
      .keys('x*')
      .incr('k')
      .decr('k')
      .append('k', 'x')
      .info()
      .info('server')
      .publish('c', { a: 1 })
      .command('LLEN', 'l', { keys: [0] });
    assert.equal(batch.length, 20);
    // Settled when it was made.
    client.useRegion('other');
    assert.deepEqual(await batch.exec(), [
      'PONG',
      'hi',
      '@r:k',
      'OK',
      'OK',
      1,
      1,
      1,
      true,
      1,
      true,
      ['a'],
      ['a'],
      1,
      1,
      1,
      'all',
      'server',
      1,
      1,
    ]);
    assert.deepEqual(commands(), [
      'PING',
      'PING hi',
      'GET @r:k',
      'SET @r:k v PX 9000',
      'SET @r:k v PX 1000 NX',
      'DEL @r:a @r:b',
      'DEL @r:c',
      'EXISTS @r:k',
      'PEXPIRE @r:k 2000',
      'TTL @r:k',
      'PERSIST @r:k',
      'KEYS @r:*',
      'KEYS @r:x*',
      'INCR @r:k',
      'DECR @r:k',
      'APPEND @r:k x',
      'INFO',
      'INFO server',
      'PUBLISH @r:c {"a":1}',
      'LLEN @r:l',
    ]);
  });

  test('without a region of its own it has the client’s of the time when it was made; null is none', async () => {
    const client = clientOf({ region: 'a' });
    const batch = client
      .batch()
      .get('k')
      .command('LLEN', 'l', { keys: [0] });
    const none = client.batch({ region: null }).get('k').command('LLEN', 'l');
    client.useRegion('b');
    await batch.exec();
    await none.exec();
    await client.batch().get('k').exec();
    assert.deepEqual(commands(), ['GET @a:k', 'LLEN @a:l', 'GET k', 'LLEN l', 'GET @b:k']);
    assert.throws(() => client.batch().command('LLEN', 'l'), /in region "b": which arguments are keys is not known/);
  });

  test('nothing is sent before exec(), and an empty one never is', async () => {
    const client = clientOf();
    const batch = client.batch().get('k');
    assert.equal(server.links.length, 0);
    assert.deepEqual(await client.batch().exec(), []);
    assert.equal(server.links.length, 0);
    await batch.exec();
    await assert.rejects(batch.exec(), { name: 'UsageError', hint: 'call batch() again' });
    assert.throws(() => batch.get('k'), UsageError);
    assert.deepEqual(commands(), ['GET k']);
  });

  test('with a blocking command it has a connection of its own; in a transaction, where nothing blocks, it has not', async () => {
    const client = clientOf();
    await client.connect();
    assert.deepEqual(await client.batch().get('k').command('BLPOP', 'l', 1).exec(), ['k', null]);
    assert.deepEqual([commands(0), commands(1)], [[], ['GET k', 'BLPOP l 1']]);
    assert.equal(client.stats().blockingConnections, 1);
    server.script = (words) =>
      words[0] === 'MULTI' ? '+OK\r\n' : words[0] === 'EXEC' ? '*1\r\n*-1\r\n' : (greeting(words) ?? '+QUEUED\r\n');
    assert.deepEqual(await client.batch({ atomic: true }).command('BLPOP', 'l', 1).exec(), [null]);
    assert.deepEqual(commands(0), ['MULTI', 'BLPOP l 1', 'EXEC']);
  });

  test('its blocking commands’ limits add up to commandTimeoutMs; one without a limit has none', async () => {
    const silent = (words: string[]) => greeting(words);
    server.script = silent;
    const client = clientOf({ commandTimeoutMs: 30 });
    await client.connect();
    const startedAt = performance.now();
    await assert.rejects(
      client.batch().command('BLPOP', 'a', 0.05).command('BLPOP', 'b', '0.02').exec(),
      (error: unknown) => error instanceof TimeoutError && /\b100 ms/.test(error.message),
    );
    assert.ok(performance.now() - startedAt >= 99);
    const endless = client.batch().command('BLPOP', 'c', 0.001).command('BLPOP', 'd', 0).exec();
    let settled = false;
    endless.catch(() => {}).then(() => (settled = true));
    // The server is asked for longer than the limit of any other command.
    await assert.rejects(client.get('k'), TimeoutError);
    await assert.rejects(client.get('k'), TimeoutError);
    assert.equal(settled, false);
    await client.close();
    await assert.rejects(endless, ClosedError);
  });

  test('a signal gives it up whole, before and after it was written', async () => {
    const client = clientOf();
    await client.connect();
    const reason = new Error('enough');
    await assert.rejects(
      client
        .batch({ signal: AbortSignal.abort(reason) })
        .get('k')
        .exec(),
      reason,
    );
    assert.deepEqual(commands(), []);
    server.script = () => undefined;
    const controller = new AbortController();
    const given = client.batch({ signal: controller.signal }).get('a').get('b').exec();
    const link = await server.linked(1);
    await server.until(() => link.commands.at(-1)?.[1] === 'b');
    controller.abort(reason);
    await assert.rejects(given, reason);
  });

  test('a transaction that gives no results is refused as EXECABORT of EXEC', async () => {
    const client = clientOf();
    server.script = (words) =>
      words[0] === 'MULTI' ? '+OK\r\n' : words[0] === 'EXEC' ? '_\r\n' : (greeting(words) ?? '+QUEUED\r\n');
    await assert.rejects(
      client.batch({ atomic: true }).get('k').exec(),
      (error: unknown) => error instanceof ReplyError && error.code === 'EXECABORT' && error.command === 'EXEC',
    );
    server.script = (words) =>
      words[0] === 'MULTI'
        ? '-NOPERM no MULTI\r\n'
        : words[0] === 'EXEC'
          ? '-ERR EXEC without MULTI\r\n'
          : answering(words);
    await assert.rejects(
      client.batch({ atomic: true }).get('k').exec(),
      (error: unknown) => error instanceof ReplyError && error.code === 'NOPERM',
    );
  });

  test('a command of a transaction that fails when it is executed is an error in its place', async () => {
    const client = clientOf();
    server.script = (words) =>
      words[0] === 'MULTI'
        ? '+OK\r\n'
        : words[0] === 'EXEC'
          ? '*2\r\n+OK\r\n-WRONGTYPE no number\r\n'
          : (greeting(words) ?? '+QUEUED\r\n');
    const [first, second] = await client.batch({ atomic: true }).set('k', 'x').incr('k').exec();
    assert.equal(first, 'OK');
    assert.ok(second instanceof ReplyError && second.code === 'WRONGTYPE' && second.command === 'INCR');
  });

  test('a link lost in the middle of its replies rejects it whole', async () => {
    const client = clientOf();
    server.script = (words, link) => {
      if (words[0] !== 'INCR') return answering(words);
      link.socket.end(':1\r\n');
      return undefined;
    };
    await assert.rejects(
      client.batch().incr('k').get('k').exec(),
      (error: unknown) => error instanceof LinkLostError && error.safeToRetry === false,
    );
  });
});
