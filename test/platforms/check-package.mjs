// Packs the package and looks at it as its users will: contents, publint, attw, sizes, import, types, API report,
// single-file builds, vendoring. Called by `npm run check:package`. Everything that is wrong is printed; then it fails.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkApi } from './api-report.mjs';
import { checkBundles } from './bundle.mjs';
import { bin, installed, installTarball, removed, root, run, SKIPPED, scratch } from './places.mjs';
import { checkSizes } from './sizes.mjs';
import { checkTypes } from './types.mjs';
import { checkVendoring } from './vendoring.mjs';

if (!(await installed())) {
  process.stdout.write('SKIPPED: the packages of test/platforms can not be installed here\n');
  process.exit(SKIPPED);
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
    ['API report', () => checkApi()],
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
      !/^package\/(dist\/.+\.(js|d\.ts)|dist\/(esm|cjs)\/package\.json|package\.json|README\.md|LICENSE|CHANGELOG\.md|docs\/errors\.md)$/.test(
        name,
      ),
  );
  const missing = ['README.md', 'LICENSE', 'CHANGELOG.md', 'docs/errors.md', 'package.json'].filter(
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

/**
 * Each door has the same names for `import` and `require`; what two doors share is one thing; on a Node that can require
 * modules `require` gives what `import` gives, and on one that can't (Jest can't either) the files of dist/cjs.
 */
async function checkDoors(folder) {
  const doors = ['ashredis', 'ashredis/resp', 'ashredis/server', 'ashredis/codecs'];
  const script = `
    const { createRequire } = await import('node:module');
    const require = createRequire(process.cwd() + '/x.js');
    const canRequireModules = process.features.require_module === true;
    const seen = [new Map(), new Map()];
    for (const door of ${JSON.stringify(doors)}) {
      const sides = [await import(door), require(door)];
      if (!canRequireModules && !/dist.cjs/.test(require.resolve(door))) throw new Error(door + ': ' + require.resolve(door));
      const [a, b] = sides.map((side) => Object.keys(side).filter((name) => name !== '__esModule' && name !== 'module.exports').sort());
      if (a.join() !== b.join()) throw new Error(door + ': ' + a + ' differ from ' + b);
      for (const name of a) {
        if (canRequireModules && sides[0][name] !== sides[1][name]) throw new Error(door + ': two of ' + name);
        for (const [index, side] of sides.entries()) {
          if (seen[index].has(name) && seen[index].get(name) !== side[name]) throw new Error(door + ': another ' + name);
          seen[index].set(name, side[name]);
          if (/^class\\b/.test(String(side[name])) && side[name].name !== name) throw new Error(name + ' is called ' + side[name].name);
        }
      }
    }`;
  const problems = [];
  for (const flags of [[], ['--no-experimental-require-module']]) {
    const { code, output } = await run(process.execPath, [...flags, '--input-type=module', '-e', script], {
      cwd: folder,
    });
    if (code !== 0) problems.push(`${flags.join(' ')} ${output}`);
  }
  return problems;
}
