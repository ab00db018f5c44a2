// The program: chooses the command, runs it, reports its error, ends with its exit code.
// Called by the two files of `bin`. It must never let a stack trace or a secret reach the screen.

import { AshRedisError, ConnectionError, ReplyError, TimeoutError, UsageError } from '../errors/index.ts';
import { type CommandSpec, helpText, nearest, parseArguments } from './arguments.ts';
import { type CliCommand, type CliContext, EXIT, exitOnStop } from './context.ts';
import { inFlags } from './flag-words.ts';
import { processContext } from './process-context.ts';
import { paint, printable, printableName } from './text.ts';
import { PACKAGE_VERSION } from './version.ts';

/** Runs one command with the words that follow its name. Resolves with the exit code; never rejects. */
export async function runCommand(command: CliCommand, argv: readonly string[], context: CliContext): Promise<number> {
  try {
    const args = parseArguments(command.spec, argv);
    if (args.flag('help')) return await say(context, helpText(command.spec));
    if (args.flag('version')) return await say(context, `${PACKAGE_VERSION}\n`);
    return await command.run(args, context);
  } catch (error) {
    if (context.signal.aborted && (error === context.signal.reason || !(error instanceof UsageError))) {
      return exitOnStop(context, EXIT.ok);
    }
    await context.err.write(
      `${paint(context.err, 'red', 'error')} ${printable(errorText(error, urlSource(argv, context)))}\n`,
    );
    return exitCodeOf(error);
  }
}

/** `ashredis COMMAND …`. Resolves with the exit code; never rejects. */
export async function runProgram(
  commands: readonly CliCommand[],
  argv: readonly string[],
  context: CliContext,
): Promise<number> {
  const [word, ...rest] = argv;
  if (word === undefined || word === '--help' || word === '-h' || word === 'help') {
    const topic = word === 'help' ? rest[0] : undefined;
    if (topic === undefined) {
      const to = word === undefined ? context.err : context.out;
      await to.write(overview(commands));
      return word === undefined ? EXIT.usage : EXIT.ok;
    }
    return runProgram(commands, [topic, '--help'], context);
  }
  if (word === '--version' || word === '-v' || word === 'version') return say(context, `${PACKAGE_VERSION}\n`);
  const command = commands.find(({ spec }) => spec.name === `ashredis ${word}`);
  if (command !== undefined) return runCommand(command, rest, context);
  const near = nearest(
    word,
    commands.map(({ spec }) => spec.name.slice('ashredis '.length)),
  );
  const advice = word.startsWith('-')
    ? 'the command stands first: ashredis COMMAND [options]; see ashredis --help'
    : near === undefined
      ? 'see ashredis --help'
      : `did you mean ashredis ${near}?`;
  await context.err.write(
    `${paint(context.err, 'red', 'error')} Cannot run ashredis ${printableName(word)}: no such command; ${advice}\n`,
  );
  return EXIT.usage;
}

/** Runs `main` with the real process and ends it, after everything that was written has left. */
export async function runProcess(main: (context: CliContext) => Promise<number>): Promise<void> {
  const context = processContext(process);
  let code = await main(context);
  await flushed(process.stdout);
  const lost = context.writeError();
  if (lost !== undefined) {
    await context.err.write(`${paint(context.err, 'red', 'error')} Cannot write to standard output: ${lost.message}\n`);
    code = EXIT.failed;
  }
  await flushed(process.stderr);
  process.exit(code);
}

function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return EXIT.usage;
  if (error instanceof ReplyError) return EXIT.failed;
  if (error instanceof ConnectionError || error instanceof TimeoutError) return EXIT.unreachable;
  return EXIT.failed;
}

/** One line for what is expected to go wrong; the whole stack for a bug of ours. */
function errorText(error: unknown, url?: string): string {
  if (error instanceof AshRedisError) return inFlags(error.message, url);
  if (!(error instanceof Error)) return String(error);
  return 'code' in error && typeof error.code === 'string' ? error.message : (error.stack ?? error.message);
}

/** Who gave no address on the command line looks for the fault in the environment. */
function urlSource(argv: readonly string[], { env }: CliContext): string {
  const isGiven = argv.some((word) => /^(--(url|host|port)(=|$)|-[up])/.test(word));
  return isGiven || !env.ASHREDIS_URL ? '--url' : 'ASHREDIS_URL';
}

function overview(commands: readonly CliCommand[]): string {
  const specs: readonly CommandSpec[] = commands.map(({ spec }) => spec);
  const width = Math.max(...specs.map(({ name }) => name.length));
  return [
    'Publish, subscribe and look around on Redis-compatible servers.',
    '',
    'Usage: ashredis COMMAND [options]',
    '',
    'Commands:',
    ...specs.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    '',
    'Examples:',
    '  # a server for development, on port 6379, in memory',
    '  ashredis server',
    '  # listen in one terminal, speak in another',
    '  ashredis sub alerts',
    `  ashredis pub alerts '{"level":"high"}'`,
    '  # what is wrong with my server?',
    '  ashredis doctor --url redis://localhost:6379',
    '',
    'Every command has --help. ASHREDIS_URL says which server; ASHREDIS_PASSWORD is used where the URL has none.',
    '',
  ].join('\n');
}

async function say(context: CliContext, text: string): Promise<number> {
  await context.out.write(text);
  return EXIT.ok;
}

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed || stream.writableEnded) return resolve();
    stream.once('error', () => resolve());
    stream.write('', () => resolve());
  });
}
