// Builds what `exports` and `bin` of package.json point at: dist/esm and dist/cjs, each with its declarations.
// Called by `npm run build`. It uses TypeScript's own compiler alone and must never touch anything but dist/.

import { spawn } from 'node:child_process';
import { chmod, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const require = createRequire(import.meta.url);
const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc');
const { bin, exports } = require('../package.json');

// Comments are for the declarations: in the code they would be a third of what people download.
const CODE = ['--declaration', 'false', '--removeComments'];
const DECLARATIONS = ['--emitDeclarationOnly'];

await rm(join(root, 'dist'), { recursive: true, force: true });
for (const project of ['tsconfig.esm.json', 'tsconfig.cjs.json']) {
  await Promise.all([compile(project, CODE), compile(project, DECLARATIONS)]);
}
await Promise.all([pointDeclarationsAtJs('dist/esm'), pointDeclarationsAtJs('dist/cjs')]);
await Promise.all([keepReachableDeclarations('dist/esm'), keepReachableDeclarations('dist/cjs')]);
// The nearest package.json decides how Node reads a .js file, and how TypeScript reads the .d.ts beside it.
await writeFile(join(root, 'dist/cjs/package.json'), '{ "type": "commonjs", "sideEffects": false }\n');
await writeFile(join(root, 'dist/esm/package.json'), '{ "type": "module", "sideEffects": false }\n');
for (const file of Object.values(bin)) await chmod(join(root, file), 0o755);

function compile(project, flags) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [tsc, '-p', project, ...flags], { cwd: root, stdio: 'inherit' });
    child.once('error', reject);
    child.once('exit', (code) => {
      if (code === 0) return resolve();
      reject(new Error(`Cannot build: tsc -p ${project} ${flags.join(' ')} ended with ${code}`));
    });
  });
}

async function declarationsBelow(folder) {
  const names = await readdir(join(root, folder), { recursive: true });
  return names.filter((name) => name.endsWith('.d.ts')).map((name) => join(root, folder, name));
}

/** The compiler rewrites `./x.ts` in JavaScript only; older versions of TypeScript refuse it in a declaration. */
async function pointDeclarationsAtJs(folder) {
  for (const file of await declarationsBelow(folder)) {
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replace(/((?:from|import\()\s*['"]\.{1,2}\/[^'"]*)\.ts(['"])/g, '$1.js$2'));
  }
}

/** Declarations that no entry point leads to are of no use to anybody: they are half of all. */
async function keepReachableDeclarations(folder) {
  const entries = Object.values(exports)
    .flatMap((door) => Object.values(door))
    .map(({ types }) => types)
    .filter((types) => types?.startsWith(`./${folder}/`));
  const reached = new Set();
  const visit = async (file) => {
    if (reached.has(file)) return;
    reached.add(file);
    const text = await readFile(file, 'utf8');
    for (const [, target] of text.matchAll(/(?:from|import\()\s*['"](\.{1,2}\/[^'"]*)\.js['"]/g)) {
      await visit(join(dirname(file), `${target}.d.ts`));
    }
  };
  for (const entry of entries) await visit(join(root, entry));
  for (const file of await declarationsBelow(folder)) if (!reached.has(file)) await rm(file);
}
