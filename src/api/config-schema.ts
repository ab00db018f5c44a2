// The one table of configuration keys: name, default, what is allowed, how a value is checked.
// Read by config.ts, which parses, warns and refuses from it; docs/configuration.md is compared with it by a test.
// It must never read the environment, and no message here may show a value that could be a secret.

import { UsageError } from '../errors/index.ts';

/** One key. */
export interface KeyRule {
  readonly name: string;
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
export const TIMEOUT_WORDS = `a number of milliseconds, 0 < n ≤ ${MAX}`;

const ofType = (type: string) => (value: unknown) => typeof value === type;
const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown) => typeof value === 'string' && value !== '';
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

function rule(name: string, allowed: string, check: Check, fallback?: unknown, secret = false): KeyRule {
  return { name, fallback, allowed, check, secret };
}

const secret = (name: string, allowed: string, check: Check) => rule(name, allowed, check, undefined, true);
const oneOf = (name: string, fallback: unknown, ...words: unknown[]) =>
  rule(name, words.map((word) => JSON.stringify(word)).join(' | '), (value) => words.includes(value), fallback);
const flag = (name: string) => rule(name, 'true | false', isFlag, false);
const duration = (name: string, fallback?: number) => rule(name, TIMEOUT_WORDS, isDuration, fallback);
const durationOrZero = (name: string, fallback: number) =>
  rule(name, `a number of milliseconds, 0 ≤ n ≤ ${MAX}`, inRange(0, MAX), fallback);
const count = (name: string, fallback?: number, min = 1, max = Number.MAX_SAFE_INTEGER) =>
  rule(name, `an integer from ${min} to ${max}`, integerIn(min, max), fallback);
const hook = (name: string) => rule(name, 'a function', isFunction);
const endpoint = (name: string) => rule(name, 'a URL such as "ashredischannel://alerts"', isText);

/** Every key that a configuration may have, in the order of the documentation. */
export const CONFIG_KEYS: readonly KeyRule[] = Object.freeze([
  rule('host', 'a non-empty string', isText, 'localhost'),
  count('port', 6379, 1, 65535),
  secret('url', URL_WORDS, isText),
  rule('path', 'the path of a Unix socket', isText),
  count('db', undefined, 0, MAX),
  rule('region', REGION_WORDS, isRegionName),
  rule('ttlSeconds', TTL_WORDS, isDuration),
  secret('username', 'a string', ofType('string')),
  secret('password', 'a string', ofType('string')),
  secret('credentials', 'a function that gives { username?, password, expiresAt? }', isFunction),
  secret('tls', 'true, false or options of node:tls', (value) => isFlag(value) || isObject(value)),
  rule('clientName', 'printable ASCII without blanks', isClientName),
  oneOf('protocol', 3, 2, 3),
  oneOf('dialect', 'auto', 'auto', 'resp', 'ashredis'),
  secret('client', 'an AshRedisClient', isObject),
  duration('connectTimeoutMs', 5000),
  duration('commandTimeoutMs', 5000),
  durationOrZero('closeTimeoutMs', 2000),
  flag('waitOnFirstConnect'),
  oneOf('whenDisconnected', 'queue', 'queue', 'fail'),
  duration('heartbeatIntervalMs', 10_000),
  duration('heartbeatTimeoutMs', 5000),
  durationOrZero('auditIntervalMs', 30_000),
  rule('reconnect', 'false or { maxAttempts?, maxDelayMs? }', isReconnect, Object.freeze({})),
  oneOf('retry', 'never', 'never', 'always'),
  count('offlineMaxCount', 10_000, 0),
  count('offlineMaxBytes', 16 * MIB, 0),
  count('maxBacklogBytes', 64 * MIB),
  count('queueMaxCount', 100_000),
  count('queueMaxBytes', 64 * MIB),
  oneOf('overflow', 'block', 'block', 'drop-oldest', 'drop-newest', 'conflate', 'fail'),
  hook('conflateKey'),
  count('concurrency', 1),
  duration('handlerTimeoutMs'),
  hook('onMessage'),
  hook('onGap'),
  rule('codec', '{ name, binary?, encode(value), decode(raw) }', isCodec),
  oneOf('kind', 'channel', 'channel', 'pattern', 'shard'),
  flag('retain'),
  oneOf('delivery', 'live', 'live', 'latest'),
  duration('pollIntervalMs', 100),
  flag('numbered'),
  count('poolSize', 4, 1, 1024),
  count('maxLineBytes', 1_000_000, 16),
  oneOf('quoting', 'auto', 'auto', 'quoted', 'b64', 'none'),
  hook('transport'),
  rule('logger', '{ debug, info, warn, error }', hasMembers('function', 'debug', 'info', 'warn', 'error')),
  hook('validate'),
  rule('signal', 'an AbortSignal', isSignal),
  flag('unref'),
  rule('publishInterval', 'a number of seconds from 0', inRange(0, MAX / 1000), 0),
  count('batchSize', 1000),
  count('maxQueueDepth', 100_000),
  count('maxDepth'),
  oneOf('queueType', 'fifo', 'fifo', 'priority'),
  flag('autoPackageNonDict'),
  endpoint('destination'),
  endpoint('source'),
]);

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
  if (value === false) return true;
  return (
    isObject(value) &&
    Object.entries(value as object).every(([key, entry]) => {
      if (entry === undefined || entry === null) return true;
      if (/^max(Attempts|_attempts)$/.test(key))
        return entry === Number.POSITIVE_INFINITY || integerIn(1, Number.MAX_SAFE_INTEGER)(entry);
      return /^max(DelayMs|_delay_ms)$/.test(key) && inRange(0, MAX)(entry);
    })
  );
}

function isCodec(value: unknown): boolean {
  return hasMembers('function', 'encode', 'decode')(value) && hasMembers('string', 'name')(value);
}

function isSignal(value: unknown): boolean {
  return (
    hasMembers('function', 'addEventListener', 'removeEventListener')(value) && hasMembers('boolean', 'aborted')(value)
  );
}

/** `ttlSeconds` as Python writes it: `ttl_seconds`. */
export function pythonSpelling(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** A value as messages quote it: short, and never what could be a secret. */
export function quoteValue(value: unknown): string {
  const type = typeof value;
  if (typeof value === 'string') return JSON.stringify(value.length > 80 ? `${value.slice(0, 77)}…` : value);
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
