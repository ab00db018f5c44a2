// What happens when things break, with real parts: a server that is killed, a link that is cut, frozen or corrupted.
// Run by `npm test`; each row of the table in docs/guarantees.md points here.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import {
  AshRedisChannelDataPublisher,
  AshRedisChannelDataSubscriber,
  AshRedisClient,
  ClosedError,
  LinkLostError,
  type Message,
  OverflowError,
  ProtocolError,
  ReplyError,
  TimeoutError,
} from '../../src/index.ts';
import { nextEvent, until, within } from '../support/events.ts';
import { type FaultyLink, startFaultyLink } from '../support/faulty-link.ts';
import { READ_TYPESCRIPT } from '../support/read-typescript.ts';
import { startRedisServer } from '../support/redis-server.ts';
import { forEachServer, hasRealServer, type TestServer } from '../support/servers.ts';

interface StateEvent {
  to: string;
  cause?: Error;
}

async function withLink(
  start: () => Promise<TestServer>,
  run: (link: FaultyLink, server: TestServer) => Promise<void>,
): Promise<void> {
  const server = await start();
  const link = await startFaultyLink(server);
  try {
    await within(run(link, server), 40_000, 'the test');
  } finally {
    await within(link.stop(), 5000, 'the link stops');
    await within(server.stop(), 10_000, 'the server stops');
  }
}

const at = (link: { port: number }) => ({ host: '127.0.0.1', port: link.port });

