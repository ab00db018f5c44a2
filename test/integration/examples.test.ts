// Runs every example against both servers and looks at what it prints.
// An example without a line in the table fails the test: nothing in examples/ goes untried.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { AshRedisClient } from '../../src/index.ts';
import { READ_TYPESCRIPT } from '../support/read-typescript.ts';
import { forEachServer, type TestServer } from '../support/servers.ts';
import { root } from '../support/sources.ts';

/** What each example must print, besides ending by itself. */
const PRINTS: Record<string, RegExp[]> = {
  '01-key-value-publishing.ts': [/"value":23\.5/],
  '02-ttl.ts': [/^abc123 lives for 600 s/m, /^def456 lives for 300 s/m],
  '03-multi-region.ts': [/us-east-1: \{"name"/, /eu-west-1: null/],
  '05-channel-subscription.ts': [/Alert sent to 1 receivers/, /system_alerts: \{/, /Processed 1 messages/],
  '06-producer-consumer.ts': [/received message_0/, /received message_9/, /Total messages processed: 10/],
  '07-regions.ts': [/eu-west-1: user:eu-west-1:123/, /ap-south-1: user:ap-south-1:123/],
  '08-dynamic-ttl.ts': [/temp:session lives for 60 s/, /config:app lives for 3600 s/],
  '09-keys-by-pattern.ts': [/Temperature sensors: sensor:temperature:001$/m],
  '10-health.ts': [/message_count: 1/, /is_running: true/],
  '11-troubleshooting.ts': [/^1: true .*ECONNREFUSED/m, /^2: true No __dagserver_key/m, /^3: 0 rec/m, /^5: 101 pub/m],
  'await-using.ts': [/hello: 'world'/, /both are stopped/],
  'cache-invalidation.ts': [/^Ada/m, /gap \(link-lost\): the cache is empty again/],
  'encrypted-and-gzip.ts': [/gzip: 6000 characters came as \d{2,3} bytes/, /encrypted: 6000 characters/],
  'graceful-shutdown.ts': [/finished \d+, gave up 0, answered 20/],
  'priority-queue.ts': [/fire alarm\n.*clean up\n.*report/],
  'prometheus.ts': [/_missed_count\{name="orders_in"\} 0/],
  'short-life.ts': [/statusCode: 202/],
  'traceparent.ts': [/the same trace: true/],
  'worker-threads.ts': [/The worker computed \[832040,1346269,2178309\]/],
};

/** Run in another way: 04 together with 05, the fan-out with a browser of ours, the inspector with a command. */
const ELSEWHERE = ['04-channel-publishing.ts', 'resp-inspect.ts', 'sse-fan-out.ts'];

const LIMIT_MS = 300_000;

test('every example is tried', () => {
  const files = readdirSync(join(root, 'examples')).filter((name) => name.endsWith('.ts'));
  assert.deepEqual(files.sort(), [...Object.keys(PRINTS), ...ELSEWHERE].sort());
});

forEachServer('the examples', (start) => {
  let server: TestServer;
  before(async () => {
    server = await start();
  });
  after(() => server.stop());

  test('each prints what it says and ends by itself', { timeout: LIMIT_MS }, async () => {
    const names = Object.keys(PRINTS);
    const args = ['--examples', names.join(','), '--pause-ms', '1', '--count', '1'];
    const { code, output } = await ended(run('test/support/run-examples.ts', server, args));
    const parts = new Map(
      output
        .split(/^== /m)
        .slice(1)
        .map((part) => {
          const at = part.indexOf('\n');
          return [part.slice(0, at), part.slice(at + 1)] as const;
        }),
    );
    for (const [name, patterns] of Object.entries(PRINTS)) {
      for (const pattern of patterns)
        assert.match(parts.get(name) ?? `not reached:\n${output.slice(-2000)}`, pattern, name);
    }
    assert.equal(code, 0, output.slice(-2000));
  });

  test('resp-inspect.ts shows the answer to a command', { timeout: LIMIT_MS }, async () => {
    const args = ['--command', 'ECHO inspected'];
    const { code, output } = await ended(run('examples/resp-inspect.ts', server, args));
    assert.equal(code, 0, output);
    assert.match(output, /bulk string.*inspected/);
  });

  test('sse-fan-out.ts feeds a browser, and ends on SIGTERM', { timeout: LIMIT_MS }, async () => {
    const child = run('examples/sse-fan-out.ts', server, ['--http-port', '0']);
    const done = ended(child);
    const url = (await printed(child, /http:\/\/127\.0\.0\.1:\d+/))[0];
    const response = await fetch(url);
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    assert.match((await reader.read()).value ?? '', /: connected/);
    const client = new AshRedisClient({ url: server.url });
    assert.equal(await client.publish('prices', { symbol: 'X', price: 1.5 }), 1);
    assert.match((await reader.read()).value ?? '', /event: price\ndata: \{"symbol":"X","price":1\.5\}/);
    await client.close();
    child.kill('SIGTERM');
    const { code, output } = await done;
    assert.equal(code, 0, output);
  });
});

function run(file: string, server: TestServer, args: string[]): ChildProcess {
  const words = ['--unhandled-rejections=strict', ...READ_TYPESCRIPT, file, '--host', server.host];
  return spawn(process.execPath, [...words, '--port', String(server.port), ...args], { cwd: root });
}

/** The exit code (or the signal) and everything printed. */
function ended(child: ChildProcess): Promise<{ code: number | string | null; output: string }> {
  return new Promise((resolve) => {
    let output = '';
    child.stdout?.on('data', (chunk) => (output += chunk));
    child.stderr?.on('data', (chunk) => (output += chunk));
    const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS - 2000);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code: code ?? signal, output });
    });
  });
}

/** Resolves when the child has printed it. */
function printed(child: ChildProcess, pattern: RegExp): Promise<RegExpExecArray> {
  return new Promise((resolve, reject) => {
    let output = '';
    const look = (chunk: unknown) => {
      output += chunk;
      const found = pattern.exec(output);
      if (found !== null) resolve(found);
    };
    child.stdout?.on('data', look);
    child.stderr?.on('data', look);
    child.once('close', () => reject(new Error(`ended before it printed ${pattern}: ${output}`)));
  });
}
