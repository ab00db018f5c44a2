// The one table of configuration keys: name, default, what is allowed, how a value is checked.
// Read by config.ts, which parses, warns and refuses from it; docs/configuration.md is compared with it by a test.
// It must never read the environment, and no message here may show a value that could be a secret.

import { UsageError } from '../errors/index.ts';

/** One key. `check` gives the parsed value, or undefined for what is not allowed. */
export interface KeyRule {
  readonly name: string;
  readonly fallback: unknown;
  /** Words for messages and for the documentation. */
  readonly allowed: string;
  /** Its value is never quoted. */
  readonly secret: boolean;
  check(value: unknown): boolean;
}

const MAX_TIMER_MS = 2 ** 31 - 1;
/** Longest time to live that every server keeps exactly. */
export const MAX_TTL_SECONDS = 2 ** 31 - 1;
const REGION_NAME = /^[A-Za-z0-9_.-]{1,64}$/;

export function isRegionName(value: unknown): value is string {
  return typeof value === 'string' && REGION_NAME.test(value) && value !== '.' && value !== '..';
}

const isText = (value: unknown) => typeof value === 'string' && value !== '';
const isFlag = (value: unknown) => typeof value === 'boolean';
const isFunction = (value: unknown) => typeof value === 'function';
const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);
const inRange = (min: number, max: number) => (value: unknown) =>
  typeof value === 'number' && value >= min && value <= max;
const integerIn = (min: number, max: number) => (value: unknown) =>
  Number.isInteger(value) && (value as number) >= min && (value as number) <= max;

function rule(
  name: string,
  fallback: unknown,
  allowed: string,
  check: (value: unknown) => boolean,
  secret = false,
): KeyRule {
  return Object.freeze({ name, fallback, allowed, check, secret });
}

const oneOf = (name: string, fallback: unknown, ...words: unknown[]) =>
  rule(name, fallback, words.map((word) => JSON.stringify(word)).join(' | '), (value) => words.includes(value));
const flag = (name: string) => rule(name, false, 'true | false', isFlag);
const duration = (name: string, fallback: unknown) =>
  rule(
    name,
    fallback,
    `a number of milliseconds, 0 < n ≤ ${MAX_TIMER_MS}`,
    (value) => typeof value === 'number' && value > 0 && value <= MAX_TIMER_MS,
  );
const durationOrZero = (name: string, fallback: unknown) =>
  rule(name, fallback, `a number of milliseconds, 0 ≤ n ≤ ${MAX_TIMER_MS}`, inRange(0, MAX_TIMER_MS));
const count = (name: string, fallback: unknown, min = 1) =>
  rule(name, fallback, `an integer, at least ${min}`, integerIn(min, Number.MAX_SAFE_INTEGER));
const hook = (name: string) => rule(name, undefined, 'a function', isFunction);

