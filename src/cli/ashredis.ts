#!/usr/bin/env node
// The command `ashredis`: the list of its commands, and the start of the program.

import { benchCommand } from './commands/bench.ts';
import { doctorCommand } from './commands/doctor.ts';
import { getCommand } from './commands/get.ts';
import { keysCommand } from './commands/keys.ts';
import { pubCommand } from './commands/pub.ts';
import { serverCommand } from './commands/server.ts';
import { setCommand } from './commands/set.ts';
import { subCommand } from './commands/sub.ts';
import { topCommand } from './commands/top.ts';
import { runProcess, runProgram } from './main.ts';

const COMMANDS = [
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

await runProcess((context) => runProgram(COMMANDS, process.argv.slice(2), context));
