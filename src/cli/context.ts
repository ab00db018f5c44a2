// What a command is given of the process: environment, streams, the wish to stop. And its exit codes.
// Made once by `main.ts`; tests make their own. Commands touch `process` through this alone.

import type { CommandSpec, ParsedArguments } from './arguments.ts';

/** Documented in docs/command-line.md. */
export const EXIT = {
  ok: 0,
  /** The server refused, something was not sent, or a check found something wrong. */
  failed: 1,
  /** The command line or the input is wrong; nothing was sent. */
  usage: 2,
  /** There is no session: the server can't be reached or refuses us, or the link was lost. */
  unreachable: 3,
  /** `get`: there is no such key. */
  notFound: 4,
  /** The terminal went away. */
  hungUp: 129,
  /** Ended by Ctrl-C, as shells say it. */
  interrupted: 130,
  /** Ended by SIGTERM. */
  terminated: 143,
} as const;

/** A stream that text goes to, and values as they are. */
export interface Output {
  readonly isTerminal: boolean;
  /** Colours are wanted: a terminal, and neither NO_COLOR nor TERM=dumb. */
  readonly hasColor: boolean;
  readonly columns: number;
  readonly rows: number;
  /** Resolves at once, or when the reader has caught up. After the reader went away it does nothing. */
  write(text: string | Uint8Array): Promise<void> | undefined;
}

export type StopSignal = keyof typeof EXIT_OF;

const EXIT_OF = { SIGHUP: EXIT.hungUp, SIGINT: EXIT.interrupted, SIGTERM: EXIT.terminated } as const;

/** The variables that are looked at. */
export interface Environment extends Readonly<Record<string, string | undefined>> {
  readonly ASHREDIS_URL?: string | undefined;
  readonly ASHREDIS_PASSWORD?: string | undefined;
  readonly NO_COLOR?: string | undefined;
  readonly TERM?: string | undefined;
}

export interface CliContext {
  readonly env: Environment;
  readonly out: Output;
  readonly err: Output;
  readonly stdin: Input;
  /** Aborted by Ctrl-C, by SIGTERM, by SIGHUP and when the reader of `out` went away. */
  readonly signal: AbortSignal;
  /** Which signal asked the command to stop, or undefined. */
  stoppedBy(): StopSignal | undefined;
}

/** Standard input. */
export interface Input extends AsyncIterable<Uint8Array> {
  readonly isTerminal: boolean;
  /** Ends the iteration now. */
  stop(): void;
  /** Calls `onKey` for each key pressed, until the function that it returns is called. Terminals only. */
  watchKeys(onKey: (key: string) => void): () => void;
}

/** A command of the program. */
export interface CliCommand {
  readonly spec: CommandSpec;
  /** Resolves with the exit code; a rejection is reported and mapped to one. */
  run(args: ParsedArguments, context: CliContext): Promise<number>;
}

export function stopCode(signal: StopSignal): number {
  return EXIT_OF[signal];
}

/** The exit code of a command that was asked to stop, or `otherwise`. */
export function exitOnStop(context: CliContext, otherwise: number): number {
  const signal = context.stoppedBy();
  return signal === undefined ? otherwise : stopCode(signal);
}

/** Resolves when the command is asked to stop. */
export function stopWanted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
