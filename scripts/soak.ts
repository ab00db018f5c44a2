// Publishers and subscribers through a link that cuts, freezes, fragments and corrupts by seed, server restarts included.
// `npm run soak -- --seconds 60 --seed N`. At its end the accounts close: received + told lost = published, no
// duplicate, and handles and heap are back where they began. Exits with 1 when they do not close.

import { soak } from '../test/support/soak.ts';
import { scriptArguments } from './script-arguments.ts';

const values = scriptArguments('soak', '[--seconds 60] [--seed N]', {
  seconds: { type: 'string', default: '60' },
  seed: { type: 'string' },
});
const seconds = Number(values.seconds);
const seed = values.seed === undefined ? Date.now() % 1_000_000 : Number(values.seed);
if (!(seconds > 0) || !Number.isInteger(seed)) {
  process.stderr.write('Cannot soak: allowed are --seconds n > 0 and --seed n\n');
  process.exit(2);
}
const result = await soak(seconds, seed);
process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
if (result.problems.length > 0) {
  process.stdout.write(`The accounts do not close. Again: npm run soak -- --seconds ${seconds} --seed ${seed}\n`);
  process.exit(1);
}
process.stdout.write('The accounts close\n');
