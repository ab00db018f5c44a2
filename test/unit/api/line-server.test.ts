// The client and the publishers at an AshRedis line server: what they say there, and what they refuse.

import assert from 'node:assert/strict';
import { after, before, describe, mock, test } from 'node:test';
import { AshRedisChannelDataPublisher } from '../../../src/api/ash-redis-channel-data-publisher.ts';
import { AshRedisChannelDataSubscriber } from '../../../src/api/ash-redis-channel-data-subscriber.ts';
import { AshRedisClient } from '../../../src/api/ash-redis-client.ts';
import { AshRedisDataPublisher } from '../../../src/api/ash-redis-data-publisher.ts';
import { bytesCodec } from '../../../src/api/codec.ts';
import { ClosedError, UsageError } from '../../../src/errors/index.ts';
import { type ScriptedServer, startScriptedServer } from '../../support/scripted-server.ts';

/** Answers as the wire document says; an array is answered line by line. */
function lineReply(words: string[]): string {
  switch (words[0]) {
    case 'HELLO':
      return "-ERR unknown command '*2'\n".repeat(5);
    case 'PING':
      return '+PONG\n';
    case '""':
      return '-ERR empty command\n';
    case 'B64SET':
      return "-ERR wrong number of arguments for 'b64set' command\n";
    case 'SET':
      return '+OK\n';
    case 'GET':
      return '$2\r\n😀\n';
    case 'KEYS':
      return '*2\r\n$1\r\na\r\n$1\r\nb\r\n\n';
    default:
      return ':1\n';
  }
}

