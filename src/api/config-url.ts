// Takes a server's URL apart: redis, rediss, valkey, valkeys, unix.
// Called by config.ts. It must never put a URL into a message: a password may stand in it.

import { UsageError } from '../errors/index.ts';
import { quoteValue, URL_WORDS } from './config-schema.ts';
import { schemeOf } from './names.ts';

/** What a URL says; undefined where it says nothing. Either a path, or a host and its port. */
export interface ServerUrl {
  host?: string | undefined;
  port?: number | undefined;
  path?: string;
  db: number | undefined;
  username: string | undefined;
  password: string | undefined;
  secure: boolean;
}

export function parseServerUrl(text: string): ServerUrl {
  const scheme = schemeOf(text)?.toLowerCase();
  if (!/^(rediss?|valkeys?|unix)$/.test(scheme ?? ''))
    throw refusal(scheme === undefined ? 'it has no scheme' : `its scheme is ${quoteValue(scheme)}`);
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    // The original error quotes the URL, and with it a password: it is no `cause`.
    throw refusal('it can not be parsed (a password not percent-encoded, a port above 65535?)');
  }
  const { hash, host, hostname, pathname, port, searchParams } = url;
  if (hash !== '') throw refusal('it has a fragment; write "#" as %23');
  for (const key of searchParams.keys()) {
    if (key !== 'db') throw refusal(`its parameter ${quoteValue(key)} is not known, only "db" is`);
  }
  const inQuery = dbOf(searchParams.getAll('db').join() || null);
  const common = {
    username: decode(url.username),
    password: decode(url.password),
    secure: scheme === 'rediss' || scheme === 'valkeys',
  };
  if (scheme === 'unix') {
    const path = decode(host + pathname);
    if (path === undefined || path === '/') throw refusal('it names no socket');
    return { ...common, path, db: inQuery };
  }
  const db = dbOf(pathname.slice(1) || null) ?? inQuery;
  if (db !== (inQuery ?? db)) throw refusal('it names two databases');
  if (port === '0') throw refusal('its port is 0');
  return {
    ...common,
    host: hostname.startsWith('[') ? hostname.slice(1, -1) : decode(hostname),
    port: port === '' ? undefined : Number(port),
    db,
  };
}

function dbOf(text: string | null): number | undefined {
  if (text === null) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw refusal(`its database is ${quoteValue(text)}, no integer from 0`);
  return Number(text);
}

function decode(text: string): string | undefined {
  if (text === '') return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    throw refusal('it has a "%" without two hex digits; write "%" as %25');
  }
}

function refusal(why: string): UsageError {
  return new UsageError(`Cannot use configuration key "url": ${why}; allowed is ${URL_WORDS}`);
}
