// What clients and people ask about the server: COMMAND, CONFIG, INFO, TIME and a few more. Through the command table.

import { type Command, commandsOf, NO_KEYS, SYNTAX_ERROR, subcommandSyntax, wrongArity } from '../command.ts';
import { Glob } from '../glob.ts';
import type { Session } from '../session.ts';
import { COMPATIBLE_VERSION, PACKAGE_VERSION } from '../version.ts';

function describeCommand(session: Session, command: Command) {
  session.array(10);
  session.bulk(command.name);
  session.integer(command.arity);
  const flags = command.flags.filter((flag) => flag !== 'subscriber' && flag !== 'immediate' && flag !== 'no_multi');
  session.set(flags.length);
  for (const flag of flags) session.simple(flag);
  for (const position of command.keys) session.integer(position);
  // ACL categories, tips, key specifications, subcommands: nothing to tell.
  session.set(0);
  session.array(0);
  session.array(0);
  session.array(0);
}

function command(session: Session, args: string[]) {
  const commands = session.server.commands;
  const names = args.slice(2).map((name) => name.toLowerCase());
  switch (args[1]?.toLowerCase()) {
    case undefined: {
      session.array(commands.size);
      for (const row of commands.values()) describeCommand(session, row);
      return;
    }
    case 'count':
      return session.integer(commands.size);
    case 'list':
      session.array(commands.size);
      for (const name of commands.keys()) session.bulk(name);
      return;
    case 'info': {
      const wanted = names.length === 0 ? [...commands.keys()] : names;
      session.array(wanted.length);
      for (const name of wanted) {
        const row = commands.get(name);
        if (row === undefined) session.nil();
        else describeCommand(session, row);
      }
      return;
    }
    case 'docs': {
      const wanted = (names.length === 0 ? [...commands.keys()] : names).flatMap((name) => commands.get(name) ?? []);
      session.map(wanted.length);
      for (const row of wanted) {
        session.bulk(row.name);
        session.map(1);
        session.bulk('group');
        session.bulk(row.group);
      }
      return;
    }
  }
}

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
  if (args.length % 2 !== 0) return session.error(wrongArity('config|set'));
  const known = configValues(session);
  const changes = new Map<string, string>();
  for (let i = 2; i < args.length; i += 2) {
    const name = (args[i] as string).toLowerCase();
    if (!known.has(name)) {
      return session.error(`ERR Unknown option or number of arguments for CONFIG SET - '${args[i]}'`);
    }
    changes.set(name, args[i + 1] as string);
  }
  for (const [name, value] of changes) {
    if (name === 'maxmemory') {
      const bytes = memoryBytes(value);
      if (bytes === undefined) {
        return session.error(
          "ERR CONFIG SET failed (possibly related to argument 'maxmemory') - argument must be a memory value",
        );
      }
      session.server.memory.maxBytes = bytes;
    } else if (known.get(name) !== value) {
      return session.error(
        `ERR CONFIG SET failed (possibly related to argument '${name}') - this server can't change it`,
      );
    }
  }
  session.ok();
}

function config(session: Session, args: string[]) {
  const word = (args[1] as string).toLowerCase();
  if (word === 'get') {
    const globs = args.slice(2).map((pattern) => new Glob(pattern.toLowerCase()));
    const found = [...configValues(session)].filter(([name]) => globs.some((glob) => glob.matches(name)));
    session.map(found.length);
    for (const pair of found) for (const text of pair) session.bulk(text);
  } else if (word === 'set') {
    configSet(session, args);
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
  else if (word === 'reset') session.integer(0);
  else session.verbatim('Latency is not monitored by this server.\n');
}

function memory(session: Session, args: string[]) {
  const word = (args[1] as string).toLowerCase();
  if (word === 'usage') {
    const key = args[2] as string;
    const entry = session.keyspace.get(key);
    if (entry === undefined) session.nil();
    else session.integer(key.length + entry.byteCount + 128);
  } else {
    const { usedBytes, maxBytes } = session.server.memory;
    session.verbatim(`Keys and values take ${usedBytes} bytes of ${maxBytes === 0 ? 'no limit' : maxBytes}.\n`);
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
  ['command', -1, [], NO_KEYS, command, { count: 2, list: -2, info: -2, docs: -2 }],
  ['config', -2, ['admin'], NO_KEYS, config, { get: -3, set: -4, resetstat: 2 }],
  ['info', -1, [], NO_KEYS, info],
  ['time', 1, ['fast'], NO_KEYS, time],
  ['debug', -2, ['admin'], NO_KEYS, debug],
  ['latency', -2, ['admin'], NO_KEYS, latency, { latest: 2, history: 3, reset: -2, doctor: 2 }],
  ['memory', -2, ['readonly'], NO_KEYS, memory, { usage: -3, doctor: 2 }],
  ['role', 1, ['fast'], NO_KEYS, role],
  ['lolwut', -1, ['fast'], NO_KEYS, lolwut],
]);
