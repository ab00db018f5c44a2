// Turns what users write into one frozen, complete configuration, once an object.
// Called by the constructors of this room. It must never show a secret, read the environment or open anything.

import { UsageError } from '../errors/index.ts';
import type { AbortSignalLike, Credentials, Protocol } from '../net/index.ts';
import type { ChannelKind, Gap } from '../pubsub/index.ts';
import type { AshRedisClient } from './ash-redis-client.ts';
import { CONFIG_KEYS, isDuration, type KeyRule, notAllowed, quoteValue, refuse, TTL_WORDS } from './config-schema.ts';
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
import { parseServerUrl } from './config-url.ts';
import { warn } from './log.ts';
import { checkRegion } from './region.ts';

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

/** The keys as they were written, on their way to a {@link Configuration}. */
export interface Draft {
  [key: string]: unknown;
  url?: string;
  host?: string;
  port?: number;
  path?: string;
  db?: number;
  region?: string;
  username?: string;
  password?: string;
  credentials?: unknown;
  tls?: boolean | object | undefined;
  dialect?: string;
  reconnect?: false | Record<string, number | null | undefined>;
  maxDepth?: number;
  codec?: Codec;
}

/** `owner` names the object in the one warning about unknown keys. Throws a `UsageError` for what is not allowed. */
export function parseConfiguration(input: object | null | undefined, owner: string): Configuration {
  if (typeof (input ?? {}) !== 'object' || Array.isArray(input)) {
    notAllowed(`the configuration of ${owner}`, quoteValue(input), 'an object');
  }
  const given = (input ?? {}) as Record<string, unknown>;
  const draft: Draft = {};
  const unknown = new Set(Object.keys(given));
  for (const rule of CONFIG_KEYS) {
    const { name, python } = rule;
    unknown.delete(name);
    unknown.delete(python);
    const value = eitherSpelling(given, name, python);
    if (value === undefined) continue;
    if (!rule.check(value)) refuse(rule, value);
    draft[name] = value;
  }
  const { logger, numbered, delivery, kind } = draft;
  if (unknown.size > 0) {
    const names = [...unknown].map((key) => JSON.stringify(key)).join(', ');
    warn(
      logger as Logger | undefined,
      `Configuration of ${owner} has unknown ${unknown.size === 1 ? 'key' : 'keys'} ${names}; see docs/configuration.md`,
    );
  }
  settleUrl(draft);
  settleServer(draft);
  settle(draft, 'queueMaxCount', draft.maxDepth, '"maxDepth"');
  // The envelope is JSON; only a channel has a newest value.
  if (numbered && draft.codec?.binary) refuseTogether('"numbered"', 'a binary codec');
  if (delivery === 'latest' && kind === 'pattern') refuseTogether('delivery "latest"', 'kind "pattern"');
  return complete(draft);
}

function eitherSpelling<T>(given: Record<string, T>, name: string, python: string): T | undefined {
  const value = given[name] ?? given[python] ?? undefined;
  // NaN, what Number() makes of an absent variable, is equal to itself here.
  if (!Object.is(value, given[python] ?? value)) refuseTogether(`"${name}"`, `a different "${python}"`);
  return value;
}

function refuseTogether(what: string, other: string): never {
  throw new UsageError(`Cannot use ${what} together with ${other}: give one of them`);
}

/** Gives `name` the value, or refuses when the user wrote another one. */
export function settle(draft: Draft, name: string, value: string | number | undefined, from: string): void {
  if (value === undefined) return;
  if (!Object.is(value, draft[name] ?? value)) refuseTogether(from, `a different "${name}"`);
  draft[name] = value;
}

function settleUrl(draft: Draft): void {
  if (draft.url === undefined) return;
  const { secure, ...parts } = parseServerUrl(draft.url);
  if (draft.path !== undefined && parts.path === undefined) refuseTogether('"url"', '"path"');
  for (const [name, value] of Object.entries(parts)) settle(draft, name, value, '"url"');
  if (!secure) return;
  draft.tls ??= true;
  if (draft.tls === false) refuseTogether('a rediss:// or valkeys:// "url"', 'tls: false');
}

function settleServer(draft: Draft): void {
  const { host, port, path, username, password, dialect } = draft;
  if (path !== undefined && (host !== undefined || port !== undefined)) {
    refuseTogether('"path" or a unix:// "url"', '"host" or "port"');
  }
  if (draft.credentials !== undefined && (username !== undefined || password !== undefined)) {
    refuseTogether('"credentials"', '"username" or "password"');
  }
  if (username !== undefined && password === undefined) {
    throw new UsageError('Cannot use "username" without "password": give both');
  }
  if (password !== undefined) {
    // A closure: nothing that inspects the configuration finds the secret.
    draft.credentials = () => (username === undefined ? { password } : { username, password });
  }
  const { db = 0, credentials, tls, reconnect } = draft;
  draft.db = db;
  draft.tls = tls === true ? {} : tls || undefined;
  const onlyResp = credentials !== undefined || db !== 0;
  if (dialect === 'ashredis') {
    if (onlyResp) refuseTogether('dialect "ashredis"', 'credentials or "db", which a line server lacks');
    draft.dialect = 'line';
  } else if (onlyResp || draft.tls !== undefined || path !== undefined) draft.dialect = 'resp';
  // `region0` is the name of having none, on every server.
  draft.region = checkRegion(draft.region) as string;
  if (reconnect) {
    draft.reconnect = Object.freeze({
      maxAttempts: eitherSpelling(reconnect, 'maxAttempts', 'max_attempts') ?? Number.POSITIVE_INFINITY,
      maxDelayMs: eitherSpelling(reconnect, 'maxDelayMs', 'max_delay_ms') ?? 5000,
    });
  }
}

/** They have become others. */
const NOT_KEPT = ['url', 'username', 'password', 'maxDepth'];

const isKept = ({ name }: KeyRule) => !NOT_KEPT.includes(name);

/** Inherited: of many objects with few options each holds these alone (measured: 0.4 KiB an idle client). */
const DEFAULTS = /* @__PURE__ */ Object.freeze(
  Object.fromEntries(CONFIG_KEYS.filter(isKept).map(({ name, fallback }) => [name, fallback])),
);

function complete(draft: Draft): Configuration {
  const result = Object.create(DEFAULTS);
  for (const rule of CONFIG_KEYS) {
    const value = draft[rule.name];
    if (value === undefined || value === rule.fallback || !isKept(rule)) continue;
    Object.defineProperty(result, rule.name, { value, enumerable: !rule.secret });
  }
  return Object.freeze(result) as Configuration;
}

/** Milliseconds on the wire, rounded up (16.1 s are 16,100, though 16.1 * 1000 is a little more). Or a `UsageError`. */
export function ttlToMs(ttlSeconds: unknown, where: string): number {
  if (!isDuration(ttlSeconds)) notAllowed(where, quoteValue(ttlSeconds), TTL_WORDS);
  return Math.ceil(ttlSeconds * 1000 * (1 - Number.EPSILON));
}
