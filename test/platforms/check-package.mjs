// Packs the package and looks at it as its users will: contents, publint, attw, sizes, import, types, API report,
// single-file builds, vendoring. Called by `npm run check:package`. Everything that is wrong is printed; then it fails.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { showApiChanges } from './api-report.mjs';
import { checkBundles } from './bundle.mjs';
import { bin, installed, installTarball, removed, root, run, scratch } from './places.mjs';
import { checkSizes } from './sizes.mjs';
import { checkTypes } from './types.mjs';
import { checkVendoring } from './vendoring.mjs';

if (!(await installed())) {
  process.stdout.write('SKIPPED: the packages of test/platforms can not be installed here\n');
  process.exit(0);
}
const build = await run('npm', ['run', '--silent', 'build'], { limitMs: 240_000 });
if (build.code !== 0) {
  process.stdout.write(`${build.output}\n`);
  process.exit(1);
}

const problems = [];
const folder = await scratch('package');
try {
  const tarball = await installTarball(folder);
  const checks = [
    ['contents', () => checkContents(tarball)],
    ['publint', () => checkWith('publint', ['run', tarball, '--strict'])],
    ['attw', () => checkWith('attw', [tarball, '--profile', 'node16', '--no-color', '--no-emoji'])],
    ['sizes', () => checkSizes(folder, tarball)],
    ['both doors', () => checkDoors(folder)],
    ['types', () => checkTypes(folder)],
    ['API report', () => showApiChanges()],
    ['single files', () => checkBundles(folder)],
    ['vendoring', () => checkVendoring(folder)],
  ];
  for (const [name, check] of checks) {
    const found = await check().catch((error) => [String(error?.stack ?? error)]);
    process.stdout.write(`${found.length === 0 ? 'ok   ' : 'WRONG'} ${name}\n`);
    problems.push(...found.map((text) => `${name}: ${text}`));
  }
} finally {
  await removed(folder);
}
for (const problem of problems) process.stdout.write(`\n${problem}\n`);
process.exit(problems.length === 0 ? 0 : 1);

async function checkContents(tarball) {
  const { output } = await run('tar', ['-tzf', tarball]);
  const names = output.trim().split('\n');
  const strange = names.filter(
    (name) =>
      !/^package\/(dist\/.+\.(js|d\.ts)|dist\/(esm|cjs)\/package\.json|package\.json|README\.md|LICENSE|CHANGELOG\.md)$/.test(
        name,
      ),
  );
  const missing = ['README.md', 'LICENSE', 'CHANGELOG.md', 'package.json'].filter(
    (name) => !names.includes(`package/${name}`),
  );
  const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const problems = [
    ...strange.map((name) => `${name} should not be in the tarball`),
    ...missing.map((name) => `${name} is missing from the tarball`),
  ];
  for (const [door, conditions] of Object.entries(manifest.exports)) {
    if (typeof conditions === 'string') continue;
    for (const { types, default: code } of Object.values(conditions)) {
      for (const file of [types, code]) {
        if (!names.includes(`package/${file.slice(2)}`))
          problems.push(`${door} points at ${file}, which is not packed`);
      }
    }
  }
  for (const file of Object.values(manifest.bin)) {
    if (!names.includes(`package/${file.slice(2)}`)) problems.push(`bin points at ${file}, which is not packed`);
  }
  return problems;
}

async function checkWith(tool, args) {
  const { code, output } = await run(bin(tool), args);
  return code === 0 ? [] : [output.slice(-4000)];
}

/** `import` and `require` give the same classes on a Node that can require modules; names are the same everywhere. */
async function checkDoors(folder) {
  const script = `
    const { createRequire } = await import('node:module');
    const require = createRequire(process.cwd() + '/x.js');
    for (const door of ['ashredis', 'ashredis/resp', 'ashredis/server', 'ashredis/codecs']) {
      const [a, b] = [await import(door), require(door)];
      const names = (module) => Object.keys(module).filter((name) => name !== '__esModule' && name !== 'module.exports').sort().join();
      if (names(a) !== names(b)) throw new Error(door + ': ' + names(a) + ' differ from ' + names(b));
      if (process.features.require_module) for (const name of Object.keys(a)) if (a[name] !== b[name]) throw new Error(door + ': two of ' + name);
    }
    console.log(process.features.require_module === true ? 'same' : 'names');`;
  const { code, output } = await run(process.execPath, ['--input-type=module', '-e', script], { cwd: folder });
  return code === 0 ? [] : [output];
}
