// What the package costs bundled, minified and compressed, beside its peers; and how long importing it takes.
// Called by check-package.mjs; `node test/platforms/sizes.mjs` prints the table, `--write` puts it into README.md. Each
// `limit` fails the run.

import { readFile, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { here, modules, root, run } from './places.mjs';

const KIB = 1024;

/** `limit` is what a change may not pass; `goal` is where it shall come. Both in KiB, compressed. */
const OURS = [
  { name: 'ashredis, all of it', code: "export * from 'ashredis'", limit: 57.4, goal: 22 },
  {
    name: 'ashredis, publishers and subscriber',
    code: "export { AshRedisDataPublisher, AshRedisChannelDataPublisher, AshRedisChannelDataSubscriber } from 'ashredis'",
    limit: 50.4,
    goal: 16,
  },
  { name: 'ashredis/resp', code: "export * from 'ashredis/resp'", limit: 8, goal: 5 },
  // Shows at once when something that is made at import holds on to the rest (scripts/top-level.mjs).
  { name: 'ashredis, jsonCodec alone', code: "export { jsonCodec } from 'ashredis'", limit: 1.2, goal: 1.2 },
];

const PEERS = [
  { name: 'redis', code: "export * from 'redis'" },
  { name: 'redis, createClient', code: "export { createClient } from 'redis'" },
  { name: 'ioredis', code: "export { default } from 'ioredis'" },
  { name: 'iovalkey', code: "export { default } from 'iovalkey'" },
];

const TARBALL_LIMIT_BYTES = 235_000;

/** Of the time that importing `ioredis` takes. */
const IMPORT = { limit: 0.6, goal: 0.5 };

/** Resolves with what is wrong. `folder` has the package as `node_modules/ashredis`. */
export async function checkSizes(folder, tarball) {
  const problems = [];
  const rows = [];
  for (const { name, code, limit, goal } of OURS) {
    const { minified, compressed } = await bundleSize(code, folder);
    rows.push([name, minified, compressed, `${limit} KiB`, `${goal} KiB`]);
    if (compressed > limit * KIB) problems.push(`${name} is ${kib(compressed)} compressed, allowed is ${limit} KiB`);
  }
  for (const { name, code } of PEERS) {
    const { minified, compressed } = await bundleSize(code, here);
    rows.push([name, minified, compressed, '', '']);
  }
  process.stdout.write(`\n${line(['BUNDLED FOR NODE', 'MINIFIED', 'GZIP', 'LIMIT', 'GOAL'])}`);
  for (const [name, minified, compressed, limit, goal] of rows) {
    process.stdout.write(line([name, kib(minified), kib(compressed), limit, goal]));
  }
  const { size } = await stat(tarball);
  process.stdout.write(`\nTarball: ${(size / 1000).toFixed(1)} kB, allowed are ${TARBALL_LIMIT_BYTES / 1000} kB\n`);
  if (size > TARBALL_LIMIT_BYTES) problems.push(`the tarball has ${size} bytes, allowed are ${TARBALL_LIMIT_BYTES}`);
  problems.push(...(await checkImportTime(folder)));
  return problems;
}

async function bundleSize(code, resolveDir) {
  const esbuild = createRequire(join(modules, 'x.js'))('esbuild');
  const { outputFiles } = await esbuild.build({
    stdin: { contents: code, resolveDir },
    bundle: true,
    minify: true,
    platform: 'node',
    format: 'esm',
    target: 'es2022',
    write: false,
    logLevel: 'error',
  });
  const { contents } = outputFiles[0];
  return { minified: contents.length, compressed: gzipSync(contents, { level: 9 }).length };
}

/** Fresh processes, turn by turn, so that both feel the same machine; the median of each counts. */
async function checkImportTime(folder) {
  const measure = async (specifier, cwd) => {
    const script = `const t = process.hrtime.bigint(); await import('${specifier}'); console.log(Number(process.hrtime.bigint() - t) / 1e6)`;
    const { code, output } = await run(process.execPath, ['--input-type=module', '-e', script], { cwd });
    if (code !== 0) throw new Error(`Cannot import ${specifier}: ${output}`);
    return Number(output);
  };
  const times = { ashredis: [], ioredis: [] };
  for (let round = 0; round < 7; round++) {
    times.ashredis.push(await measure('ashredis', folder));
    times.ioredis.push(await measure('ioredis', here));
  }
  const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
  const [ours, theirs] = [median(times.ashredis), median(times.ioredis)];
  const ratio = ours / theirs;
  process.stdout.write(
    `Import: ashredis ${ours.toFixed(1)} ms, ioredis ${theirs.toFixed(1)} ms, ratio ${ratio.toFixed(2)} (goal ${IMPORT.goal}, limit ${IMPORT.limit})\n`,
  );
  return ratio > IMPORT.limit
    ? [`importing takes ${ratio.toFixed(2)} times as long as ioredis, allowed is ${IMPORT.limit}`]
    : [];
}

function kib(bytes) {
  return `${(bytes / KIB).toFixed(1)} KiB`;
}

function line(cells) {
  const [name, ...rest] = cells;
  return `${name.padEnd(38)}${rest.map((cell) => String(cell).padStart(11)).join('')}\n`;
}

/** The rows of the README's comparison. Peers can't be had in parts: their smallest import is all of them. */
async function writeRows(folder) {
  const size = async (code, place) => kib((await bundleSize(code, place)).compressed);
  const [all, parts] = [await size(OURS[0].code, folder), await size(OURS[1].code, folder)];
  const [redis, ioredis] = [await size(PEERS[0].code, here), await size(PEERS[2].code, here)];
  const rows = [
    `| all of it, bundled and compressed | ${all} | ${redis} | ${ioredis} |`,
    `| publishers and subscriber alone | ${parts} | ${redis} | ${ioredis} |`,
    `| \`resp\` alone | ${await size(OURS[2].code, folder)} | - | - |`,
  ];
  const path = join(root, 'README.md');
  const text = await readFile(path, 'utf8');
  // Markers would end the table; the rows are found by how they begin.
  const written = rows.reduce((page, row) => {
    const name = row.slice(0, row.indexOf('|', 1));
    return page.replace(new RegExp(`^${name.replace(/\|/g, '\\|')}\\|.*$`, 'm'), row);
  }, text);
  await writeFile(path, written);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const { installTarball, scratch, removed } = await import('./places.mjs');
  const folder = await scratch('sizes');
  try {
    process.stdout.write(`ashredis ${version}\n`);
    const problems = await checkSizes(folder, await installTarball(folder));
    if (process.argv.includes('--write')) await writeRows(folder);
    for (const problem of problems) process.stdout.write(`wrong: ${problem}\n`);
    process.exitCode = problems.length === 0 ? 0 : 1;
  } finally {
    await removed(folder);
  }
}
