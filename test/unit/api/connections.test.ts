// The connections of one object: that every key of a configuration reaches them, who is told, what is closed.
// Run by `npm test`, over a scripted server.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { parseConfiguration } from '../../../src/api/config.ts';
import { CONFIG_KEYS } from '../../../src/api/config-schema.ts';
import { type ConnectionStateEvent, Connections, type PushEvent } from '../../../src/api/connections.ts';
import { platformOf } from '../../../src/api/platform.ts';
import { ClosedError, UsageError } from '../../../src/errors/index.ts';
import { until } from '../../support/events.ts';
import { bulk, greeting, type ScriptedServer, startScriptedServer } from '../../support/scripted-server.ts';

function connectionsOf(input: object): Connections {
  const config = parseConfiguration(input, 'test');
  return new Connections(config, platformOf(input, config));
}

/** Over the connection for subscriptions; resolves when the server has confirmed. */
function subscribed(connections: Connections): Promise<void> {
  return new Promise((resolve) => {
    connections.subscriber(false).subscribe({
      kind: 'channel',
      channels: ['c'],
      bytes: false,
      sink: {
        onMessage() {},
        onGap() {},
        onChannelState: (_channel, state) => state === 'active' && resolve(),
        onEnd() {},
      },
    });
  });
}

/** None of them the default. */
const CHANGED = {
  protocol: 2,
  credentials: () => ({ password: 'x' }),
  clientName: 'me',
  db: 3,
  connectTimeoutMs: 11,
  commandTimeoutMs: 12,
  closeTimeoutMs: 13,
  waitOnFirstConnect: true,
  heartbeatIntervalMs: 14,
  heartbeatTimeoutMs: 15,
  offlineMaxCount: 16,
  offlineMaxBytes: 17,
  maxBacklogBytes: 18,
  unref: true,
  quoting: 'b64',
  poolSize: 19,
  reconnect: { maxAttempts: 20, maxDelayMs: 21 },
} as const;

