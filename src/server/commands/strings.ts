// String commands, with Redis's replies and error texts. Called by the dispatcher through the command table.

import {
  ALL_KEYS,
  type Command,
  commandsOf,
  integerArgument,
  NOT_AN_INTEGER,
  ONE_KEY,
  wrongArity,
} from '../command.ts';
import { positiveTime, valueOptions } from '../expiry-arguments.ts';
import { OUT_OF_MEMORY } from '../messages.ts';
import { addDecimals, addInt64, isDecimal, parseInt64 } from '../numbers.ts';
import type { Session } from '../session.ts';

const TOO_LONG = 'ERR string exceeds maximum allowed size (proto-max-bulk-len)';

function get(session: Session, args: string[]) {
  session.bulkOrNull(session.keyspace.read(args[1] as string));
}

function set(session: Session, args: string[]) {
  const key = args[1] as string;
  const value = args[2] as string;
  const keyspace = session.keyspace;
  if (args.length === 3) {
    keyspace.set(key, value, 0);
    session.ok();
    return;
  }
  const options = valueOptions(session, 'set', args, 3);
  if (options === undefined) return;
  const entry = keyspace.get(key);
  const previous = entry?.value;
  if (options.nx ? entry !== undefined : options.xx && entry === undefined) {
    if (options.get) session.bulkOrNull(previous);
    else session.nil();
    return;
  }
  keyspace.set(key, value, options.keepTtl ? (entry?.expiresAt ?? 0) : (options.expiresAt ?? 0));
  if (options.get) session.bulkOrNull(previous);
  else session.ok();
}

function setWithTtl(unitMs: number) {
  return (session: Session, args: string[]) => {
    const name = unitMs === 1 ? 'psetex' : 'setex';
    const expiresAt = positiveTime(session, name, args[2] as string, unitMs, false);
    if (expiresAt === undefined) return;
    session.keyspace.set(args[1] as string, args[3] as string, expiresAt);
    session.ok();
  };
}

function setnx(session: Session, args: string[]) {
  const isNew = session.keyspace.get(args[1] as string) === undefined;
  if (isNew) session.keyspace.set(args[1] as string, args[2] as string, 0);
  session.integer(isNew ? 1 : 0);
}

function getset(session: Session, args: string[]) {
  session.bulkOrNull(session.keyspace.read(args[1] as string));
  session.keyspace.set(args[1] as string, args[2] as string, 0);
}

function getdel(session: Session, args: string[]) {
  session.bulkOrNull(session.keyspace.read(args[1] as string));
  session.keyspace.delete(args[1] as string);
}

function getex(session: Session, args: string[]) {
  const key = args[1] as string;
  const options = valueOptions(session, 'getex', args, 2);
  if (options === undefined) return;
  const value = session.keyspace.read(key);
  session.bulkOrNull(value);
  if (value === undefined) return;
  if (options.persist) session.keyspace.expireAt(key, 0);
  else if (options.expiresAt !== undefined) session.keyspace.expireAt(key, options.expiresAt);
}

function mget(session: Session, args: string[]) {
  session.array(args.length - 1);
  for (let i = 1; i < args.length; i++) session.bulkOrNull(session.keyspace.read(args[i] as string));
}

function setPairs(session: Session, args: string[]) {
  for (let i = 1; i < args.length; i += 2) session.keyspace.set(args[i] as string, args[i + 1] as string, 0);
}

function mset(session: Session, args: string[]) {
  if (args.length % 2 === 0) return session.error(wrongArity('mset'));
  setPairs(session, args);
  session.ok();
}

function msetnx(session: Session, args: string[]) {
  if (args.length % 2 === 0) return session.error(wrongArity('msetnx'));
  for (let i = 1; i < args.length; i += 2) {
    if (session.keyspace.get(args[i] as string) !== undefined) return session.integer(0);
  }
  setPairs(session, args);
  session.integer(1);
}

function addTo(session: Session, key: string, amount: number | bigint) {
  const entry = session.keyspace.get(key);
  const current = entry === undefined ? 0 : parseInt64(entry.value);
  if (current === undefined) return session.error(NOT_AN_INTEGER);
  const sum = addInt64(current, amount);
  if (sum === undefined) return session.error('ERR increment or decrement would overflow');
  session.keyspace.set(key, String(sum), entry?.expiresAt ?? 0);
  session.integer(sum);
}

function incrby(session: Session, args: string[]) {
  const amount = parseInt64(args[2] as string);
  if (amount === undefined) return session.error(NOT_AN_INTEGER);
  addTo(session, args[1] as string, amount);
}

function decrby(session: Session, args: string[]) {
  const amount = parseInt64(args[2] as string);
  if (amount === undefined) return session.error(NOT_AN_INTEGER);
  if (amount === -9223372036854775808n) return session.error('ERR decrement would overflow');
  addTo(session, args[1] as string, -amount);
}

