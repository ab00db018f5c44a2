// What `client.subscribe()` makes of its arguments: names, region, limits of the queue, codec, who is told.
// Run by `npm test`, over a scripted server.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { AshRedisClient } from '../../../src/api/ash-redis-client.ts';
import { bytesCodec, jsonCodec } from '../../../src/api/codec.ts';
import type { ClientOptions } from '../../../src/api/config-types.ts';
import type { PushEvent } from '../../../src/api/connections.ts';
import { ClosedError, UsageError } from '../../../src/errors/index.ts';
import { nextEvent, until } from '../../support/events.ts';
import { bulk, greeting, type ScriptedServer, startScriptedServer } from '../../support/scripted-server.ts';

const message = (channel: string, payload: string) => `>3\r\n${bulk('message')}${bulk(channel)}${bulk(payload)}`;
const confirming = (words: string[]) =>
  /^[PS]?(UN)?SUBSCRIBE$/.test(words[0] as string)
    ? words
        .slice(1)
        .map((name) => `>3\r\n${bulk((words[0] as string).toLowerCase())}${bulk(name)}:1\r\n`)
        .join('')
    : greeting(words);

describe('client.subscribe()', () => {
  let server: ScriptedServer;
  const clients: AshRedisClient[] = [];

  before(async () => {
    server = await startScriptedServer(confirming);
  });
  after(() => server.stop());
  beforeEach(() => {
    server.links.length = 0;
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) await client.close();
  });

  function clientOf(options: ClientOptions = {}): AshRedisClient {
    const client = new AshRedisClient({ host: '127.0.0.1', port: server.port, ...options });
    clients.push(client);
    return client;
  }

  const asked = () =>
    server.links.flatMap(({ commands }) => commands.filter(([name]) => /^[PS]?SUBSCRIBE$/.test(name ?? '')));

  test('names the region by default or by call; null is none; each kind has its command', async () => {
    const client = clientOf({ region: 'r' });
    await client.subscribe('c').ready;
    client.useRegion('s');
    const list = client.subscribe(['d', 'e', 'd']);
    await list.ready;
    assert.deepEqual(list.channels, ['d', 'e'], 'a name given twice is one');
    await client.subscribe('f', { region: null }).ready;
    await client.psubscribe('p*', { region: 't' }).ready;
    await client.ssubscribe('q', { region: undefined }).ready;
    client.useRegion(null);
    await client.psubscribe('x?').ready;
    await client.ssubscribe('y').ready;
    assert.deepEqual(asked(), [
      ['SUBSCRIBE', '@r:c'],
      ['SUBSCRIBE', '@s:d', '@s:e'],
      ['SUBSCRIBE', 'f'],
      ['PSUBSCRIBE', '@t:p*'],
      ['SSUBSCRIBE', '@s:q'],
      ['PSUBSCRIBE', 'x?'],
      ['SSUBSCRIBE', 'y'],
    ]);
  });

  test('what can not be subscribed to is refused at once, by its kind and place', () => {
    const client = clientOf();
    const wrong: [() => unknown, RegExp][] = [
      [() => client.subscribe([]), /the channels of a subscription: found an empty array, allowed is at least one/],
      [() => client.psubscribe([]), /the patterns of a subscription: found an empty array/],
      [() => client.subscribe(['a', '']), /channel 1 of a subscription/],
      [() => client.ssubscribe(5 as never), /shard 0 of a subscription/],
      [() => client.subscribe('c', { region: '..' }), /region/],
      [() => client.subscribe('c', { queueMaxCount: 0 }), /"queueMaxCount": found 0/],
      [() => client.subscribe('c', { overflow: 'drop' as never }), /"overflow": found "drop"/],
    ];
    for (const [call, said] of wrong) {
      assert.throws(call, (error: Error) => error instanceof UsageError && said.test(error.message), `${said}`);
    }
    assert.equal(server.links.length, 0);
  });

  test('a list given by the caller may change afterwards', async () => {
    const names = ['a', 'b'];
    const subscription = clientOf().subscribe(names);
    names.push('c');
    names[0] = 'x';
    await subscription.ready;
    assert.deepEqual(asked(), [['SUBSCRIBE', 'a', 'b']]);
    assert.deepEqual(subscription.stats().channels, ['a', 'b']);
  });

  test('refusals name up to three of its channels', async () => {
    const subscription = clientOf().subscribe(['a', 'b"', 'c', 'd']);
    subscription.on('message', () => {});
    await assert.rejects(subscription[Symbol.asyncIterator]().next(), (error: Error) =>
      error.message.startsWith('Cannot read subscription to "a", "b\\"", "c" both ways: it has a message handler'),
    );
  });

  test('limits and policy are those of the call, else those of the client', async () => {
    const cases: [ClientOptions, object, object][] = [
      [{ overflow: 'drop-newest', queueMaxCount: 2 }, {}, { policy: 'drop-newest', queuedCount: 2, queuedBytes: 4 }],
      [{ overflow: 'drop-newest', queueMaxBytes: 3 }, {}, { policy: 'drop-newest', queuedCount: 1, queuedBytes: 2 }],
      [
        { overflow: 'drop-newest', queueMaxCount: 2, queueMaxBytes: 2 },
        { overflow: 'drop-oldest', queueMaxCount: 4, queueMaxBytes: 6 },
        { policy: 'drop-oldest', queuedCount: 3, queuedBytes: 6 },
      ],
      [{ queueMaxCount: 2 }, { queueMaxCount: 3 }, { policy: 'block', queuedCount: 5, queuedBytes: 10 }],
    ];
    for (const [options, given, { policy, ...kept }] of cases as [ClientOptions, object, { policy: string }][]) {
      server.links.length = 0;
      const subscription = clientOf(options).subscribe('c', given);
      await subscription.ready;
      const slow = nextEvent<{ policy: string }>(subscription, 'slow');
      server.links[0]?.write([1, 2, 3, 4, 5].map((n) => message('c', `m${n}`)).join(''));
      assert.equal((await slow).policy, policy);
      const { queuedCount, queuedBytes } = subscription.stats();
      assert.deepEqual({ queuedCount, queuedBytes }, kept);
      subscription.close();
    }
  });

  test('conflateKey says which messages are the same', async () => {
    const subscription = clientOf().subscribe('c', {
      overflow: 'conflate',
      conflateKey: ({ data }) => data[0] as string,
    });
    await subscription.ready;
    server.links[0]?.write(['a1', 'b1', 'a2'].map((text) => message('c', text)).join(''));
    await until(() => subscription.stats().messageCount === 3, 'all have arrived');
    const seen: string[] = [];
    for await (const { data } of subscription) if (seen.push(data) === 2) break;
    assert.deepEqual(seen, ['b1', 'a2']);
  });

  test('a codec and `validate` make the data; what they refuse is invalid', async () => {
    const subscription = clientOf().subscribe<number>('c', {
      codec: jsonCodec as never,
      validate: (data) => (typeof data === 'number' ? data * 2 : assert.fail('no number')),
    });
    await subscription.ready;
    server.links[0]?.write(['1', '"x"', '4'].map((text) => message('c', text)).join(''));
    const seen: number[] = [];
    for await (const { data } of subscription) if (seen.push(data) === 2) break;
    assert.deepEqual([seen, subscription.stats().invalidCount], [[2, 8], 1]);
  });

  test('without a codec data is the text; a binary codec gives bytes, over a connection of their own', async () => {
    const client = clientOf({ codec: bytesCodec });
    const text = client.subscribe('c');
    const bytes = client.subscribe('c', { codec: bytesCodec });
    await Promise.all([text.ready, bytes.ready]);
    assert.equal(server.links.length, 2);
    for (const link of server.links) link.write(`>3\r\n${bulk('message')}${bulk('c')}$1\r\n\xe9\r\n`);
    const [first, second] = await Promise.all([text, bytes].map((each) => each[Symbol.asyncIterator]().next()));
    assert.equal(first?.value.data, '\ufffd');
    assert.deepEqual(second?.value.data, new Uint8Array([0xe9]));
    assert.deepEqual(second?.value.raw, new Uint8Array([0xe9]));
  });

  test('listeners may hear once, and leave', async () => {
    const subscription = clientOf().subscribe('c');
    const seen: string[] = [];
    const leaving = ({ data }: { data: string }) => seen.push(`leaving ${data}`);
    subscription.on('message', leaving).once('message', ({ data }) => seen.push(`once ${data}`));
    await subscription.ready;
    server.links[0]?.write(message('c', '1'));
    await until(() => seen.length === 2, 'both have heard');
    subscription.off('message', leaving).on('message', ({ data }) => seen.push(data));
    server.links[0]?.write(message('c', '2'));
    await until(() => seen.length === 3, 'the third has heard');
    assert.deepEqual(seen, ['leaving 1', 'once 1', '2']);
  });

  test('what is held is compared every auditIntervalMs', async () => {
    const subscription = clientOf({ auditIntervalMs: 1, protocol: 3 }).subscribe('c');
    await subscription.ready;
    await server.until(() => server.links[0]?.commands.at(-1)?.join(' ') === 'CLIENT INFO');
  });

  test('a client that was closed refuses to publish by the promise, also where it had subscriptions alone', async () => {
    const client = clientOf();
    await client.subscribe('c').ready;
    await client.close();
    for (const options of [undefined, {}]) {
      const refused = client.publish('c', 'x', options);
      await assert.rejects(refused, { name: 'ClosedError', safeToRetry: true });
    }
    await assert.rejects(client.get('k'), { name: 'ClosedError', safeToRetry: true });
    assert.throws(() => client.subscribe('d'), ClosedError);
  });

  test('a push of a kind that nobody knows is an event of the client', async () => {
    const client = clientOf();
    const seen: PushEvent[] = [];
    client.on('push', (event) => seen.push(event));
    await client.connect();
    await client.subscribe('c').ready;
    server.links[0]?.write(`>2\r\n${bulk('news')}:1\r\n`);
    await until(() => seen.length === 1, 'of the connection for commands');
    server.links[1]?.write(`>3\r\n${bulk('other')}:2\r\n+x\r\n`);
    await until(() => seen.length === 2, 'of the connection for subscriptions');
    assert.deepEqual(seen, [
      { kind: 'news', values: [1] },
      { kind: 'other', values: [2, 'x'] },
    ]);
  });
});
