// `ashredis keys [PATTERN]`: prints the names of a region, page by page. Called by `ashredis.ts`.

import { type CliCommand, EXIT } from '../context.ts';
import { SERVER_OPTIONS, withConnected } from '../server-options.ts';
import { printableName } from '../text.ts';

export const keysCommand: CliCommand = {
  spec: {
    name: 'ashredis keys',
    summary: 'List the keys that match a pattern',
    usage: '[PATTERN] [--json] [options]',
    words: [0, 1],
    options: [
      { name: 'count', short: 'c', value: 'N', kind: 'integer', min: 1, help: 'stop after N names' },
      { name: 'json', help: 'one JSON string a line' },
      ...SERVER_OPTIONS,
    ],
    examples: [
      ['all temperature sensors', `ashredis keys 'sensor:temperature:*'`],
      ['how many keys has a region?', 'ashredis keys --region eu-west-1 | wc -l'],
    ],
    notes: ['SCAN is used, so that the server goes on serving others. Each name is printed once.'],
  },
  run: (args, context) =>
    withConnected(args, context, async (client) => {
      const limit = args.number('count') ?? Number.POSITIVE_INFINITY;
      const asIs = !args.flag('json') && !context.out.isTerminal;
      const seen = new Set<string>();
      for await (const name of client.scan(args.words[0] ?? '*', { signal: context.signal })) {
        if (seen.has(name)) continue;
        seen.add(name);
        await context.out.write(`${args.flag('json') ? JSON.stringify(name) : asIs ? name : printableName(name)}\n`);
        if (seen.size >= limit || context.signal.aborted) break;
      }
      return EXIT.ok;
    }),
};
