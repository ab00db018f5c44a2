// `ashredis get KEY`: prints a value. Called by `ashredis.ts`.

import { type CliCommand, EXIT } from '../context.ts';
import { SERVER_OPTIONS, withClient } from '../server-options.ts';

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
    withClient(args, context, async (client) => {
      const key = args.words[0]!;
      const value = await client.get(key, { signal: context.signal });
      if (args.flag('json')) await context.out.write(`${JSON.stringify({ key, value })}\n`);
      else if (value !== null) await context.out.write(`${value}\n`);
      if (value !== null) return EXIT.ok;
      if (!args.flag('json')) await context.err.write(`no key '${key}'\n`);
      return EXIT.notFound;
    }),
};
