// The demo: publishes real data of this machine, shows it in another process, cuts the link half way, and counts.
// Run: npm run demo [-- --url redis://host:port] [--seconds 15]
//
//   this process: publishers ──────────────────> server <── relay (is cut) <── subscriber: a process of its own
//
// It ends by itself; the exit code is 0 when published = received + known missing.

import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { AshRedisChannelDataPublisher, AshRedisClient, AshRedisDataPublisher } from '../../src/index.ts';
import { Machine } from './machine.ts';
import {
  type FromServer,
  type FromSubscriber,
  KEY_TTL_SECONDS,
  REGIONS,
  type Reading,
  type SubscriberResult,
  type SubscriberTask,
  type ToSubscriber,
} from './messages.ts';
import { type Relay, startRelay } from './relay.ts';

const INTERVAL_MS = 200;
/** Between half time and the subscriber's way back. */
const CUT_MS = 1200;
/** How much longer than wanted it goes on for delivery to be resumed. */
const RESUME_LIMIT_MS = 10_000;
/** How long a process of the demo may take to come up or to give its result. */
const CHILD_LIMIT_MS = 15_000;

const { url: givenUrl, seconds } = wanted();
const children: ChildProcess[] = [];
let relay: Relay | undefined;
let isInterrupted = false;
process.on('SIGINT', () => {
  if (isInterrupted) process.exit(130);
  isInterrupted = true;
});

try {
  process.exitCode = await run();
} catch (error) {
  process.stderr.write(`Cannot go on with the demo: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
} finally {
  await relay?.stop();
  for (const child of children) if (child.connected) child.disconnect();
}

async function run(): Promise<number> {
  const url = givenUrl ?? (await startServer());
  const where = new URL(url);
  const shownAddress = `${where.protocol}//${where.host}${where.protocol === 'unix:' ? where.pathname : ''}`;
  say(givenUrl === undefined ? `Embedded server in a process of its own: ${shownAddress}` : `Server: ${shownAddress}`);

  const id = randomBytes(3).toString('hex');
  const names = { channel: `demo:${id}:machine`, keyPrefix: `demo:${id}:` };
  const client = new AshRedisClient({ url, connectTimeoutMs: 5000 });
  await client.connect();
  relay = await startRelay(targetOf(where));
  const task: SubscriberTask = { ...names, config: relayed(where, relay.port), shownAddress, seconds };
  const subscriber = start('subscriber-process.ts', JSON.stringify(task));
  await answer<FromSubscriber>(subscriber, 'started');

  const channel = new AshRedisChannelDataPublisher('demo-machine', `ashredischannel://${names.channel}`, {
    client,
    numbered: true,
  });
  const keys = REGIONS.map(
    (region) =>
      new AshRedisDataPublisher(`demo-${region}`, 'ashredis://demo', { client, region, ttlSeconds: KEY_TTL_SECONDS }),
  );
  await publishForAWhile(channel, keys, names.keyPrefix, subscriber, relay);

  const finished = answer<FromSubscriber>(subscriber, 'finished');
  send(subscriber, { type: 'finish', published: channel.publishCount });
  const { result } = (await finished) as Extract<FromSubscriber, { type: 'finished' }>;
  const failed = channel.failedCount + keys.reduce((sum, publisher) => sum + publisher.failedCount, 0);
  const stored = keys.reduce((sum, publisher) => sum + publisher.publishCount, 0);
  await Promise.all([channel, ...keys].map((publisher) => publisher.stop()));
  await client.close();
  return sum(channel.publishCount, stored, failed, result);
}

/** Every 200 ms one message on the channel and a key in each region; the link is cut at half time. */
async function publishForAWhile(
  channel: AshRedisChannelDataPublisher,
  [first, second]: readonly AshRedisDataPublisher[],
  keyPrefix: string,
  subscriber: ChildProcess,
  link: Relay,
): Promise<void> {
  const machine = new Machine();
  const endMs = seconds * 1000;
  const cutAtMs = endMs / 2;
  const started = performance.now();
  let cutting: Promise<void> | undefined;
  // A hole shows at the next message: on a slow machine the way back may take longer than what is left of the time.
  let hasResumed = false;
  subscriber.on('message', ({ type }: FromSubscriber) => {
    hasResumed ||= type === 'resumed';
  });
  for (let tick = 1; !isInterrupted; tick++) {
    // By the clock and not by counting pauses, so that ticks don't drift.
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, started + tick * INTERVAL_MS - performance.now())));
    const elapsedMs = performance.now() - started;
    if (elapsedMs >= endMs && (hasResumed || elapsedMs >= endMs + RESUME_LIMIT_MS)) break;
    if (elapsedMs >= cutAtMs && cutting === undefined) {
      send(subscriber, { type: 'note', text: 'the link to the subscriber is cut by force' });
      cutting = link.cut(Math.min(CUT_MS, endMs / 5));
    }
    const { timestamp, load, memory, cpuPercent, eventLoopMs }: Reading = machine.read();
    // The counters and events of the publishers tell what failed; nothing here has to wait for the acknowledgement.
    void channel.publish({ timestamp, load, memory, cpuPercent, eventLoopMs });
    void first?.publish({ __dagserver_key: `${keyPrefix}cpu`, timestamp, load, cpuPercent });
    void second?.publish({ __dagserver_key: `${keyPrefix}memory`, timestamp, memory, eventLoopMs });
  }
  machine.stop();
  await cutting;
  // Acknowledged: what was accepted counts as published from here on.
  await Promise.all([channel, first, second].map((publisher) => publisher?.connect()));
  while (channel.stats().pendingCount > 0) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Prints the account. The exit code is 0 when it adds up and the cut was seen. */
