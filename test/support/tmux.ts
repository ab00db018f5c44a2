// A terminal that a test can look at: tmux runs a program in a pane of a size, keys are sent, the screen is read.
// Used by the tests of the command line and of the demo. Each has a tmux server of its own, ended by `close()`.

import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Terminal {
  /** What the screen shows now. */
  screen(): Promise<string>;
  /** Resolves with the screen once it shows it; rejects with the last screen when that takes too long. */
  shows(pattern: RegExp, limitMs?: number): Promise<string>;
  /** Keys as tmux names them: `q`, `C-c`, `Enter`. */
  press(...keys: string[]): Promise<void>;
  close(): void;
}

/** False, with the reason printed, where there is no tmux. */
export function hasTmux(title: string): boolean {
  try {
    execFileSync('tmux', ['-V'], { stdio: 'pipe' });
    return true;
  } catch {
    process.stderr.write(`${title}: no tmux here, terminals are not tested\n`);
    return false;
  }
}

/** Runs the shell line in a terminal that stays open after it; the screen then shows `exit N`. */
export async function openTerminal(
  line: string,
  options: { columns?: number; rows?: number; env?: Record<string, string>; cwd: string },
): Promise<Terminal> {
  const folder = mkdtempSync(join(tmpdir(), 'ashredis-tmux-'));
  const socket = join(folder, 'socket');
  const tmux = (...args: string[]) =>
    new Promise<string>((resolve, reject) => {
      execFile('tmux', ['-S', socket, '-f', '/dev/null', ...args], (error, stdout) =>
        error === null ? resolve(stdout) : reject(error),
      );
    });
  const size = ['-x', String(options.columns ?? 100), '-y', String(options.rows ?? 30)];
  const env = Object.entries({ LC_ALL: 'C.UTF-8', ...options.env }).flatMap(([name, value]) => [
    '-e',
    `${name}=${value}`,
  ]);
  await tmux('-u', 'new-session', '-d', ...size, ...env, '-c', options.cwd, `${line}; echo "exit $?"; sleep 600`);
  const screen = () => tmux('capture-pane', '-p');
  return {
    screen,
    async shows(pattern, limitMs = 120_000) {
      const until = performance.now() + limitMs;
      for (;;) {
        const text = await screen();
        if (pattern.test(text)) return text;
        if (performance.now() > until) throw new Error(`The screen never showed ${pattern}; it shows\n${text}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    press: async (...keys) => void (await tmux('send-keys', ...keys)),
    close() {
      try {
        execFileSync('tmux', ['-S', socket, 'kill-server'], { stdio: 'pipe' });
      } catch {
        // It ended by itself.
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
