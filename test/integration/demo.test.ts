// The demo, as a newcomer runs it: piped, in a terminal, against a server of one's own, and with a wrong line.
// Shorter than by default; its account must add up all the same.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { describe, test } from 'node:test';
import { READ_TYPESCRIPT } from '../support/read-typescript.ts';
import { startRedisServer } from '../support/redis-server.ts';
import { root } from '../support/sources.ts';
import { hasTmux, openTerminal } from '../support/tmux.ts';

const PROGRAM = [...READ_TYPESCRIPT, 'examples/demo/demo.ts'];
const LIMIT = { timeout: 300_000 };

function run(...args: string[]): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [...PROGRAM, ...args], { cwd: root });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    child.once('close', (code) => resolve({ code, output }));
  });
}

/** The numbers of the account, after the demo's own sum was checked. */
function account(output: string): { published: number; received: number; missing: number } {
  const found = /^(\d+) = (\d+) \+ (\d+): the numbers add up$/m.exec(output);
  assert.ok(found !== null, output);
  const [published, received, missing] = found.slice(1).map(Number) as [number, number, number];
  assert.equal(published, received + missing);
  return { published, received, missing };
}

describe('the demo', () => {
  test('piped, it prints plain lines, the cut, the way back and an account that adds up', LIMIT, async () => {
    const { code, output } = await run('--seconds', '2');
    const { received, missing } = account(output);
    assert.equal(code, 0, output);
    assert.ok(received > 2 && missing > 0, output);
    assert.match(output, /^Embedded server in a process of its own: redis:\/\/127\.0\.0\.1:\d+$/m);
    assert.match(output, /^#1 load [\d.]+, memory [\d.]+ of [\d.]+ GiB, cpu [\d% ]+, event loop p99 [\d.]+ ms$/m);
    assert.match(output, /^ {3}eu-west-1 cpu \(\d+ s to live\) \{/m);
    assert.match(output, /^ {3}us-east-1 memory \(\d+ s to live\) \{/m);
    assert.match(output, /cut by force/);
    assert.match(output, /link lost: [\s\S]*reconnected after[\s\S]*gap: [\s\S]*^#/m);
    assert.equal((output.match(/^#\d/gm) ?? []).length, received, 'one line a message');
    assert.doesNotMatch(output, /\u001b/, 'no control sequences in a pipe');
  });

  test('against a server of yours it does the same', LIMIT, async (context) => {
    const server = await startRedisServer();
    if (server === null) return context.skip('no redis-server here');
    try {
      const { code, output } = await run('--url', server.url, '--seconds', '2');
      account(output);
      assert.equal(code, 0, output);
      assert.match(output, new RegExp(`^Server: redis://127\\.0\\.0\\.1:${server.port}$`, 'm'));
    } finally {
      await server.stop();
    }
  });

  test('without that server it says what to check; a wrong number is refused', LIMIT, async () => {
    const [unreachable, wrong] = await Promise.all([run('--url', 'redis://127.0.0.1:1'), run('--seconds', 'x')]);
    assert.equal(unreachable.code, 1);
    assert.match(unreachable.output, /Cannot connect to 127\.0\.0\.1:1: .*ECONNREFUSED/);
    assert.equal(wrong.code, 2);
    assert.match(wrong.output, /--seconds x is not a number from 2 to 3600/);
  });

  if (hasTmux('the demo')) {
    test('in a terminal it shows one table that updates in place, then the account', LIMIT, async () => {
      const line = `${process.execPath} ${PROGRAM.join(' ')} --seconds 3`;
      const terminal = await openTerminal(line, { cwd: root, columns: 110, rows: 45 });
      try {
        const ready =
          /ashredis demo +redis:\/\/.* of 3 s +link ready[\s\S]*received [1-9]\d*, missing \d+, newest #\d+/;
        const table = await terminal.shows(ready);
        assert.match(table, /memory +[█░]{20} [\d.]+ of [\d.]+ GiB/);
        const end = await terminal.shows(/exit \d+/);
        account(end);
        assert.match(end, /exit 0/);
        assert.equal((end.match(/^CHANNEL /gm) ?? []).length, 1, end);
        assert.match(end, /WHAT HAPPENED[\s\S]*link lost[\s\S]*reconnected after/);
      } finally {
        terminal.close();
      }
    });
  }
});