describe('the connections of one object', () => {
  let server: ScriptedServer;

  before(async () => {
    server = await startScriptedServer((words) => {
      const kind = words[0]?.toLowerCase() as string;
      if (/^(un)?subscribe$/.test(kind)) return `>3\r\n${bulk(kind)}${bulk(words[1] as string)}:1\r\n`;
      return greeting(words);
    });
  });
  after(() => server.stop());

  test('every key that is a connection’s reaches it, the defaults as well as what was chosen', async () => {
    const fallbacks = Object.fromEntries(
      CONFIG_KEYS.filter(({ name }) => name in CHANGED).map(({ name, fallback }) => [name, fallback]),
    );
    for (const [given, expected] of [
      [{}, { ...fallbacks, db: 0, dialect: 'auto' }],
      [CHANGED, { ...CHANGED, dialect: 'resp' }],
    ] as const) {
      const { resolver, ...options } = connectionsOf({ host: 'h', port: 7, ...given }).options({});
      assert.deepEqual(options, { ...expected, subscriber: false, subscriberBytes: false });
      const { host, port, path, tls } = await resolver();
      assert.deepEqual({ host, port, path, tls }, { host: 'h', port: 7, path: undefined, tls: undefined });
    }
    const secure = await connectionsOf({ url: 'rediss://h', tls: { servername: 'x' } })
      .options({})
      .resolver();
    assert.deepEqual(secure.tls, { servername: 'x' });
    assert.equal((await connectionsOf({ path: '/x' }).options({}).resolver()).path, '/x');
    const changes = { heartbeatIntervalMs: 1, reconnect: false, subscriber: true, subscriberBytes: true } as const;
    const { heartbeatIntervalMs, reconnect, subscriber, subscriberBytes } = connectionsOf(CHANGED).options(changes);
    assert.deepEqual({ heartbeatIntervalMs, reconnect, subscriber, subscriberBytes }, changes);
  });

  test('a line server is told its own quoting, else the configured one', async () => {
    const connections = connectionsOf({ quoting: 'none', maxLineBytes: 99 });
    assert.deepEqual(connections.lineSettings, { quoting: 'none', maxLineBytes: 99 });
  });

  test('each is made once, when it is first asked for, and none after close()', async () => {
    const connections = connectionsOf({ host: '127.0.0.1', port: server.port });
    assert.deepEqual([connections.openedLane, connections.stats(), connections.server], [undefined, {}, undefined]);
    assert.equal(connections.lane, connections.lane);
    assert.equal(connections.openedLane, connections.lane);
    const [text, bytes] = [connections.subscriber(false), connections.subscriber(true)];
    assert.notEqual(text, bytes);
    assert.deepEqual([connections.subscriber(false), connections.subscriber(true)], [text, bytes]);
    assert.deepEqual(Object.keys(connections.stats()), ['commands', 'subscriptions']);
    assert.equal(connections.isClosed, false);
    const closing = connections.close(100);
    assert.equal(connections.close(1), closing);
    assert.equal(connections.isClosed, true);
    await closing;
    assert.equal(connections.lane, connections.openedLane, 'what was there is there, closed');
    const never = connectionsOf({});
    await never.close(1);
    const refused = (error: unknown) => error instanceof ClosedError && error.safeToRetry;
    assert.throws(() => never.lane, refused);
    assert.throws(() => never.subscriber(false), refused);
    const onlyBytes = connectionsOf({});
    onlyBytes.subscriber(true);
    assert.deepEqual(Object.keys(onlyBytes.stats()), ['subscriptions']);
    await onlyBytes.close(1);
  });

  test('listeners hear of states and pushes of each, by its role, until they leave, one of them in the middle', async () => {
    const connections = connectionsOf({ host: '127.0.0.1', port: server.port, protocol: 3 });
    const states: string[] = [];
    const pushes: PushEvent[] = [];
    const nobody = { onState: () => stopSecond(), onPush() {} };
    const stopFirst = connections.listen(nobody);
    const stopSecond = connections.listen({
      onState: ({ connection, to }: ConnectionStateEvent) => void states.push(`${connection} ${to}`),
      onPush: (event) => void pushes.push(event),
    });
    await connections.lane.connect();
    assert.deepEqual(states, ['commands connecting'], 'it had begun when the other left');
    stopFirst();
    connections.listen({
      onState: ({ connection, to }) => void states.push(`${connection} ${to}`),
      onPush: (event) => void pushes.push(event),
    });
    await subscribed(connections);
    server.links[0]?.write(`>2\r\n${bulk('one')}:1\r\n`);
    server.links[1]?.write(`>2\r\n${bulk('two')}:2\r\n`);
    await until(() => pushes.length === 2, 'both pushes are heard');
    assert.deepEqual(
      pushes.sort((a, b) => (a.kind < b.kind ? -1 : 1)),
      [
        { kind: 'one', values: [1] },
        { kind: 'two', values: [2] },
      ],
    );
    assert.deepEqual(states.slice(1), ['subscriptions connecting', 'subscriptions ready']);
    await connections.close(100);
    assert.deepEqual(states.slice(3).sort(), ['commands closed', 'subscriptions closed']);
  });

  test('the dialect is what was configured, else what a connection found; subscriptions alone mean RESP', async () => {
    assert.equal(connectionsOf({}).dialect, undefined);
    assert.equal(connectionsOf({ dialect: 'resp' }).dialect, 'resp');
    const line = connectionsOf({ dialect: 'ashredis' });
    assert.equal(line.dialect, 'line');
    assert.throws(
      () => line.refuseLine(),
      (error: unknown) => error instanceof UsageError && /delivery: "latest"/.test(error.hint ?? ''),
    );
    const by = async (connect: (connections: Connections) => Promise<unknown>) => {
      const connections = connectionsOf({ host: '127.0.0.1', port: server.port });
      let before: unknown = 'not heard';
      connections.listen({
        onState: ({ to }) => {
          if (to === 'connecting') before = connections.dialect;
        },
        onPush() {},
      });
      await connect(connections);
      assert.equal(before, undefined, 'not known before it is ready');
      assert.equal(connections.dialect, 'resp');
      connections.refuseLine();
      assert.equal(connections.options({}).dialect, 'resp', 'the next connection need not find out');
      await connections.close(100);
    };
    await by((connections) => connections.lane.connect());
    await by(subscribed);
  });
});
