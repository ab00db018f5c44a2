// What a publisher to a server tells and counts beside its answers: states, pushes, a replica, failures, times to live.
// Run by `npm test`, over a scripted server.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { inspect } from 'node:util';
import { AshRedisChannelDataPublisher } from '../../../src/api/ash-redis-channel-data-publisher.ts';
import { AshRedisClient } from '../../../src/api/ash-redis-client.ts';
import { AshRedisDataPublisher } from '../../../src/api/ash-redis-data-publisher.ts';
import type { PublisherConfig, PublishManyOptions } from '../../../src/api/config-types.ts';
import { ClosedError, MissingKeyError, UsageError } from '../../../src/errors/index.ts';
import { nextEvent, until } from '../../support/events.ts';
import { bulk, greeting, HELLO_3, type ScriptedServer, startScriptedServer } from '../../support/scripted-server.ts';

const publishing = (words: string[]) => greeting(words) ?? (words[0] === 'SET' ? '+OK\r\n' : ':1\r\n');

describe('a publisher to a server', () => {
  let server: ScriptedServer;
  let place: { host: string; port: number };
  const open: AsyncDisposable[] = [];

  before(async () => {
    server = await startScriptedServer();
    place = { host: '127.0.0.1', port: server.port };
  });
  after(() => server.stop());
  beforeEach(() => {
    server.script = publishing;
    server.onLink = () => {};
    server.links.length = 0;
  });
  afterEach(async () => {
    for (const object of open.splice(0).reverse()) await object[Symbol.asyncDispose]();
  });

  function channelOf(config: PublisherConfig = {}): AshRedisChannelDataPublisher {
    const publisher = new AshRedisChannelDataPublisher('p', 'ashredischannel://c', { ...place, ...config });
    open.push(publisher);
    return publisher;
  }

  function keysOf(config: PublisherConfig = {}): AshRedisDataPublisher {
    const publisher = new AshRedisDataPublisher('p', 'ashredis://x', { ...place, ...config });
    open.push(publisher);
    return publisher;
  }

  const commands = () =>
    server.links
      .flatMap((link) => link.commands)
      .filter((words) => greeting(words) === undefined)
      .map((words) => words.join(' '));

  test('what it shows of itself, before and after', async () => {
    const publisher = channelOf({ region: 'r' });
    const shown = {
      name: 'p',
      destination: 'ashredischannel://c',
      isRunning: true,
      isSuspended: false,
      channel: 'c',
      region: 'r',
    };
    const counts = { publishCount: 0, failedCount: 0, pendingCount: 0, queuedCount: 0, noReceivers: 0 };
    assert.deepEqual(publisher.stats(), {
      ...shown,
      ...counts,
      lastPublish: null,
      state: 'idle',
      connection: undefined,
    });
    await publisher.publish(1);
    await assert.rejects(publisher.publish(1n));
    publisher.suspend();
    void publisher.publish(2);
    const { publishCount, failedCount, queuedCount, isSuspended, state, connection } = publisher.stats();
    assert.deepEqual([publishCount, failedCount, queuedCount, isSuspended, state], [1, 1, 1, true, 'ready']);
    assert.equal(typeof connection, 'object');
    assert.deepEqual([publisher.isSuspended(), publisher.getQueueSize()], [true, 1]);
    assert.match(
      inspect(publisher),
      /^AshRedisChannelDataPublisher \{ 'p', 'ashredischannel:\/\/c', running: true, published: 1, failed: 1 \}$/,
    );
    assert.deepEqual(publisher.toJSON(), publisher.stats());
    await publisher.stop();
    assert.deepEqual(
      [publisher.stats().state, publisher.stats().isRunning, publisher.publishCount],
      ['closed', false, 2],
    );
  });

  test('stopped before anything was opened it is closed', async () => {
    for (const publisher of [channelOf(), keysOf()]) {
      await publisher.stop();
      assert.deepEqual([publisher.stats().state, publisher.stats().connection], ['closed', undefined]);
    }
    assert.equal(server.links.length, 0);
  });

  test('publishMany counts messages that nobody received, and tells the first refusal of a transaction', async () => {
    server.script = (words) => (words[0] === 'PUBLISH' && words[2] !== '1' ? ':0\r\n' : publishing(words));
    const publisher = channelOf();
    await publisher.publishMany([1, 2, 3]);
    assert.deepEqual([publisher.noReceivers, publisher.publishCount], [2, 3]);
    server.script = (words) =>
      words[0] === 'MULTI'
        ? '+OK\r\n'
        : words[0] === 'SET'
          ? '+QUEUED\r\n'
          : words[0] === 'EXEC'
            ? '-EXECABORT discarded\r\n'
            : (greeting(words) ?? '-NOPERM no channel\r\n');
    const codes: unknown[] = [];
    const onFailure = (error: Error) => codes.push((error as Error & { code: string }).code);
    const retained = channelOf({ retain: true });
    assert.deepEqual(await retained.publishMany([1, 2], { onFailure }), { published: 0, failed: 2, unknown: 0 });
    assert.deepEqual(codes, ['NOPERM', 'NOPERM']);
  });

  test('publishMany sends bytes as they are, between text and at its end', async () => {
    const codec = {
      name: 'mixed',
      encode: (value: unknown) => value as string | Uint8Array,
      decode: (raw: unknown) => raw,
    };
    const publisher = channelOf({ codec, region: 'r' });
    await publisher.publishMany(['a', new Uint8Array([255, 13, 10]), 'é', new Uint8Array()]);
    assert.deepEqual(
      commands(),
      ['a', '\u00ff\r\n', '\u00c3\u00a9', ''].map((payload) => `PUBLISH @r:c ${payload}`),
    );
  });

  test('publishMany hands over what a slow source gives before it gives more', async () => {
    const publisher = channelOf();
    const source = (async function* () {
      for (const n of [1, 2, 3]) {
        yield n;
        await until(() => commands().length === n, `record ${n} has left`);
      }
    })();
    assert.deepEqual(await publisher.publishMany(source), { published: 3, failed: 0, unknown: 0 });
  });

  test('publishMany reads no more than eight writes ahead of the answers', async () => {
    for (const asynchronous of [false, true]) {
      const publisher = channelOf();
      await publisher.connect();
      server.script = () => undefined;
      let given = 0;
      const records = function* () {
        while (given < 20_000) yield given++;
      };
      const source = asynchronous
        ? (async function* () {
            yield* records();
          })()
        : records();
      const many = assert.rejects(publisher.publishMany(source), ClosedError);
      await until(() => given >= 2000 || asynchronous, 'it has begun');
      for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
      assert.ok(given <= 8 * 512, `${given} were read`);
      await publisher.stop({ timeoutMs: 1 });
      await many;
      server.script = publishing;
    }
  });

  test('publishMany reads no more ahead than some writes of 32 KiB, numbered or not', async () => {
    const text = 'x'.repeat(16 * 1024);
    for (const numbered of [false, true]) {
      const publisher = channelOf({ numbered });
      await publisher.connect();
      server.script = () => undefined;
      let given = 0;
      const source = (function* () {
        for (; given < 5000; given++) yield text;
      })();
      const many = assert.rejects(publisher.publishMany(source), ClosedError);
      await until(() => given > 0, 'it has begun');
      for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
      assert.ok(given <= 8 * 3, `${given} were read`);
      await publisher.stop({ timeoutMs: 1 });
      await many;
      server.script = publishing;
    }
  });

  test('publishMany of what is refused at once lets others have their turn', async () => {
    const publisher = channelOf({ codec: { name: 'own', encode: () => assert.fail('no'), decode: String } });
    await publisher.connect();
    const controller = new AbortController();
    let given = 0;
    const source = (function* () {
      while (given < 100_000) yield given++;
    })();
    setImmediate(() => controller.abort(new Error('given up')));
    await assert.rejects(publisher.publishMany(source, { signal: controller.signal }), /given up/);
    assert.ok(given <= 2000, `${given} were given`);
    assert.equal(commands().length, 0);
  });

  test('listeners hear of states, once or until they leave, and of pushes that nobody knows', async () => {
    const publisher = channelOf({ protocol: 3 });
    const seen: string[] = [];
    const leaving = ({ to }: { to: string }) => seen.push(`leaving ${to}`);
    publisher.on('state', leaving).once('state', ({ to, connection }) => seen.push(`once ${connection} ${to}`));
    await publisher.connect();
    publisher.off('state', leaving);
    const push = nextEvent(publisher, 'push');
    server.links[0]?.write(`>2\r\n${bulk('news')}:1\r\n`);
    assert.deepEqual(await push, { kind: 'news', values: [1] });
    await publisher.stop();
    assert.deepEqual(seen, ['leaving connecting', 'once commands connecting', 'leaving ready']);
  });

  test('of a lent client it hears of the commands’ connection alone, and nothing after stop()', async () => {
    const client = new AshRedisClient({ ...place });
    open.push(client);
    const publisher = new AshRedisChannelDataPublisher('p', 'ashredischannel://c', { client });
    const seen: string[] = [];
    publisher.on('state', ({ connection, to }) => seen.push(`${connection} ${to}`));
    await publisher.connect();
    server.script = (words) =>
      words[0] === 'SUBSCRIBE' ? `>3\r\n${bulk('subscribe')}${bulk('c')}:1\r\n` : publishing(words);
    await client.subscribe('c').ready;
    await publisher.stop();
    await client.close({ timeoutMs: 1 });
    assert.deepEqual(seen, ['commands connecting', 'commands ready']);
  });

  test('stop() over a lent client waits for what publishMany has sent; nothing leaves after it', async () => {
    const client = new AshRedisClient({ ...place });
    open.push(client);
    const publisher = channelOf({ client });
    await publisher.connect();
    server.script = (words) => greeting(words);
    let release = () => {};
    const gate = new Promise<void>((resolve) => (release = resolve));
    const source = (async function* () {
      yield 'sent';
      await gate;
      yield 'late';
    })();
    const failures: unknown[] = [];
    const given = { onFailure: (_error: Error, record: unknown) => failures.push(record) };
    const many = assert.rejects(publisher.publishMany(source, given), ClosedError);
    await server.until(() => commands().length === 1);
    assert.equal(publisher.stats().pendingCount, 1);
    let isStopped = false;
    const stopping = publisher.stop().then(() => (isStopped = true));
    release();
    await until(() => failures.length === 1, 'the late record has been refused');
    assert.equal(isStopped, false);
    server.links[0]?.write(':1\r\n');
    await stopping;
    await many;
    await client.ping();
    assert.deepEqual([commands(), failures], [['PUBLISH c "sent"'], ['late']]);
    assert.deepEqual([publisher.publishCount, publisher.failedCount, publisher.stats().pendingCount], [1, 1, 0]);
  });

  test('a source that stops its publisher, on a lent client, has nothing of it published afterwards', async () => {
    const client = new AshRedisClient({ ...place });
    open.push(client);
    for (const asynchronous of [false, true]) {
      const publisher = channelOf({ client });
      await publisher.connect();
      const records = function* () {
        yield 1;
        void publisher.stop();
        for (let n = 2; n <= 2000; n++) yield n;
      };
      const source = asynchronous
        ? (async function* () {
            yield* records();
          })()
        : records();
      await assert.rejects(publisher.publishMany(source), ClosedError);
      await publisher.stop();
      const count = commands().length;
      await client.ping();
      assert.deepEqual([commands().length, publisher.publishCount + publisher.failedCount], [count, 2]);
      assert.ok(publisher.publishCount <= 1, 'at most what came before');
    }
  });

  test('stop() over a lent client gives up, in time, what publishMany has sent', async () => {
    const client = new AshRedisClient({ ...place });
    open.push(client);
    const publisher = channelOf({ client });
    await publisher.connect();
    server.script = (words) => greeting(words);
    const many = assert.rejects(publisher.publishMany([1, 2, 3]), ClosedError);
    await server.until(() => commands().length === 3);
    await publisher.stop({ timeoutMs: 1 });
    await many;
    assert.deepEqual([publisher.failedCount, publisher.stats().pendingCount], [3, 0]);
    server.links[0]?.write(':1\r\n'.repeat(3));
    assert.equal(await client.ping(), 'PONG');
  });

  test('a replica is told to the logger, once for all of its links; a master is not', async () => {
    for (const [role, count] of [
      ['slave', 1],
      ['master', 0],
    ] as const) {
      server.links.length = 0;
      server.script = (words) =>
        words[0] === 'HELLO' ? HELLO_3.replace('$6\r\nmaster\r\n', bulk(role)) : publishing(words);
      const lines: string[] = [];
      const note = () => {};
      const logger = { debug: note, info: note, error: note, warn: (text: string) => lines.push(text) };
      const publisher = channelOf({ logger, protocol: 3, reconnect: { maxDelayMs: 1 } });
      await publisher.connect();
      const again = nextEvent<{ to: string }>(publisher, 'state', ({ to }) => to === 'ready');
      server.links[0]?.reset();
      await again;
      const told = lines.filter((line) =>
        /publisher "p" is connected to a replica: what it publishes stays there/.test(line),
      );
      assert.equal(told.length, count, role);
      await publisher.stop();
    }
  });

  test('a failure is told with the record as it was given, and logged', async () => {
    const lines: string[] = [];
    const note = () => {};
    const logger = { debug: note, info: note, error: note, warn: (text: string) => lines.push(text) };
    server.script = (words) => greeting(words) ?? '-OOM no memory\r\n';
    for (const [publisher, record] of [
      [channelOf({ logger }), { a: 1 }],
      [keysOf({ logger }), { __dagserver_key: 'k' }],
      [keysOf({ logger, publishInterval: 0.001 }), { __dagserver_key: 'k' }],
    ] as const) {
      const told: unknown[] = [];
      publisher.on('publishError', ({ error, data }) => told.push((error as { code?: string }).code, data));
      await assert.rejects(publisher.publish(record), { code: 'OOM' });
      assert.deepEqual([told[0], publisher.failedCount, publisher.stats().pendingCount], ['OOM', 1, 0]);
      assert.equal(told[1], record);
    }
    assert.equal(lines.filter((line) => /^publisher "p": .*OOM no memory/.test(line)).length, 3);
  });

  test('the time to live is the call’s, else the record’s, else the configured one; null is none of its own', async () => {
    const publisher = keysOf({ ttlSeconds: 9 });
    const own = { __dagserver_key: 'k', __ttl_seconds: 2 };
    const plain = { __dagserver_key: 'k' };
    for (const [record, ttlSeconds] of [
      [own, 1],
      [own, undefined],
      [own, null],
      [plain, 1],
      [plain, null],
      [plain, undefined],
    ] as const) {
      // As JavaScript may write it.
      await publisher.publish(record, { ttlSeconds: ttlSeconds as number });
    }
    await publisher.publishMany([own, plain], { ttlSeconds: 3 });
    await publisher.publishMany([own, plain]);
    assert.deepEqual(
      commands().map((line) => line.replace('SET k {} PX ', '')),
      [1000, 2000, 2000, 1000, 9000, 9000, 3000, 3000, 2000, 9000].map(String),
    );
    const endless = keysOf();
    server.links.length = 0;
    await endless.publish(plain);
    await endless.publish(own);
    assert.deepEqual(commands(), ['SET k {}', 'SET k {} PX 2000']);
    await assert.rejects(endless.publish(plain, { ttlSeconds: 0 }), UsageError);
  });

  test('publishMany refuses single records, tells each with its record, and goes on', async () => {
    const publisher = keysOf();
    const told: unknown[] = [];
    publisher.on('publishError', ({ data }) => told.push(data));
    const failures: unknown[] = [];
    const onFailure: PublishManyOptions['onFailure'] = (error, record) => failures.push(error.constructor, record);
    const records = [{ __dagserver_key: 'a' }, { no: 'key' }, { __dagserver_key: 'b' }, 5];
    assert.deepEqual(await publisher.publishMany(records, { onFailure }), { published: 2, failed: 2, unknown: 0 });
    assert.deepEqual(failures, [MissingKeyError, records[1], MissingKeyError, 5]);
    assert.deepEqual(told, [records[1], 5]);
    assert.deepEqual([publisher.publishCount, publisher.failedCount], [2, 2]);
    assert.deepEqual(commands(), ['SET a {}', 'SET b {}']);
  });

  test('publishMany of a suspended publisher waits, between two records too, and is given up by its signal', async () => {
    for (const asynchronous of [false, true]) {
      server.links.length = 0;
      const publisher = channelOf();
      const records = function* () {
        yield 1;
        publisher.suspend();
        yield 2;
        yield 3;
      };
      const source = asynchronous
        ? (async function* () {
            yield* records();
          })()
        : records();
      const many = publisher.publishMany(source);
      await until(() => publisher.isSuspended(), 'the first was given');
      await new Promise((resolve) => setImmediate(resolve));
      assert.ok(commands().length <= 1);
      publisher.resume();
      assert.deepEqual(await many, { published: 3, failed: 0, unknown: 0 });
      assert.deepEqual(commands(), ['PUBLISH c 1', 'PUBLISH c 2', 'PUBLISH c 3']);
      publisher.suspend();
      const controller = new AbortController();
      const given = publisher.publishMany([4], { signal: controller.signal });
      await new Promise((resolve) => setImmediate(resolve));
      controller.abort(new Error('enough'));
      await assert.rejects(given, /enough/);
      const left = publisher.publishMany([5]);
      await new Promise((resolve) => setImmediate(resolve));
      await publisher.stop();
      await assert.rejects(left, ClosedError);
      assert.equal(commands().length, 3);
    }
  });

  test('what publishMany could not hand over has no number: the next message leaves no hole', async () => {
    const publisher = channelOf({ numbered: true, reconnect: { maxDelayMs: 1 } });
    const source = (async function* () {
      yield 'first';
      await until(() => commands().length === 1, 'the first has left');
      server.onLink = (link) => link.reset();
      const waiting = nextEvent<{ to: string }>(publisher, 'state', ({ to }) => to === 'waiting');
      server.links[0]?.reset();
      await waiting;
      yield 'lost';
    })();
    const { failed, unknown } = await publisher.publishMany(source, { whenDisconnected: 'fail' });
    assert.equal(failed + unknown >= 1, true);
    server.onLink = () => {};
    await publisher.publish('second');
    const sent = commands().map((line) => JSON.parse(line.slice('PUBLISH c '.length)));
    assert.deepEqual(
      sent.map(({ offset, data }) => [offset, data]),
      [
        [1, 'first'],
        [2, 'second'],
      ],
    );
  });

  test('a refusal names the command and the publisher’s own codec gets the record without its control fields', async () => {
    server.script = (words) => greeting(words) ?? '-OOM no\r\n';
    const given: unknown[] = [];
    const codec = { name: 'own', encode: (value: unknown) => `x${given.push(value)}`, decode: String };
    await assert.rejects(keysOf().publish({ __dagserver_key: 'k' }), { command: 'SET' });
    await assert.rejects(channelOf().publish(1), { command: 'PUBLISH' });
    await assert.rejects(channelOf({ kind: 'shard' }).publish(1), { command: 'SPUBLISH' });
    const own = keysOf({ codec });
    await assert.rejects(own.publish({ __dagserver_key: 'k', __ttl_seconds: 2, a: 1 }), { command: 'SET' });
    assert.deepEqual(given, [{ a: 1 }]);
    assert.equal(commands().at(-1), 'SET k x1 PX 2000');
    assert.throws(() => new AshRedisDataPublisher('p', 'x://y'), /Cannot use the destination: found "x:\/\/y"/);
  });

  test('more than one write of publishMany keeps the order, and numbers without a hole', async () => {
    const publisher = channelOf({ numbered: true });
    const many = Array.from({ length: 1300 }, (_, n) => n);
    assert.deepEqual(await publisher.publishMany(many), { published: 1300, failed: 0, unknown: 0 });
    const sent = commands().map((line) => JSON.parse(line.slice('PUBLISH c '.length)));
    assert.deepEqual(
      sent.map(({ offset, data }) => [offset, data]),
      many.map((n) => [n + 1, n]),
    );
    assert.equal(publisher.publishCount, 1300);
  });
});
