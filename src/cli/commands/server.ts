// `ashredis server`: the embedded server as a program. Called by `ashredis.ts` and `ashredis-server.ts`.
// It must say that data lives in memory, and stop on SIGINT and SIGTERM.

import { UsageError } from '../../errors/index.ts';
import { createServer, type ServerOptions } from '../../server/index.ts';
import { type CliCommand, EXIT, exitOnStop, stopWanted } from '../context.ts';
import { paint } from '../text.ts';

export const serverCommand: CliCommand = {
  spec: {
    name: 'ashredis server',
    summary: 'Start the embedded server: in memory, for development and tests',
    usage: '[--port N] [--host ADDRESS] [options]',
    words: [0, 0],
    options: [
      {
        name: 'port',
        short: 'p',
        value: 'N',
        kind: 'integer',
        min: 0,
        max: 65_535,
        help: 'default 6379; 0 takes a free one',
      },
      { name: 'host', value: 'ADDRESS', help: 'default 127.0.0.1; beyond loopback a password is needed' },
      { name: 'unix', value: 'PATH', help: 'listen on a Unix socket too' },
      { name: 'password', value: 'TEXT', help: 'what clients must send (better: ASHREDIS_PASSWORD)' },
      { name: 'unprotected', help: 'allow an address beyond loopback without a password' },
      { name: 'dialect', value: 'NAME', help: 'auto, resp or ashredis (default auto)' },
      { name: 'max-memory', value: 'BYTES', kind: 'integer', min: 0, help: 'default 536870912; 0 is no limit' },
      { name: 'json', help: 'print the address as {"host":…,"port":…,"url":…}, with --unix also "unixUrl":…' },
    ],
    examples: [
      ['on the usual port', 'ashredis server'],
      ['on a free port, for a script', 'ashredis server --port 0 --json'],
    ],
    notes: ['Ctrl-C ends it with exit code 130, SIGTERM with 0. Nothing is kept after that.'],
  },
  async run(args, context) {
    const options: ServerOptions = { port: args.number('port') ?? 6379 };
    const host = args.text('host');
    if (host !== undefined) options.host = host;
    const unix = args.text('unix');
    if (unix !== undefined) options.unix = unix;
    const password = args.text('password') ?? context.env.ASHREDIS_PASSWORD;
    if (args.text('password') === '') throw new UsageError('Cannot use --password: it is empty; leave it out for none');
    if (password !== undefined && password !== '') options.password = password;
    if (args.flag('unprotected')) options.unprotected = true;
    const maxMemoryBytes = args.number('max-memory');
    if (maxMemoryBytes !== undefined) options.maxMemoryBytes = maxMemoryBytes;
    const dialect = args.text('dialect');
    if (dialect !== undefined) options.dialect = dialect as NonNullable<ServerOptions['dialect']>;
    const server = await createServer(options).catch((cause: unknown) => {
      throw cause instanceof UsageError ? cause : cannotListen(cause, options);
    });
    const { host: at, port, url, unixUrl } = server;
    const addresses = [url, ...(unixUrl === undefined ? [] : [unixUrl])].map((address) =>
      paint(context.out, 'bold', address),
    );
    await context.out.write(
      args.flag('json')
        ? `${JSON.stringify({ host: at, port, url, ...(unixUrl === undefined ? {} : { unixUrl }) })}\n`
        : `Listening on ${addresses.join(' and ')}; data lives in memory and is gone when it stops\n`,
    );
    await stopWanted(context.signal);
    await server.stop();
    return context.stoppedBy() === 'SIGTERM' ? EXIT.ok : exitOnStop(context, EXIT.ok);
  },
};

function cannotListen(cause: unknown, options: ServerOptions): UsageError {
  const { code, address, port } = (cause ?? {}) as { code?: unknown; address?: unknown; port?: unknown };
  const isFile = options.unix !== undefined && address === options.unix && !(Number(port) >= 0);
  const place = isFile ? options.unix : `${options.host ?? '127.0.0.1'}:${options.port}`;
  const inUse = isFile
    ? 'the file exists: another program listens there, or one that has ended left it; remove it or choose another --unix'
    : 'another program listens there; choose another --port, or 0 for a free one';
  const hint = code === 'EADDRINUSE' ? inUse : undefined;
  const text = cause instanceof Error ? cause.message : String(cause);
  return new UsageError(`Cannot start the server on ${place}: ${text}`, {
    cause,
    ...(hint === undefined ? {} : { hint }),
  });
}
