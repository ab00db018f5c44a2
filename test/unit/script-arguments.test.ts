// The scripts of the repository refuse what they don't know: one line, the usage and 2, never a stack.
// Run by `npm test`.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

function run(script: string, ...argv: string[]): Promise<{ code: unknown; out: string; err: string }> {
  const loader = script.endsWith('.ts') ? ['--import', 'tsx'] : [];
  return new Promise((resolve) => {
    execFile(process.execPath, [...loader, script, ...argv], { cwd: root }, (error, out, err) =>
      resolve({ code: error?.code ?? 0, out, err }),
    );
  });
}

describe('scripts', { concurrency: true }, () => {
  const scripts = { fuzz: 'scripts/fuzz.ts', simulate: 'scripts/simulate.ts', soak: 'scripts/soak.ts' };
  for (const [name, script] of Object.entries({ ...scripts, bench: 'bench/run.mjs' })) {
    test(`npm run ${name} refuses an unknown option`, async () => {
      const { code, err } = await run(script, '--bogus');
      assert.equal(code, 2, err);
      assert.match(err, new RegExp(`^Cannot run ${name}: Unknown option '--bogus'\\nUsage: npm run ${name} -- .+\\n$`));
    });
  }

  test('npm run bench refuses a number of rounds that is none', async () => {
    const { code, err } = await run('bench/run.mjs', '--rounds', 'x');
    assert.equal(code, 2, err);
    assert.match(err, /^Cannot run bench: --rounds 'x' is no number from 1\n/);
  });
});
