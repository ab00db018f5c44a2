// Turns what users write into one frozen, complete configuration, once an object.
// Called by the constructors of this room. It must never show a secret, read the environment or open anything.

import { UsageError } from '../errors/index.ts';
import type { AbortSignalLike, Credentials, Protocol } from '../net/index.ts';
import type { ChannelKind, Gap } from '../pubsub/index.ts';
import type { AshRedisClient } from './ash-redis-client.ts';
import { jsonCodec } from './codec.ts';
import { CONFIG_KEYS, type KeyRule, MAX_TTL_SECONDS, pythonSpelling, refuse } from './config-schema.ts';
import type {
  Codec,
  DuplexLike,
  Logger,
  Message,
  Overflow,
  Retry,
  TransportAddress,
  WhenDisconnected,
} from './config-types.ts';
import { parseServerUrl, type ServerUrl } from './config-url.ts';
import { warn } from './log.ts';

/** Every key, decided. `credentials` and `tls` are not enumerable: `inspect` and JSON don't show them. */
export interface Configuration {
  readonly host: string;
  readonly port: number;
  readonly path: string | undefined;
  readonly db: number;
  readonly region: string | undefined;
  readonly ttlSeconds: number | undefined;
  readonly credentials: (() => Credentials | Promise<Credentials>) | undefined;
  readonly tls: object | undefined;
  readonly clientName: string | undefined;
  readonly protocol: Protocol;
  readonly dialect: 'auto' | 'resp' | 'line';
  readonly client: AshRedisClient | undefined;
  readonly connectTimeoutMs: number;
  readonly commandTimeoutMs: number;
  readonly closeTimeoutMs: number;
  readonly waitOnFirstConnect: boolean;
  readonly whenDisconnected: WhenDisconnected;
  readonly heartbeatIntervalMs: number;
  readonly heartbeatTimeoutMs: number;
  readonly auditIntervalMs: number;
  readonly reconnect: { readonly maxAttempts: number; readonly maxDelayMs: number } | false;
  readonly retry: Retry;
  readonly offlineMaxCount: number;
  readonly offlineMaxBytes: number;
  readonly maxBacklogBytes: number;
  readonly queueMaxCount: number;
  readonly queueMaxBytes: number;
  readonly overflow: Overflow;
  // biome-ignore lint/suspicious/noExplicitAny: the type of the data is known by the subscriber alone
  readonly conflateKey: ((message: Message<any>) => string) | undefined;
  readonly concurrency: number;
  readonly handlerTimeoutMs: number | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: the type of the data is known by the subscriber alone
  readonly onMessage: ((message: Message<any>) => unknown) | undefined;
  readonly onGap: ((gap: Gap) => unknown) | undefined;
  readonly codec: Codec;
  readonly kind: ChannelKind;
  readonly retain: boolean;
  readonly delivery: 'live' | 'latest';
  readonly pollIntervalMs: number;
  readonly numbered: boolean;
  readonly poolSize: number;
  readonly maxLineBytes: number;
  readonly quoting: 'auto' | 'quoted' | 'b64' | 'none';
  readonly transport: ((address: TransportAddress) => DuplexLike | Promise<DuplexLike>) | undefined;
  readonly logger: Logger | undefined;
  readonly validate: ((data: unknown) => unknown) | undefined;
  readonly signal: AbortSignalLike | undefined;
  readonly unref: boolean;
  readonly publishInterval: number;
  readonly batchSize: number;
  readonly maxQueueDepth: number;
  readonly queueType: 'fifo' | 'priority';
  readonly autoPackageNonDict: boolean;
  readonly destination: string | undefined;
  readonly source: string | undefined;
}

/** `owner` names the object in the one warning about unknown keys. Throws a `UsageError` for what is not allowed. */
export function parseConfiguration(input: object | null | undefined, owner: string): Configuration {
  if (input !== undefined && input !== null && (typeof input !== 'object' || Array.isArray(input))) {
    throw new UsageError(`Cannot configure ${owner}: found ${typeof input}, allowed is an object`);
  }
  const given = (input ?? {}) as Record<string, unknown>;
  const values = new Map<string, unknown>();
  const known = new Set<string>();
  for (const rule of CONFIG_KEYS) {
    const python = pythonSpelling(rule.name);
    known.add(rule.name).add(python);
    const value = pick(given, rule, python);
    if (value !== undefined) values.set(rule.name, value);
  }
  warnOfUnknown(
    Object.keys(given).filter((key) => !known.has(key)),
    values.get('logger') as Logger | undefined,
    owner,
  );
  settleUrl(values);
  settleServer(values);
  const depth = values.get('maxDepth');
  if (depth !== undefined) settle(values, 'queueMaxCount', depth as number, '"maxDepth"');
  if (values.get('numbered') === true && (values.get('codec') as Codec | undefined)?.binary === true) {
    throw new UsageError(
      'Cannot use "numbered" with a binary codec: the envelope { epoch, offset, data } is JSON; use a text codec or leave "numbered" out',
    );
  }
  if (values.get('delivery') === 'latest' && values.get('kind') === 'pattern') {
    throw new UsageError(
      'Cannot use delivery "latest" with a pattern: only a named channel has a newest value; name the channels or use delivery "live"',
    );
  }
  return complete(values);
}

function pick(given: Record<string, unknown>, rule: KeyRule, python: string): unknown {
  let value = given[rule.name] ?? undefined;
  const other = python === rule.name ? undefined : (given[python] ?? undefined);
  if (value !== undefined && other !== undefined && value !== other) {
    throw new UsageError(
      `Cannot use configuration keys "${rule.name}" and "${python}": they are one key and differ; give one of them`,
    );
  }
  value ??= other;
  if (value !== undefined && !rule.check(value)) refuse(rule, value);
  return value;
}

