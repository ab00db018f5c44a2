// The sources as they ship (types off, comments off, one module a file), made at the start of a run in bench/.build, so
// that edits and builds made meanwhile change nothing. Called by the runner; BENCH_ASHREDIS names another build instead.

import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transform } from 'esbuild';

const source = fileURLToPath(new URL('../src', import.meta.url));
const target = fileURLToPath(new URL('./.build', import.meta.url));

/** Gives the path of its index.js. */
export async function buildOurs(folder = target) {
  await rm(folder, { recursive: true, force: true });
  const names = (await readdir(source, { recursive: true })).filter((name) => name.endsWith('.ts'));
  await Promise.all(names.map((name) => compile(folder, name)));
  await writeFile(join(folder, 'package.json'), '{ "type": "module", "sideEffects": false }\n');
  return join(folder, 'index.js');
}

async function compile(folder, name) {
  const text = await readFile(join(source, name), 'utf8');
  const { code } = await transform(text, { loader: 'ts', target: 'es2022', format: 'esm' });
  const file = join(folder, name.replace(/\.ts$/, '.js'));
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, code.replace(/(from\s*["']\.{1,2}\/[^"']*)\.ts(["'])/g, '$1.js$2'));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.stdout.write(`${await buildOurs(process.argv[2])}\n`);
