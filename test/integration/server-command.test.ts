// The command `ashredis-server` as a program: what it prints, its options, its exit codes; and Redis's own tools against it.

import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { createServer } from '../../src/server/index.ts';
import { RawConnection } from '../support/raw-connection.ts';
import { READ_TYPESCRIPT } from '../support/read-typescript.ts';

const PROGRAM = new URL('../../src/cli/ashredis-server.ts', import.meta.url).pathname;
const run = promisify(execFile);

interface Started {
  child: ChildProcess;
  /** The first line. */
  line: string;
  port: number;
}

async function start(...args: string[]): Promise<Started> {
  const child = spawn(process.execPath, [...READ_TYPESCRIPT, PROGRAM, '--port', '0', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  for await (const chunk of child.stdout) {
    output += String(chunk);
    if (output.includes('\n')) break;
  }
  return { child, line: output, port: Number(/:(\d+)/.exec(output)?.[1]) };
}

async function exitOf(child: ChildProcess, signal: NodeJS.Signals): Promise<unknown> {
  const exit = once(child, 'exit');
  child.kill(signal);
  return (await exit)[0];
}

async function has(tool: string): Promise<boolean> {
  return run(tool, ['--version']).then(
    () => true,
    () => false,
  );
}

const tools = (await has('redis-cli')) && (await has('redis-benchmark'));

describe('ashredis-server', () => {
  test('prints its address and that data lives in memory; SIGTERM ends it with 0', async () => {
    const { child, line, port } = await start();
    assert.match(line, /redis:\/\/127\.0\.0\.1:\d+/);
    assert.match(line, /memory/);
    const client = await RawConnection.open({ host: '127.0.0.1', port });
    assert.equal(await client.ask('PING\r\n', '\n'), '+PONG\r\n');
    assert.equal(await exitOf(child, 'SIGTERM'), 0);
    await client.untilClosed();
  });

  test('takes a password, a memory limit, a dialect and a Unix socket; SIGINT ends it with 130', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'ashredis-unix-'));
    const path = join(folder, 'server.sock');
    const { child, line, port } = await start(
      '--password',
      'secret',
      '--max-memory',
      '5000',
      '--dialect',
      'resp',
      '--unix',
      path,
    );
    assert.doesNotMatch(line, /secret/);
    assert.ok(line.includes(` and unix://${path};`), line);
    const client = await RawConnection.open({ host: '127.0.0.1', port });
    assert.equal(await client.ask('PING\n', '\n'), '-NOAUTH Authentication required.\r\n');
    assert.equal(await client.ask('AUTH secret\n', '\n'), '+OK\r\n');
    assert.match(await client.ask(`SET k ${'x'.repeat(6000)}\n`, '\n'), /^-OOM /);
    client.close();
    const local = new RawConnection(connect({ path }));
    assert.equal(await local.ask('AUTH secret\r\n', '\n'), '+OK\r\n');
    local.close();
    assert.equal(await exitOf(child, 'SIGINT'), 130);
    await rm(folder, { recursive: true });
  });

  test('refuses an address beyond loopback without a password, with code 2, and says why', async () => {
    const args = [...READ_TYPESCRIPT, PROGRAM, '--port', '0', '--host', '0.0.0.0'];
    await assert.rejects(run(process.execPath, args), (error: Error & { code?: number; stderr?: string }) => {
      assert.equal(error.code, 2);
      assert.match(error.stderr ?? '', /beyond loopback/);
      return true;
    });
  });
});

describe('the tools of Redis work against the embedded server', { skip: tools ? false : 'no redis-cli here' }, () => {
  test('redis-cli in RESP2 and RESP3', async () => {
    await using server = await createServer();
    const cli = async (...args: string[]) =>
      (await run('redis-cli', ['-p', String(server.port), ...args])).stdout.trimEnd();
    assert.equal(await cli('set', 'k', 'a value'), 'OK');
    assert.equal(await cli('-3', 'get', 'k'), 'a value');
    assert.equal(await cli('--scan', '--pattern', 'k*'), 'k');
    assert.match(await cli('info', 'server'), /redis_version:7/);
    assert.match(await cli('-3', 'hello'), /^server redis\n/);
    assert.match(await cli('client', 'list'), /^id=\d+ addr=127\.0\.0\.1/);
    assert.equal(await cli('publish', 'c', 'm'), '0');
    assert.equal(await cli('nosuch'), "ERR unknown command 'nosuch', with args beginning with:");
  });

  test('redis-benchmark', async () => {
    await using server = await createServer();
    const { stdout } = await run('redis-benchmark', [
      '-p',
      String(server.port),
      '-P',
      '16',
      '-n',
      '2000',
      '-c',
      '10',
      '-q',
      '-t',
      'ping,set,get,incr,mset',
    ]);
    for (const name of ['PING_INLINE', 'PING_MBULK', 'SET', 'GET', 'INCR', 'MSET']) {
      assert.match(stdout, new RegExp(`${name}.*: [0-9.]+ requests per second`));
    }
  });
});