function warnOfUnknown(keys: string[], logger: Logger | undefined, owner: string): void {
  if (keys.length === 0) return;
  const names = keys.map((key) => JSON.stringify(key)).join(', ');
  const message = `Configuration of ${owner} has unknown ${keys.length === 1 ? 'key' : 'keys'} ${names}; see docs/configuration.md`;
  warn(logger, message);
}

/** Gives `name` the value, or refuses when the user wrote another one. */
function settle(values: Map<string, unknown>, name: string, value: string | number | undefined, from: string): void {
  if (value === undefined) return;
  const present = values.get(name);
  if (present !== undefined && present !== value) {
    throw new UsageError(`Cannot use ${from} together with a different "${name}": give one of them`);
  }
  values.set(name, value);
}

function settleUrl(values: Map<string, unknown>): void {
  const text = values.get('url') as string | undefined;
  if (text === undefined) return;
  const url: ServerUrl = parseServerUrl(text);
  if (url.path !== undefined && (values.has('host') || values.has('port'))) {
    throw new UsageError('Cannot use a unix:// "url" together with "host" or "port": give one of them');
  }
  if (url.path === undefined && values.has('path')) {
    throw new UsageError('Cannot use "url" together with "path": give one of them');
  }
  settle(values, 'path', url.path, '"url"');
  if (url.path === undefined) {
    settle(values, 'host', url.host ?? (values.get('host') as string | undefined), '"url"');
    settle(values, 'port', url.port ?? (values.get('port') as number | undefined), '"url"');
  }
  settle(values, 'db', url.db, '"url"');
  settle(values, 'username', url.username, '"url"');
  settle(values, 'password', url.password, '"url"');
  if (url.secure) {
    if (values.get('tls') === false)
      throw new UsageError('Cannot use a rediss:// or valkeys:// "url" together with tls: false');
    if (!values.has('tls')) values.set('tls', true);
  }
}

function settleServer(values: Map<string, unknown>): void {
  if (values.has('path') && (values.has('host') || values.has('port'))) {
    throw new UsageError('Cannot use "path" together with "host" or "port": give one of them');
  }
  const username = values.get('username') as string | undefined;
  const password = values.get('password') as string | undefined;
  if (values.has('credentials') && (username !== undefined || password !== undefined)) {
    throw new UsageError('Cannot use "credentials" together with "username" or "password": give one of them');
  }
  if (username !== undefined && password === undefined) {
    throw new UsageError('Cannot use "username" without "password": give both');
  }
  if (password !== undefined) {
    // A closure: nothing that inspects the configuration finds the secret.
    values.set('credentials', () => (username === undefined ? { password } : { username, password }));
  }
  const tls = values.get('tls');
  values.set('tls', tls === true ? {} : tls === false ? undefined : tls);
  const db = (values.get('db') as number | undefined) ?? 0;
  values.set('db', db);
  const dialect = values.get('dialect') ?? 'auto';
  if (dialect === 'ashredis' && (values.has('credentials') || db !== 0)) {
    throw new UsageError(
      'Cannot use dialect "ashredis" with credentials or "db": a line server has neither; use dialect "resp" or leave them out',
    );
  }
  const onlyResp = values.has('credentials') || db !== 0 || values.get('tls') !== undefined || values.has('path');
  values.set('dialect', dialect === 'ashredis' ? 'line' : dialect === 'auto' && onlyResp ? 'resp' : dialect);
  const reconnect = (values.get('reconnect') ?? {}) as false | Record<string, number | null | undefined>;
  values.set(
    'reconnect',
    reconnect !== false &&
      Object.freeze({
        maxAttempts: reconnect.maxAttempts ?? reconnect.max_attempts ?? Number.POSITIVE_INFINITY,
        maxDelayMs: reconnect.maxDelayMs ?? reconnect.max_delay_ms ?? 5000,
      }),
  );
}

const NOT_KEPT = new Set(['url', 'username', 'password', 'maxDepth']);
const HIDDEN = new Set(['credentials', 'tls', 'client']);

function complete(values: Map<string, unknown>): Configuration {
  const result = {};
  for (const { name, fallback } of CONFIG_KEYS) {
    if (NOT_KEPT.has(name)) continue;
    let value = values.has(name) ? values.get(name) : fallback;
    if (name === 'codec') value ??= jsonCodec;
    // `region0` is the name of having none, on every server.
    if (name === 'region' && value === 'region0') value = undefined;
    Object.defineProperty(result, name, { value, enumerable: !HIDDEN.has(name) });
  }
  return Object.freeze(result) as Configuration;
}

/** Milliseconds on the wire, rounded up. Throws a `UsageError` for what is not 0 < ttl ≤ 2^31−1. */
export function ttlToMs(ttlSeconds: unknown, where: string): number {
  if (typeof ttlSeconds !== 'number' || !(ttlSeconds > 0 && ttlSeconds <= MAX_TTL_SECONDS)) {
    const found =
      typeof ttlSeconds === 'string'
        ? JSON.stringify(ttlSeconds.slice(0, 40))
        : String(typeof ttlSeconds === 'number' ? ttlSeconds : typeof ttlSeconds);
    throw new UsageError(
      `Cannot use ${where}: found ${found}, allowed is a number of seconds, 0 < ttl ≤ ${MAX_TTL_SECONDS}`,
    );
  }
  return Math.ceil(ttlSeconds * 1000);
}
