// Every limit of the embedded server in one place, with what is allowed for it. Called when a server is made.

import { UsageError } from '../errors/index.ts';
import type { ServerLimits, ServerOptions } from './types.ts';

/** What one connection and the server may take: the public limits, and those that nobody needs to set. */
export interface Limits extends Readonly<ServerLimits> {
  /** Arguments of one command. */
  readonly maxArgumentCount: number;
  /** A Redis inline command, and a header line of RESP. As Redis. */
  readonly maxInlineBytes: number;
  /** A glob pattern: matching costs at most pattern × text. */
  readonly maxPatternBytes: number;
}

const MIB = 1024 * 1024;

export const DEFAULT_LIMITS: Limits = {
  maxBulkBytes: 64 * MIB,
  maxRequestBytes: 128 * MIB,
  maxArgumentCount: 1024 * 1024,
  maxInlineBytes: 64 * 1024,
  maxLineBytes: 1_000_000,
  maxPendingInputBytes: 256 * MIB,
  maxOutputBytes: 64 * MIB,
  maxSubscriberOutputBytes: 32 * MIB,
  softSubscriberOutputBytes: 8 * MIB,
  softOutputMs: 60_000,
  maxPatternBytes: 64 * 1024,
  maxClients: 10_000,
};

/** What a command that waits and an argument cost beside their bytes: millions of empty ones must not be free. */
export const QUEUED_COMMAND_BYTES = 128;
export const ARGUMENT_BYTES = 16;

/** Before AUTH, as Redis: at most ten arguments of 16 KiB, so that a stranger can't make us hold more. */
export const UNAUTHENTICATED_ARGUMENT_COUNT = 10;
export const UNAUTHENTICATED_BULK_BYTES = 16_384;

/** All limits; throws a `UsageError` for one that is none, or is none of what is allowed. Undefined is the default. */
export function completeLimits(given: ServerOptions['limits']): Limits {
  if (given === undefined) return DEFAULT_LIMITS;
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new UsageError(`Cannot start the server: limits ${String(given)} is not an object of limits`);
  }
  const all: Record<string, number> = { ...DEFAULT_LIMITS };
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(DEFAULT_LIMITS, name)) {
      throw new UsageError(`Cannot start the server: no limit is named '${name}'`);
    }
    if (value === undefined) continue;
    if (!(typeof value === 'number' && value > 0)) {
      throw new UsageError(`Cannot start the server: limit ${name} ${String(value)} is not a number above 0`);
    }
    all[name] = value;
  }
  return all as Record<keyof Limits, number>;
}
