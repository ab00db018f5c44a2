// The client and the publishers at a model of the AshRedis line server, over TCP: dialect found out, one request at a
// time on each connection, pool, time limits, closes without a reply, old builds.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import {
  AshRedisChannelDataPublisher,
  AshRedisClient,
  AshRedisDataPublisher,
  ConnectionError,
  HandshakeError,
  LinkLostError,
  ReplyError,
  TimeoutError,
  UsageError,
} from '../../src/index.ts';
import { createServer } from '../../src/server/index.ts';
import { type LineModelServer, startLineModelServer } from '../support/line-model-server.ts';

const HELLO_LINES = ['*2', '$5', 'HELLO', '$1', '3'];

describe('the client at a line server', () => {
  let server: LineModelServer;
  let at: { host: string; port: number };

  beforeEach(async () => {
    server = await startLineModelServer();
    at = { host: '127.0.0.1', port: server.port };
  });

  afterEach(async () => {
    await server.stop();
    assert.deepEqual(server.overlaps, [], 'no two requests overlap on a connection');
  });

  /** Lines that users' calls caused. */
  const userLines = () => server.lines.filter((line) => !/^(PING|""|[*$]\d|HELLO|3)$/.test(line));

  test('with dialect "auto" says HELLO alone, comes back in the line dialect, and remembers', async () => {
    await using client = new AshRedisClient(at);
    assert.equal(await client.set('k', 'v'), 'OK');
    assert.deepEqual(server.links[0]?.lines, HELLO_LINES);
    assert.deepEqual(server.links[1]?.lines, ['PING', '""', 'SET k v']);
    assert.equal(client.server?.dialect, 'line');
    assert.equal(client.server?.quoting, 'quoted');
    server.cut();
    while ((await client.get('k').catch(() => null)) !== 'v');
    const later = server.links.slice(2);
    assert.ok(later.length > 0);
    for (const { lines } of later) assert.notDeepEqual(lines.slice(0, 5), HELLO_LINES, 'HELLO is said once');
  });

  test('gives bytes where bytes were asked for', async () => {
    await using client = new AshRedisClient(at);
    await client.set('k', 'é😀');
    const bytes = new TextEncoder().encode('é😀');
    assert.deepEqual(await client.get('k', { as: 'bytes' }), bytes);
    assert.equal(await client.get('none', { as: 'bytes' }), null);
    assert.deepEqual(await client.command('KEYS', '*', { as: 'bytes' }), [new TextEncoder().encode('k')]);
    assert.equal(await client.get('k'), 'é😀');
    assert.equal(await client.command('B64SET', 'k', 'aGk='), 'OK');
    assert.equal(await client.get('k'), 'hi');
  });

  test('asked for lines, refuses a server that speaks RESP', async () => {
    await using resp = await createServer({ dialect: 'resp' });
    await using client = new AshRedisClient({ host: resp.host, port: resp.port, dialect: 'ashredis' });
    await assert.rejects(client.set('k', 'a b'), (error: Error) => {
      assert.ok(error instanceof HandshakeError);
      assert.match(error.message, /found a server that speaks RESP, .* use dialect: "auto" or "resp"/);
      return true;
    });
  });

  test('what a user supplied is never executed as a line of its own', async () => {
    await using client = new AshRedisClient(at);
    const values = ['a\nSET injected yes\n', 'SET injected yes', '\r\n', '"', "it's", '\\'];
    for (const [index, value] of values.entries()) {
      const key = `k\nSET injected ${index}`;
      await client.set(key, value);
      assert.equal(await client.get(key), value);
    }
    assert.equal(await client.get('injected'), null);
    assert.equal(await client.exists(['injected', 'k']), 0);
  });

  test('with dialect "ashredis" says no HELLO at all', async () => {
    await using client = new AshRedisClient({ ...at, dialect: 'ashredis' });
    await client.connect();
    assert.deepEqual(server.lines, ['PING', '""']);
  });

  test('with dialect "resp" is told what it found', async () => {
    await using client = new AshRedisClient({ ...at, dialect: 'resp' });
    await assert.rejects(client.connect(), /found an AshRedis line server, asked for was RESP/);
  });

  test("does all of the fourteen commands, with the server's own answers", async () => {
    await using client = new AshRedisClient({ ...at, region: 'r' });
    assert.equal(await client.ping(), 'PONG');
    assert.equal(await client.set('k', 'é 😀\n', { ttlSeconds: 99.5 }), 'OK');
    assert.equal(await client.get('k'), 'é 😀\n');
    assert.ok((await client.ttl('k')) >= 98);
    assert.equal(await client.persist('k'), true);
    assert.equal(await client.ttl('k'), -1);
    assert.equal(await client.expire('k', 10), true);
    assert.equal(await client.exists(['k', 'k', 'x']), 2);
    assert.equal(await client.append('text', 'ab'), 2);
    assert.equal(await client.incr('n'), 1);
    assert.equal(await client.decr('n'), 0);
    assert.deepEqual((await client.keys('*')).sort(), ['k', 'n', 'text']);
    assert.deepEqual(await client.keys('nothing*'), []);
    assert.equal(await client.get('after-the-surplus-lf'), null);
    const scanned: string[] = [];
    for await (const key of client.scan('?')) scanned.push(key);
    for await (const key of client.scan('n', { type: 'STRING' })) scanned.push(key);
    for await (const key of client.scan('*', { type: 'hash' })) scanned.push(`no hash: ${key}`);
    assert.deepEqual(scanned.sort(), ['k', 'n', 'n']);
    assert.match(await client.info(), /version:1\.0\.0/);
    assert.equal(await client.del(['k', 'n']), 2);
    assert.equal(await client.get('k', { region: null }), null);
    assert.equal(server.model.peek('text', 'r'), 'ab');
  });

  test("names that look like another region are a region's own, and hidden only without one", async () => {
    await using client = new AshRedisClient(at);
    for (const region of ['r', null]) await client.set('k', 'v', { region });
    await client.command('SET', '@x:k', 'v', { region: 'r', keys: [0] });
    assert.deepEqual((await client.keys('*', { region: 'r' })).sort(), ['@x:k', 'k']);
    const scanned: string[] = [];
    for await (const name of client.scan({ region: 'r' })) scanned.push(name);
    assert.deepEqual(scanned.sort(), ['@x:k', 'k']);
    assert.deepEqual(await client.keys('*'), ['k']);
  });

  test('integers beyond 2^53 are exact', async () => {
    await using client = new AshRedisClient(at);
    await client.set('n', '9223372036854775806');
    assert.equal(await client.incr('n'), 9223372036854775807n);
    assert.equal(await client.incr('n'), -9223372036854775808n, 'this server wraps');
  });

  test('uses a small pool, and the same key always the same connection', async () => {
    await using client = new AshRedisClient({ ...at, poolSize: 3 });
    await client.connect();
    const keys = Array.from({ length: 40 }, (_, index) => `key:${index}`);
    for (let round = 0; round < 3; round++) await Promise.all(keys.map((key) => client.incr(key)));
    const links = server.links.filter(({ lines }) => lines.some((line) => line.startsWith('INCR ')));
    assert.equal(links.length, 3);
    for (const key of keys) {
      assert.equal(links.filter(({ lines }) => lines.includes(`INCR ${key}`)).length, 1, key);
      assert.equal(server.model.peek(key), '3');
    }
    const linkOf = (line: string) =>
      server.links.findIndex(({ lines }) => lines.some((sent) => `${sent} `.startsWith(`${line} `)));
    for (const key of keys) {
      await client.command('GET', key);
      await client.publish(key, 'v');
      await client.get(`channel:${key}`);
      assert.equal(linkOf(`GET ${key}`), linkOf(`INCR ${key}`), 'a command without a method goes the way of its key');
      assert.equal(linkOf(`GET channel:${key}`), linkOf(`SET channel:${key}`), 'and a channel is a key');
    }
  });

  test('commands of one key keep their order however they are mixed', async () => {
    await using client = new AshRedisClient(at);
    const results = await Promise.all(Array.from({ length: 50 }, () => client.incr('n')));
    assert.deepEqual(
      results,
      Array.from({ length: 50 }, (_, index) => index + 1),
    );
  });

  test('a command that waits since before the server was known is not overtaken by the pool', async () => {
    await using client = new AshRedisClient(at);
    const early = Array.from({ length: 200 }, (_, n) => client.set(`x${n}`, 'v'));
    const keys = ['a', 'b', 'c', 'd', 'e'];
    early.push(...keys.map((key) => client.set(key, 'old')));
    await client.connect();
    await Promise.all(keys.map((key) => client.set(key, 'new')));
    await Promise.all(early);
    assert.deepEqual(
      await Promise.all(keys.map((key) => client.get(key))),
      keys.map(() => 'new'),
    );
    await Promise.all(keys.map((key) => client.set(key, 'v')));
    assert.ok(server.links.length > 2, 'and the pool is used afterwards');
  });

  test('commands of several keys keep the order of each of them', async () => {
    await using client = new AshRedisClient(at);
    await client.connect();
    const keys = Array.from({ length: 20 }, (_, n) => `k${n}`);
    // Other work in front, so that the connections are not equally far.
    for (let n = 0; n < 50; n++) void client.incr('k3').catch(() => {});
    const all = [
      ...keys.map((key) => client.set(key, 'v')),
      client.exists([...keys, 'missing', 'k1']),
      client.del(keys),
      client.exists(keys),
    ];
    assert.deepEqual((await Promise.all(all)).slice(-3), [21, 20, 0]);
  });

  test('publishMany takes one connection, in order', async () => {
    await using publisher = new AshRedisDataPublisher('p', 'ashredis://x', { ...at, region: 'r', ttlSeconds: 60 });
    const records = Array.from({ length: 300 }, (_, n) => ({ __dagserver_key: `k:${n % 7}`, n, text: 'a "b" \n é' }));
    assert.deepEqual(await publisher.publishMany(records), { published: 300, failed: 0, unknown: 0 });
    const links = server.links.filter(({ lines }) => lines.some((line) => line.startsWith('SET ')));
    assert.equal(links.length, 1);
    assert.equal(userLines().length, 300);
    assert.deepEqual(JSON.parse(server.model.peek('k:0', 'r') as string), { n: 294, text: 'a "b" \n é' });
  });

  test('the key publisher stores any JSON readable and keeps its time to live', async () => {
    await using publisher = new AshRedisDataPublisher('p', 'ashredis://x', { ...at, ttlSeconds: 300 });
    await using client = new AshRedisClient(at);
    const record = { user_id: 'user 001', session: { theme: "da'rk", list: [1, null, '"\\'] }, empty: '' };
    await publisher.publish({ __dagserver_key: 'cache session', __ttl_seconds: 600, ...record });
    assert.deepEqual(JSON.parse((await client.get('cache session')) as string), record);
    const ttl = await client.ttl('cache session');
    assert.ok(ttl >= 598 && ttl <= 600, `found ${ttl}`);
    await publisher.publish({ __dagserver_key: '@eu', value: 1 });
    assert.equal(server.model.peek('@eu'), '{"value":1}');
  });

  test('the channel publisher stores the newest value of its channel', async () => {
    await using publisher = new AshRedisChannelDataPublisher('p', 'ashredischannel://system alerts', {
      ...at,
      region: 'r',
    });
    assert.equal(await publisher.publish({ severity: 'high', message: 'CPU > 90%' }), undefined);
    assert.equal(server.model.peek('channel:system alerts', 'r'), '{"severity":"high","message":"CPU > 90%"}');
    assert.equal(publisher.publishCount, 1);
  });

  test('a first PING that is never answered is given up for another link, which a living thread takes', async () => {
    server.isDead = (link) => link.number === 1;
    await using client = new AshRedisClient({ ...at, dialect: 'ashredis', connectTimeoutMs: 600 });
    await client.connect();
    assert.equal(server.links.length, 2);
    assert.equal(await client.ping(), 'PONG');
  });

  test('when no thread answers, connecting ends within connectTimeoutMs, and the next call tries again', async () => {
    server.isDead = () => true;
    for (const dialect of ['ashredis', 'auto'] as const) {
      await using client = new AshRedisClient({ ...at, dialect, connectTimeoutMs: 500 });
      // On a busy machine the last link that was tried may not be open yet: then it is a ConnectError that says so.
      await assert.rejects(client.connect(), / within 500 ms/);
      assert.equal(client.state, 'idle');
      server.isDead = () => false;
      assert.equal(await client.ping(), 'PONG');
      server.isDead = () => true;
    }
  });

  test('every command has a time limit, and its late reply goes to nobody else', async () => {
    await using client = new AshRedisClient(at);
    await client.set('slow', 'the slow value');
    await client.set('fast', 'the fast value');
    let release = () => {};
    server.delay = (line) =>
      line === 'GET slow'
        ? new Promise((resolve) => {
            release = resolve;
          })
        : undefined;
    await assert.rejects(client.get('slow', { timeoutMs: 50 }), (error: unknown) => {
      assert.ok(error instanceof TimeoutError);
      assert.equal(error.safeToRetry, false);
      return true;
    });
    const next = client.get('slow');
    server.delay = () => undefined;
    release();
    assert.equal(await next, 'the slow value');
    assert.equal(await client.get('fast'), 'the fast value');
  });

  test('a close without a reply says what is likely and that the command may have run', async () => {
    await using client = new AshRedisClient(at);
    await client.set('n', '1');
    server.closesAfter = (line) => line === 'INCR n';
    await assert.rejects(client.incr('n'), (error: unknown) => {
      assert.ok(error instanceof LinkLostError);
      assert.equal(error.safeToRetry, false);
      assert.match(error.message, /Cannot tell whether INCR was executed/);
      assert.match(error.message, /longer than it reads/);
      assert.match(error.message, /may have been executed/);
      return true;
    });
    assert.equal(await client.get('n'), '2', 'it had been');
    assert.equal(userLines().filter((line) => line === 'INCR n').length, 1, 'nothing is sent twice');
  });

  test('an error to KEYS ends the link: its text may go on where the next reply is expected', async () => {
    await using client = new AshRedisClient({ ...at, commandTimeoutMs: 1000, poolSize: 1 });
    await client.set('k', 'v');
    const links = server.links.length;
    server.delay = (line, link) => {
      if (!line.startsWith('KEYS')) return undefined;
      link.socket.write("-ERR Dangling meta character '*' near index 0\n");
      return new Promise(() => {});
    };
    await assert.rejects(client.keys('*'), ReplyError);
    assert.equal(await client.get('k'), 'v');
    assert.equal(server.links.length, links + 1);
  });

  test('with retry "always" a lost command is sent again', async () => {
    await using client = new AshRedisClient(at);
    await client.connect();
    let closed = 0;
    server.closesAfter = (line) => line === 'SET k v' && closed++ === 0;
    assert.equal(await client.set('k', 'v', { retry: 'always' }), 'OK');
    assert.equal(userLines().filter((line) => line === 'SET k v').length, 2);
  });

  test('what the server would destroy is refused before a byte is sent', async () => {
    await using client = new AshRedisClient(at);
    await client.connect();
    const before = server.lines.length;
    for (const refused of [
      () => client.set('k', ''),
      () => client.set('', 'v'),
      () => client.set('k', '\ud800'),
      () => client.set('k', 'x'.repeat(1_000_000)),
      () => client.set('k', 'v', { ttlSeconds: 0 }),
      () => client.expire('k', 2 ** 31),
      () => client.set('k', 'v', { nx: true }),
      () => client.set('k', new Uint8Array([255])),
      () => client.get('k', { region: '../x' }),
      () => client.command('MGET', 'a', 'b'),
      () => client.batch({ atomic: true }).get('k').exec(),
    ]) {
      await assert.rejects(refused(), UsageError, String(refused));
    }
    assert.equal(server.lines.length, before);
    assert.equal(await client.ping(), 'PONG');
  });

  test('a silent server is noticed by a plain PING', async () => {
    await using client = new AshRedisClient({ ...at, heartbeatIntervalMs: 100, heartbeatTimeoutMs: 400 });
    await client.connect();
    server.isDead = (link) => link.number <= 2;
    const lost = new Promise<unknown>((resolve) =>
      client.on('state', ({ from, cause }) => from === 'ready' && resolve(cause)),
    );
    const cause = await lost;
    assert.ok(cause instanceof TimeoutError);
    assert.equal(await client.ping(), 'PONG');
  });

  test('close() answers what was accepted, and everything after it rejects', async () => {
    const client = new AshRedisClient(at);
    const accepted = Array.from({ length: 20 }, (_, n) => client.set(`k${n}`, 'v'));
    await client.close();
    assert.deepEqual(
      await Promise.all(accepted),
      Array.from({ length: 20 }, () => 'OK'),
    );
    await assert.rejects(client.get('k'), ConnectionError);
  });
});

