// The client's own commands: what each method says on the wire and what its reply becomes.
// Used by the client and by batches, so that both say the same. Pure; nothing here sends.

import { UsageError } from '../errors/index.ts';
import { REPLY } from '../net/index.ts';
import type { CommandArgument, RespValue } from '../resp/index.ts';
import { bytesCodec, encodeBy } from './codec.ts';
import { ttlToMs } from './config.ts';
import { quoteValue } from './config-schema.ts';
import type { Codec } from './config-types.ts';
import { nameInRegion, regionPrefix } from './region.ts';
import type { Request } from './request.ts';

const TEXT_OR_NIL = REPLY.simple | REPLY.nil;

export interface SetOptions {
  /** 0 < ttl ≤ 2^31−1, fractions allowed. Default: the configured one. */
  ttlSeconds?: number | null | undefined;
  /** Only when the key does not exist. */
  nx?: boolean | undefined;
  /** Only when the key exists. */
  xx?: boolean | undefined;
}

/** A command whose first argument is its key, and whose reply a number. */
function keyRequest<T>(
  command: string,
  key: string,
  shape: Request<T>['shape'],
  argument?: CommandArgument,
  replyTypes: number = REPLY.integer,
  asBytes = false,
): Request<T> {
  const words: CommandArgument[] = [command, checkName(key, command)];
  if (argument !== undefined) words.push(argument);
  return { words, keys: [1], replyTypes, asBytes, shape };
}

function textRequest(command: string, argument: string | undefined, what: string): Request<string> {
  const words = argument === undefined ? [command] : [command, checkString(argument, command, what)];
  return { words, keys: [], replyTypes: REPLY.simple, shape: String };
}

export function pingRequest(message?: string): Request<string> {
  return textRequest('PING', message, 'the message');
}

export function getRequest(key: string): Request<string | null>;
export function getRequest(key: string, asBytes: boolean): Request<string | Uint8Array | null>;
export function getRequest(key: string, asBytes = false): Request<string | Uint8Array | null> {
  return keyRequest('GET', key, asBytes ? bytesOrNull : same, undefined, TEXT_OR_NIL, asBytes);
}

export function setRequest(
  key: string,
  value: string | Uint8Array,
  options: SetOptions,
  defaultTtlSeconds: number | undefined,
): Request<'OK' | null> {
  const words: CommandArgument[] = ['SET', checkName(key, 'SET'), payload(value, 'SET')];
  const ttlSeconds = options.ttlSeconds ?? defaultTtlSeconds;
  if (ttlSeconds !== undefined) words.push('PX', ttlToMs(ttlSeconds, 'ttlSeconds'));
  if (options.nx && options.xx) throw new UsageError('Cannot SET with both "nx" and "xx": no key would qualify');
  if (options.nx) words.push('NX');
  if (options.xx) words.push('XX');
  return { words, keys: [1], replyTypes: TEXT_OR_NIL, shape: (reply) => (reply === null ? null : 'OK') };
}

export function delRequest(keys: string | readonly string[]): Request<number> {
  return severalKeys('DEL', keys);
}

export function existsRequest(keys: string | readonly string[]): Request<number> {
  return severalKeys('EXISTS', keys);
}

export function expireRequest(key: string, ttlSeconds: number): Request<boolean> {
  return keyRequest('PEXPIRE', key, isOne, ttlToMs(ttlSeconds, 'ttlSeconds'));
}

export function ttlRequest(key: string): Request<number> {
  return keyRequest('TTL', key, Number);
}

export function persistRequest(key: string): Request<boolean> {
  return keyRequest('PERSIST', key, isOne);
}

export function incrRequest(key: string): Request<number | bigint> {
  return keyRequest('INCR', key, same);
}

export function decrRequest(key: string): Request<number | bigint> {
  return keyRequest('DECR', key, same);
}

export function appendRequest(key: string, value: string | Uint8Array): Request<number> {
  return keyRequest('APPEND', key, Number, payload(value, 'APPEND'));
}

export function infoRequest(section?: string): Request<string> {
  return textRequest('INFO', section, 'the section');
}

