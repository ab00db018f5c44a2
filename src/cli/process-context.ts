// The real process as a `CliContext`: signals, standard streams, a reader that went away (EPIPE).
// Called by `main.ts` alone. It must never write anything by itself.

import type { ReadStream, WriteStream } from 'node:tty';
import { type CliContext, type Environment, type Input, type Output, type StopSignal, stopCode } from './context.ts';

type Writable = NodeJS.WriteStream & Partial<Pick<WriteStream, 'columns' | 'rows'>>;

/** Takes over SIGINT, SIGTERM and SIGHUP (a terminal that was closed): the first asks the command to stop, a second ends the process at once. */
export function processContext(process: NodeJS.Process): CliContext & { writeError(): Error | undefined } {
  const stop = new AbortController();
  let stoppedBy: StopSignal | undefined;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (stoppedBy !== undefined) process.exit(stopCode(signal));
      stoppedBy = signal;
      stop.abort(new Error(`stopped by ${signal}`));
    });
  }
  let writeError: Error | undefined;
  const readerGone = (error?: Error) => {
    writeError = error;
    stop.abort(error ?? new Error('the reader of standard output went away'));
  };
  return {
    env: process.env,
    out: output(process.stdout, process.env, readerGone),
    err: output(process.stderr, process.env, () => {}),
    stdin: input(process),
    signal: stop.signal,
    stoppedBy: () => stoppedBy,
    writeError: () => writeError,
  };
}

function output(stream: Writable, env: Environment, onGone: (error?: Error) => void): Output {
  let gone = false;
  const isTerminal = stream.isTTY === true;
  const close = (error?: NodeJS.ErrnoException) => {
    if (gone) return;
    gone = true;
    // Nobody reads: EPIPE (`| head`), EIO of a terminal that went away. But a full disk lost what was written.
    onGone(isTerminal || error?.code === 'EPIPE' ? undefined : error);
  };
  stream.on('error', close);
  stream.on('close', () => close());
  return {
    isTerminal,
    hasColor: isTerminal && (env.NO_COLOR === undefined || env.NO_COLOR === '') && env.TERM !== 'dumb',
    get columns() {
      return stream.columns ?? 80;
    },
    get rows() {
      return stream.rows ?? 24;
    },
    write(text) {
      if (gone || text.length === 0 || stream.write(text)) return undefined;
      return new Promise((resolve) => {
        const done = () => {
          stream.removeListener('drain', done);
          stream.removeListener('close', done);
          stream.removeListener('error', done);
          resolve();
        };
        stream.on('drain', done);
        stream.on('close', done);
        stream.on('error', done);
      });
    },
  };
}

function input(process: NodeJS.Process): Input {
  // Touched only when asked for: opening standard input keeps a process alive.
  const stream = () => process.stdin as ReadStream;
  return {
    get isTerminal() {
      return stream().isTTY === true;
    },
    [Symbol.asyncIterator]: () => stream()[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>,
    stop() {
      stream().destroy();
    },
    watchKeys(onKey) {
      const keys = stream();
      const listener = (data: Uint8Array) => {
        for (const key of Buffer.from(data).toString()) onKey(key);
      };
      keys.setRawMode(true);
      keys.resume();
      keys.on('data', listener);
      return () => {
        keys.removeListener('data', listener);
        keys.setRawMode(false);
        keys.pause();
      };
    },
  };
}
