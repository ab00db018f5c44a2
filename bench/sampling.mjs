// Samples of CPU time: warm up, then batches of at least 20 ms each until the budget is used.
// Used by the workloads. CPU is that of the whole process, its threads and the kernel's work for it included.

/**
 * `batch(n)` performs about n operations and gives how many it did. The budgets are CPU time, so that a busy machine
 * measures warm code too; a run that mostly waits ends by the clock on the wall.
 */
export async function sample(batch, { warmMs, measureMs, batchSize, minSamples = 3 }) {
  let size = batchSize;
  for (const more = budget(warmMs); more(); ) size = adapted(size, await timed(batch, size));
  const samples = [];
  for (const more = budget(measureMs); more() || samples.length < minSamples; ) samples.push(await timed(batch, size));
  return samples;
}

function budget(ms) {
  const cpu = process.cpuUsage();
  const start = performance.now();
  return () => {
    const { user, system } = process.cpuUsage(cpu);
    return (user + system) / 1000 < ms && performance.now() - start < ms * 4;
  };
}

async function timed(batch, size) {
  const cpu = process.cpuUsage();
  const start = performance.now();
  const count = (await batch(size)) ?? size;
  const ms = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  return { count, cpuNs: ((user + system) * 1000) / count, rate: (count / ms) * 1000, cpuMs: (user + system) / 1000 };
}

/** The clock of CPU time is coarse: a batch has to be long enough. */
function adapted(size, { cpuMs }) {
  if (cpuMs < 20) return Math.ceil(size * Math.min(4, 25 / Math.max(cpuMs, 1)));
  return size;
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export function percentile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}
