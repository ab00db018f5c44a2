// Five seconds of the fuzzer, with a new seed each run; the seed is part of every failure's words.
// `npm run fuzz -- --seconds 60 --seed N` runs it longer, or again.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FuzzFailure, fuzz } from '../../support/resp/fuzzer.ts';

const CPU_LIMIT_MS = 5000;
const WALL_LIMIT_MS = 10_000;
/** However slow the machine is: a run of fewer says nothing. Half a second of CPU. */
const LEAST_CASES = 200;

test('random streams, cut and mutated, give what the reference gives', (context) => {
  const seed = Date.now() % 2 ** 31;
  const started = Date.now();
  const cpu = process.cpuUsage();
  let cases = 0;
  const isOver = () => {
    if (cases++ < LEAST_CASES) return false;
    const { user, system } = process.cpuUsage(cpu);
    return (user + system) / 1000 > CPU_LIMIT_MS || Date.now() - started > WALL_LIMIT_MS;
  };
  let report: ReturnType<typeof fuzz> | undefined;
  try {
    report = fuzz(seed, isOver);
  } catch (error) {
    assert.fail(`${(error as FuzzFailure).message}\nrepeat: npm run fuzz -- --seed ${seed}`);
  }
  context.diagnostic(`seed ${seed}: ${report.cases} cases, ${report.values} values, ${report.broken} refused`);
  assert.ok(report.cases >= LEAST_CASES && report.values > 1000 && report.broken > 20, JSON.stringify(report));
});
