// The commands of the program `ashredis`, in the order of its help. Used by `ashredis.ts` and by the tests.

import { benchCommand } from './commands/bench.ts';
import { doctorCommand } from './commands/doctor.ts';
import { getCommand } from './commands/get.ts';
import { keysCommand } from './commands/keys.ts';
import { pubCommand } from './commands/pub.ts';
import { serverCommand } from './commands/server.ts';
import { setCommand } from './commands/set.ts';
import { subCommand } from './commands/sub.ts';
import { topCommand } from './commands/top.ts';
import type { CliCommand } from './context.ts';

export const COMMANDS: readonly CliCommand[] = [
  serverCommand,
  subCommand,
  pubCommand,
  getCommand,
  setCommand,
  keysCommand,
  topCommand,
  doctorCommand,
  benchCommand,
];
