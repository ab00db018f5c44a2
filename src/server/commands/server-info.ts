// What clients and people ask about the server: CONFIG, INFO, TIME and a few more. Through the command table.

import {
  type Command,
  commandsOf,
  integerArgument,
  NO_KEYS,
  SYNTAX_ERROR,
  shown,
  subcommandSyntax,
} from '../command.ts';
import { help } from '../help.ts';
import type { Session } from '../session.ts';
import { COMPATIBLE_VERSION, PACKAGE_VERSION } from '../version.ts';
import { globArgument } from './keys.ts';

function configValues(session: Session): Map<string, string> {
  const { server } = session;
  const { limits } = server;
  const pubsub = [limits.maxSubscriberOutputBytes, limits.softSubscriberOutputBytes, limits.softOutputMs / 1000];
  return new Map([
    ['save', ''],
    ['appendonly', 'no'],
    ['databases', String(server.databaseCount)],
    ['maxmemory', String(server.memory.maxBytes)],
    ['maxmemory-policy', 'noeviction'],
    ['maxclients', String(limits.maxClients)],
    ['timeout', '0'],
    ['tcp-keepalive', '300'],
    ['proto-max-bulk-len', String(limits.maxBulkBytes)],
    ['client-output-buffer-limit', `normal ${limits.maxOutputBytes} 0 0 slave 0 0 0 pubsub ${pubsub.join(' ')}`],
    ['notify-keyspace-events', ''],
    ['port', String(server.port)],
  ]);
}

const UNITS: Readonly<Record<string, number>> = { k: 1e3, kb: 2 ** 10, m: 1e6, mb: 2 ** 20, g: 1e9, gb: 2 ** 30 };

