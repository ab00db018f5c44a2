// The guide's two publishers, and the lifecycle and queue of the framework's class below them.

import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { inspect } from 'node:util';
import { AshRedisChannelDataPublisher } from '../../../src/api/ash-redis-channel-data-publisher.ts';
import { AshRedisClient } from '../../../src/api/ash-redis-client.ts';
import { AshRedisDataPublisher } from '../../../src/api/ash-redis-data-publisher.ts';
import { bytesCodec } from '../../../src/api/codec.ts';
import {
  ClosedError,
  ConnectError,
  LinkLostError,
  MissingKeyError,
  OverflowError,
  ReplyError,
  TimeoutError,
  UsageError,
} from '../../../src/errors/index.ts';
import { greeting, type ScriptedServer, startScriptedServer } from '../../support/scripted-server.ts';

const publishing = (words: string[]) =>
  greeting(words) ?? (words[0] === 'SET' ? '+OK\r\n' : words[0]?.endsWith('PUBLISH') ? ':1\r\n' : undefined);

describe('publishers', () => {
  let server: ScriptedServer;
  let config: { host: string; port: number };

  before(async () => {
    server = await startScriptedServer(publishing);
    config = { host: '127.0.0.1', port: server.port };
  });
  after(() => server.stop());
  beforeEach(() => {
    server.links.length = 0;
    server.script = publishing;
  });

  const commands = () => server.links.flatMap((link) => link.commands).filter((words) => greeting(words) === undefined);

  describe('the key publisher', () => {
    test('stores the record without its control fields, with its region and time to live', async () => {
      await using publisher = new AshRedisDataPublisher('p', 'ashredis://any', {
        ...config,
        region: 'r',
        ttl_seconds: 60,
      });
      const record = { __dagserver_key: 'k', value: 1 };
      assert.equal(await publisher.publish(record), 'OK');
      await publisher.publish({ value: 2, __dagserver_key: 'k', __ttl_seconds: 0.0005 });
      await publisher.publish({ __dagserver_key: 'k', __ttl_seconds: null });
      await publisher.publish({ __dagserver_key: 'é😀', x: '€' }, { ttlSeconds: 3 });
      assert.deepEqual(
        commands().map((words) => words.map((word) => Buffer.from(word, 'latin1').toString()).join(' ')),
        [
          'SET @r:k {"value":1} PX 60000',
          'SET @r:k {"value":2} PX 1',
          'SET @r:k {} PX 60000',
          'SET @r:é😀 {"x":"€"} PX 3000',
        ],
      );
      assert.deepEqual(record, { __dagserver_key: 'k', value: 1 }, 'the caller’s object is not changed');
      assert.equal(publisher.publishCount, 4);
      assert.equal(typeof publisher.lastPublish, 'number');
    });

    test('what can not be stored is refused before a byte is sent, and counted', async () => {
      const publisher = new AshRedisDataPublisher('p', 'ashredis://any', config);
      const cyclic: Record<string, unknown> = { __dagserver_key: 'k' };
      cyclic.self = cyclic;
      const told: Error[] = [];
      publisher.on('publishError', ({ error }) => told.push(error));
      await assert.rejects(publisher.publish({ value: 1 }), (error: unknown) => {
        assert.ok(error instanceof MissingKeyError);
        return error.message.startsWith('No __dagserver_key found in data');
      });
      await assert.rejects(publisher.publish({ __dagserver_key: '' }), MissingKeyError);
      await assert.rejects(publisher.publish('text'), MissingKeyError);
      await assert.rejects(publisher.publish(cyclic), /data\.self/);
      for (const ttl of [0, -1, 2 ** 31, '5', Number.NaN]) {
        await assert.rejects(publisher.publish({ __dagserver_key: 'k', __ttl_seconds: ttl }), UsageError, String(ttl));
      }
      assert.equal(publisher.failedCount, 9);
      assert.equal(told.length, 9);
      assert.equal(server.links.length, 0, 'nothing was opened');
      await publisher.stop();
    });
  });

  describe('the channel publisher', () => {
    test('sends the whole record and resolves with the number of receivers', async () => {
      await using publisher = new AshRedisChannelDataPublisher('p', 'ashredischannel://a:b/c', {
        ...config,
        region: 'r',
      });
      assert.equal(await publisher.publish({ __dagserver_key: 'stays', a: 1 }), 1);
      server.script = (words) => (words[0] === 'PUBLISH' ? ':0\r\n' : publishing(words));
      assert.equal(await publisher.publish([1, 'two', null]), 0);
      assert.deepEqual(commands(), [
        ['PUBLISH', '@r:a:b/c', '{"__dagserver_key":"stays","a":1}'],
        ['PUBLISH', '@r:a:b/c', '[1,"two",null]'],
      ]);
      assert.equal(publisher.noReceivers, 1);
      assert.equal(publisher.stats().noReceivers, 1);
      assert.deepEqual(publisher.details(), publisher.stats());
    });

    test('a shard channel is SPUBLISH, a pattern is refused, a name is needed', async () => {
      await using publisher = new AshRedisChannelDataPublisher('p', 'ashredischannel://c', {
        ...config,
        kind: 'shard',
      });
      await publisher.publish(1);
      assert.equal(commands()[0]?.[0], 'SPUBLISH');
      assert.throws(
        () => new AshRedisChannelDataPublisher('p', 'ashredischannel://c*', { kind: 'pattern' }),
        UsageError,
      );
      assert.throws(() => new AshRedisChannelDataPublisher('p', 'ashredischannel://'), UsageError);
      assert.throws(() => new AshRedisChannelDataPublisher('p', 'ashredis://c'), UsageError);
      assert.throws(() => new AshRedisChannelDataPublisher('', 'ashredischannel://c'), UsageError);
    });

    test('numbered messages count from 1 in one life of the publisher, also in publishMany', async () => {
      await using publisher = new AshRedisChannelDataPublisher('p', 'ashredischannel://c', {
        ...config,
        numbered: true,
      });
      await publisher.publish({ n: 1 });
      await publisher.publishMany([{ n: 2 }, { n: 3 }]);
      const sent = commands().map((words) => JSON.parse(words[2] as string));
      assert.deepEqual(
        sent.map(({ offset, data }) => [offset, data.n]),
        [
          [1, 1],
          [2, 2],
          [3, 3],
        ],
      );
      assert.equal(new Set(sent.map(({ epoch }) => epoch)).size, 1);
    });

    test('retain is MULTI, SET, PUBLISH, EXEC in one write; a refusal inside rejects with its cause', async () => {
      const inTransaction = (exec: string) => (words: string[]) =>
        words[0] === 'MULTI'
          ? '+OK\r\n'
          : words[0] === 'EXEC'
            ? exec
            : words[0] === 'SET' || words[0] === 'PUBLISH'
              ? '+QUEUED\r\n'
              : greeting(words);
      server.script = inTransaction('*2\r\n+OK\r\n:3\r\n');
      await using publisher = new AshRedisChannelDataPublisher('p', 'ashredischannel://c', {
        ...config,
        region: 'r',
        retain: true,
      });
      assert.equal(await publisher.publish(7), 3);
      assert.deepEqual(
        commands().map((words) => words.join(' ')),
        ['MULTI', 'SET @r:channel:c 7', 'PUBLISH @r:c 7', 'EXEC'],
      );
      server.script = inTransaction('*2\r\n+OK\r\n-NOPERM no channel\r\n');
      await assert.rejects(
        publisher.publish(8),
        (error: unknown) => error instanceof ReplyError && error.code === 'NOPERM',
      );
      const { published, failed } = await publisher.publishMany([9, 10]);
      assert.deepEqual([published, failed], [0, 2]);
      for (const count of [',nan\r\n', ',inf\r\n', ',1.5\r\n', '_\r\n', '+3\r\n']) {
        server.script = inTransaction(`*2\r\n+OK\r\n${count}`);
        assert.equal(await publisher.publish(11), undefined, `${count} is no number of receivers`);
      }
    });

    test('a binary codec’s bytes travel as they are, and are copied', async () => {
      await using publisher = new AshRedisChannelDataPublisher('p', 'ashredischannel://c', {
        ...config,
        codec: bytesCodec,
      });
      const bytes = new Uint8Array([0, 255, 13, 10]);
      const promise = publisher.publish(bytes);
      bytes.fill(1);
      await promise;
      assert.deepEqual(commands()[0], ['PUBLISH', 'c', '\u0000\u00ff\r\n']);
    });
  });

  describe('publishMany', () => {
    test('arrives as it was given and is counted in bytes, whatever the alphabet of channel and record', async () => {
      for (const channel of ['c', 'é日']) {
        for (const record of ['plain', 'é', '日😀', '']) {
          await using publisher = new AshRedisChannelDataPublisher('p', `ashredischannel://${channel}`, config);
          await publisher.connect();
          assert.equal((await publisher.publishMany([record, record])).published, 2);
          const { received } = server.links.pop() as { received: string };
          const frames = Buffer.from(received, 'latin1').toString().split('*3\r\n$7\r\nPUBLISH\r\n').slice(1);
          const text = JSON.stringify(record);
          const size = Buffer.byteLength;
          const frame = `$${size(channel)}\r\n${channel}\r\n$${size(text)}\r\n${text}\r\n`;
          assert.deepEqual(frames, [frame, frame]);
          assert.equal((publisher.stats().connection as { bytesWritten?: number }).bytesWritten, received.length);
        }
      }
    });

    test('a signal aborted between two records: nothing leaves after it', async () => {
      await using publisher = new AshRedisChannelDataPublisher('p', 'ashredischannel://c', config);
      const controller = new AbortController();
      let given = 0;
      const records = (function* () {
        for (; given < 2000; given++) {
          if (given === 700) controller.abort(new Error('given up'));
          yield given;
        }
      })();
      await assert.rejects(publisher.publishMany(records, { signal: controller.signal }), /given up/);
      await publisher.stop();
      assert.equal(given, 700);
      assert.ok(commands().length <= 512, `found ${commands().length}`);
      // From 0, and the last one was given although it came too late.
      assert.equal(publisher.publishCount + publisher.failedCount, 701);
    });

    test('records that are all refused do not keep others from their turn', async () => {
      await using publisher = new AshRedisDataPublisher('p', 'ashredis://x', config);
      await publisher.connect();
      for (const isAsync of [false, true]) {
        const controller = new AbortController();
        let given = 0;
        const sync = (function* () {
          while (given < 100_000) yield { given: given++ };
        })();
        const records = isAsync
          ? (async function* () {
              yield* sync;
            })()
          : sync;
        setImmediate(() => controller.abort(new Error('given up')));
        await assert.rejects(publisher.publishMany(records, { signal: controller.signal }), /given up/);
        assert.ok(given <= 2000, `${given} were given`);
      }
    });

    test('a signal aborted after the last record: what waits for a new link is never sent', async () => {
      await using publisher = new AshRedisChannelDataPublisher('p', 'ashredischannel://c', config);
      await publisher.connect();
      const controller = new AbortController();
      const waiting = new Promise<void>((resolve) => publisher.on('state', ({ to }) => to === 'waiting' && resolve()));
      const many = publisher.publishMany(
        (async function* () {
          server.onLink = (link) => link.reset();
          server.links[0]?.reset();
          await waiting;
          yield 'late';
        })(),
        { signal: controller.signal },
      );
      await waiting;
      // The source has ended, and its record waits.
      await new Promise((resolve) => setImmediate(resolve));
      controller.abort(new Error('given up'));
      await assert.rejects(many, /given up/);
      server.onLink = () => {};
      await publisher.publish('newer');
      assert.deepEqual(
        commands().map((words) => words[2]),
        ['"newer"'],
      );
      assert.deepEqual([publisher.publishCount, publisher.failedCount], [1, 1]);
    });

    test('sends in order, counts replies, and goes on after records that fail', async () => {
      await using publisher = new AshRedisDataPublisher('p', 'ashredis://x', config);
      server.script = (words) => (words[1] === 'k3' ? '-OOM no memory\r\n' : publishing(words));
      const failures: [string, unknown][] = [];
      const result = await publisher.publishMany(
        (function* () {
          for (let n = 0; n < 5; n++) yield n === 1 ? { n } : { __dagserver_key: `k${n}`, n };
        })(),
        {
          onFailure: (error, record) => {
            failures.push([error.constructor.name, record]);
            throw new Error('a broken hook');
          },
        },
      );
      assert.deepEqual(result, { published: 3, failed: 2, unknown: 0 });
      assert.deepEqual(failures, [
        ['MissingKeyError', { n: 1 }],
        ['ReplyError', { __dagserver_key: 'k3', n: 3 }],
      ]);
      assert.deepEqual([publisher.publishCount, publisher.failedCount], [3, 2]);
      assert.deepEqual(
        commands().map((words) => words[1]),
        ['k0', 'k2', 'k3', 'k4'],
      );
    });

    test('reads an iterable no faster than the server answers', async () => {
      await using publisher = new AshRedisChannelDataPublisher('p', 'ashredischannel://c', config);
      await publisher.connect();
      server.script = () => undefined;
      let read = 0;
      const controller = new AbortController();
      const many = publisher.publishMany(
        (function* () {
          for (;;) yield { n: read++, filler: 'x'.repeat(100) };
        })(),
        { signal: controller.signal },
      );
      await server.until(() => server.links[0]!.received.length > 100_000);
      await new Promise((resolve) => setImmediate(resolve));
      assert.ok(read < 10_000, `${read} were read`);
      controller.abort(new Error('enough'));
      await assert.rejects(many, /enough/);
    });

    test('a record of a slow async source leaves at once', async () => {
      await using publisher = new AshRedisChannelDataPublisher('p', 'ashredischannel://c', config);
      let release = () => {};
      const gate = new Promise<void>((resolve) => (release = resolve));
      const many = publisher.publishMany(
        (async function* () {
          yield 1;
          await gate;
          yield 2;
        })(),
      );
      const link = await server.linked(1);
      await server.until(() => link.commands.some((words) => words[2] === '1'));
      release();
      assert.deepEqual(await many, { published: 2, failed: 0, unknown: 0 });
    });

    test('what was written and never answered is unknown', async () => {
      await using publisher = new AshRedisChannelDataPublisher('p', 'ashredischannel://c', {
        ...config,
        reconnect: false,
      });
      await publisher.connect();
      let seen = 0;
      server.script = (words, link) => {
        if (words[0] !== 'PUBLISH') return publishing(words);
        if (++seen === 3) link.reset();
        return seen === 1 ? ':1\r\n' : undefined;
      };
      const { published, failed, unknown } = await publisher.publishMany([1, 2, 3]);
      assert.equal(published + unknown, 3);
      assert.ok(unknown >= 2);
      assert.equal(failed, 0);
    });

    test('a numbered record that never left is not counted in the numbers', async () => {
      await using publisher = new AshRedisChannelDataPublisher('p', 'ashredischannel://c', {
        ...config,
        numbered: true,
        whenDisconnected: 'fail',
      });
      await publisher.publish('first');
      server.onLink = (link) => link.reset();
      server.links[0]?.reset();
      await new Promise<void>((resolve) => publisher.on('state', ({ to }) => to === 'waiting' && resolve()));
      const lost = await publisher.publish('second').catch((error: Error) => error.name);
      server.onLink = () => {};
      await publisher.connect();
      await publisher.publishMany(['third']);
      assert.equal(lost, 'LinkLostError');
      assert.deepEqual(
        commands().map((words) => JSON.parse(words[2] as string).offset),
        [1, 2],
      );
    });

    test('what is no iterable is refused', async () => {
      await using publisher = new AshRedisChannelDataPublisher('p', 'ashredischannel://c', config);
      for (const records of [null, undefined, 5, {}, 'text'] as unknown as Iterable<unknown>[]) {
        await assert.rejects(
          publisher.publishMany(records),
          (error) => error instanceof UsageError && /found \w+, allowed is an iterable of records/.test(error.message),
        );
      }
      assert.deepEqual(commands(), []);
    });

    test('an iterable that throws rejects, after what it gave has been answered', async () => {
      await using publisher = new AshRedisChannelDataPublisher('p', 'ashredischannel://c', config);
      const broken = (function* () {
        yield 1;
        throw new Error('no more');
      })();
      await assert.rejects(publisher.publishMany(broken), /no more/);
      assert.equal(publisher.publishCount, 1);
    });

    test('nobody has to look at its promise', async () => {
      const nobody = new AshRedisChannelDataPublisher('p', 'ashredischannel://c', { host: '127.0.0.1', port: 1 });
      const seen: unknown[] = [];
      const onUnhandled = (error: unknown) => seen.push(error);
      process.on('unhandledRejection', onUnhandled);
      void nobody.publishMany([1]);
      void nobody.publish(1);
      void nobody.connect();
      await assert.rejects(nobody.connect());
      await nobody.stop();
      await new Promise((resolve) => setImmediate(resolve));
      process.off('unhandledRejection', onUnhandled);
      assert.deepEqual(seen, []);
    });

    test('rejects when nobody listens, and when the publisher was stopped', async () => {
      const nobody = new AshRedisChannelDataPublisher('p', 'ashredischannel://c', { host: '127.0.0.1', port: 1 });
      await assert.rejects(nobody.publishMany([1]), ConnectError);
      await nobody.stop();
      await assert.rejects(nobody.publishMany([1]), ClosedError);
    });
  });

  describe('lifecycle', () => {
    test('stop() resolves when all is closed, also where the event loop stood still at its limit', async () => {
      server.script = (words) => greeting(words);
      const publisher = new AshRedisChannelDataPublisher('p', 'ashredischannel://c', { ...config, closeTimeoutMs: 10 });
      await publisher.connect();
      const unanswered = assert.rejects(publisher.publish(1), ClosedError);
      const link = await server.linked(1);
      await server.until(() => link.commands.some(([name]) => name === 'PUBLISH'));
      const stopped = publisher.stop();
      await new Promise((resolve) => setImmediate(resolve));
      const until = performance.now() + 150;
      while (performance.now() < until);
      await stopped;
      assert.equal(publisher.stats().state, 'closed');
      await unanswered;
    });

    test('constructing opens nothing; stop() sends what was published before it, and is final', async () => {
      const publisher = new AshRedisChannelDataPublisher('p', 'ashredischannel://c', config);
      assert.equal(server.links.length, 0);
      assert.equal(publisher.isRunning(), true);
      void publisher.publish(1);
      void publisher.publish(2);
      await Promise.all([publisher.stop(), publisher.stop()]);
      assert.equal(publisher.publishCount, 2);
      assert.equal(publisher.isRunning(), false);
      await assert.rejects(publisher.publish(3), ClosedError);
      await assert.rejects(publisher.connect(), ClosedError);
      assert.equal(publisher.failedCount, 1);
      assert.equal(server.links.length, 1);
    });

    test('stop() settles within its limit when the server is silent; what is pending rejects', async () => {
      const publisher = new AshRedisChannelDataPublisher('p', 'ashredischannel://c', config);
      await publisher.connect();
      server.script = () => undefined;
      const pending = publisher.publish(1);
      await server.until(() => commands().length === 1);
      await publisher.stop({ timeoutMs: 20 });
      await assert.rejects(pending, (error: unknown) => error instanceof ClosedError && !error.safeToRetry);
    });

    test('stop() while connecting to a silent server ends connect() and publishes within its limit', async () => {
      server.script = () => undefined;
      const publisher = new AshRedisChannelDataPublisher('p', 'ashredischannel://c', config);
      const connecting = publisher.connect();
      const publishing = publisher.publish(1);
      await server.linked(1);
      await publisher.stop({ timeoutMs: 20 });
      await assert.rejects(connecting, ClosedError);
      await assert.rejects(publishing, ClosedError);
    });

    test('a lent client stays open; stop() waits for this publisher’s answers, then gives up its own', async () => {
      const client = new AshRedisClient(config);
      const first = new AshRedisChannelDataPublisher('first', 'ashredischannel://c', { client });
      const second = new AshRedisDataPublisher('second', 'ashredis://c', { client, region: 'r' });
      await first.publish(1);
      await second.publish({ __dagserver_key: 'k' });
      assert.equal(server.links.length, 1);
      void first.publish(2);
      await first.stop();
      assert.equal(first.publishCount, 2);
      assert.equal(client.isConnected(), true);
      server.script = () => undefined;
      const pending = second.publish({ __dagserver_key: 'silent' });
      await server.until(() => commands().some((words) => words[1] === '@r:silent'));
      await second.stop({ timeoutMs: 20 });
      await assert.rejects(pending, ClosedError);
      assert.equal(second.stats().state, 'closed');
      server.script = publishing;
      await client.close();
      const late = new AshRedisDataPublisher('late', 'ashredis://c', { client });
      await assert.rejects(late.publish({ __dagserver_key: 'k' }), ClosedError);
      assert.throws(
        () => new AshRedisDataPublisher('p', 'ashredis://c', { client: {} as AshRedisClient }),
        (error) => {
          assert.ok(error instanceof UsageError);
          // Two copies of the package in one process: the other's client looks like one of ours.
          assert.match(error.message, /found another object, allowed is an AshRedisClient of this copy of ashredis/);
          return true;
        },
      );
    });

    test('a signal in the configuration stops the publisher, also one that was aborted before', async () => {
      const controller = new AbortController();
      const bound = new AshRedisChannelDataPublisher('p', 'ashredischannel://c', {
        ...config,
        signal: controller.signal,
      });
      await bound.publish(1);
      controller.abort();
      assert.equal(bound.isRunning(), false);
      const never = new AshRedisChannelDataPublisher('p', 'ashredischannel://c', {
        ...config,
        signal: controller.signal,
      });
      await assert.rejects(never.publish(1), ClosedError);
      await assert.rejects(never.connect(), ClosedError);
      assert.equal(never.isRunning(), false);
      await never.stop();
      assert.deepEqual(commands(), [['PUBLISH', 'c', '1']]);
    });

    test('a lost link rejects what was written, says so, and the state events tell it', async () => {
      await using publisher = new AshRedisChannelDataPublisher('p', 'ashredischannel://c', config);
      const states: string[] = [];
      publisher.on('state', ({ to }) => states.push(to));
      await publisher.connect();
      server.script = (words, link) => {
        if (words[0] === 'PUBLISH') link.reset();
        return publishing(words);
      };
      await assert.rejects(
        publisher.publish(1),
        (error: unknown) => error instanceof LinkLostError && error.safeToRetry === false,
      );
      assert.deepEqual(states.slice(0, 3), ['connecting', 'ready', 'waiting']);
    });

    test('what a codec throws or gives besides text and bytes is refused before a byte is sent', async () => {
      for (const [encode, said] of [
        [() => assert.fail('it has no colour'), /by codec "mine": it has no colour \(docs/],
        [() => undefined, /it gave undefined, allowed is text or bytes/],
        [() => 5, /it gave number/],
        [() => ({ length: 2 }), /it gave object/],
        [async () => assert.fail('too late'), /found a promise, allowed is a value/],
      ] as const) {
        const codec = { name: 'mine', encode: encode as () => string, decode: (raw: unknown) => raw };
        const refused = (error: unknown) => error instanceof UsageError && said.test(error.message);
        await using publisher = new AshRedisChannelDataPublisher('p', 'ashredischannel://c', { ...config, codec });
        await using keys = new AshRedisDataPublisher('p', 'ashredis://c', { ...config, codec });
        await using client = new AshRedisClient({ ...config, codec });
        await assert.rejects(publisher.publish({}), refused);
        assert.deepEqual(await publisher.publishMany([{}]), { published: 0, failed: 1, unknown: 0 });
        await assert.rejects(keys.publish({ __dagserver_key: 'k' }), refused);
        await assert.rejects(client.publish('c', {}), refused);
        await assert.rejects(async () => client.batch().publish('c', {}), refused);
      }
      assert.deepEqual(commands(), []);
    });

    test('options of a call that are no such thing are refused before a byte is sent', async () => {
      await using publisher = new AshRedisChannelDataPublisher('p', 'ashredischannel://c', config);
      await using client = new AshRedisClient(config);
      for (const [options, said] of [
        [{ retry: true }, /"retry": found true, allowed is "never" \| "always"/],
        [{ whenDisconnected: 'wait' }, /"whenDisconnected": found "wait", allowed is "queue" \| "fail"/],
        [{ signal: {} }, /"signal": found an object, allowed is an AbortSignal/],
        [{ timeoutMs: 0 }, /"timeoutMs": found 0/],
      ] as const) {
        const refused = (error: unknown) => error instanceof UsageError && said.test(error.message);
        await assert.rejects(publisher.publish({}, options as object), refused);
        await assert.rejects(client.get('k', options as object), refused);
        await assert.rejects(
          client
            .batch(options as object)
            .get('k')
            .exec(),
          refused,
        );
      }
      assert.deepEqual([publisher.failedCount, publisher.stats().pendingCount, commands()], [4, 0, []]);
    });

    test('timeoutMs and signal end one publish', async () => {
      await using publisher = new AshRedisChannelDataPublisher('p', 'ashredischannel://c', config);
      await publisher.connect();
      server.script = () => undefined;
      await assert.rejects(publisher.publish(1, { timeoutMs: 20 }), TimeoutError);
      const reason = new Error('enough');
      await assert.rejects(publisher.publish(1, { signal: AbortSignal.abort(reason) }), reason);
      assert.equal(publisher.failedCount, 2);
      assert.equal(publisher.stats().pendingCount, 0);
      await publisher.stop({ timeoutMs: 1 });
    });

    test('inspect and JSON show names and counts', async () => {
      await using publisher = new AshRedisDataPublisher('p', 'ashredis://x', { ...config, password: 'pa55w0rd' });
      assert.match(inspect(publisher), /^AshRedisDataPublisher \{ 'p'/);
      assert.doesNotMatch(inspect(publisher, { customInspect: false, depth: 20, showHidden: true }), /pa55w0rd/);
      assert.equal(JSON.parse(JSON.stringify(publisher)).name, 'p');
    });
  });

  describe('the framework’s queue', () => {
    test('with an interval records leave together, the urgent ones first, batchSize at a time', async () => {
      await using publisher = new AshRedisChannelDataPublisher('p', 'ashredischannel://c', {
        ...config,
        publish_interval: 0.01,
        batch_size: 2,
        queueType: 'priority',
      });
      const records = [{ n: 1 }, { n: 2, _dag_priority: 1 }, { n: 3, _dag_priority: 4 }];
      const promises = records.map((record) => publisher.publish(record));
      assert.equal(publisher.getQueueSize(), 3);
      assert.equal(server.links.length, 0);
      await Promise.all(promises);
      assert.deepEqual(
        commands().map((words) => JSON.parse(words[2] as string).n),
        [2, 3, 1],
      );
    });

    test('a record waits as it was given: what the caller does to the object afterwards does not matter', async () => {
      const options = { ...config, publishInterval: 0.01 };
      await using channel = new AshRedisChannelDataPublisher('p', 'ashredischannel://c', options);
      await using keys = new AshRedisDataPublisher('p', 'ashredis://c', options);
      const record: Record<string, unknown> = { __dagserver_key: 'first', n: 1 };
      const promises = [channel.publish(record), keys.publish(record)];
      record.n = 2;
      record.__dagserver_key = 'second';
      await Promise.all(promises);
      assert.deepEqual(commands().sort(), [
        ['PUBLISH', 'c', '{"__dagserver_key":"first","n":1}'],
        ['SET', 'first', '{"n":1}'],
      ]);
      await assert.rejects(channel.publish(1n), UsageError);
    });

    test('beyond maxQueueDepth records are refused; stop() flushes what waits', async () => {
      const publisher = new AshRedisChannelDataPublisher('p', 'ashredischannel://c', {
        ...config,
        publishInterval: 1000,
        maxQueueDepth: 2,
      });
      const kept = [publisher.publish(1), publisher.publish(2)];
      await assert.rejects(publisher.publish(3), OverflowError);
      await publisher.stop();
      assert.deepEqual(await Promise.all(kept), [1, 1]);
    });

    test('suspend() keeps records until resume(); an aborted one never leaves', async () => {
      await using publisher = new AshRedisChannelDataPublisher('p', 'ashredischannel://c', config);
      publisher.suspend();
      const controller = new AbortController();
      const kept = publisher.publish(1);
      const given = publisher.publish(2, { signal: controller.signal });
      controller.abort(new Error('enough'));
      await assert.rejects(given, /enough/);
      assert.equal(server.links.length, 0);
      publisher.resume();
      await kept;
      assert.deepEqual(
        commands().map((words) => words[2]),
        ['1'],
      );
    });

    test('what is no object is packed as payload where the configuration says so', async () => {
      await using publisher = new AshRedisChannelDataPublisher('p', 'ashredischannel://c', {
        ...config,
        auto_package_non_dict: true,
      });
      for (const data of [5, [1], null, { a: 1 }]) await publisher.publish(data);
      assert.deepEqual(
        commands().map((words) => words[2]),
        ['{"payload":5}', '{"payload":[1]}', '{"payload":null}', '{"a":1}'],
      );
    });
  });
});
