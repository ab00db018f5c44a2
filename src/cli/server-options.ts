// The options that say which server a command speaks to, and the client made from them.
// Called by every command but `server`. It must never put a password into anything that is printed.

import { readFileSync } from 'node:fs';
import { AshRedisClient, type ClientOptions } from '../api/index.ts';
import { UsageError } from '../errors/index.ts';
import type { OptionSpec, ParsedArguments } from './arguments.ts';
import type { CliContext } from './context.ts';

export const SERVER_OPTIONS: readonly OptionSpec[] = [
  { name: 'url', short: 'u', value: 'URL', help: 'redis://, rediss://, valkey:// or unix:// (default: ASHREDIS_URL)' },
  { name: 'host', value: 'HOST', help: 'default localhost' },
  { name: 'port', short: 'p', value: 'PORT', kind: 'integer', min: 1, max: 65_535, help: 'default 6379' },
  { name: 'region', short: 'r', value: 'NAME', help: 'isolates keys and channels' },
  { name: 'db', short: 'n', value: 'N', kind: 'integer', min: 0, max: 1_000_000, help: 'number of the database' },
  { name: 'user', value: 'NAME', help: 'for AUTH; the password comes from ASHREDIS_PASSWORD or the URL' },
  { name: 'tls', help: 'encrypt; certificates and names are verified' },
  { name: 'cacert', value: 'FILE', help: 'certificate of the authority to trust; implies --tls' },
  { name: 'dialect', value: 'NAME', help: 'auto, resp or ashredis (default auto)' },
  {
    name: 'timeout',
    value: 'S',
    kind: 'number',
    min: 0.001,
    max: 86_400,
    help: 'to connect and for each command (default 5)',
  },
];

/** The configuration, and where its address came from. */
export interface ServerChoice {
  readonly options: ClientOptions;
  readonly source: string;
}

/** What the flags and, where they are silent, the environment say. Throws a `UsageError`. */
export function chooseServer(args: ParsedArguments, context: CliContext): ServerChoice {
  const options: ClientOptions = { clientName: 'ashredis-cli' };
  const host = args.text('host');
  const port = args.number('port');
  const fromEnvironment = host === undefined && port === undefined && args.text('url') === undefined;
  const url = args.text('url') ?? (fromEnvironment ? nonEmpty(context.env.ASHREDIS_URL) : undefined);
  if (url === '') throw new UsageError('Cannot use --url: it is empty');
  if (url !== undefined) options.url = url;
  if (host !== undefined) options.host = host;
  if (port !== undefined) options.port = port;
  const region = args.text('region');
  if (region !== undefined) options.region = region;
  const db = args.number('db');
  if (db !== undefined) options.db = db;
  const user = args.text('user');
  if (user !== undefined) options.username = user;
  const password = nonEmpty(context.env.ASHREDIS_PASSWORD);
  if (password !== undefined && !/^[a-z]+:\/\/[^/@]*:[^/@]+@/i.test(url ?? '')) options.password = password;
  const cacert = args.text('cacert');
  if (cacert !== undefined) options.tls = { ca: readCertificate(cacert) };
  else if (args.flag('tls')) options.tls = true;
  const dialect = args.text('dialect');
  if (dialect !== undefined) {
    if (dialect !== 'auto' && dialect !== 'resp' && dialect !== 'ashredis') {
      throw new UsageError(`Cannot use --dialect '${dialect}': it is not one of auto, resp, ashredis`);
    }
    options.dialect = dialect;
  }
  const timeout = args.number('timeout');
  if (timeout !== undefined) {
    options.connectTimeoutMs = Math.ceil(timeout * 1000);
    options.commandTimeoutMs = Math.ceil(timeout * 1000);
  }
  const source =
    url === undefined
      ? host === undefined && port === undefined
        ? 'the default'
        : '--host, --port'
      : fromEnvironment
        ? 'ASHREDIS_URL'
        : '--url';
  return { options, source };
}

/** Runs `use` with a client and closes it whatever happens. */
export async function withClient<T>(
  args: ParsedArguments,
  context: CliContext,
  use: (client: AshRedisClient) => Promise<T>,
): Promise<T> {
  const client = new AshRedisClient({ ...chooseServer(args, context).options, signal: context.signal });
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}

/**
 * The same with a connection that is there: what keeps it from being made is said, not that a command had to wait for it.
 */
export function withConnected<T>(
  args: ParsedArguments,
  context: CliContext,
  use: (client: AshRedisClient) => Promise<T>,
): Promise<T> {
  return withClient(args, context, async (client) => {
    await client.connect({ signal: context.signal });
    return use(client);
  });
}

/** Of `sub` and `pub`, whose classes would speak of their URL. */
export function checkChannel(name: string): void {
  if (name === '') throw new UsageError('Cannot use a channel without a name');
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === undefined || text === '' ? undefined : text;
}

function readCertificate(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new UsageError(`Cannot read --cacert '${file}': ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    });
  }
  // Node takes anything, and then trusts nobody.
  if (text.includes('-----BEGIN ')) return text;
  throw new UsageError(
    `Cannot use --cacert '${file}': it holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)`,
  );
}
