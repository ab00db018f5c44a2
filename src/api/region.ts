// Regions as prefixes: what a name becomes on a server that speaks RESP, and back.
// Called by publishers, subscribers and the client. Pure; the line dialect's `@region` word is not made here.

import { UsageError } from '../errors/index.ts';
import { isRegionName, quoteValue } from './config-schema.ts';

const ANY_REGION = /^@(?!\.{1,2}:)[A-Za-z0-9_.-]{1,64}:/;

/** The region that calls use: undefined for none. `region0` is none, on every server. */
export function checkRegion(region: unknown): string | undefined {
  if (region === undefined || region === null) return undefined;
  if (!isRegionName(region)) {
    throw new UsageError(
      `Cannot use region ${quoteValue(region)}: allowed is [A-Za-z0-9_.-]{1,64}, neither "." nor ".."`,
    );
  }
  return region === 'region0' ? undefined : region;
}

/** `@r:`, or the empty text without a region. */
export function regionPrefix(region: string | undefined): string {
  return region === undefined ? '' : `@${region}:`;
}

/** The glob that finds a region's names. A region's `.`, `-`, `_` mean themselves in a glob, so only the pattern has wildcards. */
export function regionPattern(region: string | undefined, pattern: string): string {
  return regionPrefix(region) + pattern;
}

/** The name without the prefix, or undefined when it belongs to another region. */
export function nameInRegion(region: string | undefined, name: string): string | undefined {
  if (region === undefined) return ANY_REGION.test(name) ? undefined : name;
  const prefix = regionPrefix(region);
  return name.startsWith(prefix) ? name.slice(prefix.length) : undefined;
}