describe('at an AshRedis line server', () => {
  let server: ScriptedServer;

  before(async () => {
    server = await startScriptedServer((words) => Buffer.from(lineReply(words)));
  });
  after(() => server.stop());

  /** Lines of users' commands since the last call. */
  const lines = () => {
    const all = server.links.flatMap((link) => Buffer.from(link.received, 'latin1').toString().split('\n'));
    for (const link of server.links) link.received = '';
    return all.filter((line) => /^(SET|GET|KEYS|EXPIRE|INCR|DEL) /.test(line));
  };

  test('start() takes the first value without a timer: a test may have stopped the clock', async () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    try {
      const subscriber = new AshRedisChannelDataSubscriber<string>('s', 'ashredischannel://c', {
        port: server.port,
        dialect: 'ashredis',
        delivery: 'latest',
        codec: { name: 'text', encode: String, decode: String },
      });
      await subscriber.start();
      assert.equal(await subscriber.getData(), '😀');
      await subscriber.stop();
    } finally {
      mock.timers.reset();
    }
  });

  for (const region of [undefined, 'r']) {
    test(`a link lost between two polls is a gap before the next value, ${region ? 'in a region' : 'without one'}`, async () => {
      const own = await startScriptedServer((words, link) => {
        if (words[0] !== 'GET') return Buffer.from(lineReply(words));
        // Answered, and gone before the next one: the first connection, then the one of the key.
        if (!polls.has(link.number) && polls.size < 2) setImmediate(() => link.reset());
        polls.add(link.number);
        return `$1\r\n${polls.size}\n`;
      });
      const polls = new Set<number>();
      const told: unknown[] = [];
      const last = new Promise<void>((resolve) => {
        const subscriber = new AshRedisChannelDataSubscriber<number>('s', 'ashredischannel://c', {
          port: own.port,
          dialect: 'ashredis',
          delivery: 'latest',
          region,
          pollIntervalMs: 20,
          onGap: ({ channels, reason, missed }) => void told.push(channels, reason, missed),
          onMessage: async ({ data }) => {
            told.push(data);
            if (data === 3) resolve(subscriber.stop().then(() => {}));
          },
        });
        void subscriber.start();
      });
      await last;
      const gap = [['c'], 'link-lost', 'unknown'];
      assert.deepEqual(told, [1, ...gap, 2, ...gap, 3]);
      await own.stop();
    });
  }

  test('a closed client opens none of its pool for those whom it was lent to', async () => {
    const client = new AshRedisClient('127.0.0.1', server.port, { poolSize: 16 });
    await client.connect();
    await using publisher = new AshRedisDataPublisher('p', 'ashredis://x', { client });
    await client.close();
    const { length } = server.links;
    for (const key of 'abcdefgh') {
      await assert.rejects(publisher.publish({ __dagserver_key: key }), ClosedError);
    }
    assert.equal(server.links.length, length);
  });

  for (const dialect of ['auto', 'ashredis'] as const) {
    test(`with dialect "${dialect}" every method of the fourteen commands works, in a region too`, async () => {
      lines();
      await using client = new AshRedisClient('127.0.0.1', server.port, { dialect });
      assert.equal(await client.set('k y', '{"a": "b c"}', { ttlSeconds: 1.5, region: 'r' }), 'OK');
      assert.equal(client.server?.dialect, 'line');
      assert.equal(await client.get('k'), '😀');
      assert.equal(await client.expire('k', 2.5), true);
      assert.deepEqual(await client.keys('a*'), ['a', 'b']);
      assert.deepEqual(await client.keys('b*', { region: 'r' }), ['a', 'b'], 'they are bare there');
      const scanned = [];
      for await (const name of client.scan('a*', { region: 'r' })) scanned.push(name);
      assert.deepEqual(scanned, ['a', 'b']);
      assert.equal(await client.publish('alerts', { a: 1 }), undefined);
      assert.deepEqual(await client.batch({ region: 'r' }).incr('a').incr('b').exec(), [1, 1]);
      assert.deepEqual(
        lines().sort(),
        [
          'EXPIRE k 3',
          'GET k',
          'INCR @r a',
          'INCR @r b',
          'KEYS @r a*',
          'KEYS @r b*',
          'KEYS a*',
          'SET channel:alerts "{\\"a\\":1}"',
          'SET @r "k y" "{\\"a\\": \\"b c\\"}" EX 2',
        ].sort(),
      );
    });
  }

  test('the first publish, before the dialect is known, is the same as later ones', async () => {
    lines();
    await using client = new AshRedisClient('127.0.0.1', server.port);
    assert.deepEqual(await Promise.all([client.publish('c', 'x'), client.publish('c', 'y')]), [undefined, undefined]);
    assert.equal(await client.publish('c', 'z'), undefined);
    assert.deepEqual(lines(), ['SET channel:c x', 'SET channel:c y', 'SET channel:c z']);
    assert.throws(() => client.subscribe('c'), UsageError);
    assert.throws(() => new AshRedisClient({ dialect: 'ashredis' }).psubscribe('c*'), UsageError);
  });

  test('what such a server can not do is refused with a UsageError that says what to do', async () => {
    lines();
    await using client = new AshRedisClient('127.0.0.1', server.port);
    await client.connect();
    const refused: (() => Promise<unknown>)[] = [
      () => client.set('k', 'v', { nx: true }),
      () => client.set('k', 'v', { xx: true }),
      () => client.set('k', new Uint8Array([1])),
      () => client.set('k', ''),
      () => client.del([]),
      () => client.del(['a', '']),
      () => client.exists(['a', 5 as never]),
      () => client.command('LPUSH', 'l', 'x'),
      () => client.command('BLPOP', 'l', 1),
      () => client.batch({ atomic: true }).get('k').exec(),
      () => client.publish('c', new Uint8Array([1])),
    ];
    for (const call of refused) await assert.rejects(call, UsageError, String(call));
    assert.deepEqual(lines(), []);
    for (const [name, call] of [
      ['SET', () => client.set('k', new Uint8Array([1]))],
      ['INCR', () => client.command('INCR', new Uint8Array([1]))],
      ['append', () => client.command('append', 'k', new Uint8Array([1]))],
    ] as const) {
      await assert.rejects(call, {
        message: new RegExp(`^Cannot send bytes with ${name} on an AshRedis line server: it takes text only`),
        hint: 'send text or use a text codec, or connect to a server that speaks RESP',
      });
    }
  });

  test('the same refusals hold when the dialect is found out by that very command', async () => {
    for (const call of [
      (client: AshRedisClient) => client.set('k', 'v', { nx: true }),
      (client: AshRedisClient) => client.command('LPUSH', 'l', 'x'),
      (client: AshRedisClient) => client.batch({ atomic: true }).get('k').exec(),
      (client: AshRedisClient) => client.command('BLPOP', 'l', 0),
    ]) {
      await using client = new AshRedisClient('127.0.0.1', server.port);
      await assert.rejects(call(client), UsageError, String(call));
    }
  });

  test('the key publisher stores readable JSON and keeps the time to live', async () => {
    lines();
    await using publisher = new AshRedisDataPublisher('p', 'ashredis://x', {
      host: '127.0.0.1',
      port: server.port,
      region: 'r',
      ttlSeconds: 0.5,
    });
    await publisher.publish({ __dagserver_key: 'k', text: 'a "b"\n' });
    assert.deepEqual(await publisher.publishMany([{ __dagserver_key: 'k2' }]), { published: 1, failed: 0, unknown: 0 });
    assert.deepEqual(lines(), ['SET @r k "{\\"text\\":\\"a \\\\\\"b\\\\\\"\\\\n\\"}" EX 1', 'SET @r k2 {} EX 1']);
  });

  test('publishMany sends one after the other, and counts each', async () => {
    lines();
    const config = { host: '127.0.0.1', port: server.port, region: 'r' };
    await using channel = new AshRedisChannelDataPublisher('p', 'ashredischannel://c', config);
    assert.deepEqual(await channel.publishMany([1, 2, 3]), { published: 3, failed: 0, unknown: 0 });
    await using keys = new AshRedisDataPublisher('p', 'ashredis://x', { ...config, poolSize: 1 });
    const records = ['a', 'b'].map((key) => ({ __dagserver_key: key }));
    assert.deepEqual(await keys.publishMany(records), { published: 2, failed: 0, unknown: 0 });
    assert.deepEqual(lines(), [
      'SET @r channel:c 1',
      'SET @r channel:c 2',
      'SET @r channel:c 3',
      'SET @r a {}',
      'SET @r b {}',
    ]);
  });

  test('the channel publisher sets channel:<name>, numbered and retained or not, and can not tell receivers', async () => {
    lines();
    for (const retain of [false, true]) {
      await using publisher = new AshRedisChannelDataPublisher('p', 'ashredischannel://a b', {
        host: '127.0.0.1',
        port: server.port,
        retain,
      });
      assert.equal(await publisher.publish(1), undefined);
      assert.equal(await publisher.publish(2), undefined);
      assert.deepEqual(await publisher.publishMany([3, 4]), { published: 2, failed: 0, unknown: 0 });
      assert.equal(publisher.noReceivers, 0);
      assert.deepEqual(
        lines(),
        [1, 2, 3, 4].map((n) => `SET "channel:a b" ${n}`),
      );
    }
    await using binary = new AshRedisChannelDataPublisher('p', 'ashredischannel://c', {
      host: '127.0.0.1',
      port: server.port,
      codec: bytesCodec,
    });
    await assert.rejects(binary.publish(new Uint8Array([1])), UsageError);
  });
});