/** Every key that a configuration may have, in the order of the documentation. */
export const CONFIG_KEYS: readonly KeyRule[] = Object.freeze([
  rule('host', 'localhost', 'a non-empty string', isText),
  rule('port', 6379, 'an integer from 1 to 65535', integerIn(1, 65535)),
  rule('url', undefined, 'redis://, rediss://, valkey://, valkeys:// or unix://', isText, true),
  rule('path', undefined, 'the path of a Unix socket', isText),
  rule('db', undefined, 'an integer from 0', integerIn(0, MAX_TIMER_MS)),
  rule('region', undefined, '[A-Za-z0-9_.-]{1,64}, neither "." nor ".."', isRegionName),
  rule('ttlSeconds', undefined, `a number of seconds, 0 < n ≤ ${MAX_TTL_SECONDS}`, isTtl),
  rule('username', undefined, 'a string', (value) => typeof value === 'string', true),
  rule('password', undefined, 'a string', (value) => typeof value === 'string', true),
  rule('credentials', undefined, 'a function that gives { username?, password, expiresAt? }', isFunction, true),
  rule('tls', undefined, 'true, false or options of node:tls', (value) => isFlag(value) || isObject(value), true),
  rule('clientName', undefined, 'a non-empty string without blanks or line breaks', isClientName),
  oneOf('protocol', 3, 2, 3),
  oneOf('dialect', 'auto', 'auto', 'resp', 'ashredis'),
  rule('client', undefined, 'an AshRedisClient', isObject, true),
  duration('connectTimeoutMs', 5000),
  duration('commandTimeoutMs', 5000),
  durationOrZero('closeTimeoutMs', 2000),
  flag('waitOnFirstConnect'),
  oneOf('whenDisconnected', 'queue', 'queue', 'fail'),
  duration('heartbeatIntervalMs', 10_000),
  duration('heartbeatTimeoutMs', 5000),
  durationOrZero('auditIntervalMs', 30_000),
  rule('reconnect', Object.freeze({}), 'false or { maxAttempts?, maxDelayMs? }', isReconnect),
  oneOf('retry', 'never', 'never', 'always'),
  count('offlineMaxCount', 10_000, 0),
  count('offlineMaxBytes', 16 * 1024 * 1024, 0),
  count('maxBacklogBytes', 64 * 1024 * 1024),
  count('queueMaxCount', 100_000),
  count('queueMaxBytes', 64 * 1024 * 1024),
  oneOf('overflow', 'block', 'block', 'drop-oldest', 'drop-newest', 'conflate', 'fail'),
  hook('conflateKey'),
  count('concurrency', 1),
  duration('handlerTimeoutMs', undefined),
  hook('onMessage'),
  hook('onGap'),
  rule('codec', undefined, '{ name, binary?, encode(value), decode(raw) }', isCodec),
  oneOf('kind', 'channel', 'channel', 'pattern', 'shard'),
  flag('retain'),
  oneOf('delivery', 'live', 'live', 'latest'),
  duration('pollIntervalMs', 100),
  flag('numbered'),
  rule('poolSize', 4, 'an integer from 1 to 1024', integerIn(1, 1024)),
  count('maxLineBytes', 1_000_000, 16),
  oneOf('quoting', 'auto', 'auto', 'quoted', 'b64', 'none'),
  hook('transport'),
  rule('logger', undefined, '{ debug, info, warn, error }', isLogger),
  hook('validate'),
  rule('signal', undefined, 'an AbortSignal', isSignal),
  flag('unref'),
  rule('publishInterval', 0, 'a number of seconds from 0', inRange(0, MAX_TIMER_MS / 1000)),
  count('batchSize', 1000),
  count('maxQueueDepth', 100_000),
  count('maxDepth', undefined),
  oneOf('queueType', 'fifo', 'fifo', 'priority'),
  flag('autoPackageNonDict'),
  rule('destination', undefined, 'a URL such as "ashredischannel://alerts"', isText),
  rule('source', undefined, 'a URL such as "ashredischannel://alerts"', isText),
]);

export function isTtl(value: unknown): value is number {
  return typeof value === 'number' && value > 0 && value <= MAX_TTL_SECONDS;
}

function isClientName(value: unknown): boolean {
  return typeof value === 'string' && /^[!-~]+$/.test(value);
}

function isReconnect(value: unknown): boolean {
  if (value === false) return true;
  if (!isObject(value)) return false;
  for (const [key, entry] of Object.entries(value as object)) {
    if (entry === undefined || entry === null) continue;
    const ok =
      key === 'maxAttempts' || key === 'max_attempts'
        ? entry === Number.POSITIVE_INFINITY || integerIn(1, Number.MAX_SAFE_INTEGER)(entry)
        : (key === 'maxDelayMs' || key === 'max_delay_ms') && inRange(0, MAX_TIMER_MS)(entry);
    if (!ok) return false;
  }
  return true;
}

function hasMethods(value: unknown, ...names: string[]): boolean {
  return isObject(value) && names.every((name) => typeof (value as Record<string, unknown>)[name] === 'function');
}

function isCodec(value: unknown): boolean {
  return hasMethods(value, 'encode', 'decode') && typeof (value as { name?: unknown }).name === 'string';
}

function isLogger(value: unknown): boolean {
  // `console` is an object whose methods are its own; a class's are inherited: both will do.
  return hasMethods(value, 'debug', 'info', 'warn', 'error');
}

function isSignal(value: unknown): boolean {
  return (
    hasMethods(value, 'addEventListener', 'removeEventListener') &&
    typeof (value as { aborted?: unknown }).aborted === 'boolean'
  );
}

/** `ttlSeconds` as Python writes it: `ttl_seconds`. */
export function pythonSpelling(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** A value as messages quote it: short, and never what could be a secret. */
export function quoteValue(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 80 ? `${value.slice(0, 77)}…` : value);
  if (typeof value === 'number' || typeof value === 'boolean' || value === null || value === undefined) {
    return String(value);
  }
  if (typeof value === 'bigint') return `${value}n`;
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'function' ? 'a function' : typeof value === 'symbol' ? 'a symbol' : 'an object';
}

export function refuse(rule: KeyRule, value: unknown): never {
  const found = rule.secret ? `a value of type ${value === null ? 'null' : typeof value}` : quoteValue(value);
  throw new UsageError(`Cannot use configuration key "${rule.name}": found ${found}, allowed is ${rule.allowed}`);
}