describe('old builds', () => {
  const json = '{"a b": "c d", "list": [1, 2], "text": "é \\n \\" 😀"}';

  for (const build of ['oct', 'quoted', 'b64'] as const) {
    test(`the build "${build}" is found out, and JSON stays JSON there`, async () => {
      const server = await startLineModelServer({ build });
      {
        await using client = new AshRedisClient('127.0.0.1', server.port);
        await client.set('k', json, { ttlSeconds: 50 });
        assert.equal(client.server?.quoting, build === 'oct' ? 'none' : 'quoted');
        assert.deepEqual(JSON.parse((await client.get('k')) as string), JSON.parse(json));
        assert.ok((await client.ttl('k')) >= 48);
        if (build === 'oct') {
          await assert.rejects(client.set('a key', 'v'), UsageError);
          await assert.rejects(client.set('k', 'two words'), UsageError);
          await assert.rejects(client.set('k', 'x'.repeat(1100)), /the limit of the server is 1024/);
        }
      }
      await server.stop();
      assert.deepEqual(server.overlaps, []);
    });
  }

  test('the quoting can be configured, and is then not asked for', async () => {
    const server = await startLineModelServer({ build: 'b64' });
    {
      await using client = new AshRedisClient('127.0.0.1', server.port, { quoting: 'b64', maxLineBytes: 1024 });
      await client.set('k', json);
      assert.equal(await client.get('k'), json);
      await assert.rejects(client.set('k', 'x'.repeat(1100)), /the limit of the server is 1024/);
    }
    assert.ok(!server.lines.includes('""'));
    assert.ok(server.lines.some((line) => line.startsWith('B64SET k ')));
    await server.stop();
  });
});