forEachServer('faults', (start) => {
  test('a cut link: the subscriber comes back by itself, is told one gap, and delivery goes on', () =>
    withLink(start, async (link, server) => {
      await using subscriber = new AshRedisChannelDataSubscriber('in', 'ashredischannel://c', at(link));
      const seen: (string | number)[] = [];
      subscriber.on('message', ({ data }) => seen.push(Number(data.index)));
      subscriber.on('gap', ({ reason }) => seen.push(reason));
      await subscriber.start();
      await using publisher = new AshRedisChannelDataPublisher('out', 'ashredischannel://c', at(server));
      await publisher.publish({ index: 1 });
      await until(() => seen.length === 1, 'the first message');
      const back = nextEvent<StateEvent>(subscriber, 'state', ({ to }) => to === 'ready');
      link.cut();
      await back;
      await publisher.publish({ index: 2 });
      await until(() => seen.includes(2), 'the second message');
      assert.deepEqual(seen, [1, 'link-lost', 2]);
    }));

  test('a cut link: what was written rejects unsafe, what was not goes out afterwards, nothing twice', () =>
    withLink(start, async (link, server) => {
      await using watcher = new AshRedisClient(at(server));
      const arrived: string[] = [];
      const subscription = watcher.subscribe('c');
      subscription.on('message', ({ data }) => arrived.push(data));
      await subscription.ready;
      await using client = new AshRedisClient(at(link));
      await client.connect();
      link.freeze('toClient');
      const written = Array.from({ length: 1000 }, (_, index) => client.publish('c', `w${index}`));
      const outcomes = written.map((promise) =>
        promise.then(
          () => 'sent',
          (error: unknown) => error,
        ),
      );
      await until(() => arrived.length > 0, 'the server has executed some');
      link.thaw();
      link.cut();
      link.refuse();
      await nextEvent<StateEvent>(client, 'state', ({ to }) => to === 'waiting');
      const waiting = Array.from({ length: 10 }, (_, index) => client.publish('c', `q${index}`));
      link.accept();
      assert.deepEqual(await Promise.all(waiting), new Array(10).fill(1));
      for (const outcome of await Promise.all(outcomes)) {
        if (outcome === 'sent') continue;
        assert.ok(outcome instanceof LinkLostError);
        assert.equal(outcome.safeToRetry, false);
      }
      await until(() => arrived.includes('q9'), 'the queued ones');
      assert.equal(new Set(arrived).size, arrived.length, 'something was published twice');
      assert.deepEqual(
        arrived.filter((text) => text.startsWith('q')),
        Array.from({ length: 10 }, (_, index) => `q${index}`),
      );
    }));

  for (const protocol of [2, 3] as const) {
    test(`a half-open link is found within interval and timeout, RESP${protocol}, commands and subscriptions`, () =>
      withLink(start, async (link) => {
        await using client = new AshRedisClient({
          ...at(link),
          protocol,
          heartbeatIntervalMs: 200,
          heartbeatTimeoutMs: 300,
        });
        const subscription = client.subscribe('c');
        await Promise.all([subscription.ready, client.ping()]);
        const found: string[] = [];
        const started = performance.now();
        client.on('state', ({ to, connection, cause }) => {
          if (to === 'waiting' && cause instanceof TimeoutError) found.push(connection);
        });
        link.freeze();
        await until(() => found.includes('commands') && found.includes('subscriptions'), 'both connections noticed');
        const took = performance.now() - started;
        // The exact limits are held on virtual time; no other limit of this client is as short.
        assert.ok(took < 4000, `took ${took} ms`);
        link.thaw();
        await client.ping({ timeoutMs: 5000 });
      }));

    test(`a subscription that went deaf behind a proxy is found by the audit, RESP${protocol}`, () =>
      withLink(start, async (link, server) => {
        await using client = new AshRedisClient({ ...at(link), protocol, auditIntervalMs: 100 });
        await using other = new AshRedisClient(at(server));
        const subscription = client.subscribe(['a', 'b']);
        const gaps: string[] = [];
        subscription.on('gap', ({ reason }) => gaps.push(reason));
        const seen: string[] = [];
        subscription.on('message', ({ data }) => seen.push(data));
        await subscription.ready;
        const deaf = link.replaceBehind();
        await deaf;
        await until(() => gaps.length > 0, 'the audit told a gap', 5000);
        await until(async () => (await other.publish('b', 'again')) === 1, 'subscribed again');
        await until(() => seen.includes('again'), 'delivery goes on');
        assert.deepEqual(gaps, ['audit']);
      }));
  }

  test('a flipped byte ends the link with a ProtocolError, and the next connection works', () =>
    withLink(start, async (link) => {
      await using client = new AshRedisClient(at(link));
      await client.set('k', 'v');
      link.corrupt((chunk) => {
        link.corrupt(undefined);
        const bytes = Buffer.from(chunk);
        bytes[0] = 0x3f;
        return bytes;
      });
      const broken = nextEvent<StateEvent>(client, 'state', ({ to }) => to === 'waiting');
      const read = client.get('k').catch((error: unknown) => error);
      const { cause } = await broken;
      assert.ok(cause instanceof ProtocolError, String(cause));
      assert.ok((await read) instanceof LinkLostError);
      assert.equal(await client.get('k'), 'v');
    }));

  test('a server that answers in fragments of one byte is understood', () =>
    withLink(start, async (link) => {
      link.fragment(1);
      await using client = new AshRedisClient(at(link));
      await client.set('k', 'grüße 😀');
      assert.equal(await client.get('k'), 'grüße 😀');
    }));

  test('an abort settles at once, before and after the write', () =>
    withLink(start, async (link) => {
      await using client = new AshRedisClient(at(link));
      await client.connect();
      link.freeze();
      const before = new AbortController();
      before.abort(new Error('before'));
      await assert.rejects(client.set('a', '1', { signal: before.signal }), /before/);
      const during = new AbortController();
      const pending = client.set('b', '1', { signal: during.signal });
      setImmediate(() => during.abort(new Error('during')));
      await assert.rejects(pending, /during/);
      link.thaw();
      assert.equal(await client.get('a'), null);
    }));

  test('close() settles on a silent server, twice, and with commands in flight', () =>
    withLink(start, async (link) => {
      const client = new AshRedisClient({ ...at(link), closeTimeoutMs: 300 });
      await client.connect();
      link.freeze();
      const flying = client.set('a', '1').catch((error: unknown) => error);
      // Sooner than the command's own limit.
      await within(Promise.all([client.close(), client.close()]), 4000, 'close');
      assert.ok((await flying) instanceof ClosedError);
      await assert.rejects(client.get('a'), ClosedError);
    }));

  test('fifty thousand publishes while the link is down: the surplus is refused, memory stays bounded', () =>
    withLink(start, async (link) => {
      await using client = new AshRedisClient({ ...at(link), commandTimeoutMs: 60_000 });
      await client.connect();
      link.refuse();
      link.cut();
      await nextEvent<StateEvent>(client, 'state', ({ to }) => to === 'waiting');
      let refused = 0;
      for (let round = 0; round < 5; round++) {
        for (let index = 0; index < 10_000; index++) {
          client.publish('c', 'x').catch((error: unknown) => {
            if (error instanceof OverflowError) refused++;
          });
        }
        await new Promise(setImmediate);
      }
      assert.equal(refused, 40_000);
      assert.ok(process.memoryUsage().rss < 512 * 1024 * 1024);
      link.accept();
    }));

  test('handlers that throw, reject and never return harm nothing', () =>
    withLink(start, async (_link, server) => {
      const errors: unknown[] = [];
      const seen: number[] = [];
      await using subscriber = new AshRedisChannelDataSubscriber('in', 'ashredischannel://c', {
        ...at(server),
        handlerTimeoutMs: 50,
        onMessage: (message: Message) => {
          const index = Number(message.data.index);
          seen.push(index);
          if (index === 0) throw new Error('thrown');
          if (index === 1) return Promise.reject(new Error('rejected'));
          if (index === 2) return new Promise(() => {});
          return undefined;
        },
      });
      subscriber.on('handlerError', ({ error }) => errors.push(error));
      await subscriber.start();
      await using publisher = new AshRedisChannelDataPublisher('out', 'ashredischannel://c', at(server));
      for (let index = 0; index < 5; index++) await publisher.publish({ index });
      await until(() => seen.length === 5, 'all were handled');
      assert.deepEqual(seen, [0, 1, 2, 3, 4]);
      assert.deepEqual(
        errors.map((error) => (error instanceof TimeoutError ? 'timeout' : (error as Error).message)),
        ['thrown', 'rejected', 'timeout'],
      );
    }));

  test('stop({ drain: true }) hands over what has arrived and awaits the handlers', () =>
    withLink(start, async (_link, server) => {
      const done: number[] = [];
      const subscriber = new AshRedisChannelDataSubscriber('in', 'ashredischannel://c', {
        ...at(server),
        onMessage: async (message: Message) => {
          await new Promise(setImmediate);
          done.push(Number(message.data.index));
        },
      });
      await subscriber.start();
      subscriber.pause();
      await using publisher = new AshRedisChannelDataPublisher('out', 'ashredischannel://c', at(server));
      for (let index = 0; index < 20; index++) await publisher.publish({ index });
      await until(() => subscriber.getQueueSize() === 20, 'all wait');
      // Draining overrules the pause.
      assert.deepEqual(await subscriber.stop({ drain: true }), { delivered: 20, discarded: 0 });
      assert.equal(done.length, 20);
    }));

  test('a slow reader with policy "block" stops the socket and loses nothing', () =>
    withLink(start, async (_link, server) => {
      await using client = new AshRedisClient(at(server));
      const subscription = client.subscribe('c', { queueMaxCount: 100 });
      const slow = nextEvent<{ policy: string }>(subscription, 'slow');
      await subscription.ready;
      await using publisher = new AshRedisClient(at(server));
      const pad = 'x'.repeat(2000);
      for (let index = 0; index < 2000; index++) void publisher.publish('c', `${index}:${pad}`);
      assert.equal((await slow).policy, 'block');
      let expected = 0;
      for await (const { data } of subscription) {
        assert.equal(Number(data.slice(0, data.indexOf(':'))), expected++);
        if (expected === 2000) break;
      }
    }));
});

