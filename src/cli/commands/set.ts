// `ashredis set KEY VALUE`: stores a value. Called by `ashredis.ts`.

import { UsageError } from '../../errors/index.ts';
import { type CliCommand, type CliContext, EXIT } from '../context.ts';
import { SERVER_OPTIONS, withConnected } from '../server-options.ts';
import { printableName } from '../text.ts';

const MAX_STDIN_BYTES = 512 * 1024 * 1024;

export const setCommand: CliCommand = {
  spec: {
    name: 'ashredis set',
    summary: 'Store a value under a key',
    usage: 'KEY VALUE [--ttl S] [options]',
    words: [2, 2],
    options: [
      {
        name: 'ttl',
        value: 'S',
        kind: 'number',
        min: 0.001,
        max: 2 ** 31 - 1,
        help: 'seconds to live, fractions allowed',
      },
      { name: 'nx', help: 'only when the key does not exist' },
      { name: 'xx', help: 'only when the key exists' },
      { name: 'json', help: 'print {"key":…,"stored":true|false}' },
      ...SERVER_OPTIONS,
    ],
    examples: [
      ['a value for five minutes', `ashredis set config:app '{"debug":true}' --ttl 300`],
      ['from a file', 'ashredis set page:home - < index.html'],
    ],
    notes: ['VALUE - is read from standard input. Exit code 1 when --nx or --xx kept the value from being stored.'],
  },
  run(args, context) {
    if (args.flag('nx') && args.flag('xx')) {
      throw new UsageError('Cannot use --nx together with --xx: no key would qualify');
    }
    return withConnected(args, context, async (client) => {
      const [key, word] = args.words as [string, string];
      const value = word === '-' ? await readAll(context) : word;
      const ttlSeconds = args.number('ttl');
      const reply = await client.set(key, value, {
        ...(ttlSeconds === undefined ? {} : { ttlSeconds }),
        ...(args.flag('nx') ? { nx: true } : {}),
        ...(args.flag('xx') ? { xx: true } : {}),
        signal: context.signal,
      });
      const stored = reply !== null;
      if (args.flag('json')) await context.out.write(`${JSON.stringify({ key, stored })}\n`);
      else if (stored) await context.out.write('OK\n');
      else
        await context.err.write(
          `not stored: the key '${printableName(key)}' ${args.flag('nx') ? 'exists' : 'does not exist'}\n`,
        );
      return stored ? EXIT.ok : EXIT.failed;
    });
  },
};

async function readAll(context: CliContext): Promise<Uint8Array> {
  const { signal, stdin } = context;
  const chunks: Uint8Array[] = [];
  let length = 0;
  const onStop = () => stdin.stop();
  signal.addEventListener('abort', onStop, { once: true });
  for await (const chunk of stdin) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > MAX_STDIN_BYTES)
      throw new UsageError(`Cannot store standard input: it exceeds ${MAX_STDIN_BYTES} bytes`);
  }
  signal.removeEventListener('abort', onStop);
  // What was read of a value is not the value.
  signal.throwIfAborted();
  return Buffer.concat(chunks);
}
