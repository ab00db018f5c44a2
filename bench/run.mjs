// The benchmark: `npm run bench` tells a newcomer in under 3 minutes how fast this package is beside its peers.
//
//   npm run bench -- [words …]      rows whose id or group contains a word, also those that only --full has
//     --quick     under 50 s: shortest runs, the rows that say most; what CI runs. Fails on wrong results, never on time
//     --full      every peer, long runs, more rounds
//     --json F    where the results go (default bench/results/latest.json, of a part local.json); the report beside it
//   npm run bench -- compare A.json B.json
//   npm run bench -- report A.json  writes the report and the pictures of earlier results again
//
// It needs redis-server; REDIS_SERVER names another than that of PATH. It must measure nothing itself: each measurement
// is a process of its own (child.mjs), contenders take turns, and what is reported is the median of all.

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = fileURLToPath(new URL('.', import.meta.url));
const USAGE =
  'Usage: npm run bench -- [ROW…] [--quick | --full] [--rounds N] [--json FILE], or compare A.json B.json\n';
const { values, positionals } = readArguments();
if (!existsSync(new URL('./node_modules', import.meta.url))) {
  process.stderr.write('installing the peers (npm ci in bench/) …\n');
  // Nothing of theirs needs to run at installation.
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--ignore-scripts'], {
    cwd: here,
    stdio: 'inherit',
  });
  if (status !== 0) process.exit(1);
}

/** What the repository keeps comes from whole runs. */
const isWhole = positionals.length === 0 && !values.quick;
const output = values.json ?? fileURLToPath(new URL(`./results/${isWhole ? 'latest' : 'local'}.json`, import.meta.url));

const [first, ...rest] = positionals;
if (first === 'compare') {
  const { compare } = await import('./compare.mjs');
  const files = await Promise.all([0, 1].map((index) => resultsIn(rest[index])));
  process.stdout.write(compare(...files));
} else if (first === 'report') {
  const { writeReport } = await import('./report.mjs');
  process.stdout.write(`${await writeReport(await resultsIn(rest[0]), rest[0])}\n`);
} else await measureAll();

async function measureAll() {
  const { rows } = await import('./rows.mjs');
  const { measure } = await import('./measure.mjs');
  const { summary, summaryLine } = await import('./summary.mjs');
  const { writeReport } = await import('./report.mjs');
  const mode = values.quick ? 'quick' : values.full ? 'full' : 'normal';
  const chosen = rows.filter(
    (row) =>
      (mode === 'full' ||
        positionals.length > 0 ||
        (row.fullOnly !== true && (mode === 'normal' || row.skipQuick !== true))) &&
      (positionals.length === 0 || positionals.some((word) => row.id.includes(word) || row.group.includes(word))),
  );
  const strange = positionals.filter((word) => !rows.some((row) => row.id.includes(word) || row.group.includes(word)));
  if (strange.length > 0) {
    refuse(`no row matches ${strange.join(' ')}; rows: ${rows.map((row) => row.id).join(' ')}\n`);
  }
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
  const results = await measure(chosen, { mode, rounds, commit: commitOf() });
  process.stdout.write(`\n${summary(results).map(summaryLine).join('\n')}\n`);
  await mkdir(new URL('./results', import.meta.url), { recursive: true });
  await writeFile(output, `${JSON.stringify(results, null, 1)}\n`);
  const report = await writeReport(results, output);
  process.stdout.write(`\nresults: ${output}\nreport:  ${report}\n`);
  for (const { row, contender, error } of results.failed)
    process.stderr.write(`gave up: ${row}, ${contender}: ${error}\n`);
  for (const { row, contender, error } of results.wrong)
    process.stderr.write(`WRONG: ${row}, ${contender}: ${error}\n`);
  if (results.wrong.length > 0) process.exitCode = 1;
}

function commitOf() {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: here, encoding: 'utf8', stdio: 'pipe' }).trim();
  } catch {
    return undefined;
  }
}

/** The results that a file holds, or one line and 2. */
async function resultsIn(path) {
  if (path === undefined) refuse(`a file of results is missing\n${USAGE}`);
  try {
    const results = JSON.parse(await readFile(path, 'utf8'));
    if (Array.isArray(results?.rows)) return results;
    throw new Error('it holds no results');
  } catch (error) {
    return refuse(`${path}: ${error.message}\n`);
  }
}

function refuse(found) {
  process.stderr.write(`Cannot run bench: ${found}`);
  process.exit(2);
}

/** Before anything is installed: one line and 2 for what is not known. */
function readArguments() {
  if (process.argv.includes('--help')) {
    process.stdout.write(USAGE);
    process.exit(0);
  }
  try {
    const read = parseArgs({
      allowPositionals: true,
      options: {
        quick: { type: 'boolean', default: false },
        full: { type: 'boolean', default: false },
        json: { type: 'string' },
        rounds: { type: 'string' },
      },
    });
    if (/^[1-9]\d*$/.test(read.values.rounds ?? '1')) return read;
    throw new Error(`--rounds '${read.values.rounds}' is no number from 1`);
  } catch (error) {
    return refuse(`${error.message.split('. ')[0]}\n${USAGE}`);
  }
}
