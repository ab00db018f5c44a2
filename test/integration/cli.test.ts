// The commands against both servers, by what they print and the code they end with.
// They run in this process with a context of the test's; cli-process.test.ts tries them as processes and in a terminal.

import assert from 'node:assert/strict';
import { type AddressInfo, connect as connectTcp, createServer as createTcpServer } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { COMMANDS } from '../../src/cli/commands.ts';
import { runProgram } from '../../src/cli/main.ts';
import { AshRedisChannelDataPublisher, AshRedisChannelDataSubscriber, AshRedisClient } from '../../src/index.ts';
import { createServer } from '../../src/server/index.ts';
import { type FakeContext, fakeContext } from '../support/cli-context.ts';
import { freePort } from '../support/redis-server.ts';
import { forEachServer, type TestServer } from '../support/servers.ts';

const run = (context: FakeContext, ...argv: string[]) => runProgram(COMMANDS, argv, context);

forEachServer('the command line', (start, name) => {
  let server: TestServer;
  let env: Record<string, string>;
  before(async () => {
    server = await start();
    env = { ASHREDIS_URL: server.url };
  });
  after(() => server.stop());

  /** Runs to the end with the server of the environment. */
  async function done(...argv: string[]) {
    const context = fakeContext({ env });
    const code = await run(context, ...argv);
    return { code, out: context.stdout(), err: context.stderr() };
  }

  test('set, get and keys work together, in a region and out of it', async () => {
    assert.deepEqual(await done('set', 'a:1', 'x', '--ttl', '100'), { code: 0, out: 'OK\n', err: '' });
    assert.deepEqual(await done('set', 'a:2', 'y', '--region', 'eu'), { code: 0, out: 'OK\n', err: '' });
    assert.deepEqual(await done('get', 'a:1'), { code: 0, out: 'x\n', err: '' });
    assert.deepEqual(await done('get', 'a:2'), { code: 4, out: '', err: "no key 'a:2'\n" });
    assert.deepEqual(await done('get', 'a:2', '--json'), { code: 4, out: '{"key":"a:2","value":null}\n', err: '' });
    assert.deepEqual(await done('keys', 'a:*'), { code: 0, out: 'a:1\n', err: '' });
    assert.deepEqual(await done('keys', '--region', 'eu', '--json'), { code: 0, out: '"a:2"\n', err: '' });
    const client = new AshRedisClient({ url: server.url });
    assert.ok((await client.ttl('a:1')) > 90);
    await client.close();
  });

  test('set says when --nx or --xx kept it from storing, and reads a value from standard input', async () => {
    await done('set', 'n:1', 'x');
    assert.deepEqual(await done('set', 'n:1', 'y', '--nx'), {
      code: 1,
      out: '',
      err: "not stored: the key 'n:1' exists\n",
    });
    assert.equal((await done('set', 'n:2', 'y', '--xx', '--json')).out, '{"key":"n:2","stored":false}\n');
    assert.equal((await done('set', 'n:2', 'y', '--xx')).err, "not stored: the key 'n:2' does not exist\n");
    await done('set', 'n:1', '\ufeffz', '--xx');
    assert.equal((await done('get', 'n:1', '--json')).out, '{"key":"n:1","value":"\ufeffz"}\n');
    const context = fakeContext({ env, input: ['from ', 'stdin'] });
    assert.equal(await run(context, 'set', 'n:3', '-'), 0);
    assert.equal((await done('get', 'n:3')).out, 'from stdin\n');
  });

  test('keys stops after --count names, and gives a name as it is to a pipe alone', async () => {
    for (const name of ['k:1', 'k:2', 'k:3']) await done('set', name, 'x');
    assert.match((await done('keys', 'k:*', '--count', '2')).out, /^k:\d\nk:\d\n$/);
    await done('set', 'odd:\u001b[2J', 'x');
    assert.equal((await done('keys', 'odd:*')).out, 'odd:\u001b[2J\n');
    assert.equal((await done('keys', 'odd:*', '--json')).out, '"odd:\\u001b[2J"\n');
    const screen = fakeContext({ env, isTerminal: true });
    assert.equal(await run(screen, 'keys', 'odd:*'), 0);
    assert.equal(screen.stdout(), 'odd:\\x1b[2J\n');
  });

  test('pub reads standard input where - stands for the message', async () => {
    const context = fakeContext({ env, input: ['1\n', '{"a":2}\n'] });
    assert.equal(await run(context, 'pub', 'dash', '-', '--json'), 0);
    assert.equal(context.stdout(), '{"sent":2,"failed":0,"unknown":0}\n');
  });

  test('a refused value is named before a byte is sent', async () => {
    const { code, err } = await done('set', 'k', 'v', '--ttl', '0');
    assert.equal(code, 2);
    assert.match(err, /^error Cannot .*ttl/);
  });

  test('sub prints one JSON object a message when piped and ends after --count', async () => {
    const context = fakeContext({ env });
    const running = run(context, 'sub', 'c:1', 'c:2', 'c:1', '--count', '3');
    const client = new AshRedisClient({ url: server.url });
    await subscribed(client, 'c:1', 'c:2');
    await client.publish('c:1', { n: 1 });
    await client.publish('c:2', 'not JSON');
    await client.publish('c:1', { n: 2 });
    await client.publish('c:1', { n: 3 });
    await client.close();
    assert.equal(await running, 0);
    const lines = context
      .stdout()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      lines.map(({ channel, data }) => [channel, data]),
      [
        ['c:1', { n: 1 }],
        ['c:2', 'not JSON'],
        ['c:1', { n: 2 }],
      ],
    );
    assert.ok(lines.every(({ receivedAt }) => Math.abs(Date.now() - receivedAt) < 60_000));
  });

  test('sub hands JSON on as it came, in one line; what is no JSON is text', async () => {
    const context = fakeContext({ env });
    const running = run(context, 'sub', 'exact', '--count', '4');
    const client = new AshRedisClient({ url: server.url });
    await subscribed(client, 'exact');
    const texts = ['{"id":12345678901234567890,\r\n "much":1e999}', '"a\\nb"', '{"half":', ' 1.50 '];
    for (const text of texts) await client.publish('exact', text);
    assert.equal(await running, 0);
    const lines = context.stdout().trim().split('\n');
    const data = lines.map((line) => /"data":(.*),"receivedAt":/.exec(line)?.[1]);
    assert.deepEqual(data, ['{"id":12345678901234567890,  "much":1e999}', '"a\\nb"', '"{\\"half\\":"', ' 1.50 ']);
    for (const line of lines) JSON.parse(line);

    const [receiver, sender] = [fakeContext({ env }), fakeContext({ env })];
    const numbered = run(receiver, 'sub', 'exact:n', '--numbered', '--count', '1');
    await subscribed(client, 'exact:n');
    assert.equal(await run(sender, 'pub', 'exact:n', '{"id":12345678901234567890}', '--numbered'), 0);
    assert.equal(await numbered, 0);
    assert.match(receiver.stdout(), /"data":\{"id":12345678901234567890\}/);
    await client.close();
  });

  test('sub prints payloads alone with --raw, names patterns and regions, and ends on Ctrl-C with 130', async () => {
    const raw = fakeContext({ env });
    const pattern = fakeContext({ env });
    const running = [
      run(raw, 'sub', 'r:1', '--raw', '--region', 'eu'),
      run(pattern, 'sub', 'r:*', '--pattern', '--region', 'eu'),
    ];
    const client = new AshRedisClient({ url: server.url, region: 'eu' });
    await subscribed(client, '@eu:r:1');
    while ((await client.command('PUBSUB', 'NUMPAT', { region: null })) === 0) await tick();
    await client.publish('r:1', '{"big":12345678901234567890}');
    await Promise.all([raw.printed(/big/), pattern.printed(/big/)]);
    raw.stop();
    pattern.stop('SIGTERM');
    assert.deepEqual(await Promise.all(running), [130, 143]);
    assert.equal(raw.stdout(), '{"big":12345678901234567890}\n');
    const { channel, pattern: matched, region } = JSON.parse(pattern.stdout());
    assert.deepEqual([channel, matched, region], ['r:1', 'r:*', 'eu']);
    await client.close();
  });

  test('sub in a terminal shows time, channel and payload, and no control character of others', async () => {
    const context = fakeContext({ env, isTerminal: true });
    const running = run(context, 'sub', 't:1', '--count', '1');
    const client = new AshRedisClient({ url: server.url });
    await subscribed(client, 't:1');
    await client.publish('t:1', '\u001b[2Jboo');
    await client.close();
    assert.equal(await running, 0);
    assert.match(context.stdout(), /^\d\d:\d\d:\d\d\.\d{3} t:1 \\x1b\[2Jboo\n$/);
    assert.match(context.stderr(), /listening on t:1, Ctrl-C ends it/);
  });

  test('sub prints not one more than --count, and names the first five of its channels', async () => {
    const context = fakeContext({ env });
    const running = run(context, 'sub', 'few', '--count', '2');
    const client = new AshRedisClient({ url: server.url });
    await subscribed(client, 'few');
    await Promise.all([1, 2, 3, 4, 5].map((n) => client.publish('few', n)));
    assert.equal(await running, 0);
    assert.equal(context.stdout().match(/\n/g)?.length, 2);
    await client.close();
    const screen = fakeContext({ env, isTerminal: true });
    const many = run(screen, 'sub', 'a', 'b', 'c', 'd', 'e', 'f', 'g');
    await screen.printed(/listening on a, b, c, d, e and 2 more, Ctrl-C ends it/);
    screen.stop();
    assert.equal(await many, 130);
  });

  test('sub --latest begins with what --retain kept', async () => {
    assert.equal((await done('pub', 'l:1', '{"n":1}', '--retain')).code, 0);
    const { out } = await done('sub', 'l:1', '--latest', '--count', '1');
    assert.deepEqual(JSON.parse(out).data, { n: 1 });
  });

  test('pub sends one message and says to how many', async () => {
    assert.deepEqual(await done('pub', 'p:1', '{"n":1}'), { code: 0, out: '', err: 'sent 1 to 0 receivers\n' });
    assert.deepEqual(await done('pub', 'p:1', '[1]', '--json'), {
      code: 0,
      out: '{"sent":1,"failed":0,"unknown":0,"receivers":0}\n',
      err: '',
    });
    const { code, err } = await done('pub', 'p:1', '{level:high}');
    assert.equal(code, 2);
    assert.match(err, /Cannot publish '\{level:high\}': it is not JSON .*--text/);
    assert.equal((await done('pub', 'p:1', '{level:high}', '--text')).code, 0);
  });

  test('pub sends each line of standard input as it is, names bad ones by number and accounts for all', async () => {
    const reader = fakeContext({ env });
    const reading = run(reader, 'sub', 'p:2', '--raw', '--count', '3');
    const client = new AshRedisClient({ url: server.url });
    await subscribed(client, 'p:2');
    await client.close();
    const context = fakeContext({ env, input: ['{"n":1', '2345678901234567890}\n\n\u001b[31mbad\n', '"two"\n[3]'] });
    assert.equal(await run(context, 'pub', 'p:2'), 1);
    assert.equal(context.stdout(), '');
    assert.match(context.stderr(), /^line 3: not JSON \(.*\): \\x1b\[31mbad\nsent 3, failed 1, unknown 0/);
    assert.doesNotMatch(context.stderr(), /\u001b/);
    assert.equal(await reading, 0);
    assert.equal(reader.stdout(), '{"n":12345678901234567890}\n"two"\n[3]\n');
  });

  test('pub --text sends lines as they are, with byte order marks and blanks; before JSON a mark is none', async () => {
    const reader = fakeContext({ env });
    const reading = run(reader, 'sub', 'p:bom', '--raw', '--count', '5');
    const client = new AshRedisClient({ url: server.url });
    await subscribed(client, 'p:bom');
    await client.close();
    const text = fakeContext({ env, input: ['\ufeffone\r\n\n  \n\ufeff\u0000two'] });
    assert.equal(await run(text, 'pub', 'p:bom', '--text', '--quiet'), 0);
    const json = fakeContext({ env, input: ['\ufeff[1]\r\n   \n\ufeff[2]'] });
    assert.equal(await run(json, 'pub', 'p:bom', '--quiet'), 0);
    assert.deepEqual([await reading, text.stderr(), json.stderr()], [0, '', '']);
    assert.equal(reader.stdout(), '\ufeffone\n  \n\ufeff\u0000two\n[1]\n[2]\n');
  });

  test('pub --strict stops at the first bad line; --json gives the account on standard output', async () => {
    const context = fakeContext({ env, input: ['1\nbad\n2\n'] });
    assert.equal(await run(context, 'pub', 'p:3', '--strict', '--json'), 1);
    assert.equal(context.stdout(), '{"sent":1,"failed":1,"unknown":0}\n');
    const fine = fakeContext({ env, input: ['1\n2\n3\n'] });
    assert.equal(await run(fine, 'pub', 'p:3', '--quiet'), 0);
    assert.equal(fine.stderr(), '');
  });

  test('--numbered means to sub and pub what it means to the classes', async () => {
    const config = { url: server.url, numbered: true };
    const subscriber = new AshRedisChannelDataSubscriber('reader', 'ashredischannel://num:1', config);
    await subscriber.start();
    const input = ['{"n":1,"big":12345678901234567890}\n[2]'];
    assert.equal(await run(fakeContext({ env, input }), 'pub', 'num:1', '--numbered'), 0);
    assert.deepEqual(await subscriber.getData(5), { n: 1, big: Number('12345678901234567890') });
    assert.deepEqual(await subscriber.getData(5), [2]);
    assert.equal((await done('pub', 'num:1', 'a "text"', '--numbered', '--text')).code, 0);
    assert.equal(await subscriber.getData(5), 'a "text"');
    assert.deepEqual([subscriber.stats().missedCount, subscriber.stats().invalidCount], [0, 0]);
    await subscriber.stop();

    const context = fakeContext({ env });
    const running = run(context, 'sub', 'num:2', '--numbered', '--count', '1');
    const publisher = new AshRedisChannelDataPublisher('writer', 'ashredischannel://num:2', config);
    const client = new AshRedisClient({ url: server.url });
    await subscribed(client, 'num:2');
    await publisher.publish({ n: 3 });
    assert.equal(await running, 0);
    assert.equal(context.stderr(), '');
    const { data, position } = JSON.parse(context.stdout());
    assert.deepEqual([data, position.offset], [{ n: 3 }, 1]);
    await Promise.all([publisher.stop(), client.close()]);
  });

  test('a value comes back byte for byte in a pipe, and obeys nobody in a terminal', async () => {
    const bytes = Uint8Array.of(0xff, 0, 0x1b, 0x5b, 0x32, 0x4a, 0xfe);
    async function* input() {
      yield bytes;
    }
    assert.equal(await run(fakeContext({ env, input: input() }), 'set', 'bytes:1', '-'), 0);
    const written: Uint8Array[] = [];
    const piped = fakeContext({ env });
    const write = (chunk: string | Uint8Array) => void written.push(Buffer.from(chunk as string));
    assert.equal(await runProgram(COMMANDS, ['get', 'bytes:1'], { ...piped, out: { ...piped.out, write } }), 0);
    assert.deepEqual(Buffer.concat(written), Buffer.from([...bytes, 10]));
    const screen = fakeContext({ env, isTerminal: true });
    assert.equal(await run(screen, 'get', 'bytes:1'), 0);
    assert.equal(screen.stdout(), '\ufffd\\x00\\x1b[2J\ufffd\n');
    // Names come from others too: keys | xargs get.
    const name = 'bytes:\u001b[2J\n';
    for (const argv of [['get', name], ['set', name, '1', '--xx'], [name], ['get', 'x', name]]) {
      const context = fakeContext({ env, isTerminal: true });
      await run(context, ...argv);
      assert.match(context.stderr(), /bytes:\\x1b\[2J/);
      assert.ok(!context.stderr().includes('\u001b'));
    }
  });

  test('sub --raw gives payloads byte for byte in a pipe, and obeys nobody in a terminal', async () => {
    const bytes = Uint8Array.of(0xff, 0, 0x1b, 0x5b, 0x32, 0x4a, 0xfe);
    const written: Uint8Array[] = [];
    const piped = fakeContext({ env });
    const write = (chunk: string | Uint8Array) => void written.push(Buffer.from(chunk as string));
    const screen = fakeContext({ env, isTerminal: true });
    const argv = ['sub', 'bytes:2', '--raw', '--count', '1'];
    const running = [runProgram(COMMANDS, argv, { ...piped, out: { ...piped.out, write } }), run(screen, ...argv)];
    const client = new AshRedisClient({ url: server.url });
    while (Number(((await client.command('PUBSUB', 'NUMSUB', 'bytes:2')) as unknown[])[1]) !== 2) await tick();
    assert.equal(await client.publish('bytes:2', bytes), 2);
    assert.deepEqual(await Promise.all(running), [0, 0]);
    assert.deepEqual(Buffer.concat(written), Buffer.from([...bytes, 10]));
    assert.equal(screen.stdout(), '\ufffd\\x00\\x1b[2J\ufffd\n');
    await client.close();
  });

  test('a number below zero is a value like any other', async () => {
    assert.equal((await done('set', 'below', '-5')).code, 0);
    assert.equal((await done('get', 'below')).out, '-5\n');
    assert.equal((await done('pub', 'below', '-1.5')).err, 'sent 1 to 0 receivers\n');
  });

  test('Ctrl-C while set reads its value stores nothing and ends with 130', async () => {
    const context = fakeContext({ env });
    let onStop = () => {};
    const stopped = new Promise<void>((resolve) => {
      onStop = resolve;
    });
    async function* half() {
      yield new TextEncoder().encode('half a ');
      context.stop();
      await stopped;
    }
    const stdin = { ...context.stdin, [Symbol.asyncIterator]: half, stop: () => onStop() };
    assert.equal(await runProgram(COMMANDS, ['set', 'half', '-'], { ...context, stdin }), 130);
    assert.equal((await done('get', 'half')).code, 4);
  });

  test('Ctrl-C ends top with 130 and q with 0, in a screen of any width, and without a last look', async () => {
    for (const [key, expected] of [
      ['\u0003', 130],
      ['q', 0],
    ] as const) {
      const context = fakeContext({ env, isTerminal: true, columns: 40 });
      const watchKeys = (onKey: (key: string) => void) => {
        void context.printed(/CHANNEL/).then(() => onKey(key));
        return () => {};
      };
      const stdin = { ...context.stdin, isTerminal: true, watchKeys };
      assert.equal(await runProgram(COMMANDS, ['top', '--interval', '0.1'], { ...context, stdin }), expected);
      const rows = context.stdout().split(/\r\n|\u001b\[[\d;?]*[A-Za-z]/);
      assert.ok(rows.every((row) => row.length <= 40));
      assert.ok(rows.includes(`${'CHANNEL'.padEnd(20)}   RATE/s    BYTES/s`), rows.join('|'));
    }
    const once = fakeContext({ env });
    const running = run(once, 'top', '--once', '--interval', '30');
    const client = new AshRedisClient({ url: server.url });
    while ((await client.command('PUBSUB', 'NUMPAT', { region: null })) === 0) await tick();
    once.stop();
    assert.equal(await running, 130);
    assert.equal(once.stdout(), '');
    await client.close();
  });

  test('top --once counts messages, bytes, receivers, missing numbers and lag', async () => {
    const context = fakeContext({ env });
    const client = new AshRedisClient({ url: server.url });
    const subscription = client.subscribe('top:1');
    await subscription.ready;
    const running = run(context, 'top', 'top:*', '--once', '--json', '--interval', '2');
    while ((await client.command('PUBSUB', 'NUMPAT')) === 0) await tick();
    for (const offset of [1, 2, 5]) {
      await client.publish('top:1', { epoch: 'e', offset, data: { timestamp: Date.now() - 100 } });
    }
    assert.equal(await running, 0);
    const { channels, roundTripMs } = JSON.parse(context.stdout());
    assert.equal(channels.length, 1);
    const { channel, total, receivers, gaps, missed, lagMs, rate } = channels[0];
    assert.deepEqual([channel, total, receivers, gaps, missed], ['top:1', 3, 1, 1, 2]);
    assert.ok(lagMs >= 100 && lagMs < 30_000 && rate > 0 && roundTripMs > 0);
    await client.close();
  });

  test('top sorts by any of its columns, in a region as well, and prints a table', async () => {
    const orders = {
      rate: 'b c a',
      bytes: 'a c b',
      receivers: 'c a b',
      gaps: 'b a c',
      lag: 'a c b',
      channel: 'a b c',
    };
    const client = new AshRedisClient({ url: server.url, region: 'sorted' });
    await client.subscribe('c').ready;
    // A pattern of its own for each, so that it shows who listens.
    const top = (...more: string[]) => done('top', '?', ...more, '--once', '--interval', '3', '--region', 'sorted');
    const running = Object.keys(orders).map((column) => top(`no ${column}`, '--json', '--sort', column));
    const table = top('no table');
    while ((await client.command('PUBSUB', 'NUMPAT', { region: null })) !== 8) await tick();
    const ago = (seconds: number) => Date.now() - 1000 * seconds;
    await client.publish('a', { timestamp: ago(3600), pad: 'x'.repeat(500) });
    for (const offset of [1, 2, 5]) await client.publish('b', { epoch: 'e', offset, data: 1 });
    for (const seconds of [10, 20]) await client.publish('c', { timestamp: ago(seconds), pad: 'x'.repeat(80) });
    const found = (await Promise.all(running)).map(({ out }) => JSON.parse(out).channels);
    assert.deepEqual(
      found.map((rows) => rows.map(({ channel }: { channel: string }) => channel).join(' ')),
      Object.values(orders),
    );
    assert.deepEqual(
      found.at(-1).map(({ receivers }: { receivers: number }) => receivers),
      [0, 0, 1],
    );
    const lines = (await table).out.split('\n');
    assert.match(lines[0]!, /^ashredis top {2}3 channels, .* messages\/s, round trip .*, server \d/);
    assert.match(lines[2]!, /^CHANNEL +RATE\/s +BYTES\/s +TOTAL +RECEIVERS +GAPS +LAG$/);
    assert.match(lines[3]!, /^b .* 3 +0 +-2 +-$/);
    assert.match(lines[4]!, /^c .* 2 +1 +0 +\S/);
    assert.match(lines[5]!, /^a .* 1 +0 +0 +\S/);
    await client.close();
  });

  for (const region of [[], ['--region', 'r']]) {
    test(`doctor ${region.join(' ')} finds nothing wrong, measures, and leaves nothing behind`, async () => {
      const { code, out } = await done('doctor', '--json', ...region);
      const { summary, findings } = JSON.parse(out);
      assert.deepEqual(
        findings.filter(({ level }: { level: string }) => level === 'wrong'),
        [],
      );
      assert.equal(code, 0);
      assert.ok(!out.includes('in region'), out);
      assert.ok(summary.ok >= 10);
      const checks = findings.map(({ check }: { check: string }) => check);
      const wanted = ['resolve', 'connect', 'dialect', 'permissions', 'latency', 'pubsub', 'clock', 'version'];
      for (const check of wanted) assert.ok(checks.includes(check), check);
      assert.equal(checks.filter((check: string) => /^issue [2-5]/.test(check)).length, 4);
      const latency = findings.find(({ check }: { check: string }) => check === 'latency');
      const counted = latency.figures.histogram.reduce((sum: number, row: { count: number }) => sum + row.count, 0);
      assert.equal(counted, 200);
      for (const at of [[], region]) assert.equal((await done('keys', 'ashredis:*', ...at)).out, '');
    });
  }

  test('bench prints a row for each operation and deletes its key', async () => {
    const { code, out } = await done('bench', '--seconds', '0.1', '--pipeline', '16', '--json');
    assert.equal(code, 0);
    const rows = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.equal(rows.length, 5);
    for (const row of rows) assert.ok(row.operations > 0 && row.perSecond > 0, row.name);
    assert.equal((await done('keys', 'ashredis:*')).out, '');
  });

  if (name === 'redis-server') {
    test('doctor says what a user without permissions lacks', async () => {
      const admin = new AshRedisClient({ url: server.url });
      await admin.command('ACL', 'SETUSER', 'poor', 'on', '>secret', '+@connection', '+info');
      await admin.close();
      const context = fakeContext({ env: { ...env, ASHREDIS_PASSWORD: 'secret' } });
      assert.equal(await run(context, 'doctor', '--user', 'poor'), 1);
      assert.match(context.stdout(), /wrong +permissions: .*SET \(.*\n +-> .*ACL SETUSER/);
      assert.match(context.stdout(), /wrong +pubsub/);
      assert.doesNotMatch(context.stdout() + context.stderr(), /secret/);
    });

    test('doctor says that a password is wrong, and never shows it', async () => {
      const admin = new AshRedisClient({ url: server.url });
      await admin.command('ACL', 'SETUSER', 'known', 'on', '>secret', '+@all', '~*');
      await admin.close();
      const context = fakeContext({ env: { ...env, ASHREDIS_PASSWORD: 'hunter2' } });
      assert.equal(await run(context, 'doctor', '--user', 'known'), 1);
      assert.match(context.stdout(), /wrong +handshake: .*\n +-> user or password are wrong/);
      assert.doesNotMatch(context.stdout() + context.stderr(), /hunter2/);
    });
  }

  /** Resolves when somebody is subscribed to each. */
  async function subscribed(client: AshRedisClient, ...channels: string[]): Promise<void> {
    for (;;) {
      const counts = await client.command('PUBSUB', 'NUMSUB', ...channels, { region: null });
      const flat = counts instanceof Map ? [...counts].flat() : (counts as unknown[]);
      if (flat.filter((_, index) => index % 2 === 1).every((count) => Number(count) > 0)) return;
      await tick();
    }
  }
});

describe('the command line without a server', () => {
  test('says what failed, where and what to check, and ends with 3', async () => {
    const port = await freePort();
    for (const argv of [
      ['get', 'k'],
      ['set', 'k', 'v'],
      ['keys'],
      ['sub', 'c'],
      ['pub', 'c', '1'],
      ['top'],
      ['bench'],
    ]) {
      const context = fakeContext();
      assert.equal(await run(context, ...argv, '--host', '127.0.0.1', '--port', String(port)), 3, argv[0]);
      assert.match(context.stderr(), new RegExp(`^error Cannot .*127\\.0\\.0\\.1:${port}.*ECONNREFUSED`), argv[0]);
    }
    const context = fakeContext();
    assert.equal(await run(context, 'doctor', '--port', String(port), '--host', '127.0.0.1'), 3);
    assert.match(context.stdout(), /wrong +connect: .*ECONNREFUSED.*\n +-> nobody listens there/);
  });

  test('a wrong line ends with 2 and names the word', async () => {
    const cases: [string[], RegExp][] = [
      [['gett', 'k'], /did you mean ashredis get/],
      [['get'], /a word is missing/],
      [['get', 'k', '--prot', '1'], /did you mean --port/],
      [['sub', 'c', '--pattern', '--shard'], /Cannot use --pattern together with --shard/],
      [['get', 'k', '--dialect', 'x'], /not one of auto, resp, ashredis/],
      [['get', 'k', '--url', 'http://x'], /scheme/],
      [['top', '--sort', 'x'], /not one of rate/],
      [['--url', 'redis://h', 'get', 'k'], /the command stands first/],
      [['set', 'k', 'v', '--nx', '--xx'], /Cannot use --nx together with --xx/],
      [['sub', ''], /Cannot use a channel without a name/],
      [['sub', 'c', '--raw', '--json'], /Cannot use --raw together with --json/],
      [
        ['get', 'k', '--password=hunter2'],
        /unknown option '--password': the password comes from ASHREDIS_PASSWORD or the URL/,
      ],
      [['pub', '', '1'], /Cannot use a channel without a name/],
      [['pub', 'c', '{'], /it is not JSON/],
      [['server', '--password', ''], /Cannot use --password: it is empty/],
      [['get', 'k', '--cacert', '/dev/null'], /holds no certificate in PEM form/],
      [[], /Usage: ashredis COMMAND/],
    ];
    for (const [argv, pattern] of cases) {
      const context = fakeContext();
      assert.equal(await run(context, ...argv), 2, argv.join(' '));
      assert.match(context.stderr(), pattern);
      assert.equal(context.stdout(), '');
    }
  });

  test('each command refuses a word too few or too many, and numbers outside its range', async () => {
    const missing = [['set'], ['set', 'k'], ['pub'], ['sub']];
    const surplus = [
      ['get', 'k', 'more'],
      ['set', 'k', 'v', 'more'],
      ['keys', '*', 'more'],
      ['pub', 'c', '1', 'more'],
      ...['bench', 'doctor', 'server'].map((name) => [name, 'more']),
    ];
    const numbers = [
      ['set', 'k', 'v', '--ttl', '0.0009'],
      ['set', 'k', 'v', '--ttl', '2147483648'],
      ['keys', '--count', '0'],
      ['sub', 'c', '--count', '0'],
      ['top', '--interval', '0.09'],
      ['top', '--interval', '3601'],
      ['bench', '--seconds', '0.09'],
      ['bench', '--seconds', '601'],
      ['server', '--port', '65536'],
      ['server', '--max-memory', '-1'],
      ['get', 'k', '--port', '0'],
      ['get', 'k', '--timeout', '86401'],
    ];
    const refused = async (argv: string[], words: string) => {
      const context = fakeContext();
      assert.equal(await run(context, ...argv), 2, argv.join(' '));
      assert.ok(context.stderr().includes(words), context.stderr());
    };
    for (const argv of missing) await refused(argv, 'a word is missing; usage: ');
    for (const argv of surplus) await refused(argv, "'more' is one too many; usage: ");
    for (const argv of numbers) await refused(argv, `${argv.at(-2)} '${argv.at(-1)}' is not a`);
  });

  test('what the library refuses is said in the words of the command line', async () => {
    const cases: [string[], Record<string, string>, RegExp][] = [
      [['get', 'k', '--url', ''], {}, /^error Cannot use --url: it is empty/],
      [['get', 'k', '--url', 'h'], {}, /^error Cannot use --url: it has no scheme/],
      [['get', 'k'], { ASHREDIS_URL: 'h' }, /^error Cannot use ASHREDIS_URL: it has no scheme/],
      [['get', 'k', '--db', '1'], { ASHREDIS_URL: 'redis://h/2' }, /ASHREDIS_URL together with a different --db/],
      [['get', 'k', '--url', 'redis://h:1', '--port', '2'], {}, /--url together with a different --port/],
      [['get', 'k', '--url', 'unix:///x', '--host', 'h'], {}, /a unix:\/\/ URL together with --host or --port/],
      [['get', 'k', '--host', 'redis://u:hunter2@h'], {}, /Cannot use --host: found "…@h".*see --url/],
      [['get', 'k', '--user', 'x'], {}, /Cannot use --user without a password: set ASHREDIS_PASSWORD/],
      [['get', 'k', '--region', '..'], {}, /Cannot use --region: found "\.\."/],
      [['get', 'k', '--dialect', 'ashredis', '--db', '1'], {}, /--dialect ashredis together with a password or --db/],
      [['sub', 'a*', '--pattern', '--latest'], {}, /--latest together with --pattern/],
      [['server', '--host', '0.0.0.0'], {}, /set ASHREDIS_PASSWORD, or use --unprotected/],
    ];
    for (const [argv, env, pattern] of cases) {
      const context = fakeContext({ env });
      assert.equal(await run(context, ...argv), 2, argv.join(' '));
      assert.match(context.stderr(), pattern);
    }
  });

  test('a server that says nothing is what a command ends with, and --timeout what it names', async () => {
    const silent = createTcpServer((socket) => socket.on('error', () => {}).resume());
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    try {
      const commands = [['get', 'k'], ['set', 'k', 'v'], ['keys'], ['pub', 'c', '1'], ['pub', 'c'], ['top', '--once']];
      const ended = async (argv: string[], pattern: RegExp) => {
        const context = fakeContext();
        assert.equal(await run(context, ...argv, '--port', String(port), '--timeout', '2.5'), 3, argv.join(' '));
        assert.match(context.stderr(), pattern);
      };
      // All at once: a limit so long that a busy machine has opened every link within it.
      await Promise.all(
        commands.flatMap((argv) => [
          ended(argv, /the handshake was not answered within 2500 ms; .*raise --timeout \(/),
          ended([...argv, '--tls'], /TLS was spoken, but the server did not answer it .*leave --tls out/),
        ]),
      );
    } finally {
      await new Promise((resolve) => silent.close(resolve));
    }
  });

  test('help, version and the help of each command go to standard output with 0', async () => {
    for (const argv of [
      ['--help'],
      ['help'],
      ['-h'],
      ['--version'],
      ['help', 'sub'],
      ['top', '--help'],
      ['get', '-h'],
    ]) {
      const context = fakeContext();
      assert.equal(await run(context, ...argv), 0, argv.join(' '));
      assert.ok(context.stdout().length > 4);
      assert.equal(context.stderr(), '');
    }
  });

  test('server prints its address, serves, and stops with 0 on SIGTERM and 130 on Ctrl-C', async () => {
    for (const [signal, expected] of [
      ['SIGTERM', 0],
      ['SIGINT', 130],
      ['SIGHUP', 129],
    ] as const) {
      const context = fakeContext();
      const running = run(context, 'server', '--port', '0', '--json');
      await context.printed(/url/);
      const client = new AshRedisClient({ url: JSON.parse(context.stdout()).url });
      assert.equal(await client.ping(), 'PONG');
      await client.close();
      context.stop(signal);
      assert.equal(await running, expected);
    }
  });

  test('server says which port is taken, and that it wants a password beyond loopback', async () => {
    const taken = await createServer({ port: 0 });
    const context = fakeContext();
    assert.equal(await run(context, 'server', '--port', String(taken.port)), 2);
    assert.match(context.stderr(), /Cannot start the server on 127\.0\.0\.1:\d+: .*EADDRINUSE.*choose another --port/);
    const file = fileURLToPath(import.meta.url);
    const exists = fakeContext();
    assert.equal(await run(exists, 'server', '--port', '0', '--unix', file), 2);
    assert.match(exists.stderr(), /Cannot start the server on .*cli\.test\.ts: .*EADDRINUSE.*the file exists/);
    const both = fakeContext();
    assert.equal(await run(both, 'server', '--port', String(taken.port), '--unix', '/nowhere/s.sock'), 2);
    assert.match(both.stderr(), /Cannot start the server on 127\.0\.0\.1:\d+: .*choose another --port/);
    await taken.stop();
    const open = fakeContext();
    assert.equal(await run(open, 'server', '--host', '0.0.0.0', '--port', '0'), 2);
    assert.match(open.stderr(), /password/);
  });

  test('doctor says what to do about a server that refuses writes, and blames nothing else', async () => {
    const cases = [
      ['OOM command not allowed', /the server has no memory left: raise maxmemory/],
      ["READONLY You can't write against a read only replica.", /this is a replica/],
      ['MISCONF Redis is configured to save', /can not write to its disk/],
      ['NOPERM this user has no permissions', /ACL SETUSER/],
    ] as const;
    for (const [text, advice] of cases) {
      const server = await createServer();
      server.faults.replyError('SET', text, 1000);
      const context = fakeContext({ env: { ASHREDIS_URL: server.url } });
      assert.equal(await run(context, 'doctor', '--json'), 1);
      const { findings } = JSON.parse(context.stdout()) as { findings: { check: string; advice?: string }[] };
      const found = (check: string) => findings.filter((finding) => finding.check.startsWith(check));
      assert.match(found('permissions')[0]!.advice!, advice);
      assert.match(found('issue 4')[0]!.advice!, advice);
      assert.deepEqual(found('ttl'), []);
      await server.stop();
    }
  });

  test('doctor and bench leave nothing behind on a line server either, where a channel is a key', async () => {
    await using server = await createServer({ dialect: 'ashredis' });
    const context = () => fakeContext({ env: { ASHREDIS_URL: server.url } });
    for (const region of [[], ['--region', 'r']]) {
      assert.equal(await run(context(), 'doctor', ...region), 0);
      assert.equal(await run(context(), 'bench', '--seconds', '0.1', ...region), 0);
      const keys = context();
      assert.equal(await run(keys, 'keys', ...region), 0);
      assert.equal(keys.stdout(), '');
    }
  });

  test('bench that is stopped ends at once, and leaves nothing behind either', async () => {
    for (const dialect of ['resp', 'ashredis'] as const) {
      await using server = await createServer({ dialect });
      for (const row of [/SET,/, /PUBLISH/]) {
        const context = fakeContext({ env: { ASHREDIS_URL: server.url } });
        const running = run(context, 'bench', '--seconds', '0.1', '--region', 'r');
        await context.printed(row);
        if (dialect === 'resp' && row.test('PUBLISH')) {
          // It waits for messages that are lost.
          server.faults.dropMessages(1e9);
          await new Promise((resolve) => setTimeout(resolve, 300));
        }
        const stopped = performance.now();
        context.stop();
        assert.equal(await running, 130);
        assert.ok(performance.now() - stopped < 4000);
        const client = new AshRedisClient({ url: server.url, region: 'r' });
        assert.deepEqual(await client.keys('*'), []);
        await client.close();
      }
    }
  });

  test('doctor stops where nothing is answered any more, after one time limit', async () => {
    // It goes on to take connections and to answer their handshakes, and nothing else.
    const server = await createServer();
    const deaf = createTcpServer((socket) => {
      const through = connectTcp(server.port, '127.0.0.1');
      for (const each of [socket, through]) each.on('error', () => {});
      let commands = 0;
      socket.on('data', (bytes) => {
        commands += bytes.toString().split('*').length - 1;
        if (!/\bSET\b/.test(bytes.toString()) && commands <= 4) through.write(bytes);
      });
      through.on('data', (bytes) => socket.write(bytes));
      socket.on('close', () => through.destroy());
    });
    await new Promise<void>((resolve) => deaf.listen(0, '127.0.0.1', resolve));
    const { port } = deaf.address() as AddressInfo;
    const context = fakeContext();
    const argv = ['doctor', '--host', '127.0.0.1', '--port', String(port), '--timeout', '1', '--json'];
    assert.equal(await run(context, ...argv), 1);
    const { findings } = JSON.parse(context.stdout()) as { findings: { check: string; level: string }[] };
    assert.deepEqual(findings.at(-1)?.check, 'answers');
    assert.equal(findings.filter(({ level }) => level === 'wrong').length, 1);
    await new Promise((resolve) => deaf.close(resolve));
    await server.stop();
  });

  test('pub names the first refusal alone, and counts them all', async () => {
    const server = await createServer();
    server.faults.replyError('PUBLISH', 'NOPERM no such channel for you', 3);
    const context = fakeContext({ env: { ASHREDIS_URL: server.url }, input: ['1\n2\n3\n', '\n \n4'] });
    assert.equal(await run(context, 'pub', 'c', '--json'), 1);
    assert.equal(context.stdout(), '{"sent":1,"failed":3,"unknown":0}\n');
    assert.equal(context.stderr().match(/NOPERM/g)?.length, 1, context.stderr());
    await server.stop();
  });

  test('pub says to how many only where the server tells', async () => {
    await using server = await createServer({ dialect: 'ashredis' });
    const context = fakeContext({ env: { ASHREDIS_URL: server.url } });
    assert.equal(await run(context, 'pub', 'c', '1'), 0);
    assert.equal(context.stderr(), 'sent 1\n');
  });

  test('pub accounts for what it has read when it is stopped, and fails where its input fails', async () => {
    await using server = await createServer();
    for (const isStopped of [true, false]) {
      const context = fakeContext({ env: { ASHREDIS_URL: server.url } });
      let onStop = () => {};
      const stopped = new Promise<void>((resolve) => {
        onStop = resolve;
      });
      async function* broken() {
        yield new TextEncoder().encode('1\n2\n');
        if (isStopped) {
          context.stop();
          await stopped;
        }
        throw new Error('the input is broken');
      }
      const stdin = { ...context.stdin, [Symbol.asyncIterator]: broken, stop: () => onStop() };
      const code = await runProgram(COMMANDS, ['pub', 'c', '--json'], { ...context, stdin });
      assert.equal(code, isStopped ? 130 : 1);
      assert.equal(/the input is broken/.test(context.stderr()), !isStopped);
      if (!isStopped) continue;
      const { sent, failed, unknown } = JSON.parse(context.stdout()) as Record<string, number>;
      assert.equal(sent! + failed! + unknown!, 2);
    }
  });

  test('pub and sub mean a shard channel with --shard, and say nothing with --quiet', async () => {
    const server = await createServer();
    const env = { ASHREDIS_URL: server.url };
    const [reader, sender] = [fakeContext({ env }), fakeContext({ env })];
    const reading = run(reader, 'sub', 's:1', '--shard', '--raw', '--count', '1');
    const client = new AshRedisClient({ url: server.url });
    while (Number(((await client.command('PUBSUB', 'SHARDNUMSUB', 's:1')) as unknown[])[1]) !== 1) await tick();
    assert.equal(await run(sender, 'pub', 's:1', '"channel"', '--quiet'), 0);
    assert.equal(await run(sender, 'pub', 's:1', '"shard"', '--shard', '--quiet'), 0);
    assert.equal(await reading, 0);
    assert.deepEqual([reader.stdout(), sender.stdout(), sender.stderr()], ['"shard"\n', '', '']);
    await client.close();
    await server.stop();
  });

  test('top says first that the link is lost, so that a narrow terminal shows it', async () => {
    const server = await createServer();
    server.faults.replyError('PUBLISH', 'ERR no', 1000);
    const context = fakeContext({ env: { ASHREDIS_URL: server.url } });
    assert.equal(await run(context, 'top', '--once', '--interval', '0.1'), 0);
    assert.match(context.stdout(), /^ashredis top {2}link lost, 0 channels/);
    await server.stop();
  });

  test('sub ends with 3 and the reason when it can not come back', async () => {
    const first = await createServer({ port: await freePort() });
    const context = fakeContext({ env: { ASHREDIS_URL: first.url } });
    const running = run(context, 'sub', 'gone');
    const client = new AshRedisClient({ url: first.url });
    while ((await client.publish('gone', 1)) === 0) await tick();
    await client.close();
    await first.stop();
    const second = await createServer({ port: first.port, password: 'another' });
    const code = await running;
    await second.stop();
    assert.equal(code, 3);
    assert.match(context.stderr(), /^link lost: .*\nerror Cannot connect .*: NOAUTH/);
  });

  test('a lost link shows as a gap, in the stream with --json and beside it without', async () => {
    const server = await createServer({ port: 0 });
    const env = { ASHREDIS_URL: server.url };
    const [json, plain] = [fakeContext({ env }), fakeContext({ env })];
    const running = [run(json, 'sub', 'g', '--json'), run(plain, 'sub', 'g')];
    const client = new AshRedisClient({ url: server.url });
    while ((await client.publish('g', { n: 1 })) !== 2) await tick();
    server.faults.cut({ subscriber: true });
    await Promise.all([json.printed(/"gap"/), plain.printed(/gap: /)]);
    for (const context of [json, plain]) context.stop();
    assert.deepEqual(await Promise.all(running), [130, 130]);
    const gap = json
      .stdout()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .at(-1).gap;
    assert.deepEqual([gap.channels, gap.reason, gap.missed], [['g'], 'link-lost', 'unknown']);
    assert.match(plain.stderr(), /link lost: .*\n/);
    assert.match(plain.stderr(), /gap: an unknown number of messages missed on g within .* \(link-lost\)/);
    await client.close();
    await server.stop();
  });
});

function tick(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}
