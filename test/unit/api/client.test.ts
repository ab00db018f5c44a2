// The client's methods: what they send, what they give back, what they refuse.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { inspect } from 'node:util';
import { AshRedisClient } from '../../../src/api/ash-redis-client.ts';
import { ClosedError, ConnectError, ReplyError, TimeoutError, UsageError } from '../../../src/errors/index.ts';
import { bulk, greeting, type ScriptedServer, startScriptedServer } from '../../support/scripted-server.ts';

const REPLIES: Record<string, string> = {
  GET: '$1\r\nv\r\n',
  SET: '+OK\r\n',
  DEL: ':2\r\n',
  EXISTS: ':1\r\n',
  PEXPIRE: ':1\r\n',
  TTL: ':9\r\n',
  PERSIST: ':0\r\n',
  INCR: ':9007199254740993\r\n',
  DECR: ':-1\r\n',
  APPEND: ':3\r\n',
  INFO: '$4\r\ninfo\r\n',
  PUBLISH: ':2\r\n',
  SPUBLISH: ':1\r\n',
  LLEN: ':0\r\n',
};

describe('the client', () => {
  let server: ScriptedServer;
  let client: AshRedisClient;

  before(async () => {
    server = await startScriptedServer();
  });
  after(() => server.stop());
  beforeEach(() => {
    server.script = (words) => greeting(words) ?? REPLIES[words[0]?.toUpperCase() as string];
    server.links.length = 0;
    client = new AshRedisClient({ host: '127.0.0.1', port: server.port, protocol: 3 });
  });

  afterEach(() => client.close());

  /** The last command that the server got. */
  const sent = () => server.links.at(-1)?.commands.at(-1);

  test('constructing opens nothing; the first command connects; close() is final and may be called twice', async () => {
    assert.equal(client.state, 'idle');
    assert.equal(server.links.length, 0);
    assert.equal(await client.get('k'), 'v');
    assert.equal(client.isConnected(), true);
    await Promise.all([client.close(), client.close()]);
    await client.close();
    assert.equal(client.state, 'closed');
    await assert.rejects(client.get('k'), { name: 'ClosedError', safeToRetry: true, hint: 'make a new client' });
    await assert.rejects(client.connect(), ClosedError);
    await assert.rejects(client.command('BLPOP', 'k', 1), ClosedError);
    await assert.rejects(client.batch().get('k').exec(), ClosedError);
    assert.equal(server.links.length, 1);
  });

  test('close() before anything was opened makes it closed', async () => {
    await client.close();
    assert.equal(client.state, 'closed');
    assert.equal(server.links.length, 0);
    await assert.rejects(client.ping(), ClosedError);
  });

  test('each method sends its command and shapes its reply', async () => {
    const cases: [() => Promise<unknown>, string[], unknown][] = [
      [() => client.ping(), ['PING'], 'PONG'],
      [() => client.ping('hi'), ['PING', 'hi'], 'hi'],
      [() => client.get('k'), ['GET', 'k'], 'v'],
      [() => client.get('k', { as: 'bytes' }), ['GET', 'k'], new Uint8Array([118])],
      [() => client.set('k', 'v'), ['SET', 'k', 'v'], 'OK'],
      [() => client.set('k', new Uint8Array([65]), { ttlSeconds: 0.0015 }), ['SET', 'k', 'A', 'PX', '2'], 'OK'],
      [() => client.set('k', 'v', { nx: true }), ['SET', 'k', 'v', 'NX'], 'OK'],
      [() => client.set('k', 'v', { xx: true, ttlSeconds: 1 }), ['SET', 'k', 'v', 'PX', '1000', 'XX'], 'OK'],
      [() => client.del('k'), ['DEL', 'k'], 2],
      [() => client.delete(['a', 'b']), ['DEL', 'a', 'b'], 2],
      [() => client.exists(['a', 'b']), ['EXISTS', 'a', 'b'], 1],
      [() => client.expire('k', 1.5), ['PEXPIRE', 'k', '1500'], true],
      [() => client.ttl('k'), ['TTL', 'k'], 9],
      [() => client.persist('k'), ['PERSIST', 'k'], false],
      [() => client.incr('k'), ['INCR', 'k'], 9007199254740993n],
      [() => client.decr('k'), ['DECR', 'k'], -1],
      [() => client.append('k', 'x'), ['APPEND', 'k', 'x'], 3],
      [() => client.info('server'), ['INFO', 'server'], 'info'],
      [() => client.publish('c', { a: 1 }), ['PUBLISH', 'c', '{"a":1}'], 2],
      [() => client.publish('c', 'as it is', { shard: true }), ['SPUBLISH', 'c', 'as it is'], 1],
      [() => client.command('llen', 'l'), ['llen', 'l'], 0],
    ];
    for (const [call, words, value] of cases) {
      assert.deepEqual(await call(), value, words.join(' '));
      assert.deepEqual(sent(), words);
    }
  });

  test('a region is a prefix on keys and channels, by default or by call, and null is none', async () => {
    client.useRegion('eu-1');
    const cases: [() => Promise<unknown>, string[]][] = [
      [() => client.get('k'), ['GET', '@eu-1:k']],
      [() => client.del(['a', 'b']), ['DEL', '@eu-1:a', '@eu-1:b']],
      [() => client.publish('c', 'm'), ['PUBLISH', '@eu-1:c', 'm']],
      [() => client.get('k', { region: 'us' }), ['GET', '@us:k']],
      [() => client.get('k', { region: null }), ['GET', 'k']],
      [() => client.get('k', { region: 'region0' }), ['GET', 'k']],
      [() => client.command('LLEN', 'l', { keys: [0] }), ['LLEN', '@eu-1:l']],
      [() => client.command('LLEN', 'l', { region: null }), ['LLEN', 'l']],
      [() => client.command('EXISTS', 'k', { keys: [0, 0] }), ['EXISTS', '@eu-1:k']],
    ];
    for (const [call, words] of cases) {
      await call();
      assert.deepEqual(sent(), words);
    }
    assert.equal(client.region, 'eu-1');
    assert.throws(() => client.useRegion('..'), UsageError);
    await assert.rejects(client.get('k', { region: 'a b' }), UsageError);
    await assert.rejects(client.command('LLEN', 'l'), /keys: \[0\]/);
    await assert.rejects(client.command('LLEN', 'l', { keys: [1] }), UsageError);
  });

  test('keys() and scan() give names of the region alone, without its prefix', async () => {
    const names = ['a', '@r:b', '@other:c', '@r:@r:d'];
    const array = (list: string[]) => `*${list.length}\r\n${list.map(bulk).join('')}`;
    let cursor = 0;
    server.script = (words) => {
      if (words[0] === 'KEYS') return array(names);
      if (words[0] === 'SCAN') return `*2\r\n${bulk(cursor++ === 0 ? '18446744073709551615' : '0')}${array(names)}`;
      return greeting(words);
    };
    assert.deepEqual(await client.keys('*'), ['a']);
    assert.deepEqual(await client.keys('*', { region: 'r' }), ['b', '@r:d']);
    assert.deepEqual(sent(), ['KEYS', '@r:*']);
    const scanned: string[] = [];
    for await (const name of client.scan('x*', { region: 'r', count: 10 })) scanned.push(name);
    assert.deepEqual(scanned, ['b', '@r:d', 'b', '@r:d']);
    assert.deepEqual(sent(), ['SCAN', '18446744073709551615', 'MATCH', '@r:x*', 'COUNT', '10']);
    for (const count of [0, 1.5, '5', Number.NaN] as number[]) {
      assert.throws(
        () => client.scan('*', { count }),
        /Cannot execute SCAN: "count" is .*, allowed is an integer, at least 1/,
      );
    }
    assert.throws(() => client.scan(''), /the pattern is "", allowed is a non-empty string/);
    // Where the pages come from is settled when it is called.
    const region = client.scan({ match: 'y*', type: 'string' });
    client.useRegion('late');
    for await (const name of region) assert.equal(name, 'a');
    assert.deepEqual(sent(), ['SCAN', '0', 'MATCH', 'y*', 'TYPE', 'string']);
  });

  test('a page of scan() that nobody awaits may fail', async () => {
    const refused = `-ERR no\r\n`;
    server.script = (words) => (words[0] === 'SCAN' ? refused : greeting(words));
    let unhandled: unknown;
    const note = (error: unknown) => {
      unhandled = error;
    };
    process.once('unhandledRejection', note);
    const page = client.scan().next();
    await client.ping();
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', note);
    assert.equal(unhandled, undefined);
    await assert.rejects(page, ReplyError);
  });

  test('publish() of text is right for any channel, region and text, also when many channels take turns', async () => {
    await client.connect();
    const latin1 = (text: string) => Buffer.from(text).toString('latin1');
    for (const [channel, text, region] of [
      ['c', 'é😀', null],
      ['é', 'plain', null],
      ['c', '', 'r'],
      ['c', 'again', 'r'],
      ['\ud800', '\udc00', null],
    ] as const) {
      client.useRegion(region);
      assert.equal(await client.publish(channel, text), 2);
      assert.deepEqual(sent(), ['PUBLISH', latin1((region === null ? '' : '@r:') + channel), latin1(text)]);
    }
    client.useRegion(null);
    await Promise.all(Array.from({ length: 2500 }, (_, n) => client.publish(`c${n % 1250}`, String(n))));
    const published = server.links[0]?.commands.slice(-2500).map((words) => words.join(' '));
    assert.deepEqual(
      published,
      Array.from({ length: 2500 }, (_, n) => `PUBLISH c${n % 1250} ${n}`),
    );
    const bytes = new Uint8Array([0, 255, 13, 10]);
    const copied = client.publish('bytes', bytes);
    bytes.fill(1);
    assert.equal(await copied, 2);
    assert.deepEqual(server.links[0]?.commands.at(-1), ['PUBLISH', 'bytes', '\u0000\u00ff\r\n'], 'they are copied');
    await assert.rejects(client.publish('', 'x'), UsageError);
    await assert.rejects(client.publish(1 as never, 'x'), UsageError);
    server.script = (words) => greeting(words) ?? '-NOPERM no\r\n';
    await assert.rejects(
      client.publish('c', 'x'),
      (error: unknown) => error instanceof ReplyError && error.code === 'NOPERM',
    );
    await client.close();
    await assert.rejects(client.publish('c', 'x'), ClosedError);
  });

  test('wrong arguments are refused by the promise, before a byte is sent', async () => {
    const wrong: (() => Promise<unknown>)[] = [
      () => client.get(undefined as never),
      () => client.get(''),
      () => client.set('k', { a: 1 } as never),
      () => client.set('k', 'v', { ttlSeconds: 0 }),
      () => client.set('k', 'v', { nx: true, xx: true }),
      () => client.expire('k', Number.NaN),
      () => client.del([]),
      () => client.get('k', { timeoutMs: 0 }),
      () => client.publish('c', undefined),
      () => client.command('GET', Number.NaN),
      () => client.command(7 as never),
      () => client.command('SELECT', 1),
    ];
    for (const call of wrong) await assert.rejects(call, UsageError, String(call));
    // The dialect is unknown before the first connect: NaN is found when the bytes are made.
    assert.ok(server.links.every((link) => link.commands.every((words) => greeting(words) !== undefined)));
  });

  test('the server’s error is a ReplyError with its prefix and the command, without arguments', async () => {
    server.script = (words) => greeting(words) ?? '-WRONGTYPE Operation against a key\r\n';
    await assert.rejects(
      client.command('LPUSH', 'k', 'secret-value'),
      (error: unknown) =>
        error instanceof ReplyError &&
        error.code === 'WRONGTYPE' &&
        error.command === 'LPUSH' &&
        !error.message.includes('secret-value'),
    );
  });

  test('arguments that the server quotes are left out of the message', async () => {
    const texts = [
      "-ERR unknown command 'FOO', with args beginning with: 'pa55w0rd' 'x' ",
      "-ERR Error in ACL SETUSER modifier '>pa55w0rd': Syntax error",
    ];
    for (const text of texts) {
      server.script = (words) => greeting(words) ?? `${text}\r\n`;
      await assert.rejects(client.command('FOO', 'pa55w0rd'), (error: unknown) => {
        assert.ok(error instanceof ReplyError);
        assert.doesNotMatch(inspect(error), /pa55w0rd/);
        return /(unknown command 'FOO'|modifier '…': Syntax error) \(docs\/errors\.md#codes-of-the-server\)$/.test(
          error.message,
        );
      });
    }
  });

  test('an aborted signal rejects with its reason, before and after the write, and a late reply goes to nobody', async () => {
    const reason = new Error('enough');
    await assert.rejects(client.get('k', { signal: AbortSignal.abort(reason) }), reason);
    await client.connect();
    server.script = () => undefined;
    const controller = new AbortController();
    const silent = client.get('late', { signal: controller.signal });
    const link = await server.linked(1);
    await server.until(() => link.commands.at(-1)?.[1] === 'late');
    controller.abort(reason);
    await assert.rejects(silent, reason);
    server.script = (words) => (words[1] === 'next' ? '$4\r\nlate\r\n$4\r\nnext\r\n' : undefined);
    assert.equal(await client.get('next'), 'next');
  });

  test('timeoutMs ends one command, and the error says that it may have been executed', async () => {
    await client.connect();
    server.script = () => undefined;
    await assert.rejects(
      client.get('k', { timeoutMs: 20 }),
      (error: unknown) => error instanceof TimeoutError && error.safeToRetry === false && /20 ms/.test(error.message),
    );
  });

  test('a batch is one write with every reply; a refused command is an error in its place', async () => {
    server.script = (words) => greeting(words) ?? (words[0] === 'INCR' ? '-ERR no integer\r\n' : REPLIES[words[0]!]);
    const replies = await client
      .batch({ region: 'r' })
      .set('k', 'v')
      .incr('k')
      .get('k')
      .command('LLEN', 'l', { keys: [0] })
      .exec();
    assert.equal(replies[0], 'OK');
    assert.ok(replies[1] instanceof ReplyError && replies[1].command === 'INCR');
    assert.equal(replies[2], 'v');
    assert.deepEqual(
      server.links[0]?.commands.slice(-4).map((words) => words.join(' ')),
      ['SET @r:k v', 'INCR @r:k', 'GET @r:k', 'LLEN @r:l'],
    );
    assert.deepEqual(await client.batch().exec(), []);
  });

  test('a batch refuses what command() refuses, a second exec and additions after it', async () => {
    const batch = client.batch();
    assert.throws(() => batch.command('MULTI'), UsageError);
    assert.throws(() => batch.get(''), UsageError);
    // They would be the whole batch's.
    // @ts-expect-error
    assert.throws(() => batch.command('GET', 'k', { region: 'r', keys: [0] }), /"region" of one command in a batch/);
    // @ts-expect-error
    assert.throws(() => batch.command('GET', 'k', { as: 'bytes' }), /"as" of one command in a batch/);
    await batch.ping().exec();
    await assert.rejects(batch.exec(), UsageError);
    assert.throws(() => batch.ping(), UsageError);
  });

  test('an atomic batch is MULTI … EXEC; a refused command of it rejects with that refusal', async () => {
    server.script = (words) => {
      if (words[0] === 'MULTI') return '+OK\r\n';
      if (words[0] === 'EXEC') return '*2\r\n+OK\r\n:1\r\n';
      return greeting(words) ?? '+QUEUED\r\n';
    };
    assert.deepEqual(await client.batch({ atomic: true }).set('k', '1').del('k').exec(), ['OK', 1]);
    assert.deepEqual(
      server.links[0]?.commands.slice(-4).map((words) => words[0]),
      ['MULTI', 'SET', 'DEL', 'EXEC'],
    );
    server.script = (words) => {
      if (words[0] === 'MULTI') return '+OK\r\n';
      if (words[0] === 'EXEC') return '-EXECABORT Transaction discarded\r\n';
      return words[0] === 'NOSUCH' ? '-ERR unknown command\r\n' : '+QUEUED\r\n';
    };
    await assert.rejects(
      client.batch({ atomic: true }).set('k', '1').command('NOSUCH').exec(),
      (error: unknown) => error instanceof ReplyError && error.command === 'NOSUCH' && error.code === 'ERR',
    );
  });

  test('a blocking command gets a connection of its own, which the next one uses again', async () => {
    await client.connect();
    server.script = (words) => greeting(words) ?? (words[0] === 'BLPOP' ? '*-1\r\n' : REPLIES[words[0] as string]);
    assert.equal(await client.command('BLPOP', 'l', 1), null);
    assert.equal(await client.command('BLPOP', 'l', 1), null);
    assert.equal(server.links.length, 2);
    assert.equal(
      server.links[0]?.commands.some((words) => words[0] === 'BLPOP'),
      false,
    );
    assert.equal(client.stats().blockingConnections, 1);
  });

  test('a blocking command without limit ends by its signal or timeoutMs; its connection is not used again', async () => {
    await client.connect();
    server.script = (words) => greeting(words);
    const controller = new AbortController();
    const popped = client.command('BLPOP', 'l', 0, { signal: controller.signal });
    const link = await server.linked(2);
    await server.until(() => link.commands.some((words) => words[0] === 'BLPOP'));
    controller.abort(new Error('enough'));
    await assert.rejects(popped, /enough/);
    const late = client.command('BLPOP', 'l', 0, { timeoutMs: 300 });
    await server.linked(3);
    await assert.rejects(late, TimeoutError);
    assert.equal(server.links.length, 3);
    assert.equal(client.stats().blockingConnections, 0);
  });

  test('close() does not wait for a blocking command: it rejects at once', async () => {
    // Longer than a test may take: it does not run out.
    await using client = new AshRedisClient('127.0.0.1', server.port, { protocol: 3, closeTimeoutMs: 600_000 });
    await client.connect();
    const popped = client.command('BLPOP', 'l', 0);
    const link = await server.linked(2);
    await server.until(() => link.commands.some((words) => words[0] === 'BLPOP'));
    await client.close();
    await assert.rejects(popped, ClosedError);
  });

  test('when nobody listens the error names host, port and what to check, and the client is idle again', async () => {
    const nobody = new AshRedisClient('127.0.0.1', 1);
    await assert.rejects(nobody.get('k'), (error: unknown) => {
      assert.ok(error instanceof ConnectError);
      assert.match(error.message, /127\.0\.0\.1:1\b.*ECONNREFUSED/);
      return error.safeToRetry;
    });
    assert.equal(nobody.state, 'idle');
    await nobody.close();
  });

  test('a promise that nobody looks at never ends the process', async () => {
    const seen: unknown[] = [];
    const onUnhandled = (error: unknown) => seen.push(error);
    process.on('unhandledRejection', onUnhandled);
    const nobody = new AshRedisClient('127.0.0.1', 1);
    void nobody.get('k');
    void nobody.get('');
    void nobody.connect();
    void nobody.batch().get('k').exec();
    void nobody.command('SELECT', 1);
    void nobody.command('BLPOP', 'k', 1);
    await assert.rejects(nobody.get('k'));
    await nobody.close();
    void nobody.get('k');
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', onUnhandled);
    assert.deepEqual(seen, []);
  });

  test('secrets show nowhere: not in inspect, JSON, stats or errors', async () => {
    const secretive = new AshRedisClient({ url: `redis://user:pa55w0rd@127.0.0.1:${server.port}` });
    await secretive.connect();
    assert.ok(server.links[0]?.received.includes('pa55w0rd'), 'the server got it');
    for (const shown of [
      inspect(secretive, { depth: 20, showHidden: true }),
      inspect(secretive, { depth: 20, customInspect: false, showHidden: true }),
      JSON.stringify(secretive),
      inspect(secretive.stats(), { depth: 20 }),
    ]) {
      assert.doesNotMatch(shown, /pa55w0rd/);
    }
    await secretive.close();
  });

  test('state events name their connection, and a listener may leave', async () => {
    const seen: string[] = [];
    const listener = (event: { from: string; to: string; connection: string }) =>
      seen.push(`${event.connection} ${event.from}>${event.to}`);
    client.on('state', listener);
    await client.connect();
    client.off('state', listener);
    await client.close();
    assert.deepEqual(seen, ['commands idle>connecting', 'commands connecting>ready']);
  });

  test('a signal in the configuration closes the client', async () => {
    const controller = new AbortController();
    const bound = new AshRedisClient('127.0.0.1', server.port, { signal: controller.signal });
    await bound.connect();
    controller.abort();
    await bound.close();
    assert.equal(bound.state, 'closed');
    const never = new AshRedisClient('127.0.0.1', server.port, { signal: controller.signal });
    await assert.rejects(never.get('k'), ClosedError);
  });

  test('a signal gives a subscription up: ready rejects with its reason, the loop ends', async () => {
    server.script = (words) => greeting(words);
    const controller = new AbortController();
    const reason = new Error('enough');
    const subscription = client.subscribe('c', { signal: controller.signal });
    const loop = subscription[Symbol.asyncIterator]().next();
    const ready = assert.rejects(subscription.ready, reason);
    controller.abort(reason);
    assert.equal(subscription.state, 'closed');
    await ready;
    assert.deepEqual(await loop, { value: undefined, done: true });
    for (const given of [reason, '']) {
      const late = client.subscribe('c', { signal: AbortSignal.abort(given) });
      assert.equal(await late.ready.catch((error: unknown) => error), given);
    }
    const closed = client.subscribe('c');
    closed.close();
    await assert.rejects(closed.ready, ClosedError);
  });

  test('the logger is told of states, and stats() and inspect show what the client is', async () => {
    const logged: string[] = [];
    const logger = { debug() {}, info: (text: string) => void logged.push(text), warn() {}, error() {} };
    const logging = new AshRedisClient('127.0.0.1', server.port, { logger, protocol: 3 });
    const none = { isConnected: false, region: null, server: undefined, blockingConnections: 0 };
    assert.deepEqual(logging.stats(), { ...none, state: 'idle' });
    assert.equal(inspect(logging), `AshRedisClient { 127.0.0.1:${server.port}, state: 'idle', region: null }`);
    await logging.connect();
    logging.useRegion('r');
    const { state, isConnected, region, commands } = logging.stats();
    assert.deepEqual([state, isConnected, region, typeof commands], ['ready', true, 'r', 'object']);
    assert.equal(inspect(logging), `AshRedisClient { 127.0.0.1:${server.port}, state: 'ready', region: "r" }`);
    await logging.close();
    assert.deepEqual(logged, [
      'client, commands: idle -> connecting',
      'client, commands: connecting -> ready',
      'client, commands: ready -> closed',
    ]);
    await using socket = new AshRedisClient({ path: '/run/none.sock' });
    assert.equal(inspect(socket), "AshRedisClient { /run/none.sock, state: 'idle', region: null }");
  });

  test('a listener that hears once hears once', async () => {
    const seen: string[] = [];
    client.once('state', ({ to }) => seen.push(to));
    await client.connect();
    assert.deepEqual(seen, ['connecting']);
  });

  test('close() has the configured limit, and the call’s before it', async () => {
    for (const [config, options] of [
      [{ closeTimeoutMs: 20 }, undefined],
      [{ closeTimeoutMs: 20 }, {}],
      [{ closeTimeoutMs: 60_000 }, { timeoutMs: 20 }],
    ] as const) {
      const silent = new AshRedisClient('127.0.0.1', server.port, { ...config, protocol: 3, commandTimeoutMs: 60_000 });
      server.script = (words) => greeting(words);
      await silent.connect();
      const pending = assert.rejects(silent.get('k'), ClosedError);
      const link = server.links.at(-1);
      await server.until(() => link?.commands.at(-1)?.[0] === 'GET');
      await silent.close(options);
      await pending;
    }
  });

  test('options may be the only argument of ping(), info() and scan()', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    for (const call of [
      () => client.ping({ signal }),
      () => client.ping('x', { signal }),
      () => client.info({ signal }),
      () => client.info('server', { signal }),
      () => client.scan({ signal }).next(),
      () => client.scan('a*', { signal }).next(),
    ]) {
      await assert.rejects(call, /enough/);
    }
    assert.equal(server.links.length, 0);
    // What is neither is no section and no message: it must not be left out unnoticed.
    await assert.rejects(client.info(5 as never), /Cannot execute INFO: the section is 5, allowed is a string/);
    await assert.rejects(client.ping(5 as never), /Cannot execute PING: the message is 5, allowed is a string/);
    await client.close();
  });

  test('null in place of options is none', async () => {
    assert.equal(await client.ping(null as never), 'PONG');
    assert.equal(await client.info(null as never), 'info');
  });

  test('host and port may stand first, and differ from no option', () => {
    assert.throws(() => new AshRedisClient('a', 1, { port: 2 }), UsageError);
    assert.throws(() => new AshRedisClient({ port: 2 } as never, 1), UsageError);
    assert.throws(() => new AshRedisClient({ client } as never), UsageError);
    assert.doesNotThrow(() => new AshRedisClient('a', 1, { port: 1 }));
    for (const [made, place] of [
      [new AshRedisClient(null as never, 7), 'localhost:7'],
      [new AshRedisClient(undefined, 7, { host: 'h' }), 'h:7'],
      [new AshRedisClient('h', undefined, null as never), 'h:6379'],
      [new AshRedisClient(null as never), 'localhost:6379'],
    ] as const) {
      assert.ok(inspect(made).startsWith(`AshRedisClient { ${place},`), inspect(made));
    }
  });
});
