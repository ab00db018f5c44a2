// Names and URLs of publishers and subscribers: what they may be and what stands in them.
// Called by constructors. Pure.

import { UsageError } from '../errors/index.ts';

/** Non-empty text, or a `UsageError`. */
export function checkText(value: unknown, what: string): string {
  if (typeof value === 'string' && value !== '') return value;
  const found = value === '' ? 'an empty string' : value === null ? 'null' : typeof value;
  throw new UsageError(`Cannot use the ${what}: found ${found}, allowed is a non-empty string`);
}

/** What stands after `scheme://`, verbatim. */
export function nameIn(url: string, scheme: string, what: string): string {
  const start = `${scheme}://`;
  if (url.startsWith(start) && url.length > start.length) return url.slice(start.length);
  const found = url.length > 60 ? `${url.slice(0, 57)}…` : url;
  throw new UsageError(`Cannot use the ${what} ${JSON.stringify(found)}: allowed is "${start}<name>"`);
}

/** `ashredischannel` of `ashredischannel://alerts`; undefined when there is none. */
export function schemeOf(url: string): string | undefined {
  return /^([A-Za-z][A-Za-z0-9+.-]*):\/\//.exec(url)?.[1];
}
