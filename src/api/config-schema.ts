// The one table of configuration keys: name, default, what is allowed, how a value is checked.
// Read by config.ts, which parses, warns and refuses from it; docs/configuration.md is compared with it by a test.
// It must never read the environment, and no message here may show a value that could be a secret.

import { UsageError } from '../errors/index.ts';
import { jsonCodec } from './codec.ts';

/** One key. */
export interface KeyRule {
  readonly name: string;
  /** As Python writes it: `ttl_seconds`. */
  readonly python: string;
  readonly fallback: unknown;
  /** Words for messages and for the documentation. */
  readonly allowed: string;
  /** Its value is never quoted. */
  readonly secret: boolean;
  readonly check: Check;
}

type Check = (value: unknown) => boolean;

/** The longest time of a timer, and the longest time to live that every server keeps exactly. */
const MAX = 2 ** 31 - 1;
const MIB = 1024 * 1024;
export const URL_WORDS = 'redis[s]://[user:password@]host[:port][/db], valkey[s]://… or unix:///path';
export const REGION_WORDS = '[A-Za-z0-9_.-]{1,64}, neither "." nor ".."';
export const TTL_WORDS = `a number of seconds, 0 < ttl ≤ ${MAX}`;
const TIMEOUT_WORDS = `a number of milliseconds, 0 < n ≤ ${MAX}`;

const ofType = (type: string) => (value: unknown) => typeof value === type;
const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown) => typeof value === 'string' && value !== '';
/** No URL: what stands in it would be shown where there is no such file. */
const isPath = (value: unknown) => isText(value) && !/:\/\/|\0/.test(value as string);
/** No URL, no `host:port`, no path and no brackets, all of which the DNS would only call unknown. A colon is IPv6's. */
const isHost = (value: unknown) => typeof value === 'string' && /^([^\s:/@[\]]+|[\da-f.]*:.*:[^\s/@\]]*)$/i.test(value);
const isFlag = ofType('boolean');
const isFunction = ofType('function');
const inRange = (min: number, max: number) => (value: unknown) =>
  typeof value === 'number' && value >= min && value <= max;
const integerIn = (min: number, max: number) => (value: unknown) => Number.isInteger(value) && inRange(min, max)(value);
/** An object with these members. `console` has its methods itself, a class inherits them: both will do. */
const hasMembers =
  (type: string, ...names: string[]) =>
  (value: unknown) =>
    isObject(value) && names.every((name) => typeof (value as Record<string, unknown>)[name] === type);

/** Keys of one kind, with their defaults. */
function keys(allowed: string, check: Check, defaults: Record<string, unknown>, secret = false): KeyRule[] {
  return Object.entries(defaults).map(([name, fallback]) => {
    const python = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    return { name, python, fallback, allowed, check, secret };
  });
}

/** The first word is the default. */
const words = (choices: Record<string, unknown[]>) =>
  Object.entries(choices).flatMap(([name, allowed]) =>
    keys(allowed.map((word) => JSON.stringify(word)).join(' | '), (value) => allowed.includes(value), {
      [name]: allowed[0],
    }),
  );
const integers = (min: number, max: number, defaults: Record<string, unknown>) =>
  keys(`an integer from ${min} to ${max}`, integerIn(min, max), defaults);
const none = undefined;

/** Every key that a configuration may have, by kind. docs/configuration.md says what each is for. */
export const CONFIG_KEYS: readonly KeyRule[] = Object.freeze([
  ...words({
    protocol: [3, 2],
    dialect: ['auto', 'resp', 'ashredis'],
    whenDisconnected: ['queue', 'fail'],
    retry: ['never', 'always'],
    overflow: ['block', 'drop-oldest', 'drop-newest', 'conflate', 'fail'],
    kind: ['channel', 'pattern', 'shard'],
    delivery: ['live', 'latest'],
    quoting: ['auto', 'quoted', 'b64', 'none'],
    queueType: ['fifo', 'priority'],
  }),
  ...keys('true | false', isFlag, {
    waitOnFirstConnect: false,
    retain: false,
    numbered: false,
    unref: false,
    autoPackageNonDict: false,
  }),
  ...keys(TIMEOUT_WORDS, isDuration, {
    connectTimeoutMs: 5000,
    commandTimeoutMs: 5000,
    heartbeatIntervalMs: 10_000,
    heartbeatTimeoutMs: 5000,
    handlerTimeoutMs: none,
    pollIntervalMs: 100,
  }),
  ...keys(`a number of milliseconds, 0 ≤ n ≤ ${MAX}`, inRange(0, MAX), {
    closeTimeoutMs: 2000,
    auditIntervalMs: 30_000,
  }),
  ...keys(TTL_WORDS, isDuration, { ttlSeconds: none }),
  ...keys('a number of seconds from 0', inRange(0, MAX / 1000), { publishInterval: 0 }),
  ...integers(0, MAX, { db: none }),
  ...integers(1, 65535, { port: 6379 }),
  ...integers(1, 1024, { poolSize: 4 }),
  ...integers(16, Number.MAX_SAFE_INTEGER, { maxLineBytes: 1_000_000 }),
  ...integers(0, Number.MAX_SAFE_INTEGER, { offlineMaxCount: 10_000, offlineMaxBytes: 16 * MIB }),
  ...integers(1, Number.MAX_SAFE_INTEGER, {
    maxBacklogBytes: 64 * MIB,
    queueMaxCount: 100_000,
    queueMaxBytes: 64 * MIB,
    concurrency: 1,
    batchSize: 1000,
    maxQueueDepth: 100_000,
    maxDepth: none,
  }),
  ...keys('a name or address alone; see "url"', isHost, { host: 'localhost' }),
  ...keys('the path of a Unix socket', isPath, { path: none }),
  ...keys('a non-empty string', isText, { destination: none, source: none }),
  ...keys(REGION_WORDS, isRegionName, { region: none }),
  ...keys('printable ASCII without blanks', isClientName, { clientName: none }),
  ...keys('a function', isFunction, {
    conflateKey: none,
    onMessage: none,
    onGap: none,
    transport: none,
    validate: none,
  }),
  ...keys('false or { maxAttempts?, maxDelayMs? }', isReconnect, {
    reconnect: Object.freeze({ maxAttempts: Number.POSITIVE_INFINITY, maxDelayMs: 5000 }),
  }),
  ...keys('{ name, binary?, encode(value), decode(raw), maxDecodedBytes? }', isCodec, { codec: jsonCodec }),
  ...keys('{ debug, info, warn, error }', hasMembers('function', 'debug', 'info', 'warn', 'error'), { logger: none }),
  ...keys('an AbortSignal', isSignal, { signal: none }),
  ...keys(URL_WORDS, ofType('string'), { url: none }, true),
  ...keys('a string', ofType('string'), { username: none, password: none }, true),
  ...keys('a function', isFunction, { credentials: none }, true),
  ...keys('true, false or options of node:tls', (value) => isFlag(value) || isObject(value), { tls: none }, true),
  ...keys('an AshRedisClient', isObject, { client: none }, true),
]);

