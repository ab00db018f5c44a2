// The command line as processes: signals, a reader that goes away, colours, and what a terminal shows.
// What commands do is tested in cli.test.ts, in this process; here is what only a process and a terminal can show.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { AshRedisClient } from '../../src/index.ts';
import { createServer, type EmbeddedServer } from '../../src/server/index.ts';
import { READ_TYPESCRIPT } from '../support/read-typescript.ts';
import { root } from '../support/sources.ts';
import { hasTmux, openTerminal } from '../support/tmux.ts';

const PROGRAM = [...READ_TYPESCRIPT, 'src/cli/ashredis.ts'];
const LIMIT = { timeout: 300_000 };

describe('the command line as a process', () => {
  let server: EmbeddedServer;
  let client: AshRedisClient;
  before(async () => {
    server = await createServer({ port: 0 });
    client = new AshRedisClient({ url: server.url });
  });
  after(async () => {
    await client.close();
    await server.stop();
  });

  function start(...argv: string[]): ChildProcess {
    const env = { ...process.env, ASHREDIS_URL: server.url };
    return spawn(process.execPath, [...PROGRAM, ...argv], { cwd: root, env });
  }

  /** Publishes until somebody listens. */
  async function publishHeard(channel: string, data: object): Promise<void> {
    while ((await client.publish(channel, data)) === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  test('a reader that goes away ends sub quietly: no error, no stack', LIMIT, async () => {
    const child = start('sub', 'pipe');
    const stderr = collect(child, 'stderr');
    const ended = once(child, 'close');
    await publishHeard('pipe', { n: 1 });
    await once(child.stdout!, 'data');
    child.stdout!.destroy();
    // The next write finds nobody; how many it takes is the kernel's choice.
    while (child.exitCode === null) {
      await client.publish('pipe', { n: 2 });
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.deepEqual(await ended, [0, null]);
    assert.equal(stderr(), '');
  });

  test('what a full disk did not take is an error with 1', { ...LIMIT, skip: !existsSync('/dev/full') }, async () => {
    await client.set('kept', 'value');
    const full = openSync('/dev/full', 'w');
    const env = { ...process.env, ASHREDIS_URL: server.url };
    const child = spawn(process.execPath, [...PROGRAM, 'get', 'kept'], {
      cwd: root,
      env,
      stdio: ['ignore', full, 'pipe'],
    });
    const stderr = collect(child, 'stderr');
    assert.deepEqual(await once(child, 'close'), [1, null]);
    assert.match(stderr(), /^error Cannot write to standard output: ENOSPC/);
    closeSync(full);
  });

  test('Ctrl-C ends sub with 130, SIGTERM ends ashredis-server with 0', LIMIT, async () => {
    const sub = start('sub', 'signals');
    const subEnded = once(sub, 'exit');
    const program = [...READ_TYPESCRIPT, 'src/cli/ashredis-server.ts', '--port', '0'];
    const serving = spawn(process.execPath, program, { cwd: root });
    const servingEnded = once(serving, 'exit');
    const stdout = collect(serving, 'stdout');
    await publishHeard('signals', { n: 1 });
    sub.kill('SIGINT');
    assert.deepEqual(await subEnded, [130, null]);
    while (!/Listening on redis:\/\/127\.0\.0\.1:\d+; data lives in memory/.test(stdout())) {
      await once(serving.stdout!, 'data');
    }
    serving.kill('SIGTERM');
    assert.deepEqual(await servingEnded, [0, null]);
  });

  test(
    'a terminal that was closed (SIGHUP) ends sub, and pub in the middle of its lines, with 129',
    LIMIT,
    async () => {
      const heard = client.subscribe('lines');
      await heard.ready;
      const [sub, pub] = [start('sub', 'hung-up'), start('pub', 'lines')];
      const exits = [once(sub, 'exit'), once(pub, 'exit')];
      pub.stdin!.write('{"n":1}\n');
      await publishHeard('hung-up', { n: 2 });
      for await (const { data } of heard) {
        assert.equal(data, '{"n":1}');
        break;
      }
      for (const program of [sub, pub]) program.kill('SIGHUP');
      for (const exit of exits) assert.deepEqual(await exit, [129, null]);
    },
  );

  if (hasTmux('the command line in a terminal')) {
    const program = `${process.execPath} ${PROGRAM.join(' ')}`;
    const open = (line: string, env: Record<string, string> = {}) =>
      openTerminal(`${program} ${line}`, { cwd: root, env: { ASHREDIS_URL: server.url, ...env } });

    test('top shows a table that updates, and gives the screen back on q', LIMIT, async () => {
      const terminal = await open('top --interval 0.2');
      try {
        await terminal.shows(/CHANNEL +RATE\/s +BYTES\/s +TOTAL +RECEIVERS +GAPS +LAG/);
        for (let n = 1; n <= 3; n++) await client.publish('orders', { n, timestamp: Date.now() });
        const first = await terminal.shows(/^orders .* 3 +0 +0 +[\d.]+ m?s/m);
        assert.match(first, /ashredis top +\d+ channels, [\d,]+ messages\/s, round trip [\d.]+ ms/);
        for (let n = 4; n <= 6; n++) await client.publish('orders', { n });
        await terminal.shows(/^orders .* 6 +0 +0/m);
        await terminal.press('q');
        const left = await terminal.shows(/exit 0/);
        assert.doesNotMatch(left, /CHANNEL/);
      } finally {
        terminal.close();
      }
    });

    test('pub reads what is typed, shows progress and the account', LIMIT, async () => {
      const terminal = await open('pub typed');
      try {
        await terminal.shows(/one JSON value a line, Ctrl-D ends it/);
        await terminal.press('{"n":1}', 'Enter', 'oops', 'Enter');
        await terminal.shows(/line 2: not JSON/);
        await terminal.press('C-d');
        await terminal.shows(/sent 1, failed 1, unknown 0[\s\S]*exit 1/);
      } finally {
        terminal.close();
      }
    });

    test('sub shows messages for people, and Ctrl-C leaves a clean prompt', LIMIT, async () => {
      const terminal = await open('sub people', { NO_COLOR: '1' });
      try {
        await terminal.shows(/listening on people, Ctrl-C ends it/);
        await client.publish('people', { hello: 'you' });
        await terminal.shows(/\d\d:\d\d:\d\d\.\d{3} people \{"hello":"you"\}/);
        await terminal.press('C-c');
        assert.doesNotMatch(await terminal.shows(/exit 130/), /Error|at /);
      } finally {
        terminal.close();
      }
    });
  }
});

function collect(child: ChildProcess, stream: 'stdout' | 'stderr'): () => string {
  let text = '';
  child[stream]!.on('data', (chunk) => (text += chunk));
  return () => text;
}
