// Two results beside each other: how our figures changed, and how the ratio to the best peer did.
// Called by the runner. The ratio is the figure to trust between machines; the spread says what is noise.

import { format, summary } from './summary.mjs';

export function compare(...results) {
  const [before, after] = results.map(summary);
  let text = `${'row'.padEnd(20)} ${'before'.padStart(10)} ${'after'.padStart(10)}        change   × best peer\n`;
  for (const line of after) {
    const old = before.find(({ id }) => id === line.id);
    const own = line.figures.ashredis;
    const other = old?.figures.ashredis;
    const change = other === undefined ? undefined : own.median / other.median - 1;
    // Beyond the spread of both runs.
    const clear = other !== undefined && (own.high < other.low || own.low > other.high);
    const percent = change === undefined ? 'new' : `${change > 0 ? '+' : ''}${(change * 100).toFixed(0)} %`;
    text += `${line.id.padEnd(20)} ${format(other?.median).padStart(10)} ${format(own.median).padStart(10)} ${line.unit.padEnd(4)} `;
    text += `${percent.padStart(8)}${clear ? ' !' : '  '}  ${format(old?.ratio)} → ${format(line.ratio)}\n`;
  }
  for (const line of before) if (!after.some(({ id }) => id === line.id)) text += `${line.id.padEnd(20)} is gone\n`;
  return `${text}! beyond the spread of both runs\n`;
}
