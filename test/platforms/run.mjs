// Tries the packed package on runtimes, bundlers and test runners, against a real server where there is one.
// Called by `npm run test:platforms`; words narrow it: `npm run test:platforms -- bun deno`. `--write` puts the table into
// README.md. What is skipped is printed with the reason; anything wrong fails the run.

import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startRedisServer } from '../support/redis-server.ts';
import { built, here, installed, installTarball, removed, root, SKIPPED, scratch } from './places.mjs';
import { runtimes } from './runtimes.mjs';
import { tools } from './tools.mjs';

const wanted = process.argv.slice(2).filter((word) => !word.startsWith('-'));
const isWanted = ({ name }) =>
  wanted.length === 0 || wanted.some((word) => name.toLowerCase().includes(word.toLowerCase()));

if (!(await installed())) {
  process.stdout.write('SKIPPED: the packages of test/platforms can not be installed here\n');
  process.exit(SKIPPED);
}
await built();
const place = await scratch('platforms');
const server = await startServer();
const rows = [];
try {
  await installTarball(place);
  for (const name of await readdir(join(here, 'programs'))) await cp(join(here, 'programs', name), join(place, name));
  process.stdout.write(`Against ${server.name}\n`);
  for (const row of [...runtimes(place, server.url), ...tools(place, server.url)].filter(isWanted)) {
    const started = performance.now();
    const result = await row.run().catch((error) => ({ wrong: String(error?.stack ?? error) }));
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    const verdict = result.skipped !== undefined ? 'skip ' : result.wrong === undefined ? 'ok   ' : 'WRONG';
    const version = result.version === undefined ? '' : ` ${result.version}`;
    process.stdout.write(`${verdict} ${row.name}${version}: ${row.what} (${seconds} s)\n`);
    if (result.skipped !== undefined) process.stdout.write(`      SKIPPED: ${result.skipped}\n`);
    if (result.wrong !== undefined) process.stdout.write(`${result.wrong.replace(/^/gm, '      ')}\n`);
    rows.push({ ...row, ...result });
  }
} finally {
  await server.stop();
  await removed(place);
}
if (process.argv.includes('--write')) await writeTable(rows);
const wrong = rows.filter((row) => row.wrong !== undefined);
const skipped = rows.filter((row) => row.skipped !== undefined);
process.stdout.write(
  `${rows.length - wrong.length - skipped.length} ok, ${skipped.length} skipped, ${wrong.length} wrong\n`,
);
process.exit(wrong.length === 0 ? 0 : 1);

async function startServer() {
  const real = await startRedisServer();
  if (real !== null) return { name: `redis-server ${real.version}`, url: real.url, stop: () => real.stop() };
  const { createServer } = await import('../../dist/esm/server/index.js');
  const embedded = await createServer({ port: 0 });
  return { name: 'the embedded server', url: embedded.url, stop: () => embedded.stop() };
}

async function writeTable(found) {
  const lines = found
    .filter((row) => row.skipped === undefined)
    .map(({ name, version = '', what, wrong: failure }) => {
      // The newest one changes; its number stands in the second column.
      return `| ${name} | ${version} | ${what} | ${failure === undefined ? 'works' : 'does not work'} |`;
    });
  const table = ['| on, with | version tried | what | result |', '| --- | --- | --- | --- |', ...lines].join('\n');
  const path = join(root, 'README.md');
  const text = await readFile(path, 'utf8');
  const pattern = /(<!-- platforms -->\n)[\s\S]*?(<!-- \/platforms -->)/;
  await writeFile(path, text.replace(pattern, `$1${table}\n$2`));
}
