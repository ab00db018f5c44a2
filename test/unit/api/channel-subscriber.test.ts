// The guide's subscriber: confirmation, refusal, restart, newest values, lent connections, line servers.

import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import {
  AshRedisChannelDataSubscriber,
  AshRedisClient,
  bytesCodec,
  ClosedError,
  ConnectError,
  type Gap,
  ReplyError,
  TimeoutError,
  UsageError,
} from '../../../src/index.ts';
import { until } from '../../support/events.ts';
import {
  bulk,
  greeting,
  type ScriptedLink,
  type ScriptedServer,
  startScriptedServer,
} from '../../support/scripted-server.ts';

const confirmation = (kind: string, channel: string) => `>3\r\n${bulk(kind)}${bulk(channel)}:1\r\n`;
const message = (channel: string, payload: string) => `>3\r\n${bulk('message')}${bulk(channel)}${bulk(payload)}`;

/** A server that confirms everything. */
const confirming = (words: string[]) => {
  const kind = words[0]?.toLowerCase() ?? '';
  if (/^[ps]?(un)?subscribe$/.test(kind)) {
    return words
      .slice(1)
      .map((name) => confirmation(kind, name))
      .join('');
  }
  return greeting(words);
};

describe('the channel subscriber', () => {
  let server: ScriptedServer;
  let config: { host: string; port: number };
  const open: { stop(): Promise<unknown> }[] = [];

  before(async () => {
    server = await startScriptedServer();
    config = { host: '127.0.0.1', port: server.port };
  });
  after(() => server.stop());
  beforeEach(async () => {
    for (const object of open.splice(0)) await object.stop();
    server.links.length = 0;
    server.script = confirming;
  });

  function make<T = { n: number }>(options: object = {}, source = 'ashredischannel://c') {
    const subscriber = new AshRedisChannelDataSubscriber<T>('s', source, { ...config, ...options });
    open.push(subscriber);
    return subscriber;
  }

  const subscribed = async (number = 1): Promise<ScriptedLink> => {
    const link = await server.linked(number);
    await server.until(() => link.commands.some(([name]) => /SUBSCRIBE$/i.test(name as string)));
    return link;
  };

  test('subscribes to nothing when it was stopped or given up in the turn of its start, over lent connections too', async () => {
    const client = new AshRedisClient({ ...config });
    open.push({ stop: () => client.close() });
    await client.connect();
    const stopped = make({ host: undefined, port: undefined, client });
    const start = stopped.start();
    await stopped.stop();
    await assert.rejects(start, ClosedError);
    const given = make({ host: undefined, port: undefined, client }, 'ashredischannel://d');
    const reason = new AbortController();
    const second = given.start({ signal: reason.signal });
    reason.abort(new Error('enough'));
    await assert.rejects(second, /enough/);
    await given.start();
    assert.deepEqual(
      server.links.flatMap(({ commands }) => commands.filter(([name]) => name === 'SUBSCRIBE')),
      [['SUBSCRIBE', 'd']],
    );
  });

  test('constructing opens nothing; start() resolves when the server has confirmed', async () => {
    const subscriber = make();
    assert.equal(server.links.length, 0);
    server.script = (words) => (words[0] === 'SUBSCRIBE' ? undefined : confirming(words));
    let started = false;
    const starting = subscriber.start().then(() => (started = true));
    const link = await subscribed();
    assert.equal(started, false);
    assert.equal(subscriber.isRunning(), false);
    link.write(confirmation('subscribe', 'c'));
    await starting;
    assert.equal(subscriber.isRunning(), true);
    await subscriber.start();
    assert.equal(server.links.length, 1, 'a second start is the first');
  });

  test('names are verbatim; kind says how they are meant; the region is a prefix that messages do not show', async () => {
    for (const [kind, command] of [
      ['channel', 'SUBSCRIBE'],
      ['pattern', 'PSUBSCRIBE'],
      ['shard', 'SSUBSCRIBE'],
    ]) {
      server.links.length = 0;
      const subscriber = make({ kind, region: 'r' }, 'ashredischannel://a/b:*?x');
      await subscriber.start();
      const link = await subscribed();
      assert.deepEqual(link.commands.at(-1), [command, '@r:a/b:*?x']);
      link.write(
        kind === 'pattern'
          ? `>4\r\n${bulk('pmessage')}${bulk('@r:a/b:*?x')}${bulk('@r:a/b:1')}${bulk('{"n":1}')}`
          : `>3\r\n${bulk(kind === 'shard' ? 'smessage' : 'message')}${bulk('@r:a/b:*?x')}${bulk('{"n":1}')}`,
      );
      const { value } = await subscriber[Symbol.asyncIterator]().next();
      assert.equal(value.channel, kind === 'pattern' ? 'a/b:1' : 'a/b:*?x');
      assert.equal(value.pattern, kind === 'pattern' ? 'a/b:*?x' : undefined);
      assert.equal(value.region, 'r');
      assert.equal(value.raw, '{"n":1}');
      assert.deepEqual(value.data, { n: 1 });
    }
  });

  test('a refused subscription rejects start() with the server’s refusal; the next start tries again', async () => {
    server.script = (words) =>
      words[0] === 'SUBSCRIBE' ? '-NOPERM this user has no permissions\r\n' : confirming(words);
    const subscriber = make();
    await assert.rejects(
      subscriber.start(),
      (error: unknown) => error instanceof ReplyError && error.code === 'NOPERM' && error.command === 'SUBSCRIBE',
    );
    assert.equal(subscriber.isRunning(), false);
    server.script = confirming;
    await subscriber.start();
    assert.equal(subscriber.isRunning(), true);
  });

  test('a channel that is denied while it runs shows in stats() and in the log, and flows again after the gap', async () => {
    const logged: string[] = [];
    let tell = () => {};
    const denied = new Promise<void>((resolve) => {
      tell = resolve;
    });
    const warn = (text: string) => {
      logged.push(text);
      if (/ is denied: /.test(text)) tell();
    };
    const logger = { debug() {}, info() {}, warn, error() {} };
    const subscriber = make({ logger, reconnect: { maxDelayMs: 1 } });
    await subscriber.start();
    assert.equal(subscriber.stats().channelState, 'active');
    server.script = (words) => (words[0] === 'SUBSCRIBE' ? '-NOPERM no permissions\r\n' : confirming(words));
    server.links[0]?.reset();
    await denied;
    assert.equal(subscriber.stats().channelState, 'denied');
    assert.ok(logged.some((text) => /^subscriber "s" is denied: .*NOPERM no permissions/.test(text)));
    server.script = confirming;
    const told = new Promise((resolve) => subscriber.on('gap', resolve));
    subscriber.on('message', () => {});
    await told;
    assert.equal(subscriber.stats().channelState, 'active');
    await subscriber.stop();
    assert.equal(subscriber.stats().channelState, 'closed');
  });

  test('when nobody listens start() rejects, the next one tries again, and stop() is still clean', async () => {
    const subscriber = make({ port: 1 });
    await assert.rejects(subscriber.start(), ConnectError);
    await assert.rejects(subscriber.start(), ConnectError);
    assert.deepEqual(await subscriber.stop(), { delivered: 0, discarded: 0 });
    await assert.rejects(subscriber.start(), ClosedError);
  });

  test('with waitOnFirstConnect start() waits until its signal, and leaves nothing running', async () => {
    const subscriber = make({ port: 1, waitOnFirstConnect: true });
    const controller = new AbortController();
    const waiting = new Promise<void>((resolve) =>
      subscriber.on('state', ({ to }) => {
        if (to === 'waiting') resolve();
      }),
    );
    const starting = subscriber.start({ signal: controller.signal });
    await waiting;
    controller.abort(new Error('enough'));
    await assert.rejects(starting, /enough/);
    assert.equal((subscriber.stats().subscriptions as { state?: string } | undefined)?.state, 'closed');
  });

  test('a server that never confirms is a TimeoutError within the limits', async () => {
    server.script = (words) => (words[0] === 'SUBSCRIBE' ? undefined : confirming(words));
    const subscriber = make({ connectTimeoutMs: 500, commandTimeoutMs: 30, reconnect: false });
    await assert.rejects(subscriber.start(), TimeoutError);
  });

  test('a lost link is a gap before any newer message, told by event and hook, which is awaited', async () => {
    const order: string[] = [];
    const subscriber = make({
      region: 'r',
      onMessage: ({ data }: { data: { n: number } }) => order.push(String(data.n)),
      onGap: async (gap: Gap) => {
        await new Promise((resolve) => setImmediate(resolve));
        order.push(`gap ${gap.reason} ${gap.channels} ${gap.missed}`);
      },
    });
    const told = new Promise<Gap>((resolve) => subscriber.once('gap', resolve));
    await subscriber.start();
    const first = await subscribed(1);
    first.write(message('@r:c', '{"n":1}'));
    first.socket.end();
    const second = await subscribed(2);
    second.write(message('@r:c', '{"n":2}'));
    const gap = await told;
    assert.ok(gap.from <= gap.to && gap.cause instanceof Error);
    while (order.length < 3) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(order, ['1', 'gap link-lost c unknown', '2']);
  });

  for (const how of ['a handler', 'an iterator'] as const) {
    test(`stop({ drain: true }) hands over to ${how} what the server had sent before, also where it is still on its way`, async () => {
      server.script = (words) =>
        words[1] === 'ashredis:drain' ? message('c', '{"n":2}') + bulk('ashredis:drain') : confirming(words);
      const seen: number[] = [];
      const subscriber = make(
        how === 'a handler' ? { onMessage: (each: { data: { n: number } }) => void seen.push(each.data.n) } : {},
      );
      await subscriber.start();
      const read = (async () => {
        if (how === 'an iterator') for await (const each of subscriber) seen.push(each.data.n);
      })();
      (await subscribed()).write(message('c', '{"n":1}'));
      await until(() => seen.length === 1, 'one');
      const stopped = subscriber.stop({ drain: true });
      assert.equal(subscriber.isRunning(), false);
      assert.deepEqual(await stopped, { delivered: 1, discarded: 0 });
      await read;
      assert.deepEqual(seen, [1, 2]);
    });
  }

  test('stop({ drain: true }) does not ask a server for messages that nobody reads, and gives a silent one up in time', async () => {
    const unread = make();
    await unread.start();
    await unread.stop({ drain: true });
    assert.ok(!server.links.some(({ received }) => received.includes('drain')));
    const read = make({ onMessage() {} });
    await read.start();
    server.script = () => undefined;
    assert.deepEqual(await read.stop({ drain: true, timeoutMs: 20 }), { delivered: 0, discarded: 0 });
    assert.ok(server.links.some(({ received }) => received.includes('drain')));
  });

  test('an iterator that is left while its next() waits takes no message from others', async () => {
    const subscriber = make();
    await subscriber.start();
    const left = subscriber[Symbol.asyncIterator]();
    const waiting = left.next();
    const data = subscriber.getData(5);
    assert.deepEqual(await left.return?.(), { value: undefined, done: true });
    assert.deepEqual(await waiting, { value: undefined, done: true });
    (await subscribed()).write(message('c', '{"n":1}'));
    assert.deepEqual(await data, { n: 1 });
  });

  test('credentials refused while it runs end the iterator with that error; start() tries again', async () => {
    const subscriber = make({ password: 'x' });
    await subscriber.start();
    const next = subscriber[Symbol.asyncIterator]().next();
    server.script = () => '-WRONGPASS invalid username-password pair\r\n';
    server.links[0]?.socket.end();
    await assert.rejects(next, { name: 'HandshakeError' });
    assert.equal(subscriber.isRunning(), false);
    server.script = confirming;
    await subscriber.start();
    assert.equal(subscriber.isRunning(), true);
  });

  test('with a lent client subscribers share one socket, and stop() leaves it open', async () => {
    const client = new AshRedisClient(config);
    const first = make({ client });
    const second = make({ client }, 'ashredischannel://d');
    await Promise.all([first.start(), second.start()]);
    assert.equal(server.links.length, 1);
    await first.stop();
    const link = await server.linked(1);
    await server.until(() => link.commands.at(-1)?.[0] === 'UNSUBSCRIBE');
    link.write(message('d', '{"n":4}'));
    assert.deepEqual(await second.getData(1), { n: 4 });
    const closed = second[Symbol.asyncIterator]().next();
    await client.close();
    await assert.rejects(closed, ClosedError);
    assert.equal(second.isRunning(), false);
  });

  test('with a lent client a start that was refused is told of states again by the next one', async () => {
    const client = new AshRedisClient(config);
    const subscriber = make({ client });
    server.script = (words) => (words[0] === 'SUBSCRIBE' ? '-NOPERM no\r\n' : confirming(words));
    await assert.rejects(subscriber.start(), ReplyError);
    const states: string[] = [];
    subscriber.on('state', ({ to }) => states.push(to));
    server.script = confirming;
    await subscriber.start();
    server.links[0]?.reset();
    await server.linked(2);
    assert.equal(states[0], 'waiting');
    await client.close();
  });

  test('of a lent client it hears of the subscriptions’ connection, each event once, and nothing after stop()', async () => {
    const logged: string[] = [];
    const logger = { debug() {}, info: (text: string) => void logged.push(text), warn() {}, error() {} };
    const client = new AshRedisClient(config);
    const subscriber = make({ client, logger });
    const seen: string[] = [];
    subscriber.on('state', ({ connection, to }) => seen.push(`${connection} ${to}`));
    subscriber.on('push', ({ kind, values }) => seen.push(`push ${kind} ${values}`));
    server.script = (words) => (words[0] === 'SUBSCRIBE' ? '-NOPERM no\r\n' : confirming(words));
    await assert.rejects(subscriber.start(), ReplyError);
    server.script = confirming;
    await subscriber.start();
    await client.connect();
    server.links[0]?.write(`>2\r\n${bulk('news')}:7\r\n`);
    await until(() => seen.some((line) => line === 'push news 7'), 'the push is told');
    await subscriber.stop();
    await client.close();
    assert.deepEqual(seen, ['subscriptions connecting', 'subscriptions ready', 'push news 7']);
    assert.ok(logged.includes('subscriber "s", subscriptions: connecting -> ready'));
  });

  test('a lent client that was closed is not replaced by connections of its own', async () => {
    const client = new AshRedisClient(config);
    await client.close();
    for (const delivery of ['live', 'latest'] as const) {
      await assert.rejects(make({ client, delivery }).start(), ClosedError);
    }
    assert.equal(server.links.length, 0);
  });

  test('delivery "latest" with a binary codec gives the bytes that are kept, whatever they are', async () => {
    server.script = (words) => (words[0] === 'GET' ? '$2\r\n\u00ff\u0000\r\n' : confirming(words));
    for (const protocol of [2, 3]) {
      const subscriber = make<Uint8Array>({ delivery: 'latest', codec: bytesCodec, protocol });
      if (protocol === 2) {
        server.script = (words) => {
          if (words[0] === 'GET') return '$2\r\n\u00ff\u0000\r\n';
          if (words[0] === 'SUBSCRIBE') return `*3\r\n${bulk('subscribe')}${bulk('c')}:1\r\n`;
          if (words[0] === 'PING' && words.length > 1) return `*2\r\n${bulk('pong')}${bulk(words[1] as string)}`;
          return confirming(words);
        };
      } else server.script = (words) => (words[0] === 'GET' ? '$2\r\n\u00ff\u0000\r\n' : confirming(words));
      await subscriber.start();
      assert.deepEqual(await subscriber.getData(5), new Uint8Array([255, 0]), `RESP${protocol}`);
      await subscriber.stop({ timeoutMs: 1 });
    }
  });

  test('stop() while start() waits for a silent server rejects it within its limit', async () => {
    server.script = () => undefined;
    const subscriber = make();
    const starting = subscriber.start();
    await server.linked(1);
    await subscriber.stop({ timeoutMs: 20 });
    await assert.rejects(starting, ClosedError);
  });

  test('bytes go over a connection of their own, unchanged', async () => {
    const subscriber = make<Uint8Array>({ codec: bytesCodec });
    await subscriber.start();
    (await subscribed()).write(`>3\r\n${bulk('message')}${bulk('c')}$1\r\n\u00ff\r\n`);
    assert.deepEqual(await subscriber.getData(1), new Uint8Array([255]));
  });

  test('what is told of an invalid message says its pattern, its region and its number', async () => {
    const subscriber = make<number>({
      kind: 'pattern',
      region: 'r',
      numbered: true,
      validate: () => assert.fail('never'),
    });
    await subscriber.start();
    const told = new Promise<object>((resolve) => subscriber.on('invalid', ({ message }) => resolve(message)));
    const link = await subscribed();
    const envelope = JSON.stringify({ epoch: 'e-1', offset: 7, data: 5 });
    link.write(`>4\r\n${bulk('pmessage')}${bulk('@r:c')}${bulk('@r:c1')}${bulk(envelope)}`);
    const { receivedAt, ...rest } = (await told) as { receivedAt: number };
    assert.deepEqual(rest, {
      channel: 'c1',
      pattern: 'c',
      region: 'r',
      raw: '5',
      position: { epoch: 'e-1', offset: 7 },
    });
    assert.ok(receivedAt > 0);
  });

  test('a message that can not be read is invalid, and the next one comes', async () => {
    const subscriber = make<number>({
      validate: (data: unknown) => {
        if (typeof data !== 'number') throw new Error('no number');
        return data;
      },
    });
    const invalid: string[] = [];
    subscriber.on('invalid', ({ message: { raw }, error }) =>
      invalid.push(`${raw}: ${(error.cause as Error).message}`),
    );
    await subscriber.start();
    const link = await subscribed();
    link.write(message('c', '"text"') + message('c', '{') + message('c', '5'));
    assert.equal(await subscriber.getData(1), 5);
    assert.match(invalid.join(), /^"text": no number,\{: .*JSON/);
    assert.equal(subscriber.stats().invalidCount, 2);
    assert.equal(subscriber.getMessageCount(), 1);
  });

  test('delivery "latest" gives the value that is there, then newer ones', async () => {
    server.script = (words) => (words[0] === 'GET' ? bulk('{"n":1}') : confirming(words));
    const subscriber = make({ delivery: 'latest', region: 'r' });
    await subscriber.start();
    assert.deepEqual(await subscriber.getData(1), { n: 1 });
    const link = server.links.find(({ commands }) => commands.some(([name]) => name === 'SUBSCRIBE')) as ScriptedLink;
    assert.ok(server.links.some(({ commands }) => commands.some((words) => words.join(' ') === 'GET @r:channel:c')));
    link.write(message('@r:c', '{"n":2}'));
    assert.deepEqual(await subscriber.getData(1), { n: 2 });
    assert.throws(() => make({ delivery: 'latest', kind: 'pattern' }), UsageError);
  });

  describe('at a line server', () => {
    let value = '$-1\n';
    const line = (words: string[]) => {
      if (words[0] === 'HELLO') return "-ERR unknown command '*2'\n".repeat(5);
      if (words[0] === 'PING') return '+PONG\n';
      if (words[0] === 'GET') return value;
      return '-ERR empty command\n';
    };

    test('"live" is refused with the alternative, when it is known and when it is found out', async () => {
      server.script = line;
      await assert.rejects(
        make().start(),
        (error: unknown) => error instanceof UsageError && /delivery: "latest"/.test(error.message),
      );
      assert.throws(() => make({ dialect: 'ashredis' }), /delivery: "latest"/);
    });

    test('"latest" polls: the value that is there, then each other one once', async () => {
      server.script = line;
      value = '$7\r\n{"n":1}\n';
      const subscriber = make({ delivery: 'latest', pollIntervalMs: 5, region: 'r' });
      await subscriber.start();
      assert.deepEqual(await subscriber.getData(1), { n: 1 });
      value = '$7\r\n{"n":2}\n';
      assert.deepEqual(await subscriber.getData(1), { n: 2 });
      assert.equal(await subscriber.getData(0.03), null, 'the same value is not told twice');
      assert.ok(server.links.some(({ received }) => received.includes('GET @r channel:c\n')));
      await subscriber.stop();
    });

    test('pollIntervalMs is how long it waits between two polls', async () => {
      const polls = new Map<string, number>();
      server.script = (words) => {
        const name = words.find((word) => word.startsWith('channel:'));
        if (words[0] !== 'GET' || name === undefined) return line(words);
        polls.set(name, (polls.get(name) ?? 0) + 1);
        return '$1\r\n5\n';
      };
      const slow = make({ delivery: 'latest', pollIntervalMs: 60_000 }, 'ashredischannel://slow');
      const quick = make({ delivery: 'latest', pollIntervalMs: 1 }, 'ashredischannel://quick');
      await Promise.all([slow.start(), quick.start()]);
      await server.until(() => (polls.get('channel:quick') ?? 0) > 10);
      assert.ok((polls.get('channel:slow') as number) <= 2, `${polls.get('channel:slow')} polls`);
    });

    test('a binary codec is refused', async () => {
      server.script = line;
      await assert.rejects(make({ delivery: 'latest', codec: bytesCodec }).start(), UsageError);
    });
  });
});
