// Fuzzes the decoder against the reference decoder. Called by `npm run fuzz -- --seconds 60 --seed N`.
// A failure prints the case (and where it is kept); it then becomes a vector in test/support/resp/vectors.ts.

import { FuzzFailure, fuzz, runCase } from '../test/support/resp/fuzzer.ts';
import { scriptArguments } from './script-arguments.ts';

const values = scriptArguments('fuzz', '[--seconds 60] [--seed N] [--case N]', {
  seconds: { type: 'string' },
  seed: { type: 'string' },
  case: { type: 'string' },
});
const seconds = Number(values.seconds ?? 60);
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
if (!(seconds > 0) || !Number.isInteger(seed)) {
  process.stderr.write('Cannot fuzz: --seconds takes a number above 0, --seed a whole number\n');
  process.exit(2);
}
process.stdout.write(`seed ${seed}, ${seconds} s\n`);
const started = Date.now();
let last = 0;
try {
  if (values.case !== undefined) {
    runCase(seed, Number(values.case), { cases: 0, bytes: 0, values: 0, broken: 0 });
    process.stdout.write(`case ${values.case} is right\n`);
  } else {
    const report = fuzz(
      seed,
      () => Date.now() - started > seconds * 1000,
      (index) => {
        last = index;
      },
    );
    const rss = Math.round(process.memoryUsage().rss / 1048576);
    process.stdout.write(
      `${report.cases} cases, ${report.bytes} bytes, ${report.values} values, ${report.broken} refused, ${rss} MiB resident: no difference\n`,
    );
  }
} catch (error) {
  const where = error instanceof FuzzFailure ? '' : `case ${last}: `;
  process.stderr.write(`${where}${error instanceof FuzzFailure ? error.message : String((error as Error).stack)}\n`);
  process.exit(1);
}
