// Measures the decoder that ships against the peers' parsers: fresh processes, A B A B in one run, CPU a message.
// `node bench/parser/run.mjs [--only name,name] [--ms 400] [--rounds 3] [--json file]`; needs `npm run build` and
// `npm install` in bench/. It must not share a process between two parsers: shapes seen before change the figures.

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { workloads } from './workloads.mjs';

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    ms: { type: 'string', default: '400' },
    rounds: { type: 'string', default: '3' },
    chunks: { type: 'string', default: '65536,1460' },
    json: { type: 'string' },
  },
});
const child = fileURLToPath(new URL('./child.mjs', import.meta.url));
const names = Object.keys(workloads).filter(
  (name) => values.only === undefined || values.only.split(',').includes(name),
);
/** What must hold, as the ratio of the peer's CPU to ours: [redis, redis-parser]. */
const TARGETS = {
  'pubsub2-64': [4, 2.5],
  'pubsub3-64': [3.5],
  'pubsub2-256': [2.5, 1.8],
  'pubsub3-256': [2.5],
  'typed2-64': [4, 2.5],
  'typed3-64': [3.5],
  ok: [5, 3.5],
  integers: [2, 1],
  mixed: [2, 1],
  nested: [2, 1],
  'bulk-1k': [1.5, 1.2],
  'pubsub2-1k': [1.5, 1.2],
  'bulk-16k': [1.3, 1],
  'bulk-1m': [1.3, 1],
  'wide-64': [1.3, 1],
  'wide-256': [1.3, 1],
  'wide-1k': [1.3, 1],
  'wide-16k': [1.3, 1],
};

const measure = (parser, name, chunkBytes) =>
  JSON.parse(
    execFileSync(process.execPath, [child, parser, name, String(chunkBytes), values.ms], { encoding: 'utf8' }),
  );

const raw = [];
process.stdout.write(
  `CPU ns a message, best sample of fresh processes, taken in turns; node ${process.version}, ${cpus()[0]?.model}\n`,
);
process.stdout.write('workload       chunk   ashredis      redis  ratio (must)  redis-parser  ratio (must)\n');
for (const name of names) {
  for (const chunkBytes of values.chunks.split(',').map(Number)) {
    const parsers = ['ashredis', ...workloads[name].peers];
    const found = Object.fromEntries(parsers.map((parser) => [parser, []]));
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const parser of parsers) {
        const result = measure(parser, name, chunkBytes);
        raw.push({ round, ...result });
        found[parser].push(result.best);
      }
    }
    const best = (parser) => Math.min(...found[parser]);
    const own = best('ashredis');
    let line = `${name.padEnd(12)} ${String(chunkBytes).padStart(7)} ${own.toFixed(1).padStart(10)}`;
    parsers.slice(1).forEach((parser, index) => {
      const ratio = best(parser) / own;
      const must = TARGETS[name]?.[index];
      const mark = must === undefined ? '' : `(${must}${ratio >= must ? '' : ' MISSED'})`;
      line += ` ${best(parser).toFixed(1).padStart(10)} ${ratio.toFixed(2).padStart(6)} ${mark.padEnd(13)}`;
    });
    process.stdout.write(`${line}\n`);
  }
}
if (values.json !== undefined) {
  const machine = { node: process.version, cpu: cpus()[0]?.model, cores: cpus().length };
  writeFileSync(values.json, `${JSON.stringify({ machine, unit: 'CPU ns a message', raw }, null, 1)}\n`);
}
