// What results say: medians, spread, the best peer, ours beside it, beside the bound and beside what must be reached.
// Used by the runner, the report, the comparison and the README's generator. Pure.

import { rows } from './rows.mjs';
import { median } from './sampling.mjs';

const known = new Map(rows.map((row) => [row.id, row]));

/** Ours in another way than the row's: shown, and no peer. */
const isOurs = (name) => name === 'ashredis' || name.startsWith('ashredis, ');

/**
 * `[{ id, title, unit, figures: { name: { median, low, high, rate, ratio } }, best, ratio, boundRatio, reach, holds, losing }]`
 *
 * A process counts once, whatever it sampled: `median` is that of the processes' medians. `ratio`, to ours, is the median of
 * what the two processes of each round give, which ran next to each other: machines change their pace from one second to
 * the next.
 */
export function summary(results) {
  const list = [];
  for (const result of results.rows) {
    const figures = {};
    const { ashredis } = result.contenders;
    if (ashredis === undefined) continue;
    for (const [name, kept] of Object.entries(result.contenders)) {
      const { values, rates } = kept;
      figures[name] = {
        median: median([...byRound(kept, values).values()]),
        low: Math.min(...values),
        high: Math.max(...values),
        rate: rates.length === 0 ? undefined : median([...byRound(kept, rates).values()]),
        ratio: ratioOf(kept, ashredis),
      };
    }
    const peers = Object.entries(figures).filter(([name]) => !isOurs(name) && name !== result.bound);
    peers.sort((a, b) => a[1].median - b[1].median);
    const best = peers[0];
    const bound = result.bound === undefined ? undefined : figures[result.bound];
    const ratio = best?.[1].ratio;
    const line = { ...result, figures, best: best?.[0], ratio, losing: ratio !== undefined && ratio < 1 };
    if (bound !== undefined) line.boundRatio = 1 / bound.ratio;
    list.push({ ...line, ...judge(known.get(result.id), line, list, result) });
  }
  return list;
}

/** The median of each round's process, by round. Older results don't tell: all of them are one. */
function byRound({ runs }, values) {
  if (runs === undefined) return new Map([[0, median(values)]]);
  let from = 0;
  const medians = new Map();
  for (const { round, samples } of runs) {
    medians.set(round, median(values.slice(from, from + samples)));
    from += samples;
  }
  return medians;
}

function ratioOf(other, own) {
  const owns = byRound(own, own.values);
  const pairs = [...byRound(other, other.values)].filter(([round]) => owns.has(round));
  if (pairs.length > 0) return median(pairs.map(([round, value]) => value / owns.get(round)));
  return median(other.values) / median(own.values);
}

function judge(row, line, before, result) {
  const own = line.figures.ashredis;
  if (row === undefined) return {};
  if (row.reach !== undefined) {
    const peer = row.reachOf === undefined ? line.best : row.reachOf;
    const ratio = peer === undefined ? undefined : line.figures[peer].ratio;
    const verdict = { reach: `≥ ${row.reach} ×`, holds: ratio >= row.reach, reached: ratio };
    if (row.versusBenchmark !== undefined && result.benchmarkRates?.length > 0) {
      const share = own.rate / median(result.benchmarkRates);
      verdict.benchmarkShare = share;
      verdict.reach += `, rate ≥ ${row.versusBenchmark} × redis-benchmark`;
      verdict.holds &&= share >= row.versusBenchmark;
    }
    if (row.rateReach !== undefined && line.best !== undefined) {
      const peers = Object.entries(line.figures).filter(([name]) => !isOurs(name) && name !== result.bound);
      verdict.rateRatio = own.rate / Math.max(...peers.map(([, figure]) => figure.rate));
    }
    return verdict;
  }
  if (row.lower !== undefined) return { reach: `≤ ${row.lower} × the best`, holds: 1 / line.ratio <= row.lower };
  if (row.limitValue !== undefined)
    return { reach: `≤ ${row.limitValue} ${row.unit}`, holds: own.median <= row.limitValue };
  if (row.relativeTo !== undefined) {
    const other = before.find(({ id }) => id === row.relativeTo)?.figures.ashredis;
    if (other === undefined) return {};
    const relative = own.median / other.median;
    return { reach: `≤ ${row.limit} × one channel`, holds: relative <= row.limit, relative };
  }
  return {};
}

export function format(value) {
  if (value === undefined || Number.isNaN(value)) return '–';
  if (value >= 1000) return Math.round(value).toLocaleString('en-US');
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** One line for the terminal. */
export function summaryLine(line) {
  const { title, unit, figures, best, ratio, bound, boundRatio, reach, holds, relative, benchmarkShare } = line;
  const parts = [`${title.padEnd(52).slice(0, 70)} ${format(figures.ashredis.median).padStart(8)} ${unit}`];
  if (best !== undefined) parts.push(`${best} ${format(figures[best].median)} (${format(ratio)} ×)`);
  if (boundRatio !== undefined) parts.push(`${bound} ${format(figures[bound].median)}`);
  if (relative !== undefined) parts.push(`${format(relative)} × one channel`);
  if (benchmarkShare !== undefined) parts.push(`${format(benchmarkShare)} × redis-benchmark`);
  if (reach !== undefined) parts.push(`${holds ? 'ok' : 'MISSED'}: ${reach}`);
  return parts.join('  ');
}
