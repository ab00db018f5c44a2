// The sources as they ship (the same files as in dist/esm), made at the start of a run in bench/.build, so that edits and
// builds made meanwhile change nothing. Called by the runner; BENCH_ASHREDIS names another build instead.

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';
import { esModules, writeModules } from '../scripts/build-code.mjs';

const target = fileURLToPath(new URL('./.build', import.meta.url));
const ENTRIES = ['index.ts', 'resp/index.ts', 'server/index.ts', 'codecs/index.ts'];

/** Gives the path of its index.js. */
export async function buildOurs(folder = target) {
  await rm(folder, { recursive: true, force: true });
  await writeModules(folder, 'module', await esModules(esbuild, ENTRIES));
  return join(folder, 'index.js');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.stdout.write(`${await buildOurs(process.argv[2])}\n`);