function sum(published: number, stored: number, failed: number, result: SubscriberResult): number {
  const { received, missing, gapCount, linkLostCount, longestOutageMs } = result;
  const addsUp = published === received + missing;
  const wasCut = linkLostCount > 0 && gapCount > 0;
  say('');
  say(
    `Published ${published} messages on the channel and ${stored} keys in ${REGIONS.length} regions, ${failed} failed`,
  );
  say(
    `Link      lost ${linkLostCount} ${linkLostCount === 1 ? 'time' : 'times'} by force, longest outage ${(longestOutageMs / 1000).toFixed(1)} s, ${gapCount} gaps told`,
  );
  say(`Received  ${received} messages, known to be missing ${missing}`);
  say(`${published} = ${received} + ${missing}: ${addsUp ? 'the numbers add up' : 'THE NUMBERS DO NOT ADD UP'}`);
  if (isInterrupted) return 130;
  if (!wasCut) say('The cut of the link was not seen');
  return addsUp && wasCut && failed === 0 ? 0 : 1;
}

async function startServer(): Promise<string> {
  const child = start('server-process.ts');
  const { url } = (await answer<FromServer>(child, 'listening')) as Extract<FromServer, { type: 'listening' }>;
  return url;
}

function start(file: string, ...args: string[]): ChildProcess {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), args);
  children.push(child);
  return child;
}

/** The next message of that type; rejects when the process says that it failed, ends, or is silent for too long. */
function answer<M extends FromServer | FromSubscriber>(child: ChildProcess, type: M['type']): Promise<M> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => settle(new Error(`a process of the demo did not say "${type}" in time`)),
      CHILD_LIMIT_MS,
    );
    const onMessage = (message: M) => {
      if (message.type === type) settle(message);
      else if (message.type === 'failed') settle(new Error(message.text));
    };
    const onExit = () => settle(new Error(`a process of the demo ended before it said "${type}"`));
    const settle = (outcome: M | Error) => {
      clearTimeout(timer);
      child.removeListener('message', onMessage);
      child.removeListener('exit', onExit);
      if (outcome instanceof Error) reject(outcome);
      else resolve(outcome);
    };
    child.on('message', onMessage);
    child.on('exit', onExit);
  });
}

function send(child: ChildProcess, message: ToSubscriber): void {
  if (child.connected) child.send(message);
}

function targetOf(url: URL): { host: string; port: number } | { path: string } {
  if (url.protocol === 'unix:') return { path: decodeURIComponent(url.host + url.pathname) };
  return { host: url.hostname.replace(/^\[|\]$/g, '') || 'localhost', port: Number(url.port || 6379) };
}

/** The same server through the relay. TLS goes through unbroken: the name that is verified stays the real one. */
function relayed(url: URL, port: number): SubscriberTask['config'] {
  const through = new URL(url.protocol === 'unix:' ? 'redis://127.0.0.1' : url.href);
  through.host = `127.0.0.1:${port}`;
  if (url.protocol === 'unix:') {
    through.username = url.username;
    through.password = url.password;
    through.search = url.search;
  }
  const isSecure = url.protocol === 'rediss:' || url.protocol === 'valkeys:';
  return { url: through.href, ...(isSecure ? { tls: { servername: url.hostname } } : {}) };
}

/** Ends the process with a word of advice when the command line is wrong. */
function wanted(): { url: string | undefined; seconds: number } {
  try {
    const { values } = parseArgs({ options: { url: { type: 'string' }, seconds: { type: 'string' } } });
    const duration = Number(values.seconds ?? 15);
    if (!(duration >= 2 && duration <= 3600)) {
      throw new Error(`--seconds ${values.seconds} is not a number from 2 to 3600`);
    }
    if (values.url !== undefined) new URL(values.url);
    return { url: values.url, seconds: duration };
  } catch (error) {
    process.stderr.write(`Cannot run the demo: ${error instanceof Error ? error.message : String(error)}\n`);
    process.stderr.write('Usage: npm run demo -- [--url redis://host:port] [--seconds 15]\n');
    process.exit(2);
  }
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
