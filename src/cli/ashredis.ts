#!/usr/bin/env node
// The command `ashredis`: starts the program with the real process.

import { COMMANDS } from './commands.ts';
import { runProcess, runProgram } from './main.ts';

await runProcess((context) => runProgram(COMMANDS, process.argv.slice(2), context));