test('the process ends by itself after close(), and lives without any listener while a server dies', async () => {
  const script = `
    import { AshRedisClient, AshRedisChannelDataSubscriber } from './src/index.ts';
    import { createServer } from './src/server/index.ts';
    const server = await createServer({ port: 0 });
    const client = new AshRedisClient({ host: server.host, port: server.port });
    const subscriber = new AshRedisChannelDataSubscriber('in', 'ashredischannel://c', { host: server.host, port: server.port });
    await subscriber.start();
    await client.set('a', '1');
    await server.stop();
    client.set('b', '2', { timeoutMs: 300 });
    client.publish('c', 'nobody awaits this', { timeoutMs: 300 });
    await new Promise((resolve) => setTimeout(resolve, 400));
    await Promise.all([client.close(), subscriber.stop()]);
    process.stdout.write('ended');`;
  const child = spawn(process.execPath, [...READ_TYPESCRIPT, '--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output += chunk;
    });
  const code = await within(new Promise((resolve) => child.once('close', resolve)), 15_000, 'the process ends');
  assert.equal(output, 'ended');
  assert.equal(code, 0);
});

const why = hasRealServer() ? false : 'there is no redis-server here';

test('kill -9 with 10,000 publishes in flight: each promise settles, none was sent twice', { skip: why }, async () => {
  const server = await startRedisServer();
  assert.ok(server !== null);
  const link = await startFaultyLink(server);
  link.record = true;
  const client = new AshRedisClient(at(link));
  await client.connect();
  const outcomes = Array.from({ length: 10_000 }, (_, index) =>
    client.publish('c', `<${index}>`).then(
      () => 'sent',
      (error: { safeToRetry?: boolean }) => (error.safeToRetry ? 'unsent' : 'unknown'),
    ),
  );
  await until(() => link.recorded.length > 0, 'bytes are under way');
  await server.kill('SIGKILL');
  const again = await startRedisServer({ port: server.port });
  assert.ok(again !== null);
  const results = await within(Promise.all(outcomes), 12_000, 'every publish');
  const wire = Buffer.concat(link.recorded).toString('latin1');
  for (let index = 0; index < 10_000; index++) {
    const count = wire.split(`<${index}>`).length - 1;
    assert.ok(count <= 1, `publish ${index} was on the wire ${count} times`);
    if (results[index] === 'unsent') assert.equal(count, 0);
    if (index % 500 !== 0) continue;
  }
  await client.close();
  await link.stop();
  await again.stop();
});

