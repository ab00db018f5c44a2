// Names and URLs of publishers and subscribers: what they may be and what stands in them.
// Called by constructors. Pure.

import { notAllowed, quoteValue } from './config-schema.ts';

/** Non-empty text, or a `UsageError`. */
export function checkText(value: unknown, what: string): string {
  return typeof value === 'string' && value !== ''
    ? value
    : notAllowed(`the ${what}`, quoteValue(value), 'a non-empty string');
}

/** What stands after `scheme://`, verbatim. */
export function nameIn(url: string, scheme: string, what: string): string {
  const start = `${scheme}://`;
  const name = url.slice(start.length);
  return url.startsWith(start) && name !== '' ? name : notAllowed(`the ${what}`, quoteValue(url), `"${start}<name>"`);
}

/** `ashredischannel` of `ashredischannel://alerts`; undefined when there is none. */
export function schemeOf(url: string): string | undefined {
  return /^([A-Za-z][A-Za-z0-9+.-]*):\/\//.exec(url)?.[1];
}
