// Replies that differ between two servers, so that no comparison with redis-server holds them: times, figures, settings.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { RespDecoder } from '../../../src/resp/index.ts';
import { createServer, type EmbeddedServer } from '../../../src/server/index.ts';
import { RawConnection } from '../../support/raw-connection.ts';

describe('the commands of the embedded server', () => {
  let server: EmbeddedServer;
  let a: RawConnection;
  before(async () => {
    const limits = { maxSubscriberOutputBytes: 3000, softSubscriberOutputBytes: 2000, softOutputMs: 90_000 };
    // Of patterns it is no option of users.
    server = await createServer({ limits: { ...limits, maxPatternBytes: 100 } as typeof limits });
  });
  after(() => server.stop());
  beforeEach(async () => {
    a = await RawConnection.open(server);
    await a.ask('FLUSHALL\r\n', '\n');
  });
  afterEach(() => a.close());

  /** The whole answer, without the mark behind it. */
  const answer = async (...commands: string[]) => {
    const text = await a.ask(`${commands.join('\r\n')}\r\nPING the-end\r\n`, 'the-end\r\n');
    return text.slice(0, -'$7\r\nthe-end\r\n'.length);
  };

  test('what is left of a life is told in milliseconds, and in seconds that are rounded', async (t) => {
    let now = 1_800_000_000_250;
    t.mock.method(Date, 'now', () => now);
    await using timed = await createServer();
    a.close();
    a = await RawConnection.open(timed);
    assert.equal(await answer('TIME'), '*2\r\n$10\r\n1800000000\r\n$6\r\n250000\r\n');
    await answer('SET k v EX 100');
    now += 1400;
    assert.equal(await answer('PTTL k', 'TTL k'), ':98600\r\n:99\r\n');
    assert.equal(await answer('PEXPIRETIME k', 'EXPIRETIME k'), ':1800000100250\r\n:1800000100\r\n');
    now += 200;
    assert.equal(await answer('TTL k', 'GETEX k PERSIST', 'PTTL k'), ':98\r\n$1\r\nv\r\n:-1\r\n');
  });

  test('HELLO logs in, and tells by name what server it is', async () => {
    await using locked = await createServer({ password: 'secret' });
    const client = await RawConnection.open(locked);
    assert.match(await client.ask('HELLO 3\r\n', '\n'), /^-NOAUTH HELLO must be called/);
    assert.match(await client.ask('HELLO 3 AUTH default wrong\r\n', '\n'), /^-WRONGPASS/);
    client.write('HELLO 3 AUTH default secret SETNAME a~!\r\nCLIENT GETNAME\r\nCLIENT ID\r\n');
    client.write(`*12\r\n$3\r\nDEL\r\n${'$1\r\nk\r\n'.repeat(11)}ECHO the-end\r\n`);
    const decoder = new RespDecoder({ maps: 'map' });
    decoder.push(Buffer.from(await client.until((received) => received.endsWith('the-end\r\n')), 'latin1'));
    const [told, name, id, deleted] = [decoder.read(), decoder.read(), decoder.read(), decoder.read()];
    assert.ok(told instanceof Map);
    assert.deepEqual([...told.keys()], ['server', 'version', 'proto', 'id', 'mode', 'role', 'modules']);
    assert.deepEqual([told.get('server'), told.get('proto'), told.get('role')], ['redis', 3, 'master']);
    // A stranger may not say so much at once.
    assert.deepEqual([name, id, deleted], ['a~!', told.get('id'), 0]);
    client.take();
    // After RESET it is one again.
    client.write('RESET\r\n*12\r\n');
    assert.match(await client.untilClosed(), /^\+RESET\r\n-ERR Protocol error: unauthenticated multibulk length\r\n$/);
    client.close();
  });

  test('SCAN goes on where its cursor says, and gives each key once', async () => {
    const wanted = Array.from({ length: 25 }, (_, i) => `k${i}`);
    await answer(...wanted.map((key) => `SET ${key} v`));
    const found: string[] = [];
    let cursor = '0';
    let steps = 0;
    do {
      const text = await answer(`SCAN ${cursor} COUNT 10`);
      cursor = /^\*2\r\n\$\d+\r\n(\d+)\r\n/.exec(text)![1]!;
      found.push(...(text.match(/^k\d+(?=\r)/gm) ?? []));
      steps++;
    } while (cursor !== '0');
    assert.deepEqual([steps, found.sort()], [3, wanted.sort()]);
  });

  test('a pattern beyond the limit is refused, once', async () => {
    const pattern = '?'.repeat(101);
    const refusal = '-ERR pattern of 101 bytes exceeds the limit of 100 bytes\r\n';
    for (const command of ['KEYS', 'SCAN 0 MATCH', 'PSUBSCRIBE', 'CONFIG GET', 'PUBSUB CHANNELS']) {
      assert.equal(await answer(`${command} ${pattern}`), refusal, command);
    }
    assert.equal(await answer('HELLO 3', 'SUBSCRIBE c', 'SSUBSCRIBE s').then((text) => text.includes(pattern)), false);
    assert.equal(await answer('PUBSUB CHANNELS', 'PUBSUB SHARDCHANNELS'), '*1\r\n$1\r\nc\r\n*1\r\n$1\r\ns\r\n');
  });

  test('CONFIG tells the limits, and changes all or nothing', async () => {
    assert.match(await answer('CONFIG GET client-output-*'), / pubsub 3000 2000 90\r\n$/);
    const memory = await answer('CONFIG GET maxmemory');
    assert.match(await answer('CONFIG SET maxmemory 1gb timeout 5'), /^-ERR CONFIG SET failed .*'timeout'/);
    assert.equal(await answer('CONFIG GET maxmemory'), memory);
    assert.equal(await answer('CONFIG SET timeout 0 maxmemory 1gb'), '+OK\r\n');
    assert.equal(await answer('CONFIG GET maxmemory'), '*2\r\n$9\r\nmaxmemory\r\n$10\r\n1073741824\r\n');
  });

  test('INFO tells the sections that it is asked for', async () => {
    await answer('SELECT 1', 'SET gone v', 'DEL gone', 'SELECT 3', 'SET a v EX 100', 'SET b v', 'SELECT 0');
    const sections = async (words: string) => (await answer(`INFO ${words}`)).match(/^# \w+/gm) ?? [];
    const all = await sections('');
    assert.equal(all.length, 9);
    for (const word of ['all', 'Default', 'everything', 'clients ALL'])
      assert.deepEqual(await sections(word), all, word);
    assert.deepEqual(await sections('keyspace Clients'), ['# Clients', '# Keyspace']);
    assert.match(await answer('INFO keyspace'), /# Keyspace\r\ndb3:keys=2,expires=1,avg_ttl=0\r\n\r\n$/);
    await answer('CONFIG SET maxmemory 1536kb');
    assert.match(await answer('INFO memory'), /maxmemory:1572864\r\nmaxmemory_human:1.50M\r\n/);
    assert.match(await answer('INFO clients'), /pubsub_clients:0\r\n/);
    await answer('HELLO 3', 'SUBSCRIBE c');
    assert.match(await answer('INFO clients'), /pubsub_clients:1\r\n/);
  });

  test('CLIENT SETINFO tells the library, and CLIENT LIST what waits for EXEC', async () => {
    assert.equal(await answer('CLIENT SETINFO lib-name x', 'CLIENT SETINFO LIB-VER 1.0'), '+OK\r\n+OK\r\n');
    const bad = await answer('CLIENT SETINFO lib-name "a b"', 'CLIENT SETINFO lib 1');
    assert.match(bad, /^-ERR lib-name cannot contain .*\r\n-ERR Unrecognized option 'lib'\r\n$/);
    assert.match(await answer('CLIENT INFO'), / multi-mem=0 .* lib-name=x lib-ver=1.0\n/);
    const b = await RawConnection.open(server);
    await b.ask('MULTI\r\nSET k v\r\n', 'QUEUED\r\n');
    assert.match(await answer('CLIENT LIST'), / multi=1 .* multi-mem=[1-9]\d* /);
    b.close();
  });

  test('MEMORY and LATENCY answer by the shapes of theirs', async () => {
    await answer('SET k value');
    assert.match(await answer('MEMORY USAGE k', 'MEMORY USAGE k SAMPLES 0'), /^:(\d+)\r\n:\1\r\n$/);
    assert.equal(await answer('LATENCY LATEST', 'LATENCY HISTORY x', 'LATENCY HISTOGRAM'), '*0\r\n*0\r\n*0\r\n');
    assert.match(await answer('LATENCY RESET', 'LATENCY DOCTOR'), /^:0\r\n\$\d+\r\nLatency is not/);
    assert.match(await answer('MEMORY STATS'), /^\*8\r\n[\s\S]*keys\.count\r\n:1\r\n/);
    await answer('CONFIG SET maxmemory 0');
    assert.match(await answer('MEMORY DOCTOR'), /take \d+ bytes of no limit/);
    assert.match(await answer('LOLWUT'), /ashredis \d/);
  });
});
