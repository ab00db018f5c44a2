// The declarations as consumers see them: TypeScript 5.0, 5.9 and the newest, both formats and `bundler`, without
// @types/node and without the DOM, strict, and not more work for the compiler than `node:net` is. Called by check-package.mjs.

import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { here, modules, run } from './places.mjs';

const COMPILERS = [
  { name: 'typescript 5.0', path: 'typescript-5.0/bin/tsc' },
  { name: 'typescript 5.9', path: 'typescript/bin/tsc' },
  { name: 'typescript newest', path: 'typescript-latest/bin/tsc' },
];

const STRICT = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noEmit: true,
  target: 'ES2022',
  lib: ['ES2022'],
  types: [],
  // Our declarations are checked too.
  skipLibCheck: false,
};

const SETTINGS = [
  { name: 'nodenext, ESM', file: 'consumer.mts', options: { module: 'NodeNext', moduleResolution: 'NodeNext' } },
  { name: 'nodenext, CommonJS', file: 'consumer.cts', options: { module: 'NodeNext', moduleResolution: 'NodeNext' } },
  { name: 'bundler', file: 'consumer.ts', options: { module: 'ESNext', moduleResolution: 'Bundler' } },
];

/** Work of the compiler for a consumer of ours, at most so many times that of `import 'node:net'`. */
const EDITOR_LIMIT = 1.2;

/** Resolves with what is wrong. `folder` has the package as `node_modules/ashredis`. */
export async function checkTypes(folder) {
  const problems = [];
  const place = join(folder, 'types');
  await mkdir(place, { recursive: true });
  const source = await readFile(join(here, 'consumers/types.ts'), 'utf8');
  for (const { file } of SETTINGS) await writeFile(join(place, file), source);
  for (const { name: compiler, path } of COMPILERS) {
    for (const { name, file, options } of SETTINGS) {
      await writeFile(
        join(place, 'tsconfig.json'),
        JSON.stringify({ compilerOptions: { ...STRICT, ...options }, files: [file] }),
      );
      const { code, output } = await run(process.execPath, [join(modules, path), '-p', place]);
      process.stdout.write(`${code === 0 ? 'ok   ' : 'WRONG'} types, ${compiler}, ${name}\n`);
      if (code !== 0) problems.push(`types with ${compiler}, ${name}:\n${output.slice(0, 3000)}`);
    }
  }
  problems.push(...(await checkEditorBudget(place)));
  await rm(place, { recursive: true, force: true });
  return problems;
}

async function checkEditorBudget(place) {
  await mkdir(join(place, 'node_modules/@types'), { recursive: true });
  await cp(join(modules, '@types/node'), join(place, 'node_modules/@types/node'), { recursive: true });
  await cp(join(modules, 'undici-types'), join(place, 'node_modules/undici-types'), { recursive: true });
  const cost = async (file, text, types) => {
    await writeFile(join(place, file), text);
    const options = { ...STRICT, module: 'NodeNext', moduleResolution: 'NodeNext', skipLibCheck: true, types };
    await writeFile(join(place, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, files: [file] }));
    const { code, output } = await run(process.execPath, [
      join(modules, 'typescript/bin/tsc'),
      '-p',
      place,
      '--extendedDiagnostics',
    ]);
    if (code !== 0) throw new Error(`Cannot measure the types: ${output.slice(0, 2000)}`);
    const figure = (name) => Number(new RegExp(`${name}:\\s+([\\d.]+)`).exec(output)?.[1]);
    return { instantiations: figure('Instantiations'), types: figure('Types'), checkSeconds: figure('Check time') };
  };
  const net = await cost('net.mts', "import { connect } from 'node:net';\nexport const socket = connect(1);\n", [
    'node',
  ]);
  const ours = await cost(
    'ours.mts',
    "import { AshRedisClient } from 'ashredis';\nexport const value = new AshRedisClient().get('key');\n",
    [],
  );
  const peer = await cost(
    'peer.mts',
    `import { createClient } from '${join(modules, 'redis/dist/index.js')}';\nexport const value = createClient().get('key');\n`,
    ['node'],
  ).catch(() => undefined);
  const row = (name, figures) =>
    `  ${name.padEnd(22)}${String(figures.types).padStart(8)} types ${String(figures.instantiations).padStart(8)} instantiations ${figures.checkSeconds.toFixed(2).padStart(6)} s\n`;
  process.stdout.write(`Work of the compiler (TypeScript 5.9):\n${row('node:net', net)}${row('ashredis', ours)}`);
  if (peer !== undefined) process.stdout.write(row('redis', peer));
  const problems = [];
  if (ours.types > net.types * EDITOR_LIMIT) {
    problems.push(
      `a consumer needs ${ours.types} types, ${EDITOR_LIMIT} times those of node:net (${net.types}) are allowed`,
    );
  }
  if (ours.checkSeconds > Math.max(net.checkSeconds * EDITOR_LIMIT, net.checkSeconds + 0.15)) {
    problems.push(`checking a consumer takes ${ours.checkSeconds} s, node:net takes ${net.checkSeconds} s`);
  }
  return problems;
}
