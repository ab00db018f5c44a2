// Runs the unit and integration tests and says at the end which server the integration tests spoke to.
// Called by `npm test`; arguments narrow the run: `npm test -- test/unit/resp`. It must exit non-zero on any failure.

import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { findRedisServer } from '../test/support/redis-server.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith('-'));
const flags = process.argv.slice(2).filter((argument) => argument.startsWith('-'));
const places = wanted.length > 0 ? wanted : ['test/integration', 'test/unit'];
const files = places.flatMap(testFiles);
if (files.length === 0) {
  process.stderr.write(`Cannot find tests in ${places.join(', ')}\n`);
  process.exit(1);
}

/** What measures memory, time or the process itself, or takes long: in a process of its own. */
const ALONE =
  /^test\/integration\/(?!classes|line-|resp-real|server-line)|\/(simulation|docs|house|layers|fuzz|bounds|vectors|diagnostics)\.test\.ts$/;
const started = Date.now();
const folder = join(root, '.tmp', `tests-${process.pid}`);
const compiled = join(folder, 'compiled');
await compile();
const reader = pathToFileURL(join(root, 'scripts/compiled.mjs')).href;
const args = [
  `--import=${reader}`,
  '--test',
  `--test-concurrency=${2 * availableParallelism() + 1}`,
  '--test-timeout=600000',
];
const reporter = join(root, 'scripts/test-reporter.mjs');
args.push(`--test-reporter=${reporter}`, '--test-reporter-destination=stdout', ...flags, ...grouped(files));
const env = { ...process.env, ASHREDIS_READ_TYPESCRIPT: reader, ASHREDIS_COMPILED: compiled };
const child = spawn(process.execPath, args, { cwd: root, stdio: 'inherit', env });
child.once('exit', async (code, signal) => {
  rmSync(folder, { recursive: true, force: true });
  const found = await findRedisServer();
  const real =
    found === null
      ? 'the embedded server only (no redis-server found: REDIS_SERVER, PATH, Docker image redis:7-alpine)'
      : `the embedded server and ${found.docker ? 'redis:7-alpine in Docker' : found.command} ${found.version}`;
  process.stdout.write(`Integration tests ran against ${real}\n`);
  process.stdout.write(`${files.length} files in ${((Date.now() - started) / 1000).toFixed(1)} s\n`);
  process.exit(signal === null ? (code ?? 1) : 1);
});

/** Compiles everything once, by the esbuild that comes with tsx: 70 processes read it (measured: 30 s of CPU in all). */
async function compile(): Promise<void> {
  const require = createRequire(import.meta.url);
  const esbuild = createRequire(require.resolve('tsx/package.json'))('esbuild');
  const settings = { loader: 'ts', format: 'esm', target: 'node20', sourcemap: 'inline', sourcesContent: false };
  const paths = ['src', 'test', 'scripts', 'examples'].flatMap((place) =>
    readdirSync(join(root, place), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.includes('node_modules'))
      .map((name) => join(place, name)),
  );
  await Promise.all(
    paths.map(async (path) => {
      // Traces name the file beside the compiled text, which has the path of the source.
      const sourcefile = basename(path);
      const { code } = await esbuild.transform(readFileSync(join(root, path), 'utf8'), { ...settings, sourcefile });
      const file = join(compiled, path.replace(/\.ts$/, '.js'));
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, code);
    }),
  );
}

/**
 * Starting a process costs more than most files of tests take: the unit tests of a room share one, and so do the
 * integration tests that start no processes of their own.
 */
function grouped(paths: string[]): string[] {
  const groups = new Map<string, string[]>();
  const runs: string[] = [];
  for (const path of paths) {
    if (ALONE.test(path) || wanted.length > 0) {
      runs.push(path);
      continue;
    }
    const room = dirname(path);
    groups.set(room, [...(groups.get(room) ?? []), path]);
  }
  mkdirSync(folder, { recursive: true });
  for (const [room, members] of groups) {
    const file = join(folder, `${room.replaceAll('/', '-')}.test.mjs`);
    writeFileSync(file, members.map((path) => `await import(${JSON.stringify(join(root, path))});\n`).join(''));
    runs.push(relative(root, file));
  }
  return runs;
}

function testFiles(place: string): string[] {
  const path = join(root, place);
  if (!existsSync(path)) return [];
  if (statSync(path).isFile()) return [place];
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.test\.[cm]?[jt]s$/.test(name))
    .map((name) => relative(root, join(path, name)))
    .sort();
}
