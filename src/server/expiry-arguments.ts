// The options of SET and GETEX, and how a time to live becomes an absolute time. Called by the string and key handlers.

import { int64Argument, SYNTAX_ERROR } from './command.ts';
import { isInt64 } from './numbers.ts';
import type { Session } from './session.ts';

/** The last number below 2 ** 63: Redis keeps milliseconds in an int64, and what does not fit is an invalid time. */
const LAST_TIME = 2 ** 63 - 1024;
/** Below it, sums with the time of day are exact as numbers. */
const EXACT_TIME = 2 ** 52;

export interface ValueOptions {
  nx: boolean;
  xx: boolean;
  get: boolean;
  keepTtl: boolean;
  persist: boolean;
  /** Epoch ms, or undefined when no option gave a time. */
  expiresAt: number | undefined;
}

const TIME_OPTIONS: Record<string, { unitMs: number; absolute: boolean }> = {
  EX: { unitMs: 1000, absolute: false },
  PX: { unitMs: 1, absolute: false },
  EXAT: { unitMs: 1000, absolute: true },
  PXAT: { unitMs: 1, absolute: true },
};

/** Absolute epoch ms for a time argument; undefined when the sum does not fit in an int64. */
export function absoluteTime(
  value: number | bigint,
  unitMs: number,
  absolute: boolean,
  now: number,
): number | undefined {
  if (typeof value === 'number' && Math.abs(value) < EXACT_TIME / unitMs) return value * unitMs + (absolute ? 0 : now);
  // The last times that fit differ by less than a double can tell.
  const ms = BigInt(value) * BigInt(unitMs);
  if (!isInt64(ms)) return undefined;
  const time = absolute ? ms : ms + BigInt(now);
  return isInt64(time) ? Math.min(Number(time), LAST_TIME) : undefined;
}

export function invalidExpire(session: Session, name: string): void {
  session.error(`ERR invalid expire time in '${name}' command`);
}

/** A time argument that must be positive; replies with the error and gives undefined for anything else. */
export function positiveTime(
  session: Session,
  name: string,
  text: string,
  unitMs: number,
  absolute: boolean,
): number | undefined {
  const value = int64Argument(session, text);
  if (value === undefined) return undefined;
  const time = value <= 0 ? undefined : absoluteTime(value, unitMs, absolute, session.server.now());
  if (time === undefined) invalidExpire(session, name);
  return time;
}

/**
 * The options from `args[start]` on. `command` says which are allowed: SET takes NX XX GET KEEPTTL, GETEX takes
 * PERSIST, both the times, of which only one may be given. Replies with the error and gives undefined when refused.
 */
export function valueOptions(
  session: Session,
  command: 'set' | 'getex',
  args: readonly string[],
  start: number,
): ValueOptions | undefined {
  const isSet = command === 'set';
  const options: ValueOptions = {
    nx: false,
    xx: false,
    get: false,
    keepTtl: false,
    persist: false,
    expiresAt: undefined,
  };
  let timeText: string | undefined;
  let time: { unitMs: number; absolute: boolean } | undefined;
  for (let i = start; i < args.length; i++) {
    const word = (args[i] as string).toUpperCase();
    const known = Object.hasOwn(TIME_OPTIONS, word) ? TIME_OPTIONS[word] : undefined;
    if (isSet && word === 'NX' && !options.xx) options.nx = true;
    else if (isSet && word === 'XX' && !options.nx) options.xx = true;
    else if (isSet && word === 'GET') options.get = true;
    else if (isSet && word === 'KEEPTTL' && time === undefined) options.keepTtl = true;
    else if (!isSet && word === 'PERSIST' && time === undefined) options.persist = true;
    else if (
      known !== undefined &&
      (time === undefined || time === known) &&
      !options.keepTtl &&
      !options.persist &&
      i + 1 < args.length
    ) {
      time = known;
      timeText = args[++i];
    } else {
      session.error(SYNTAX_ERROR);
      return undefined;
    }
  }
  if (time !== undefined && timeText !== undefined) {
    // As in Redis, GETEX looks for the key before it looks at the time.
    if (!isSet && session.keyspace.get(args[1] as string) === undefined) {
      session.nil();
      return undefined;
    }
    options.expiresAt = positiveTime(session, command, timeText, time.unitMs, time.absolute);
    if (options.expiresAt === undefined) return undefined;
  }
  return options;
}
