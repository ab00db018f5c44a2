// The doctor's second look: handshake, permissions, latency, pub/sub round trip, clock. Called by `commands/doctor.ts`.
// It leaves nothing behind: its one key lives for ten seconds and is deleted.

import type { AshRedisClient } from '../../api/index.ts';
import { ConnectionError, HandshakeError, ReplyError, TimeoutError } from '../../errors/index.ts';
import { duration, percentile } from '../text.ts';
import { adviceFor, messageOf, ok, type Report, skipped, warning, wrong } from './finding.ts';

const PINGS = 200;
const MESSAGES = 50;
const SLOW_MS = 20;
const SLOW_TAIL_MS = 200;
const CLOCK_MS = 1000;

/** Resolves with false when there is no session, so that no later check makes sense. */
export async function checkHandshake(client: AshRedisClient, report: Report): Promise<boolean> {
  const started = performance.now();
  try {
    await client.connect();
    await client.ping();
  } catch (error) {
    report(wrong('handshake', messageOf(error), handshakeAdvice(error)));
    return false;
  }
  const { server } = client;
  const tookMs = performance.now() - started;
  if (server?.dialect === 'line') {
    report(ok('dialect', `AshRedis line server (${duration(tookMs)})`));
    report(
      warning(
        'dialect',
        'a line server has no publish/subscribe: a channel is the key channel:<name>, its newest value',
        "subscribe with delivery: 'latest' (sub --latest), or use a server that speaks RESP",
      ),
    );
    return true;
  }
  const version = server?.version === undefined ? '' : `, version ${server.version}`;
  const role = server?.role === undefined ? '' : `, ${server.role}`;
  report(ok('dialect', `RESP${server?.protocol ?? '?'}${version}${role} (${duration(tookMs)})`, { ...server }));
  if (server?.protocol === 2) {
    report(
      warning(
        'dialect',
        'the server speaks RESP2 only',
        'all works; audits of subscriptions are coarser. Redis 6 and later speak RESP3',
      ),
    );
  }
  if (server?.role === 'replica') {
    report(
      warning('role', 'the server is a replica: writes are refused', 'give the address of the primary for publishers'),
    );
  }
  return true;
}

function handshakeAdvice(error: unknown): string {
  const text = messageOf(error);
  const code = error instanceof ReplyError ? error.code : '';
  if (/NOAUTH/.test(code + text))
    return 'a password is wanted: set ASHREDIS_PASSWORD, or redis://user:password@host in --url';
  if (/WRONGPASS|invalid password|invalid username/i.test(code + text)) {
    return 'user or password are wrong: try them with redis-cli --user NAME --askpass; ACL LIST on the server shows the users';
  }
  if (/NOPERM/.test(code + text)) return 'the user may not even PING or HELLO: give it +@connection';
  if (/DB index|SELECT/.test(text)) return 'the server has fewer databases, or is a cluster: use db 0';
  if (/DENIED/.test(code + text))
    return 'protected mode: set a password on the server (requirepass, or an ACL user); protected-mode no only in a network that is trusted';
  if (/LOADING/.test(code + text)) return 'the server reads its data from disk: wait';
  if (/max number of clients/.test(text))
    return 'raise maxclients on the server, or find who holds the connections: CLIENT LIST';
  if (error instanceof HandshakeError)
    return 'check that this port belongs to a Redis-compatible server and whether it wants TLS';
  return 'check that this port belongs to a Redis-compatible server';
}

/** Resolves with false when nothing is answered any more, so that no later check makes sense. */
export async function checkPermissions(client: AshRedisClient, report: Report): Promise<boolean> {
  const key = `ashredis:doctor:${Math.random().toString(36).slice(2)}`;
  const denied: string[] = [];
  let silent: Error | undefined;
  let advice = 'look at the log of the server';
  const attempt = async (name: string, run: () => Promise<unknown>) => {
    if (silent !== undefined) return undefined;
    try {
      return await run();
    } catch (error) {
      if (error instanceof TimeoutError || error instanceof ConnectionError) silent = error;
      denied.push(`${name} (${messageOf(error)})`);
      advice = adviceFor(error, advice);
      return undefined;
    }
  };
  const stored = await attempt('SET', () => client.set(key, 'x', { ttlSeconds: 10 }));
  await attempt('GET', () => client.get(key));
  const ttl = await attempt('TTL', () => client.ttl(key));
  await attempt('DEL', () => client.del(key));
  await attempt('PUBLISH', () => client.publish(key, { probe: true }));
  if (client.server?.dialect === 'line') await client.del(`channel:${key}`).catch(() => {});
  if (silent !== undefined) {
    const answer =
      'it took us in and answers no more: look at its load and its log (SLOWLOG GET), and at what stands between';
    report(wrong('answers', messageOf(silent), answer));
    return false;
  }
  if (denied.length > 0) {
    report(wrong('permissions', denied.join('; '), advice));
  } else report(ok('permissions', 'SET with TTL, GET, TTL, DEL and PUBLISH are allowed'));
  if (stored === 'OK' && typeof ttl === 'number' && (ttl < 1 || ttl > 10)) {
    report(
      wrong('ttl', `a key set for 10 s has a TTL of ${ttl}`, 'the server does not keep times to live as Redis does'),
    );
  }
  return true;
}

