// The options of a script of this repository: what is unknown, or has no value, ends it with one line and 2.
// Called by fuzz.ts, simulate.ts and soak.ts.

import { type ParseArgsConfig, parseArgs } from 'node:util';

/** `usage` is what may follow `npm run NAME --`; `--help` prints it. */
export function scriptArguments<T extends NonNullable<ParseArgsConfig['options']>>(
  name: string,
  usage: string,
  options: T,
): ReturnType<typeof parseArgs<{ options: T }>>['values'] {
  const line = `Usage: npm run ${name} -- ${usage}\n`;
  if (process.argv.includes('--help')) {
    process.stdout.write(line);
    process.exit(0);
  }
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    const found = error instanceof Error ? (error.message.split(/\. |\n/)[0] ?? '') : String(error);
    process.stderr.write(`Cannot run ${name}: ${found}\n${line}`);
    process.exit(2);
  }
}