const INFINITE = /^[+-]?inf(inity)?$/i;

/** C reads whole numbers in hexadecimal too. */
function plainDecimal(text: string): string {
  const hex = /^([+-]?)(0x[\da-f]{1,16})$/i.exec(text);
  return hex === null ? text : `${hex[1]}${BigInt(hex[2] as string)}`;
}

function incrbyfloat(session: Session, args: string[]) {
  const key = args[1] as string;
  const entry = session.keyspace.get(key);
  const terms = [entry?.value ?? '0', args[2] as string].map(plainDecimal) as [string, string];
  if (!terms.every((term) => isDecimal(term) || INFINITE.test(term))) {
    return session.error('ERR value is not a valid float');
  }
  const sum = addDecimals(...terms);
  if (sum === undefined) return session.error('ERR increment would produce NaN or Infinity');
  session.keyspace.set(key, sum, entry?.expiresAt ?? 0);
  session.bulk(sum);
}

function append(session: Session, args: string[]) {
  const { keyspace, server } = session;
  const key = args[1] as string;
  const part = args[2] as string;
  const entry = keyspace.get(key);
  const length = entry?.length ?? 0;
  if (length + part.length > server.limits.maxBulkBytes) return session.error(TOO_LONG);
  if (entry === undefined) keyspace.set(key, part, 0);
  else keyspace.write(key, length, part);
  session.integer(length + part.length);
}

function strlen(session: Session, args: string[]) {
  session.integer(session.keyspace.use(args[1] as string)?.length ?? 0);
}

function getrange(session: Session, args: string[]) {
  const first = integerArgument(session, args[2] as string);
  if (first === undefined) return;
  const last = integerArgument(session, args[3] as string);
  if (last === undefined) return;
  const entry = session.keyspace.use(args[1] as string);
  if (entry === undefined || (first < 0 && last < 0 && first > last)) return session.bulk('');
  const start = first < 0 ? Math.max(0, entry.length + first) : first;
  const end = last < 0 ? Math.max(0, entry.length + last) : last;
  session.bulk(start > end ? '' : entry.slice(start, end + 1));
}

function setrange(session: Session, args: string[]) {
  const { keyspace, server } = session;
  const key = args[1] as string;
  const part = args[3] as string;
  const offset = integerArgument(session, args[2] as string);
  if (offset === undefined) return;
  if (offset < 0) return session.error('ERR offset is out of range');
  const length = keyspace.get(key)?.length ?? 0;
  if (part === '') return session.integer(length);
  if (offset + part.length > server.limits.maxBulkBytes) return session.error(TOO_LONG);
  // The dispatcher only knew the arguments' length; the padding counts as well.
  if (server.memory.refuses(Math.max(0, offset + part.length - length))) return session.error(OUT_OF_MEMORY);
  session.integer(keyspace.write(key, offset, part));
}

const WRITE = ['write', 'denyoom'] as const;
const WRITE_FAST = ['write', 'denyoom', 'fast'] as const;
const READ_FAST = ['readonly', 'fast'] as const;
const PAIRS = [1, -1, 2] as const;

export const STRING_COMMANDS: readonly Command[] = commandsOf('string', [
  ['get', 2, READ_FAST, ONE_KEY, get],
  ['set', -3, WRITE, ONE_KEY, set],
  ['setex', 4, WRITE, ONE_KEY, setWithTtl(1000)],
  ['psetex', 4, WRITE, ONE_KEY, setWithTtl(1)],
  ['setnx', 3, WRITE_FAST, ONE_KEY, setnx],
  ['getset', 3, WRITE_FAST, ONE_KEY, getset],
  ['getdel', 2, ['write', 'fast'], ONE_KEY, getdel],
  ['getex', -2, ['write', 'fast'], ONE_KEY, getex],
  ['mget', -2, READ_FAST, ALL_KEYS, mget],
  ['mset', -3, WRITE, PAIRS, mset],
  ['msetnx', -3, WRITE, PAIRS, msetnx],
  ['incr', 2, WRITE_FAST, ONE_KEY, (session, args) => addTo(session, args[1] as string, 1)],
  ['decr', 2, WRITE_FAST, ONE_KEY, (session, args) => addTo(session, args[1] as string, -1)],
  ['incrby', 3, WRITE_FAST, ONE_KEY, incrby],
  ['decrby', 3, WRITE_FAST, ONE_KEY, decrby],
  ['incrbyfloat', 3, WRITE_FAST, ONE_KEY, incrbyfloat],
  ['append', 3, WRITE_FAST, ONE_KEY, append],
  ['strlen', 2, READ_FAST, ONE_KEY, strlen],
  ['getrange', 4, ['readonly'], ONE_KEY, getrange],
  ['substr', 4, ['readonly'], ONE_KEY, getrange],
  ['setrange', 4, WRITE, ONE_KEY, setrange],
]);
