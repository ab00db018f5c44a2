// How fast the embedded server is beside redis-server on this machine: redis-benchmark's SET and GET, and fan-out to 50 subscribers.
// Called by hand: `node --import tsx test/platforms/server-speed.mjs`. Rounds alternate (A B A B) and medians are printed; a
// ratio below 0.25 ends it with 1. It must never be part of `npm test`: figures need a quiet machine.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startRedisServer } from '../support/redis-server.ts';
import { root, SKIPPED } from './places.mjs';

const run = promisify(execFile);
const ROUNDS = 5;
const SUBSCRIBERS = 50;
const LEAST = 0.25;

const real = await startRedisServer();
const tool = await run('redis-benchmark', ['--version']).catch(() => undefined);
if (real === null || tool === undefined) {
  process.stdout.write('SKIPPED: redis-server and redis-benchmark are needed\n');
  process.exit(SKIPPED);
}
const program = join(root, 'src', 'cli', 'ashredis-server.ts');
const child = spawn(process.execPath, ['--import', 'tsx', program, '--port', '0', '--json'], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
const [line] = await once(child.stdout, 'data');
const embedded = JSON.parse(String(line)).port;

/** Requests a second of redis-benchmark's tests, by name. */
async function commands(port) {
  const words = ['-p', String(port), '-P', '16', '-n', '200000', '-q', '--csv', '-t', 'set,get'];
  const { stdout } = await run('redis-benchmark', words);
  const rows = [...stdout.matchAll(/^"(SET|GET)","([0-9.]+)"/gm)];
  return Object.fromEntries(rows.map(([, name, rate]) => [name, Number(rate)]));
}

async function open(port) {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  return socket;
}

/** Deliveries a second to 50 subscribers, with 16 publishes in flight. */
async function fanOut(port, count = 10_000, payload = 'm'.repeat(100)) {
  const subscribers = await Promise.all(Array.from({ length: SUBSCRIBERS }, () => open(port)));
  const expected =
    `*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$${payload.length}\r\n${payload}\r\n`.length * count * SUBSCRIBERS;
  let received = 0;
  let finish;
  const finished = new Promise((resolve) => {
    finish = resolve;
  });
  for (const socket of subscribers) {
    socket.write('SUBSCRIBE c\r\n');
    await once(socket, 'data');
    socket.on('data', (chunk) => {
      received += chunk.length;
      if (received === expected) finish();
    });
  }
  const publisher = await open(port);
  const publish = `*3\r\n$7\r\nPUBLISH\r\n$1\r\nc\r\n$${payload.length}\r\n${payload}\r\n`;
  let sent = 0;
  let pending = 0;
  const pump = () => {
    const more = Math.min(16 - pending, count - sent);
    sent += more;
    pending += more;
    if (more > 0) publisher.write(publish.repeat(more));
  };
  publisher.on('data', (chunk) => {
    for (const byte of chunk) if (byte === 10) pending--;
    if (pending <= 8) pump();
  });
  const start = performance.now();
  pump();
  await finished;
  const seconds = (performance.now() - start) / 1000;
  for (const socket of [...subscribers, publisher]) socket.destroy();
  return Math.round((count * SUBSCRIBERS) / seconds);
}

const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
const found = { SET: [], GET: [], 'fan-out': [] };
try {
  for (let round = 0; round < ROUNDS; round++) {
    const rates = {};
    for (const [name, port] of [
      ['embedded', embedded],
      ['real', real.port],
    ]) {
      rates[name] = { ...(await commands(port)), 'fan-out': await fanOut(port) };
    }
    for (const name of Object.keys(found)) found[name].push([rates.embedded[name], rates.real[name]]);
  }
} finally {
  child.kill('SIGTERM');
  await real.stop();
}
let tooSlow = false;
for (const [name, pairs] of Object.entries(found)) {
  const ratios = pairs.map(([ours, theirs]) => ours / theirs);
  const ratio = median(ratios);
  tooSlow ||= ratio < LEAST;
  const spread = `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`;
  const rates = pairs.map(([ours, theirs]) => [Math.round(ours), Math.round(theirs)]);
  process.stdout.write(
    `${name}: ${median(rates.map(([ours]) => ours))}/s, redis-server ${real.version} ${median(rates.map(([, theirs]) => theirs))}/s: ` +
      `${ratio.toFixed(2)} times (${spread})\n`,
  );
}
process.exit(tooSlow ? 1 : 0);