/** What calls take. Others' words (`EX`, `ttl`) and a second key in their place would do nothing, unnoticed. */
const OPTIONS =
  /^(region|signal|timeoutMs|retry|whenDisconnected|ttlSeconds|nx|xx|as|match|count|type|keys|shard|atomic|onFailure|onGap|overflow|queueMaxCount|queueMaxBytes|conflateKey|codec|validate)$/;
const CALL_KEYS: readonly KeyRule[] = [
  ...words({ as: ['text', 'bytes'] }),
  ...keys('true | false', isFlag, { nx: none, xx: none, shard: none, atomic: none }),
  ...keys('a function', isFunction, { onFailure: none }),
  ...keys(TIMEOUT_WORDS, isDuration, { timeoutMs: none }),
  ...CONFIG_KEYS.filter(({ name }) => OPTIONS.test(name)),
];

/** Seconds or milliseconds that a timer and every server keep exactly. */
export function isDuration(value: unknown): value is number {
  return typeof value === 'number' && value > 0 && value <= MAX;
}

export function isRegionName(value: unknown): value is string {
  return typeof value === 'string' && /^(?!\.\.?$)[A-Za-z0-9_.-]{1,64}$/.test(value);
}

function isClientName(value: unknown): boolean {
  return typeof value === 'string' && /^[!-~]+$/.test(value);
}

function isReconnect(value: unknown): boolean {
  const isAllowed = ([key, entry]: [string, unknown]) =>
    (entry ?? none) === none ||
    (/^max(DelayMs|_delay_ms)$/.test(key)
      ? inRange(0, MAX)(entry)
      : /^max(Attempts|_attempts)$/.test(key) &&
        (entry === Number.POSITIVE_INFINITY || integerIn(1, Number.MAX_SAFE_INTEGER)(entry)));
  return value === false || (isObject(value) && Object.entries(value as object).every(isAllowed));
}

function isCodec(value: unknown): boolean {
  if (!hasMembers('function', 'encode', 'decode')(value) || !hasMembers('string', 'name')(value)) return false;
  const { binary, maxDecodedBytes } = value as Record<string, unknown>;
  // A limit of NaN would be none.
  return isFlag(binary ?? false) && inRange(0, Number.POSITIVE_INFINITY)(maxDecodedBytes ?? 0);
}

function isSignal(value: unknown): boolean {
  return (
    hasMembers('function', 'addEventListener', 'removeEventListener')(value) && hasMembers('boolean', 'aborted')(value)
  );
}

/** A value as messages quote it: short, and never what could be a secret. */
export function quoteValue(value: unknown): string {
  const type = typeof value;
  // What stands before "@" may be a password: URLs are given as host or destination by mistake.
  if (typeof value === 'string') {
    const text = value.replace(/^.+@/s, '…@');
    return JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}…` : text);
  }
  if (type === 'bigint') return `${value}n`;
  if (type === 'function' || type === 'symbol') return `a ${type}`;
  if (type !== 'object' || value === null) return String(value);
  return Array.isArray(value) ? 'an array' : 'an object';
}

/** Throws the refusal that most refusals are. `found` is quoted already. */
export function notAllowed(what: string, found: string, allowed: string): never {
  throw new UsageError(`Cannot use ${what}: found ${found}, allowed is ${allowed}`);
}

export function refuse({ name, secret, allowed }: KeyRule, value: unknown): never {
  const found = secret ? `a value of type ${value === null ? 'null' : typeof value}` : quoteValue(value);
  notAllowed(`configuration key "${name}"`, found, allowed);
}

/** The options of a call, by the rules of the configuration. */
export function checkOptions(options: object): void {
  if (!isObject(options)) notAllowed('options', quoteValue(options), 'an object');
  for (const name in options) {
    const value = (options as Record<string, unknown>)[name] ?? none;
    if (!OPTIONS.test(name)) notAllowed('options', quoteValue(name), OPTIONS.source.slice(2, -2));
    const rule = CALL_KEYS.find((each) => each.name === name);
    if (rule && value !== none && !rule.check(value)) refuse(rule, value);
  }
}