/** `100`, `100mb`: Redis's units. Undefined for what is none. */
function memoryBytes(text: string): number | undefined {
  const [, digits, unit] = /^(\d+)([kmg]b?|b?)$/.exec(text.toLowerCase()) ?? [];
  const bytes = digits === undefined ? Number.NaN : Number(digits) * (UNITS[unit as string] ?? 1);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** Changes `maxmemory` alone. What is already so is fine; anything else would be a promise that nobody keeps. */
function configSet(session: Session, args: string[]) {
  if (args.length % 2 !== 0) return session.error(SYNTAX_ERROR);
  const known = configValues(session);
  const changes = new Map<string, string>();
  for (let i = 2; i < args.length; i += 2) {
    const name = (args[i] as string).toLowerCase();
    if (!known.has(name)) {
      return session.error(`ERR Unknown option or number of arguments for CONFIG SET - '${shown(args[i] as string)}'`);
    }
    if (changes.has(name)) {
      return session.error(
        `ERR CONFIG SET failed (possibly related to argument '${shown(args[i] as string)}') - duplicate parameter`,
      );
    }
    changes.set(name, args[i + 1] as string);
  }
  const { memory } = session.server;
  let { maxBytes } = memory;
  for (const [name, value] of changes) {
    if (name === 'maxmemory') {
      const bytes = memoryBytes(value);
      if (bytes === undefined) {
        return session.error(
          "ERR CONFIG SET failed (possibly related to argument 'maxmemory') - argument must be a memory value",
        );
      }
      maxBytes = bytes;
    } else if (known.get(name) !== value) {
      return session.error(
        `ERR CONFIG SET failed (possibly related to argument '${name}') - this server can't change it`,
      );
    }
  }
  // All of it or nothing.
  memory.maxBytes = maxBytes;
  session.ok();
}

/** As in Redis, a name that is no pattern comes back as it was spelt. Undefined after an error reply. */
function configMatches(session: Session, patterns: readonly string[]): Map<string, string> | undefined {
  const values = configValues(session);
  const found = new Map<string, readonly [spelt: string, value: string]>();
  for (const pattern of patterns) {
    const lower = pattern.toLowerCase();
    const exact = values.get(lower);
    if (exact !== undefined && !found.has(lower)) found.set(lower, [pattern, exact]);
    const glob = globArgument(session, lower);
    if (glob === undefined) return undefined;
    for (const [name, value] of values) if (!found.has(name) && glob.matches(name)) found.set(name, [name, value]);
  }
  return new Map(found.values());
}

function config(session: Session, args: string[]) {
  const word = (args[1] as string).toLowerCase();
  if (word === 'get') {
    const found = configMatches(session, args.slice(2));
    if (found === undefined) return;
    session.map(found.size);
    for (const pair of found) for (const text of pair) session.bulk(text);
  } else if (word === 'set') {
    configSet(session, args);
  } else if (word === 'rewrite') {
    session.error('ERR The server is running without a config file');
  } else {
    session.server.stats.commandsProcessed = 0;
    session.server.stats.connectionsReceived = 0;
    session.ok();
  }
}

function megabytes(bytes: number): string {
  return `${(bytes / (1024 * 1024)).toFixed(2)}M`;
}

type Section = Record<string, string | number>;

function infoSections(session: Session): Record<string, Section> {
  const { server } = session;
  const { memory, stats, sessions } = server;
  const keyspaces = [...server.openKeyspaces()];
  const sum = (of: 'expiredCount' | 'hitCount' | 'missCount') =>
    keyspaces.reduce((total, keyspace) => total + keyspace[of], 0);
  const uptime = Math.floor((server.now() - stats.startedAt) / 1000);
  const keyspaceLines: Section = {};
  for (const keyspace of keyspaces) {
    if (keyspace.size === 0) continue;
    keyspaceLines[`db${keyspace.index}`] = `keys=${keyspace.size},expires=${keyspace.volatileCount},avg_ttl=0`;
  }
  return {
    Server: {
      redis_version: COMPATIBLE_VERSION,
      redis_mode: 'standalone',
      server_name: 'ashredis',
      ashredis_version: PACKAGE_VERSION,
      process_id: process.pid,
      run_id: server.runId,
      tcp_port: server.port,
      uptime_in_seconds: uptime,
      uptime_in_days: Math.floor(uptime / 86_400),
    },
    Clients: {
      connected_clients: sessions.size,
      maxclients: server.limits.maxClients,
      blocked_clients: 0,
      pubsub_clients: [...sessions.values()].filter((other) => other.subscriptionCount > 0).length,
    },
    Memory: {
      used_memory: memory.usedBytes,
      used_memory_human: megabytes(memory.usedBytes),
      used_memory_peak: memory.peakBytes,
      used_memory_peak_human: megabytes(memory.peakBytes),
      maxmemory: memory.maxBytes,
      maxmemory_human: megabytes(memory.maxBytes),
      maxmemory_policy: 'noeviction',
    },
    Persistence: { loading: 0, rdb_changes_since_last_save: 0, rdb_bgsave_in_progress: 0, aof_enabled: 0 },
    Stats: {
      total_connections_received: stats.connectionsReceived,
      total_commands_processed: stats.commandsProcessed,
      total_net_input_bytes: stats.inputBytes,
      total_net_output_bytes: stats.outputBytes,
      rejected_connections: stats.rejectedConnections,
      client_output_buffer_limit_disconnections: stats.outputLimitDisconnections,
      expired_keys: sum('expiredCount'),
      evicted_keys: 0,
      keyspace_hits: sum('hitCount'),
      keyspace_misses: sum('missCount'),
      pubsub_channels: server.hub.channelCount,
      pubsub_patterns: server.hub.patternCount,
    },
    Replication: { role: 'master', connected_slaves: 0, master_replid: server.runId, master_repl_offset: 0 },
    Modules: {},
    Cluster: { cluster_enabled: 0 },
    Keyspace: keyspaceLines,
  };
}

function info(session: Session, args: string[]) {
  const wanted = new Set(args.slice(1).map((name) => name.toLowerCase()));
  const all = wanted.size === 0 || wanted.has('all') || wanted.has('default') || wanted.has('everything');
  const parts: string[] = [];
  for (const [name, lines] of Object.entries(infoSections(session))) {
    if (!all && !wanted.has(name.toLowerCase())) continue;
    const text = Object.entries(lines).map(([field, value]) => `${field}:${value}\r\n`);
    parts.push(`# ${name}\r\n${text.join('')}`);
  }
  session.verbatim(parts.join('\r\n'));
}

function time(session: Session) {
  const now = session.server.now();
  session.array(2);
  session.bulk(String(Math.floor(now / 1000)));
  session.bulk(String((now % 1000) * 1000));
}

/** DEBUG SLEEP stops the whole server, as in Redis, without blocking the process that it is embedded in. */
function debug(session: Session, args: string[]) {
  if (args.length === 2 && (args[1] as string).toLowerCase() === 'help') return help(session, 'debug');
  const seconds = Number(args[2]);
  if ((args[1] as string).toLowerCase() !== 'sleep' || !(seconds >= 0) || args.length !== 3) {
    return session.error(subcommandSyntax(args));
  }
  session.ok();
  session.server.sleep(Math.min(seconds * 1000, 2 ** 31 - 1));
}

function latency(session: Session, args: string[]) {
  const word = (args[1] as string).toLowerCase();
  if (word === 'latest' || word === 'history') session.array(0);
  else if (word === 'histogram') session.map(0);
  else if (word === 'reset') session.integer(0);
  else session.verbatim('Latency is not monitored by this server.\n');
}

function memoryUsage(session: Session, args: string[]) {
  for (let i = 3; i < args.length; i += 2) {
    if ((args[i] as string).toLowerCase() !== 'samples' || i + 1 >= args.length) return session.error(SYNTAX_ERROR);
    const samples = integerArgument(session, args[i + 1] as string);
    if (samples === undefined) return;
    if (samples < 0) return session.error(SYNTAX_ERROR);
  }
  const key = args[2] as string;
  const entry = session.keyspace.get(key);
  if (entry === undefined) session.nil();
  else session.integer(key.length + entry.byteCount + 128);
}

/** Redis's names, for what is known here. */
function memoryStats(session: Session) {
  const { memory } = session.server;
  let keyCount = 0;
  for (const keyspace of session.server.openKeyspaces()) keyCount += keyspace.size;
  const fields = {
    'peak.allocated': memory.peakBytes,
    'total.allocated': memory.usedBytes,
    'keys.count': keyCount,
    'dataset.bytes': memory.usedBytes,
  };
  session.map(Object.keys(fields).length);
  for (const [name, value] of Object.entries(fields)) {
    session.bulk(name);
    session.integer(value);
  }
}

function memory(session: Session, args: string[]) {
  switch ((args[1] as string).toLowerCase()) {
    case 'usage':
      return memoryUsage(session, args);
    case 'stats':
      return memoryStats(session);
    case 'purge':
      return session.ok();
    case 'doctor': {
      const { usedBytes, maxBytes } = session.server.memory;
      const limit = maxBytes === 0 ? 'no limit' : maxBytes;
      return session.verbatim(`Keys and values take ${usedBytes} bytes of ${limit}.\n`);
    }
  }
}

function role(session: Session) {
  session.array(3);
  session.bulk('master');
  session.integer(0);
  session.array(0);
}

function lolwut(session: Session, args: string[]) {
  if (args.length > 2) return session.error(SYNTAX_ERROR);
  session.verbatim(`ashredis ${PACKAGE_VERSION}\n`);
}

export const SERVER_COMMANDS: readonly Command[] = commandsOf('server', [
  ['config', -2, ['admin'], NO_KEYS, config, { get: -3, set: -4, resetstat: 2, rewrite: 2 }],
  ['info', -1, [], NO_KEYS, info],
  ['time', 1, ['fast'], NO_KEYS, time],
  ['debug', -2, ['admin'], NO_KEYS, debug],
  ['latency', -2, ['admin'], NO_KEYS, latency, { latest: 2, history: 3, histogram: -2, reset: -2, doctor: 2 }],
  ['memory', -2, [], NO_KEYS, memory, { usage: -3, doctor: 2, purge: 2, stats: 2 }],
  ['role', 1, ['fast', 'admin'], NO_KEYS, role],
  ['lolwut', -1, ['readonly', 'fast'], NO_KEYS, lolwut],
]);