export async function checkLatency(client: AshRedisClient, report: Report): Promise<void> {
  const times: number[] = [];
  try {
    for (let index = 0; index < PINGS; index++) {
      const started = performance.now();
      await client.ping();
      times.push(performance.now() - started);
    }
  } catch (error) {
    report(
      wrong(
        'latency',
        messageOf(error),
        'the link was lost while it was measured: look at the network and at the log of the server',
      ),
    );
    return;
  }
  times.sort((a, b) => a - b);
  const [p50, p90, p99] = [0.5, 0.9, 0.99].map((share) => percentile(times, share)) as [number, number, number];
  const max = times.at(-1)!;
  const text = `${PINGS} pings: median ${duration(p50)}, p90 ${duration(p90)}, p99 ${duration(p99)}, slowest ${duration(max)}`;
  report(ok('latency', text, { p50, p90, p99, max, histogram: histogram(times) }));
  if (p50 > SLOW_MS) {
    report(
      warning(
        'latency',
        `a round trip takes ${duration(p50)}`,
        'publish with publishMany or batches; bring client and server closer',
      ),
    );
  } else if (p99 > SLOW_TAIL_MS) {
    report(
      warning(
        'latency',
        `one of a hundred takes ${duration(p99)}`,
        'look for slow commands: SLOWLOG GET, LATENCY DOCTOR',
      ),
    );
  }
}

/** Bounds that double from 0.1 ms, and how many fell below each. */
export function histogram(times: readonly number[]): { belowMs: number; count: number }[] {
  const rows: { belowMs: number; count: number }[] = [];
  for (const time of times) {
    let bound = 0;
    while (time >= 0.1 * 2 ** bound) bound++;
    while (rows.length <= bound) rows.push({ belowMs: Number((0.1 * 2 ** rows.length).toFixed(1)), count: 0 });
    rows[bound]!.count++;
  }
  return rows;
}

export async function checkPubSub(client: AshRedisClient, report: Report): Promise<void> {
  if (client.server?.dialect === 'line') return report(skipped('pubsub', 'a line server has no publish/subscribe'));
  const channel = `ashredis:doctor:${Math.random().toString(36).slice(2)}`;
  const subscription = client.subscribe<{ at: number }>(channel);
  try {
    await subscription.ready;
    const iterator = subscription[Symbol.asyncIterator]();
    const times: number[] = [];
    for (let index = 0; index < MESSAGES; index++) {
      const at = performance.now();
      const receivers = await client.publish(channel, { at });
      if (receivers === 0) {
        report(
          wrong(
            'pubsub',
            'a message of ours had no receiver',
            'publisher and subscriber reach different servers: is there a proxy or a load balancer?',
          ),
        );
        return;
      }
      const next = await inTime(iterator.next(), 5000);
      if (next === undefined) {
        report(
          wrong(
            'pubsub',
            'a message did not come back within 5 s',
            'a proxy between may not pass pub/sub on; try the server directly',
          ),
        );
        return;
      }
      times.push(performance.now() - at);
    }
    times.sort((a, b) => a - b);
    const [p50, p99] = [percentile(times, 0.5), percentile(times, 0.99)];
    report(ok('pubsub', `${MESSAGES} messages came back: median ${duration(p50)}, p99 ${duration(p99)}`, { p50, p99 }));
  } catch (error) {
    const isDenied = error instanceof ReplyError && error.code === 'NOPERM';
    const advice = isDenied
      ? 'the user may not subscribe: ACL SETUSER name +subscribe +psubscribe &*'
      : 'look at the log of the server';
    report(wrong('pubsub', messageOf(error), advice));
  } finally {
    subscription.close();
  }
}

export async function checkClock(client: AshRedisClient, report: Report): Promise<void> {
  if (client.server?.dialect === 'line') return report(skipped('clock', 'a line server does not tell its time'));
  try {
    const before = Date.now();
    const reply = (await client.command('TIME', { region: null })) as unknown[];
    const after = Date.now();
    const there = Number(reply[0]) * 1000 + Number(reply[1]) / 1000;
    if (!(there > 0)) return report(skipped('clock', 'the server does not tell its time'));
    const offset = there < before ? there - before : there > after ? there - after : 0;
    if (Math.abs(offset) < CLOCK_MS)
      report(ok('clock', `differs by ${duration(Math.abs(offset))}`, { offsetMs: offset }));
    else {
      const text = `the clock of the server is ${duration(Math.abs(offset))} ${offset < 0 ? 'behind' : 'ahead of'} ours`;
      report(
        warning('clock', text, 'synchronise both (NTP): ages of messages and credentials with an end are judged by it'),
      );
    }
  } catch (error) {
    report(skipped('clock', messageOf(error)));
  }
}

async function inTime<T>(promise: Promise<T>, limitMs: number): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, limitMs, undefined);
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}
