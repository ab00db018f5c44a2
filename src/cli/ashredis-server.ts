#!/usr/bin/env node
// The command `ashredis-server`: what `ashredis server` is, under the name that the guide uses.

import { serverCommand } from './commands/server.ts';
import { runCommand, runProcess } from './main.ts';

const { spec, run } = serverCommand;
const command = {
  spec: {
    ...spec,
    name: 'ashredis-server',
    examples: spec.examples.map(
      ([purpose, line]) => [purpose, line.replace('ashredis server', 'ashredis-server')] as const,
    ),
  },
  run,
};

await runProcess((context) => runCommand(command, process.argv.slice(2), context));
