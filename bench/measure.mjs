// Runs rows: a fresh process for each measurement, contenders in turn (A B C A B C), servers beside them.
// Called by the runner. It must never drop a bad figure: a wrong result is kept and told.

import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { buildOurs } from './build-ours.mjs';
import { Servers } from './servers.mjs';

const run = promisify(execFile);
const child = fileURLToPath(new URL('./child.mjs', import.meta.url));

const MODES = {
  quick: { rounds: 1, warmMs: 250, measureMs: 80, minSamples: 1, latencyMs: 300 },
  normal: { rounds: 2, warmMs: 450, measureMs: 120, minSamples: 1, latencyMs: 400 },
  full: { rounds: 6, warmMs: 500, measureMs: 250, minSamples: 3, latencyMs: 2000 },
};

export async function measure(rows, { mode, rounds, commit }) {
  const settings = MODES[mode];
  const ours = process.env.BENCH_ASHREDIS ?? (await buildOurs());
  const redisVersion = await Servers.redisVersion();
  const servers = new Servers(ours);
  const startedAt = performance.now();
  const [load] = loadavg();
  const found = new Map(rows.map((row) => [row.id, newResult(row)]));
  const wrong = [];
  const failed = [];
  if (redisVersion === undefined) process.stderr.write('redis-server not found: rows that need it are left out\n');
  const groups = sharing(rows).filter(([row]) => row.server !== 'redis' || redisVersion !== undefined);
  const total = groups.reduce(
    (sum, [row]) =>
      sum + range(roundsOf(row, settings, rounds)).flatMap((round) => contendersOf(row, mode, round)).length,
    0,
  );
  let done = 0;
  try {
    for (const group of groups) {
      const [row] = group;
      const target = row.server === undefined ? undefined : await servers.target(row.server, row.tls === true);
      for (const round of range(roundsOf(row, settings, rounds))) {
        for (const contender of contendersOf(row, mode, round)) {
          progress(++done, total, row, contender, startedAt);
          try {
            const output = await measureOnce(row, contender, target, settings, ours);
            for (const each of group) note(found.get(each.id), each, contender, round, output);
          } catch (error) {
            const failure = { row: row.id, contender, error: firstLine(error) };
            // A peer that gives up (its own time limits, on a busy machine) is told, but is no fault of ours.
            if (contender === 'ashredis' || contender === row.bound) wrong.push(failure);
            else failed.push(failure);
          }
        }
        if (row.versusBenchmark !== undefined && redisVersion !== undefined) {
          await benchmark(found.get(row.id), target);
        }
      }
    }
  } finally {
    await servers.stop();
    progress();
  }
  return {
    mode,
    commit,
    seconds: Math.round((performance.now() - startedAt) / 1000),
    versions: await versionsOf(redisVersion),
    machine: {
      node: process.version,
      os: `${type()} ${release()}`,
      cpu: cpus()[0]?.model,
      cores: availableParallelism(),
      load: Number(load.toFixed(1)),
      memoryGiB: Math.round(totalmem() / 2 ** 30),
    },
    rows: [...found.values()],
    wrong,
    failed,
  };
}

/** Rows that read different figures of the same runs. */
function sharing(rows) {
  const groups = new Map();
  for (const row of rows) {
    const key = row.shares ?? row.id;
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(row);
  }
  return [...groups.values()];
}

const range = (count) => [...Array(count).keys()];

/** A bound is no rival: once is enough where time is short. */
function contendersOf(row, mode, round) {
  const peers = mode === 'full' ? [...row.peers, ...row.more] : row.peers;
  const isWithBound = row.bound !== undefined && (mode === 'full' || round === 0);
  return ['ashredis', ...peers, ...(isWithBound ? [row.bound] : [])];
}

/** Some rows have a number of rounds of their own, which --quick ignores; some are too noisy for few. */
function roundsOf(row, settings, asked) {
  const least = settings === MODES.full ? (row.leastRounds ?? 0) : 0;
  return Math.max(least, asked ?? (settings === MODES.quick ? 1 : (row.rounds ?? settings.rounds)));
}

function newResult(row) {
  const { id, group, title, unit, bound } = row;
  return { id, group, title, unit, bound, contenders: {} };
}

function note(result, row, contender, round, { samples, extra }) {
  result.contenders[contender] ??= { values: [], rates: [], runs: [], extra: [] };
  const kept = result.contenders[contender];
  for (const sample of samples) {
    kept.values.push(Number(row.value(sample).toPrecision(5)));
    if (sample.rate !== undefined) kept.rates.push(Math.round(sample.rate));
  }
  kept.runs.push({ round, samples: samples.length });
  kept.extra.push(extra);
}

async function measureOnce(row, contender, target, settings, ours) {
  const time =
    row.workload === 'latency'
      ? { warmMs: settings.latencyMs / 2, measureMs: settings.latencyMs }
      : { warmMs: settings.warmMs, measureMs: settings.measureMs };
  const job = { workload: row.workload, ...row.job, contender, target, minSamples: settings.minSamples, ...time };
  const flags = row.gc === true ? ['--expose-gc'] : [];
  const { stdout } = await run(process.execPath, [...flags, child, JSON.stringify(job)], {
    env: { ...process.env, BENCH_ASHREDIS: ours },
    timeout: 120_000,
    maxBuffer: 2 ** 24,
  });
  return JSON.parse(stdout.trimEnd().split('\n').at(-1));
}

/** The rate of redis-benchmark with the same command: what the server allows one connection. */
async function benchmark(result, { host, port }) {
  const args = ['-h', host, '-p', String(port), '-c', '1', '-P', '500', '-n', '1000000', '-q'];
  try {
    const { stdout } = await run('redis-benchmark', [...args, 'PUBLISH', 'bench', 'x'.repeat(64)]);
    const rate = Number(
      /([\d.]+) requests per second/.exec(
        stdout
          .replaceAll('\r', '\n')
          .split('\n')
          .filter((line) => line.includes('requests per second'))
          .at(-1),
      )?.[1],
    );
    result.benchmarkRates ??= [];
    if (Number.isFinite(rate)) result.benchmarkRates.push(Math.round(rate));
  } catch {
    process.stderr.write('redis-benchmark not found: its rate is left out\n');
  }
}

async function versionsOf(redisServer) {
  const { dependencies } = JSON.parse(await readFile(new URL('./package.json', import.meta.url), 'utf8'));
  const { version } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'));
  return { ashredis: version, ...dependencies, 'redis-server': redisServer };
}

function firstLine(error) {
  const text = String(error?.stderr || error?.message || error);
  const lines = text.split('\n').map((line) => line.trim());
  return (
    lines
      .filter((line) => line !== '')
      .slice(0, 2)
      .join(' ')
      .replaceAll(/\(?(file:\/\/)?\/\S*\//g, '') || 'no message'
  );
}

function progress(done, total, row, contender, startedAt) {
  if (done === undefined) return void process.stderr.write(process.stderr.isTTY ? '\r\x1b[K' : '');
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  const text = `[${done}/${total}, ${seconds} s] ${row.title}: ${contender}`;
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text.slice(0, (process.stderr.columns ?? 100) - 1)}`);
  else if (done % 10 === 1 || done === total) process.stderr.write(`${text}\n`);
}
