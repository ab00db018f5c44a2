// Replies that are well-formed and that their command never gives: each promise settles, and the link is made anew,
// since replies may have shifted. Run by `npm test`.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { AshRedisClient, ProtocolError, ReplyError } from '../../../src/index.ts';
import { bulk, greeting, type ScriptedServer, startScriptedServer } from '../../support/scripted-server.ts';

/** The replies of the server by command's name; `+OK` for all others. */
type Replies = Record<string, string>;

const NAMES = '%1\r\n+a\r\n+b\r\n';

describe('a reply that its command never gives', () => {
  let server: ScriptedServer;
  let client: AshRedisClient;
  let replies: Replies;

  before(async () => {
    server = await startScriptedServer((words) => {
      const name = words[0]?.toUpperCase() as string;
      return replies[name] ?? greeting(words) ?? '+OK\r\n';
    });
  });
  after(() => server.stop());
  beforeEach(() => {
    replies = {};
    client = new AshRedisClient({ host: '127.0.0.1', port: server.port, protocol: 3 });
  });
  afterEach(() => client.close());

  /** Rejects with words of ours, about this command, and the next command goes over another link. */
  async function breaks(promise: Promise<unknown>, command: string): Promise<void> {
    const error = await promise.then(
      () => assert.fail(`${command} took the reply`),
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof ProtocolError || (error as Error).cause instanceof ProtocolError, `${error}`);
    const { message } = error instanceof ProtocolError ? error : ((error as Error).cause as Error);
    assert.ok(message.includes(command) && message.includes('replies have shifted'), message);
    assert.doesNotMatch(message, /TypeError/);
    const links = server.links.length;
    replies = {};
    assert.equal(await client.set('k', 'v'), 'OK');
    assert.equal(server.links.length, links + 1);
  }

  for (const [shape, reply] of Object.entries({
    'a map': NAMES,
    'a set of numbers': '~1\r\n:1\r\n',
    'an array with a number': '*2\r\n+a\r\n:1\r\n',
    'an array with an error': '*1\r\n-ERR no\r\n',
    'an array with null': '*1\r\n_\r\n',
  })) {
    test(`keys() whose names are ${shape}`, async () => {
      replies = { KEYS: reply };
      await breaks(client.keys(), 'KEYS');
    });

    test(`scan() whose names are ${shape}`, async () => {
      replies = { SCAN: `*2\r\n+0\r\n${reply}` };
      await breaks(client.scan().next(), 'SCAN');
    });

    test(`keys() in a region, in a batch, whose names are ${shape}`, async () => {
      replies = { KEYS: reply };
      await breaks(client.batch({ region: 'r' }).set('a', 'b').keys().exec(), 'BATCH');
    });
  }

  test('scan() with a page of nothing, or of one', async () => {
    for (const reply of ['*0\r\n', '*1\r\n+0\r\n', '*2\r\n+0\r\n_\r\n']) {
      replies = { SCAN: reply };
      await breaks(client.scan().next(), 'SCAN');
    }
  });

  test('a number with a fraction, or none, where an integer is due', async () => {
    for (const number of ['1.5', 'nan', 'inf']) {
      replies = { PUBLISH: `,${number}\r\n` };
      await breaks(client.publish('c', 'text'), 'PUBLISH');
    }
  });

  for (const atomic of [false, true]) {
    test(`one among those of a batch, atomic ${atomic}`, async () => {
      const odd = '*1\r\n+v\r\n';
      replies = atomic ? { EXEC: `*2\r\n:1\r\n${odd}` } : { INCR: ':1\r\n', GET: odd };
      await breaks(client.batch({ atomic }).incr('n').get('k').exec(), atomic ? 'MULTI' : 'BATCH');
    });
  }

  test('errors in a batch stay where they are, also next to what is right', async () => {
    replies = { INCR: '-WRONGTYPE no number\r\n', GET: bulk('v') };
    const [refused, value] = await client.batch().incr('n').get('k').exec();
    assert.ok(refused instanceof ReplyError);
    assert.equal(value, 'v');
  });

  test('get() gives bytes also where the value comes as a simple string', async () => {
    replies = { GET: '+value\r\n' };
    assert.deepEqual(await client.get('k', { as: 'bytes' }), new TextEncoder().encode('value'));
    replies = { GET: '_\r\n' };
    assert.equal(await client.get('k', { as: 'bytes' }), null);
  });

  for (const [shape, reply] of Object.entries({
    'an array of nothing': '*0\r\n',
    'a map': NAMES,
    'a confirmation of nobody': '*2\r\n+subscribed\r\n+c\r\n',
  })) {
    test(`SUBSCRIBE answered by ${shape}`, async () => {
      replies = { SUBSCRIBE: reply };
      const subscription = client.subscribe('c');
      await breaks(subscription.ready, 'SUBSCRIBE');
    });
  }

  test('KEYS of a line server that names nothing, with and without a region', async () => {
    const line = await startScriptedServer((words) => (words[0] === 'PING' ? '+PONG\n' : '*2\r\n$1\r\na\r\n$-1\r\n\n'));
    const options = { host: '127.0.0.1', port: line.port, dialect: 'ashredis', quoting: 'quoted' } as const;
    const other = new AshRedisClient(options);
    await assert.rejects(other.keys(), ProtocolError);
    await assert.rejects(other.keys('*', { region: 'r' }), ProtocolError);
    await other.close();
    await line.stop();
  });
});
