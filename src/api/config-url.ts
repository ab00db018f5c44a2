// Takes a server's URL apart: redis, rediss, valkey, valkeys, unix.
// Called by config.ts. It must never put a URL into a message: a password may stand in it.

import { UsageError } from '../errors/index.ts';

/** What a URL says; undefined where it says nothing. */
export interface ServerUrl {
  host: string | undefined;
  port: number | undefined;
  path: string | undefined;
  db: number | undefined;
  username: string | undefined;
  password: string | undefined;
  secure: boolean;
}

const FORMS = 'redis://[user:password@]host[:port][/db], rediss://…, valkey://…, valkeys://… or unix:///path/to/socket';

export function parseServerUrl(text: string): ServerUrl {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined) throw refusal('it has no scheme');
  if (scheme === 'ashredis' || scheme === 'ashredischannel') {
    throw refusal(`${scheme}:// never carries the host; it is a destination or a source`);
  }
  if (!['redis', 'rediss', 'valkey', 'valkeys', 'unix'].includes(scheme)) {
    throw refusal(`its scheme is ${JSON.stringify(scheme)}`);
  }
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    // The original error quotes the URL, and with it a password: it is no `cause`.
    throw refusal(
      'it can not be parsed (is a character of the password not percent-encoded, or the port above 65535?)',
    );
  }
  if (url.hash !== '') throw refusal('it has a fragment (#…); percent-encode "#" as %23');
  let db = dbOf(url.searchParams.get('db') ?? undefined);
  for (const key of url.searchParams.keys()) {
    if (key !== 'db') throw refusal(`its parameter ${JSON.stringify(key)} is not known, only "db" is`);
  }
  const username = decode(url.username);
  const password = decode(url.password);
  const base = { username, password, secure: scheme === 'rediss' || scheme === 'valkeys' };
  if (scheme === 'unix') {
    const path = decode(url.host + url.pathname);
    if (path === undefined || path === '/') throw refusal('it names no socket');
    return { ...base, host: undefined, port: undefined, path, db };
  }
  const segment = url.pathname.replace(/^\//, '');
  if (segment !== '') {
    const fromPath = dbOf(segment);
    if (db !== undefined && db !== fromPath) throw refusal('its path and its parameter "db" name two databases');
    db = fromPath;
  }
  const host = url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : decode(url.hostname);
  if (url.port === '0') throw refusal('its port is 0, allowed is an integer from 1 to 65535');
  return { ...base, host, port: url.port === '' ? undefined : Number(url.port), path: undefined, db };
}

function dbOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw refusal(`its database is ${JSON.stringify(text)}, allowed is an integer from 0`);
  return Number(text);
}

function decode(text: string): string | undefined {
  if (text === '') return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    throw refusal('it has a "%" that is not followed by two hex digits; percent-encode "%" as %25');
  }
}

function refusal(why: string): UsageError {
  return new UsageError(`Cannot use configuration key "url": ${why}; allowed is ${FORMS}`);
}
