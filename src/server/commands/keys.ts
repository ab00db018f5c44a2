// Commands on keys of any kind: life, time to live, listing, renaming. Called through the command table.

import {
  ALL_KEYS,
  type Command,
  commandsOf,
  databaseArgument,
  int64Argument,
  integerArgument,
  NO_KEYS,
  ONE_KEY,
  SYNTAX_ERROR,
  shown,
} from '../command.ts';
import { absoluteTime, invalidExpire } from '../expiry-arguments.ts';
import { Glob } from '../glob.ts';
import type { Session } from '../session.ts';

function del(session: Session, args: string[]) {
  let count = 0;
  for (let i = 1; i < args.length; i++) if (session.keyspace.delete(args[i] as string)) count++;
  session.integer(count);
}

function exists(session: Session, args: string[]) {
  let count = 0;
  for (let i = 1; i < args.length; i++) if (session.keyspace.look(args[i] as string) !== undefined) count++;
  session.integer(count);
}

function touch(session: Session, args: string[]) {
  let count = 0;
  for (let i = 1; i < args.length; i++) if (session.keyspace.use(args[i] as string) !== undefined) count++;
  session.integer(count);
}

type Condition = 'nx' | 'xx' | 'gt' | 'lt';

/** The options of EXPIRE and its kin; undefined after an error reply. */
function expireConditions(session: Session, args: readonly string[]): Set<Condition> | undefined {
  const found = new Set<Condition>();
  for (const arg of args.slice(3)) {
    const word = arg.toLowerCase();
    if (word !== 'nx' && word !== 'xx' && word !== 'gt' && word !== 'lt') {
      session.error(`ERR Unsupported option ${shown(arg, arg.length)}`);
      return undefined;
    }
    found.add(word);
  }
  if (found.has('nx') && found.size > 1) {
    session.error('ERR NX and XX, GT or LT options at the same time are not compatible');
    return undefined;
  }
  if (found.has('gt') && found.has('lt')) {
    session.error('ERR GT and LT options at the same time are not compatible');
    return undefined;
  }
  return found;
}

/** `current` is 0 for a key that lives for ever: GT never beats that, LT always does. */
function mayExpire(conditions: ReadonlySet<Condition>, current: number, wanted: number): boolean {
  if (conditions.has('nx') && current !== 0) return false;
  if (conditions.has('xx') && current === 0) return false;
  if (conditions.has('gt') && (current === 0 || wanted <= current)) return false;
  return !(conditions.has('lt') && current !== 0 && wanted >= current);
}

function expire(name: string, unitMs: number, absolute: boolean) {
  return (session: Session, args: string[]) => {
    const conditions = expireConditions(session, args);
    if (conditions === undefined) return;
    const value = int64Argument(session, args[2] as string);
    if (value === undefined) return;
    const time = absoluteTime(value, unitMs, absolute, session.server.now());
    if (time === undefined) return invalidExpire(session, name);
    const entry = session.keyspace.get(args[1] as string);
    if (entry === undefined || !mayExpire(conditions, entry.expiresAt, time)) return session.integer(0);
    // Epoch 0 and before are in the past, and 0 means "no time to live" in the keyspace.
    session.keyspace.expireAt(args[1] as string, Math.max(1, time));
    session.integer(1);
  };
}

/** TTL, PTTL, EXPIRETIME, PEXPIRETIME: -2 for no such key, -1 for no time to live. */
function timeLeft(unitMs: number, absolute: boolean) {
  return (session: Session, args: string[]) => {
    const entry = session.keyspace.get(args[1] as string);
    if (entry === undefined) return session.integer(-2);
    if (entry.expiresAt === 0) return session.integer(-1);
    const ms = absolute ? entry.expiresAt : Math.max(0, entry.expiresAt - session.server.now());
    session.integer(unitMs === 1 ? ms : Math.floor((ms + 500) / 1000));
  };
}

function persist(session: Session, args: string[]) {
  const entry = session.keyspace.get(args[1] as string);
  if (entry === undefined || entry.expiresAt === 0) return session.integer(0);
  session.keyspace.expireAt(args[1] as string, 0);
  session.integer(1);
}

function type(session: Session, args: string[]) {
  session.simple(session.keyspace.get(args[1] as string) === undefined ? 'none' : 'string');
}

/** The compiled pattern, or undefined after an error reply. */
export function globArgument(session: Session, pattern: string): Glob | undefined {
  const limit = session.server.limits.maxPatternBytes;
  if (pattern.length <= limit) return new Glob(pattern);
  session.error(`ERR pattern of ${pattern.length} bytes exceeds the limit of ${limit} bytes`);
  return undefined;
}

function keys(session: Session, args: string[]) {
  const glob = globArgument(session, args[1] as string);
  if (glob === undefined) return;
  const found = [...session.keyspace.keys(glob)];
  session.array(found.length);
  for (const key of found) session.bulk(key);
}

