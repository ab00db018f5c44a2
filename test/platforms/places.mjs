// Where things are, and running programs: for the checks of the package and the platforms. It must decide nothing.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const here = dirname(fileURLToPath(import.meta.url));
export const root = join(here, '..', '..');
export const modules = join(here, 'node_modules');

/** The exit code of a check that could not be made: it is no pass, and .ci/run lists it as skipped. */
export const SKIPPED = 75;

/** Installs this folder's packages from its lock file, when that did not happen yet. False when it can't. */
export async function installed() {
  if (existsSync(join(modules, '.package-lock.json'))) return true;
  process.stdout.write('Installing test/platforms (runtimes, bundlers, compilers)\n');
  const { code, output } = await run('npm', ['ci', '--no-audit', '--no-fund'], { cwd: here, limitMs: 600_000 });
  if (code !== 0) process.stdout.write(`${output.slice(-2000)}\n`);
  return code === 0;
}

/** Resolves with the exit code (or the signal) and everything printed; passing the limit kills the program. */
export function run(command, args, { cwd = root, env = {}, limitMs = 120_000, input } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      // A group of its own, so that what it started ends with it.
      detached: true,
    });
    let output = '';
    const collect = (chunk) => {
      output += chunk;
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.stdin?.end(input);
    const timer = setTimeout(() => {
      output += `\nkilled: it took more than ${limitMs} ms`;
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        child.kill('SIGKILL');
      }
    }, limitMs);
    child.once('error', (error) => {
      clearTimeout(timer);
      resolve({ code: -1, output: `${output}${error.message}` });
    });
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code: code ?? signal, output });
    });
  });
}

/** The path of a program that this folder's packages bring. */
export function bin(name) {
  return join(modules, '.bin', name);
}

/** An empty folder inside the repository's .tmp, so that nothing outside is touched. */
export async function scratch(name) {
  const parent = join(root, '.tmp');
  await mkdir(parent, { recursive: true });
  const folder = await mkdtemp(join(parent, `${name}-`));
  // A package of its own: otherwise `ashredis` would be found as the name of the package that it stands in.
  await writeFile(join(folder, 'package.json'), '{ "name": "consumer", "private": true }\n');
  return folder;
}

/** Runs `npm pack` into the folder and unpacks it as `node_modules/ashredis` there. Resolves with the tarball's path. */
export async function installTarball(folder) {
  const packed = await run('npm', ['pack', '--silent', '--pack-destination', folder]);
  if (packed.code !== 0) throw new Error(`Cannot pack: ${packed.output}`);
  const name = (await readdir(folder)).find((file) => file.endsWith('.tgz'));
  const tarball = join(folder, name);
  const target = join(folder, 'node_modules', 'ashredis');
  await mkdir(target, { recursive: true });
  const unpacked = await run('tar', ['-xzf', tarball, '-C', target, '--strip-components=1']);
  if (unpacked.code !== 0) throw new Error(`Cannot unpack ${tarball}: ${unpacked.output}`);
  return tarball;
}

/** Builds dist/ when it is missing. */
export async function built() {
  if (existsSync(join(root, 'dist/esm/index.js')) && existsSync(join(root, 'dist/cjs/index.js'))) return;
  const { code, output } = await run('npm', ['run', '--silent', 'build']);
  if (code !== 0) throw new Error(`Cannot build: ${output}`);
}

export async function removed(folder) {
  await rm(folder, { recursive: true, force: true });
}
