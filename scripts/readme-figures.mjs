// Writes the table of measured figures into README.md between its marks, from the results that `npm run bench` keeps.
// Run by hand after a benchmark: node scripts/readme-figures.mjs [results.json …]; rows of a later file replace those of
// an earlier one. It must leave no losing row out.

import { readFile, writeFile } from 'node:fs/promises';
import { format, summary } from '../bench/summary.mjs';

const START = '<!-- figures -->';
const END = '<!-- /figures -->';
const root = new URL('../', import.meta.url);
const given = process.argv.slice(2);
const sources = given.length > 0 ? given : ['bench/results/latest.json'];

const runs = await Promise.all(
  sources.map(async (source) => JSON.parse(await readFile(new URL(source, root), 'utf8'))),
);
const rows = new Map(runs.flatMap((run) => run.rows.map((row) => [row.id, row])));
const results = { ...runs[0], rows: [...rows.values()] };
const readme = new URL('README.md', root);
const text = await readFile(readme, 'utf8');
const from = text.indexOf(START);
const to = text.indexOf(END);
if (from < 0 || to < from) throw new Error(`Cannot write figures: README.md has no ${START} … ${END}`);
await writeFile(readme, `${text.slice(0, from + START.length)}\n\n${fragment(results)}\n${text.slice(to)}`);

/** Rows with a peer, in the order of the suite. */
function fragment({ versions, machine, rows, ...rest }) {
  const lines = summary({ versions, machine, rows, ...rest }).filter((line) => line.best !== undefined);
  const names = ['redis', 'ioredis', '@valkey/valkey-glide'].filter((name) => versions[name] !== undefined);
  const peers = names.map((name) => `${name} ${versions[name]}`).join(', ');
  let table = '| | ashredis | best of the others | × | bound |\n| --- | ---: | ---: | ---: | ---: |\n';
  for (const { title, unit, figures, best, ratio, bound } of lines) {
    const other = `${format(figures[best].median)} (${best})`;
    const limit =
      bound === undefined || figures[bound] === undefined ? '' : `${format(figures[bound].median)} (${bound})`;
    const factor = ratio < 1 ? `${format(ratio)} (slower)` : format(ratio);
    table += `| ${title} | ${format(figures.ashredis.median)} ${unit} | ${other} | ${factor} | ${limit} |\n`;
  }
  return `${table}
Where nothing else is said, CPU time a message in the client's process: lower is better, and "×", which is
taken round by round, is in our favour above 1. The bound is the same work without a client. Node ${machine.node}, ${machine.cpu}, ${machine.cores} cores;
${peers}; redis-server ${versions['redis-server']}. \`npm run bench\` measures it on your machine:
[all rows and their spread](bench/results/latest.md), [what was found](docs/performance.md).
`;
}
