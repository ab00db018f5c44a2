// Regions as prefixes: what a name becomes on a server that speaks RESP, and back.
// Called by publishers, subscribers and the client. Pure; the line dialect's `@region` word is not made here.

import { isRegionName, notAllowed, quoteValue, REGION_WORDS } from './config-schema.ts';

const ANY_REGION = /^@(?!\.{1,2}:)[A-Za-z0-9_.-]{1,64}:/;

/** The region that calls use: undefined for none. `region0` is none, on every server. */
export function checkRegion(region: unknown): string | undefined {
  if (region === undefined || region === null || region === 'region0') return undefined;
  return isRegionName(region) ? region : notAllowed('region', quoteValue(region), REGION_WORDS);
}

/** `@r:`, or the empty text without a region. */
export function regionPrefix(region: string | undefined): string {
  return region === undefined ? '' : `@${region}:`;
}

/** The name without the prefix, or undefined when it belongs to another region. */
export function nameInRegion(region: string | undefined, name: string): string | undefined {
  const prefix = regionPrefix(region);
  // What is no text throws, also without a region.
  const isOwn = name.startsWith(prefix) && (region !== undefined || !ANY_REGION.test(name));
  return isOwn ? name.slice(prefix.length) : undefined;
}
