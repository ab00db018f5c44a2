// `ashredis get KEY`: prints a value. Called by `ashredis.ts`.

import { type CliCommand, EXIT } from '../context.ts';
import { SERVER_OPTIONS, withConnected } from '../server-options.ts';
import { printable, printableName } from '../text.ts';

export const getCommand: CliCommand = {
  spec: {
    name: 'ashredis get',
    summary: 'Print the value of a key',
    usage: 'KEY [--json] [options]',
    words: [1, 1],
    options: [
      { name: 'json', help: 'print {"key":…,"value":…}; the value is null when there is no such key' },
      ...SERVER_OPTIONS,
    ],
    examples: [
      ['what a publisher stored', 'ashredis get sensor:temperature:1'],
      ['in a region, for jq', 'ashredis get user:1 --region eu-west-1 | jq .name'],
    ],
    notes: ['Exit code 4 when there is no such key.'],
  },
  run: (args, context) =>
    withConnected(args, context, async (client) => {
      const key = args.words[0]!;
      const { out } = context;
      const value = await client.get(key, { as: 'bytes', signal: context.signal });
      const text = value === null ? null : new TextDecoder('utf-8', { ignoreBOM: true }).decode(value);
      if (args.flag('json')) await out.write(`${JSON.stringify({ key, value: text })}\n`);
      else if (value !== null && text !== null) {
        await out.write(out.isTerminal ? printable(text) : value);
        await out.write('\n');
      }
      if (value !== null) return EXIT.ok;
      if (!args.flag('json')) await context.err.write(`no key '${printableName(key)}'\n`);
      return EXIT.notFound;
    }),
};