/** The prefix goes on by `keys`: a region's name has no character that a glob would take for more than itself. */
export function keysRequest(pattern: string): Request<string[]> {
  return {
    words: ['KEYS', checkName(pattern, 'KEYS', 'the pattern')],
    keys: [1],
    replyTypes: REPLY.array,
    shape: ownNames,
    line: { shape: namesOnLine },
  };
}

export interface ScanPage {
  readonly cursor: string;
  readonly names: string[];
}

/** MATCH is no key, so that its prefix is set here. */
export function scanRequest(
  cursor: string,
  pattern: string,
  region: string | undefined,
  options: { count?: number | undefined; type?: string | undefined },
): Request<ScanPage> {
  const words: CommandArgument[] = ['SCAN', cursor];
  if (region !== undefined || pattern !== '*') words.push('MATCH', regionPrefix(region) + pattern);
  if (options.count !== undefined) words.push('COUNT', options.count);
  if (options.type !== undefined) words.push('TYPE', options.type);
  return {
    words,
    keys: [],
    replyTypes: REPLY.array,
    shape: (value) => {
      const [next, names] = value as [RespValue, RespValue];
      return { cursor: String(next), names: ownNames(names, region) };
    },
    line: {
      words: ['KEYS', pattern],
      // Every key there is a string.
      shape: (value, at) => ({
        cursor: '0',
        names: /^string$/i.test(options.type ?? 'string') ? namesOnLine(value, at) : [],
      }),
    },
  };
}

/** On a line server a channel is the key `channel:<name>`, whose readers can't be counted. */
export function publishRequest(
  command: 'PUBLISH' | 'SPUBLISH',
  channel: string,
  data: unknown,
  codec: Codec,
): Request<number | undefined> {
  const message = typeof data === 'string' ? data : data instanceof Uint8Array ? data.slice() : encodeBy(codec, data);
  checkName(channel, command, 'the channel');
  return {
    words: [command, channel, message],
    keys: [1],
    replyTypes: REPLY.integer,
    shape: Number,
    line: { words: ['SET', `channel:${channel}`, message], replyTypes: REPLY.simple, shape: () => undefined },
  };
}

function severalKeys(command: string, keys: string | readonly string[]): Request<number> {
  const list = typeof keys === 'string' ? [keys] : keys;
  if (!Array.isArray(list) || list.length === 0) {
    refuseArgument(command, 'the key', quoteValue(keys), 'a key or a non-empty array of keys');
  }
  const words = [command, ...list.map((key) => checkName(key, command))];
  return { words, keys: list.map((_, index) => index + 1), replyTypes: REPLY.integer, shape: Number };
}

export function refuseArgument(command: string, what: string, found: string, allowed: string, hint?: string): never {
  const details = hint === undefined ? undefined : { hint };
  throw new UsageError(`Cannot execute ${command}: ${what} is ${found}, allowed is ${allowed}`, details);
}

export function checkName(value: unknown, command: string, what = 'the key'): string {
  if (typeof value === 'string' && value !== '') return value;
  return refuseArgument(command, what, quoteValue(value), 'a non-empty string');
}

export function checkString(value: unknown, command: string, what: string): string {
  return typeof value === 'string' ? value : refuseArgument(command, what, quoteValue(value), 'a string');
}

function payload(value: unknown, command: string): string | Uint8Array {
  if (typeof value === 'string') return value;
  // A copy: the caller may use the buffer again before the turn's bytes are written.
  if (value instanceof Uint8Array) return value.slice();
  // Its text could be a secret: only its type is named.
  const found = value === null ? 'null' : typeof value;
  const hint = 'use JSON.stringify() for objects and String() for numbers';
  return refuseArgument(command, 'the value', found, 'a string or a Uint8Array', hint);
}

function ownNames(value: RespValue, region: string | undefined): string[] {
  return (value as string[]).flatMap((entry) => nameInRegion(region, entry) ?? []);
}

/** A line server gives a region's names bare, and only these. */
function namesOnLine(value: RespValue, region: string | undefined): string[] {
  return region === undefined ? ownNames(value, region) : (value as string[]).map((name) => name.slice());
}

const isOne = (value: RespValue) => value === 1;
/** What the command's reply types allow is what the method promises. */
const same = (value: RespValue) => value as never;
/** A simple string is text in any case. */
const bytesOrNull = bytesCodec.decode as Request<Uint8Array | null>['shape'];
