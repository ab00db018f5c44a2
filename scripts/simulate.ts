// Runs the whole client on virtual time against a model server and a network that fails by seed.
// `npm run simulate -- --hours 10000 --seed N`. Exits with 1 on a broken guarantee; the same seed replays it exactly.

import { World } from '../test/support/simulation/world.ts';
import { scriptArguments } from './script-arguments.ts';

const values = scriptArguments('simulate', '[--hours 1000] [--worlds 10] [--seed N]', {
  hours: { type: 'string', default: '1000' },
  seed: { type: 'string' },
  worlds: { type: 'string', default: '10' },
});
const hours = Number(values.hours);
const worlds = Number(values.worlds);
const firstSeed = values.seed === undefined ? Date.now() % 1_000_000 : Number(values.seed);
if (!(hours > 0) || !(worlds >= 1) || !Number.isInteger(firstSeed)) {
  process.stderr.write('Cannot simulate: allowed are --hours n > 0, --worlds n ≥ 1, --seed n\n');
  process.exit(2);
}
const started = Date.now();
for (let index = 0; index < worlds; index++) {
  const result = await new World(firstSeed + index).run(hours / worlds);
  const faults = Object.entries(result.faults)
    .map(([name, count]) => `${count} × ${name}`)
    .join(', ');
  process.stdout.write(
    `seed ${result.seed}: ${result.virtualHours.toFixed(1)} h, ${result.events} events, ${result.published} published, ` +
      `${result.received} received, ${result.gaps} gaps, ${result.dials} dials\n  faults: ${faults}\n`,
  );
  if (result.violations.length > 0) {
    process.stdout.write(`Broken guarantees:\n  ${result.violations.join('\n  ')}\n`);
    process.stdout.write(`Replay: npm run simulate -- --hours ${hours / worlds} --worlds 1 --seed ${result.seed}\n`);
    process.exit(1);
  }
}
process.stdout.write(
  `${hours} virtual hours in ${((Date.now() - started) / 1000).toFixed(1)} s, every guarantee held\n`,
);
