// Bundlers and test runners that the package is tried with. Each gives a row as a runtime does. Called by run.mjs.

import { mkdir, writeFile } from 'node:fs/promises';
import { createRequire, isBuiltin } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bin, modules, run } from './places.mjs';
import { fakeTimersTest } from './programs/fake-timers.mjs';

const require = createRequire(join(modules, 'x.js'));
const LIMIT_MS = 90_000;

export function tools(place, url) {
  const entry = join(place, 'session-main.mjs');
  return [
    {
      name: 'esbuild',
      what: 'bundle, then run',
      run: () => bundled('esbuild', place, url, (out) => esbuild(entry, out)),
    },
    {
      name: 'rollup',
      what: 'bundle, then run',
      run: () => bundled('rollup', place, url, (out) => rollup(entry, out, place)),
    },
    {
      name: 'webpack',
      what: 'bundle, then run',
      run: () => bundled('webpack', place, url, (out) => webpack(entry, out)),
    },
    {
      name: 'vite',
      what: 'bundle, then run',
      run: () => bundled('vite', place, url, (out) => vite(entry, out, place)),
    },
    { name: 'Jest', what: 'fake timers', run: () => jest(place, url) },
    { name: 'Vitest', what: 'fake timers', run: () => vitest(place, url) },
  ];
}

async function bundled(name, place, url, make) {
  const { version } = require(`${name}/package.json`);
  const out = join(place, `out-${name}`);
  await mkdir(out, { recursive: true });
  try {
    await make(out);
  } catch (error) {
    return { version, wrong: String(error?.stack ?? error).slice(0, 1500) };
  }
  // Away from node_modules, so that nothing that was left out of the bundle is found.
  const { code, output } = await run(process.execPath, [join(out, 'out.mjs'), url], { limitMs: LIMIT_MS });
  const isOk = code === 0 && /session ok/.test(output);
  return { version, ...(isOk ? {} : { wrong: `${code}: ${output.slice(-1500)}` }) };
}

function esbuild(entry, out) {
  return require('esbuild').build({
    entryPoints: [entry],
    outfile: join(out, 'out.mjs'),
    bundle: true,
    minify: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
  });
}

async function rollup(entry, out, place) {
  const build = await require('rollup').rollup({
    input: entry,
    external: (id) => isBuiltin(id),
    onLog() {},
    plugins: [
      {
        name: 'packages',
        resolveId: (id) => (id === 'ashredis' ? join(place, 'node_modules/ashredis/dist/esm/index.js') : null),
      },
    ],
  });
  await build.write({ file: join(out, 'out.mjs'), format: 'es' });
  await build.close();
}

function webpack(entry, out) {
  return new Promise((resolve, reject) => {
    require('webpack')(
      {
        mode: 'production',
        target: 'node20',
        entry,
        experiments: { outputModule: true },
        output: { path: out, filename: 'out.mjs', module: true, chunkFormat: 'module' },
      },
      (error, stats) => {
        if (error) reject(error);
        else if (stats.hasErrors()) reject(new Error(stats.toString({ colors: false })));
        else resolve();
      },
    );
  });
}

async function vite(entry, out, place) {
  const { build } = await import(pathToFileURL(join(modules, 'vite/dist/node/index.js')).href);
  await build({
    root: place,
    logLevel: 'error',
    configFile: false,
    ssr: { noExternal: true },
    build: { ssr: entry, outDir: out, emptyOutDir: false, rollupOptions: { output: { entryFileNames: 'out.mjs' } } },
  });
}

async function jest(place, url) {
  const folder = join(place, 'jest');
  await mkdir(folder, { recursive: true });
  const head = "const { AshRedisClient, AshRedisDataPublisher, jsonCodec } = require('ashredis');";
  await writeFile(join(folder, 'fake.test.js'), fakeTimersTest(head, 'jest.useFakeTimers();'));
  await writeFile(join(folder, 'package.json'), '{ "name": "jest-consumer", "jest": { "testEnvironment": "node" } }');
  const args = ['--ci', '--runInBand', '--rootDir', folder];
  return verdict('jest', await run(bin('jest'), args, { cwd: folder, env: { PLATFORM_URL: url }, limitMs: LIMIT_MS }));
}

async function vitest(place, url) {
  const folder = join(place, 'vitest');
  await mkdir(folder, { recursive: true });
  const head =
    "import { expect, test, vi } from 'vitest';\nimport { AshRedisClient, AshRedisDataPublisher, jsonCodec } from 'ashredis';";
  await writeFile(join(folder, 'fake.test.mjs'), fakeTimersTest(head, 'vi.useFakeTimers();'));
  await writeFile(join(folder, 'package.json'), '{ "name": "vitest-consumer", "type": "module" }');
  const config = `export default { resolve: { alias: { vitest: '${join(modules, 'vitest/dist/index.js')}' } } };`;
  await writeFile(join(folder, 'vitest.config.mjs'), config);
  const args = ['run', '--root', folder];
  return verdict(
    'vitest',
    await run(bin('vitest'), args, { cwd: folder, env: { PLATFORM_URL: url }, limitMs: LIMIT_MS }),
  );
}

function verdict(name, { code, output }) {
  const { version } = require(`${name}/package.json`);
  return code === 0 && /1 passed/.test(output) ? { version } : { version, wrong: `${code}: ${output.slice(-2500)}` };
}