/** As C's strtoul reads it: the empty text is 0, and a minus turns round from the top. Undefined for what it refuses. */
function cursorOf(text: string): number | undefined {
  const match = /^[+-]?0*(\d{0,20})$/.exec(text);
  const digits = match?.[1] as string;
  if (match === null || text === '+' || text === '-' || BigInt(digits) >> 64n !== 0n) return undefined;
  return Number(BigInt.asUintN(64, BigInt(text.startsWith('-') ? `-${digits || 0}` : digits)));
}

function scan(session: Session, args: string[]) {
  const cursor = cursorOf(args[1] as string);
  if (cursor === undefined) return session.error('ERR invalid cursor');
  let count = 10;
  let glob: Glob | undefined;
  let ofOtherType = false;
  for (let i = 2; i < args.length; i += 2) {
    const word = (args[i] as string).toUpperCase();
    const value = args[i + 1];
    if (value === undefined) return session.error(SYNTAX_ERROR);
    if (word === 'COUNT') {
      const number = integerArgument(session, value);
      if (number === undefined) return;
      if (number < 1) return session.error(SYNTAX_ERROR);
      count = number;
    } else if (word === 'MATCH') {
      glob = globArgument(session, value);
      if (glob === undefined) return;
    } else if (word === 'TYPE') {
      ofOtherType = value.toLowerCase() !== 'string';
    } else {
      return session.error(SYNTAX_ERROR);
    }
  }
  const step = session.keyspace.scan(cursor, count, glob);
  const found = ofOtherType ? [] : step.keys;
  session.array(2);
  session.bulk(String(step.cursor));
  session.array(found.length);
  for (const key of found) session.bulk(key);
}

function rename(onlyNew: boolean) {
  return (session: Session, args: string[]) => {
    const from = args[1] as string;
    const to = args[2] as string;
    const keyspace = session.keyspace;
    const entry = keyspace.get(from);
    if (entry === undefined) return session.error('ERR no such key');
    if (onlyNew && keyspace.get(to) !== undefined) return session.integer(0);
    if (from !== to) {
      const { value, expiresAt } = entry;
      keyspace.delete(from);
      keyspace.set(to, value, expiresAt);
    }
    if (onlyNew) session.integer(1);
    else session.ok();
  };
}

function flush(all: boolean) {
  return (session: Session, args: string[]) => {
    const mode = args[1]?.toUpperCase();
    if (args.length > 2 || (mode !== undefined && mode !== 'ASYNC' && mode !== 'SYNC')) {
      return session.error(SYNTAX_ERROR);
    }
    if (all) for (const keyspace of session.server.openKeyspaces()) keyspace.clear();
    else session.keyspace.clear();
    session.ok();
  };
}

function select(session: Session, args: string[]) {
  const index = databaseArgument(session, args[1] as string);
  if (index === undefined) return;
  session.database = index;
  session.keyspace = session.server.keyspace(index);
  session.ok();
}

const WRITE_FAST = ['write', 'fast'] as const;
const READ_FAST = ['readonly', 'fast'] as const;

export const KEY_COMMANDS: readonly Command[] = commandsOf('generic', [
  ['del', -2, ['write'], ALL_KEYS, del],
  ['unlink', -2, WRITE_FAST, ALL_KEYS, del],
  ['exists', -2, READ_FAST, ALL_KEYS, exists],
  ['touch', -2, READ_FAST, ALL_KEYS, touch],
  ['expire', -3, WRITE_FAST, ONE_KEY, expire('expire', 1000, false)],
  ['pexpire', -3, WRITE_FAST, ONE_KEY, expire('pexpire', 1, false)],
  ['expireat', -3, WRITE_FAST, ONE_KEY, expire('expireat', 1000, true)],
  ['pexpireat', -3, WRITE_FAST, ONE_KEY, expire('pexpireat', 1, true)],
  ['ttl', 2, READ_FAST, ONE_KEY, timeLeft(1000, false)],
  ['pttl', 2, READ_FAST, ONE_KEY, timeLeft(1, false)],
  ['expiretime', 2, READ_FAST, ONE_KEY, timeLeft(1000, true)],
  ['pexpiretime', 2, READ_FAST, ONE_KEY, timeLeft(1, true)],
  ['persist', 2, WRITE_FAST, ONE_KEY, persist],
  ['type', 2, READ_FAST, ONE_KEY, type],
  ['keys', 2, ['readonly'], NO_KEYS, keys],
  ['scan', -2, ['readonly'], NO_KEYS, scan],
  ['randomkey', 1, ['readonly'], NO_KEYS, (session) => session.bulkOrNull(session.keyspace.randomKey(Math.random))],
  ['rename', 3, ['write'], [1, 2, 1], rename(false)],
  ['renamenx', 3, WRITE_FAST, [1, 2, 1], rename(true)],
  ['dbsize', 1, READ_FAST, NO_KEYS, (session) => session.integer(session.keyspace.size)],
  ['flushdb', -1, ['write'], NO_KEYS, flush(false)],
  ['flushall', -1, ['write'], NO_KEYS, flush(true)],
]);

export const SELECT_COMMANDS: readonly Command[] = commandsOf('connection', [['select', 2, ['fast'], NO_KEYS, select]]);
