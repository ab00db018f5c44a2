// A `CliContext` without a process: what a command writes is kept, its input is given, stopping it is a call.
// Used by the tests of the command line.

import type { CliContext, Output, StopSignal } from '../../src/cli/context.ts';

export interface FakeContext extends CliContext {
  stdout(): string;
  stderr(): string;
  stop(by?: StopSignal): void;
  /** Resolves when standard output or standard error has it. */
  printed(pattern: RegExp): Promise<void>;
}

export function fakeContext(
  options: {
    env?: Record<string, string>;
    input?: AsyncIterable<Uint8Array> | string[];
    isTerminal?: boolean;
    columns?: number;
  } = {},
): FakeContext {
  const abort = new AbortController();
  let stoppedBy: StopSignal | undefined;
  const written = { out: '', err: '' };
  const watchers = new Set<() => void>();
  const output = (name: 'out' | 'err'): Output => ({
    isTerminal: options.isTerminal ?? false,
    hasColor: false,
    columns: options.columns ?? 100,
    rows: 40,
    write(text) {
      written[name] += typeof text === 'string' ? text : Buffer.from(text).toString();
      for (const watch of watchers) watch();
      return undefined;
    },
  });
  const input = options.input ?? [];
  return {
    env: options.env ?? {},
    out: output('out'),
    err: output('err'),
    signal: abort.signal,
    stoppedBy: () => stoppedBy,
    stdin: {
      isTerminal: false,
      async *[Symbol.asyncIterator]() {
        for await (const chunk of input) yield typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk;
      },
      stop() {},
      watchKeys: () => () => {},
    },
    stdout: () => written.out,
    stderr: () => written.err,
    stop(by = 'SIGINT') {
      stoppedBy = by;
      abort.abort(new Error(`stopped by ${by}`));
    },
    printed(pattern) {
      return new Promise((resolve) => {
        const watch = () => {
          if (!pattern.test(written.out) && !pattern.test(written.err)) return;
          watchers.delete(watch);
          resolve();
        };
        watchers.add(watch);
        watch();
      });
    },
  };
}
