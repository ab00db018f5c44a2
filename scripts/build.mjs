// Builds what `exports` and `bin` of package.json point at: dist/esm and dist/cjs, each with its declarations.
// Called by `npm run build`. TypeScript checks and writes the declarations, a module each; the code is made by the esbuild
// that comes with tsx (a devDependency of its own would be a second one). It must never touch anything but dist/.

import { spawn } from 'node:child_process';
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { commonJsModules, esModules, writeModules } from './build-code.mjs';
import { keepReachable } from './declarations.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const require = createRequire(import.meta.url);
const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc');
const esbuild = createRequire(require.resolve('tsx/package.json'))('esbuild');
const { bin, exports } = require('../package.json');

const ESM = './dist/esm/';
const doors = Object.values(exports)
  .map((door) => door.import)
  .filter((door) => door !== undefined);
const entries = [...doors.map((door) => door.default), ...Object.values(bin)].map((file) =>
  file.slice(ESM.length).replace(/\.js$/, '.ts'),
);

await rm(join(root, 'dist'), { recursive: true, force: true });
await Promise.all([writeDeclarations(), writeCode()]);

async function writeCode() {
  const modules = await esModules(esbuild, entries);
  // The commands run as modules alone.
  const library = modules.filter(({ path }) => !/^(cli|chunks\/cli)\b/.test(path));
  await writeModules(join(root, 'dist/esm'), 'module', modules);
  await writeModules(join(root, 'dist/cjs'), 'commonjs', await commonJsModules(esbuild, library));
}

async function writeDeclarations() {
  await compile('tsconfig.build.json');
  await pointDeclarationsAtJs(join(root, 'dist/esm'));
  // What they say is the same for both; how they are read is the nearest package.json's matter.
  const entries = doors.map(({ types }) => join(root, types));
  for (const file of await keepReachable(join(root, 'dist/esm'), entries)) {
    await cp(file, file.replace(join(root, 'dist/esm'), join(root, 'dist/cjs')), { recursive: true });
  }
}

function compile(project) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [tsc, '-p', project], { cwd: root, stdio: 'inherit' });
    child.once('error', reject);
    child.once('exit', (code) => {
      if (code === 0) return resolve();
      reject(new Error(`Cannot build: tsc -p ${project} ended with ${code}`));
    });
  });
}

async function declarationsBelow(folder) {
  const names = await readdir(folder, { recursive: true });
  return names.filter((name) => name.endsWith('.d.ts')).map((name) => join(folder, name));
}

/** The compiler rewrites `./x.ts` in JavaScript only; older versions of TypeScript refuse it in a declaration. */
async function pointDeclarationsAtJs(folder) {
  for (const file of await declarationsBelow(folder)) {
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replace(/((?:from|import\()\s*['"]\.{1,2}\/[^'"]*)\.ts(['"])/g, '$1.js$2'));
  }
}
