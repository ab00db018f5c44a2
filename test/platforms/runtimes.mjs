// The runtimes that the client, or its RESP core, is tried on. Each gives a row: what, version, verdict.
// Called by run.mjs. A runtime that is not there is skipped with the reason.

import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { bin, here, modules, run } from './places.mjs';

const require = createRequire(join(modules, 'x.js'));
const LIMIT_MS = 60_000;
const programs = join(here, 'programs');

/** `place` has the package installed and the programs copied; `url` is a server's. */
export function runtimes(place, url) {
  return [
    ...['node-20', 'node-22', 'node-24', 'node-newest'].map((name) => ({
      name: name === 'node-newest' ? 'Node, newest' : `Node ${name.slice(5)}`,
      what: 'the client, ESM and CommonJS',
      run: () => node(join(modules, name, 'bin/node'), place, url),
    })),
    {
      name: 'Bun',
      what: 'the client',
      run: () => program(bin('bun'), ['run', 'session-main.mjs', url], place, ['--version']),
    },
    {
      name: 'Deno',
      what: 'the client',
      run: () =>
        program(bin('deno'), ['run', '--allow-all', '--no-lock', 'session-main.mjs', url], place, ['--version']),
    },
    { name: 'workerd', what: 'the client, with nodejs_compat', run: () => workerd(place, url) },
    { name: 'Edge runtime', what: 'the RESP core', run: () => edge(place) },
    { name: 'QuickJS', what: 'the RESP core, without TextDecoder', run: () => quickjs(place) },
    { name: 'Chromium', what: 'the RESP core', run: () => chromium(place) },
  ];
}

async function program(command, args, place, versionArgs) {
  if (!existsSync(command)) return { skipped: `${command} is not installed` };
  const { output: version } = await run(command, versionArgs);
  const { code, output } = await run(command, args, { cwd: place, limitMs: LIMIT_MS });
  const isOk = code === 0 && /session ok/.test(output);
  return { version: /\d+\.\d+\.\d+/.exec(version)?.[0], ...(isOk ? {} : { wrong: `${code}: ${output.slice(-1500)}` }) };
}

async function node(command, place, url) {
  const first = await program(command, ['session-main.mjs', url], place, ['--version']);
  if (first.skipped !== undefined || first.wrong !== undefined) return first;
  await writeFile(
    join(place, 'session.cjs'),
    `const { AshRedisClient } = require('ashredis');
     (async () => {
       const client = new AshRedisClient({ url: process.argv[2] });
       if ((await client.ping()) !== 'PONG') throw new Error('no PONG');
       await client.close();
       console.log('session ok');
     })();`,
  );
  return program(command, ['session.cjs', url], place, ['--version']);
}

async function workerd(place, url) {
  const nodeCommand = join(modules, 'node-22/bin/node');
  if (!existsSync(nodeCommand)) return { skipped: 'it needs Node 22 or later' };
  const worker = join(place, 'worker-bundle.mjs');
  await require('esbuild').build({
    entryPoints: [join(place, 'worker.mjs')],
    outfile: worker,
    bundle: true,
    format: 'esm',
    platform: 'neutral',
    conditions: ['import'],
    external: ['node:*'],
    target: 'es2022',
    logLevel: 'error',
  });
  const { code, output } = await run(nodeCommand, [join(programs, 'workerd.mjs'), worker, url], { limitMs: LIMIT_MS });
  const { version } = require('workerd/package.json');
  return code === 0 && /^session ok/m.test(output)
    ? { version }
    : { version, wrong: `${code}: ${output.slice(-1500)}` };
}

/** The RESP program as one script for places without modules. */
async function respScript(place) {
  const { outputFiles } = await require('esbuild').build({
    entryPoints: [join(place, 'resp.mjs')],
    bundle: true,
    format: 'iife',
    platform: 'neutral',
    conditions: ['import'],
    target: 'es2022',
    write: false,
    logLevel: 'error',
  });
  return outputFiles[0].text;
}

function verdictOf(verdict, version) {
  return verdict === 'resp ok' ? { version } : { version, wrong: String(verdict) };
}

async function edge(place) {
  const { EdgeVM } = require('@edge-runtime/vm');
  const vm = new EdgeVM();
  vm.evaluate(await respScript(place));
  return verdictOf(vm.evaluate('globalThis.verdict'), versionOf('@edge-runtime/vm'));
}

async function quickjs(place) {
  const { getQuickJS } = require('quickjs-emscripten');
  const vm = (await getQuickJS()).newContext();
  try {
    const decoders = vm.unwrapResult(vm.evalCode('typeof TextDecoder + typeof TextEncoder'));
    if (vm.dump(decoders) !== 'undefinedundefined')
      return { wrong: 'this QuickJS has a TextDecoder: it proves nothing' };
    decoders.dispose();
    vm.unwrapResult(vm.evalCode(await respScript(place))).dispose();
    const result = vm.unwrapResult(vm.evalCode('globalThis.verdict'));
    const verdict = vm.dump(result);
    result.dispose();
    return verdictOf(verdict, versionOf('quickjs-emscripten'));
  } finally {
    vm.dispose();
  }
}

async function chromium(place) {
  const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);
  if (executablePath === undefined) return { skipped: 'no Chromium here (Debian: apt-get install chromium)' };
  const browser = await require('playwright-core').chromium.launch({ executablePath, args: ['--no-sandbox'] });
  try {
    const page = await browser.newPage();
    await page.addScriptTag({ content: await respScript(place) });
    return verdictOf(await page.evaluate('globalThis.verdict'), browser.version());
  } finally {
    await browser.close();
  }
}

function versionOf(name) {
  try {
    return require(`${name}/package.json`).version;
  } catch {
    return undefined;
  }
}
