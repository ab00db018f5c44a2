// The client's own commands: what each method says on the wire and what its reply becomes.
// Used by the client and by batches, so that both say the same. Pure; nothing here sends.

import { UsageError } from '../errors/index.ts';
import { REPLY } from '../net/index.ts';
import type { CommandArgument, RespValue } from '../resp/index.ts';
import { ttlToMs } from './config.ts';
import { quoteValue } from './config-schema.ts';
import type { Codec } from './config-types.ts';
import { nameInRegion, regionPrefix } from './region.ts';
import type { Request } from './request.ts';

const TEXT = REPLY.simple;
const TEXT_OR_NIL = REPLY.simple | REPLY.nil;

export interface SetOptions {
  /** 0 < ttl ≤ 2^31−1, fractions allowed. Default: the configured one. */
  ttlSeconds?: number | null | undefined;
  /** Only when the key does not exist. */
  nx?: boolean | undefined;
  /** Only when the key exists. */
  xx?: boolean | undefined;
}

export function pingRequest(message?: string): Request<string> {
  const words = message === undefined ? ['PING'] : ['PING', text(message, 'PING', 'the message')];
  return { words, keys: [], replyTypes: TEXT, shape: String };
}

export function getRequest(key: string): Request<string | null> {
  return { words: ['GET', name(key, 'GET')], keys: [1], replyTypes: TEXT_OR_NIL, shape: (value) => value as string };
}

export function getBytesRequest(key: string): Request<Uint8Array | null> {
  return {
    words: ['GET', name(key, 'GET')],
    keys: [1],
    replyTypes: TEXT_OR_NIL,
    asBytes: true,
    shape: (value) => value as Uint8Array | null,
  };
}

export function setRequest(
  key: string,
  value: string | Uint8Array,
  options: SetOptions,
  defaultTtlSeconds: number | undefined,
): Request<'OK' | null> {
  const words: CommandArgument[] = ['SET', name(key, 'SET'), payload(value, 'SET')];
  const ttlSeconds = options.ttlSeconds ?? defaultTtlSeconds;
  if (ttlSeconds !== undefined) words.push('PX', ttlToMs(ttlSeconds, 'ttlSeconds'));
  if (options.nx && options.xx) throw new UsageError('Cannot SET with both "nx" and "xx": no key would qualify');
  if (options.nx) words.push('NX');
  if (options.xx) words.push('XX');
  return {
    words,
    keys: [1],
    replyTypes: TEXT_OR_NIL,
    shape: (reply) => (reply === null ? null : 'OK'),
  };
}

export function delRequest(keys: string | readonly string[]): Request<number> {
  return { ...severalKeys('DEL', keys), replyTypes: REPLY.integer, shape: Number };
}

export function existsRequest(keys: string | readonly string[]): Request<number> {
  return { ...severalKeys('EXISTS', keys), replyTypes: REPLY.integer, shape: Number };
}

export function expireRequest(key: string, ttlSeconds: number): Request<boolean> {
  const words = ['PEXPIRE', name(key, 'EXPIRE'), ttlToMs(ttlSeconds, 'ttlSeconds')];
  return { words, keys: [1], replyTypes: REPLY.integer, shape: isOne };
}

export function ttlRequest(key: string): Request<number> {
  return { words: ['TTL', name(key, 'TTL')], keys: [1], replyTypes: REPLY.integer, shape: Number };
}

export function persistRequest(key: string): Request<boolean> {
  return { words: ['PERSIST', name(key, 'PERSIST')], keys: [1], replyTypes: REPLY.integer, shape: isOne };
}

export function incrRequest(key: string): Request<number | bigint> {
  return { words: ['INCR', name(key, 'INCR')], keys: [1], replyTypes: REPLY.integer, shape: integer };
}

export function decrRequest(key: string): Request<number | bigint> {
  return { words: ['DECR', name(key, 'DECR')], keys: [1], replyTypes: REPLY.integer, shape: integer };
}

export function appendRequest(key: string, value: string | Uint8Array): Request<number> {
  const words = ['APPEND', name(key, 'APPEND'), payload(value, 'APPEND')];
  return { words, keys: [1], replyTypes: REPLY.integer, shape: Number };
}

export function infoRequest(section?: string): Request<string> {
  const words = section === undefined ? ['INFO'] : ['INFO', text(section, 'INFO', 'the section')];
  return { words, keys: [], replyTypes: TEXT, shape: String };
}

/** The prefix goes on by `keys`: a region's name has no character that a glob would take for more than itself. */
export function keysRequest(pattern: string): Request<string[]> {
  return {
    words: ['KEYS', name(pattern, 'KEYS', 'the pattern')],
    keys: [1],
    replyTypes: REPLY.array,
    shape: ownNames,
    lineShape: (value) => (value as string[]).filter((key) => nameInRegion(undefined, key) !== undefined),
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
    lineWords: ['KEYS', pattern],
    lineShape: (value) => ({
      cursor: '0',
      names: (value as string[]).filter((key) => nameInRegion(undefined, key) !== undefined),
    }),
  };
}

/** On a line server a channel is the key `channel:<name>`, whose readers can't be counted. */
export function publishRequest(
  command: 'PUBLISH' | 'SPUBLISH',
  channel: string,
  data: unknown,
  codec: Codec,
): Request<number | undefined> {
  const message =
    typeof data === 'string' ? data : data instanceof Uint8Array ? data.slice() : (codec.encode(data) as string);
  name(channel, command, 'the channel');
  return {
    words: [command, channel, message],
    keys: [1],
    replyTypes: REPLY.integer,
    shape: Number,
    lineWords: ['SET', `channel:${channel}`, message],
    lineReplyTypes: REPLY.simple,
    lineShape: () => undefined,
  };
}

function severalKeys(command: string, keys: string | readonly string[]): { words: string[]; keys: number[] } {
  const list = typeof keys === 'string' ? [keys] : keys;
  if (!Array.isArray(list) || list.length === 0) {
    throw new UsageError(
      `Cannot execute ${command}: found ${quoteValue(keys)}, allowed is a key or a non-empty array of keys`,
    );
  }
  for (const key of list) name(key, command);
  return { words: [command, ...list], keys: list.map((_, index) => index + 1) };
}

function name(value: unknown, command: string, what = 'the key'): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new UsageError(
    `Cannot execute ${command}: ${what} is ${value === '' ? 'empty' : quoteValue(value)}, allowed is a non-empty string`,
  );
}

function text(value: unknown, command: string, what: string): string {
  if (typeof value === 'string') return value;
  throw new UsageError(`Cannot execute ${command}: ${what} is ${quoteValue(value)}, allowed is a string`);
}

function payload(value: unknown, command: string): string | Uint8Array {
  if (typeof value === 'string') return value;
  // A copy: the caller may use the buffer again before the turn's bytes are written.
  if (value instanceof Uint8Array) return value.slice();
  // Its text could be a secret: only its type is named.
  const found = value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value;
  throw new UsageError(`Cannot execute ${command}: the value is ${found}, allowed is a string or a Uint8Array`, {
    hint: 'use JSON.stringify() for objects and String() for numbers',
  });
}

function ownNames(value: RespValue, region: string | undefined): string[] {
  const own: string[] = [];
  for (const entry of value as string[]) {
    const short = nameInRegion(region, entry);
    if (short !== undefined) own.push(short);
  }
  return own;
}

const isOne = (value: RespValue) => value === 1;
const integer = (value: RespValue) => value as number | bigint;
