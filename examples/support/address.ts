// Where the examples find their server: `--host`, `--port` and `--url` on the command line, then ASHREDIS_HOST,
// ASHREDIS_PORT and ASHREDIS_URL, then localhost:6379 as in the guide. Called by every example; it opens nothing.

import { parseArgs } from 'node:util';

export interface ExampleAddress {
  host?: string;
  port?: number;
  url?: string;
}

/** The address as configuration, and the words that remain on the command line. */
export function serverAddress(): ExampleAddress {
  const { values } = parseArgs({
    options: { host: { type: 'string' }, port: { type: 'string' }, url: { type: 'string' } },
    strict: false,
  });
  const url = text(values.url) ?? process.env.ASHREDIS_URL;
  const host = text(values.host) ?? process.env.ASHREDIS_HOST;
  const port = text(values.port) ?? process.env.ASHREDIS_PORT;
  if (url !== undefined && host === undefined && port === undefined) return { url };
  return { host: host ?? 'localhost', port: Number(port ?? 6379) };
}

/** A number given as `--name 3`, or the default. */
export function numberOption(name: string, otherwise: number): number {
  const index = process.argv.indexOf(`--${name}`);
  return index < 0 ? otherwise : Number(process.argv[index + 1]);
}

function text(value: string | boolean | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