test('one denied channel has its own state and error, and the others flow', { skip: why }, async (context) => {
  const server = await startRedisServer();
  assert.ok(server !== null);
  context.after(() => server.stop());
  await using admin = new AshRedisClient(server.host, server.port);
  const rights = ['narrow', 'on', '>pw', '+@all', '~*', 'resetchannels', '&open'];
  try {
    await admin.command('ACL', 'SETUSER', ...rights);
  } catch (error) {
    if (error instanceof ReplyError && /syntax/i.test(error.message)) {
      return context.skip('this server has no rights to channels: Redis 6.2 and later have them');
    }
    throw error;
  }
  await using client = new AshRedisClient({ host: server.host, port: server.port, username: 'narrow', password: 'pw' });
  const open = client.subscribe('open');
  const secret = client.subscribe('secret');
  await open.ready;
  await assert.rejects(secret.ready, (error) => error instanceof ReplyError && error.code === 'NOPERM');
  assert.equal(secret.state, 'denied');
  const first = nextEvent<Message<string>>(open, 'message');
  await admin.publish('open', 'flows');
  assert.equal((await first).data, 'flows');
  await admin.command('ACL', 'SETUSER', 'narrow', '&secret');
  secret.retry();
  await until(() => secret.state === 'active', 'the right came');
});

test('a DEBUG SLEEP shorter than the heartbeat is survived', { skip: why }, async () => {
  const server = await startRedisServer();
  assert.ok(server !== null);
  const client = new AshRedisClient({
    host: server.host,
    port: server.port,
    heartbeatIntervalMs: 100,
    heartbeatTimeoutMs: 3000,
  });
  await client.connect();
  let lost = 0;
  client.on('state', ({ to }) => {
    if (to === 'waiting') lost++;
  });
  await client.command('DEBUG', 'SLEEP', '0.5');
  assert.equal(await client.ping(), 'PONG');
  assert.equal(lost, 0);
  await client.close();
  await server.stop();
});

test('an event loop that stood still kills no healthy link and rejects no answered command', {
  skip: why,
}, async () => {
  const server = await startRedisServer();
  assert.ok(server !== null);
  const client = new AshRedisClient({
    host: server.host,
    port: server.port,
    heartbeatIntervalMs: 100,
    heartbeatTimeoutMs: 500,
    commandTimeoutMs: 500,
  });
  await client.connect();
  let lost = 0;
  client.on('state', ({ to }) => {
    if (to === 'waiting') lost++;
  });
  const pending = client.set('a', '1');
  // Written in this turn's end; then nothing runs for longer than every limit.
  process.nextTick(() =>
    setImmediate(() => {
      const end = performance.now() + 1500;
      while (performance.now() < end);
    }),
  );
  assert.equal(await pending, 'OK');
  assert.equal(await client.ping(), 'PONG');
  assert.equal(lost, 0);
  await client.close();
  await server.stop();
});
