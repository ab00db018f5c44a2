// The report of a run: Markdown tables with every row, the losing ones too, and pictures beside them.
// Called by the runner. What is said of figures comes from summary.mjs; nothing is left out for its value.

import { mkdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { relativeChart } from './charts.mjs';
import { format, summary } from './summary.mjs';

const GROUPS = {
  publish: 'Publishing: CPU of the publisher a message',
  subscribe: 'Receiving: CPU of the subscriber a message',
  tls: 'Over TLS: CPU a message',
  latency: 'Latency from publish() to the message',
  parser: 'Parser: CPU a message',
  encoder: 'Encoder: CPU a command',
  scale: '100,000 channels',
  memory: 'Memory',
  start: 'Import and bundle',
};

/** Writes `<json>.md` and its pictures beside the results; gives the report's path. */
export async function writeReport(results, jsonPath) {
  const lines = summary(results);
  const name = basename(jsonPath, '.json');
  const folder = dirname(jsonPath);
  await mkdir(folder, { recursive: true });
  let text = `${head(results)}\n`;
  for (const [group, title] of Object.entries(GROUPS)) {
    const rows = lines.filter((line) => line.group === group);
    if (rows.length === 0) continue;
    text += `\n## ${title}\n\n`;
    const pictured = rows.filter((row) => row.best !== undefined);
    if (pictured.length > 0) {
      const picture = `${name}-${group}.svg`;
      await writeFile(join(folder, picture), relativeChart(title, pictured));
      text += `![${title}, ours = 1](${picture})\n\n`;
    }
    text += rows.map(rowText).join('\n');
  }
  text += `\n${foot(results, lines)}`;
  const file = join(folder, `${name}.md`);
  await writeFile(file, text);
  return file;
}

function head({ mode, commit, seconds, versions, machine }) {
  const peers = Object.entries(versions)
    .filter(([, version]) => version !== undefined)
    .map(([name, version]) => `${name} ${version}`);
  return `# Results

\`npm run bench${mode === 'normal' ? '' : ` -- --${mode}`}\`${commit === undefined ? '' : `, commit ${commit}`}, ${seconds} s. ${peers.join(', ')}.
Node ${machine.node} on ${machine.os}, ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB${machine.load === undefined ? '' : `, load average ${machine.load} before the run`}.

Each measurement ran in a process of its own, contenders in turn, default options unless a title says otherwise; counts
and checksums were compared in each. CPU is that of the whole process, threads and kernel included. Figures are medians of
the processes' medians, the spread is the lowest and highest sample. "×" is the other's figure divided by ours of the same
round, the median of all rounds: above 1 ours is better.`;
}

function rowText(row) {
  const { title, unit, figures, bound, reach, holds, relative, benchmarkShare, benchmarkRates } = row;
  const names = Object.keys(figures).sort((a, b) => figures[a].median - figures[b].median);
  const hasRate = names.some((name) => figures[name].rate !== undefined);
  let text = `### ${title}\n\n| | ${unit} | spread | × |${hasRate ? ' a second |' : ''}\n| --- | ---: | ---: | ---: |${hasRate ? ' ---: |' : ''}\n`;
  for (const name of names) {
    const { median, low, high, rate, ratio } = figures[name];
    const label = name === 'ashredis' ? '**ashredis**' : name === bound ? `*${name} (bound)*` : name;
    const factor = name === 'ashredis' ? '' : format(ratio);
    text += `| ${label} | ${format(median)} | ${format(low)} – ${format(high)} | ${factor} |`;
    text += hasRate ? ` ${rate === undefined ? '' : Math.round(rate).toLocaleString('en-US')} |\n` : '\n';
  }
  const notes = [];
  if (row.losing) notes.push(`**${row.best} is better here.**`);
  if (relative !== undefined) notes.push(`${format(relative)} × the cost over one channel.`);
  if (benchmarkShare !== undefined) {
    const rate = Math.round(benchmarkRates[0]).toLocaleString('en-US');
    notes.push(
      `\`redis-benchmark -c 1 -P 500\` with the same command: ${rate} a second; ours is ${format(benchmarkShare)} of it.`,
    );
  }
  if (reach !== undefined) notes.push(`To reach: ${reach}: ${holds ? 'holds' : '**missed**'}.`);
  return `${text}${notes.length === 0 ? '' : `\n${notes.join(' ')}\n`}`;
}

function foot({ wrong, failed = [] }, lines) {
  const losing = lines.filter((line) => line.losing).map((line) => `${line.title} (${line.best})`);
  const missed = lines.filter((line) => line.reach !== undefined && !line.holds).map((line) => line.title);
  const list = (items) => (items.length === 0 ? 'none' : items.join('; '));
  const told = (list) => list.map(({ row, contender, error }) => `\n- ${row}, ${contender}: ${error}`).join('');
  const failures = told(wrong);
  const gaveUp = failed.length === 0 ? '' : `\nPeers that gave up:\n${told(failed)}\n`;
  return `
## In short

Rows that another client wins: ${list(losing)}.
Rows below what was to be reached: ${list(missed)}.
${failures === '' ? 'No result was wrong.' : `Wrong or missing results:\n${failures}`}
${gaveUp}`;
}
