// One measurement in a process of its own: `node child.mjs '<job as JSON>'`; the last line of its output is the result.
// Started by the runner. Two contenders must never share a process: shapes and code seen before change the figures.

import { latency } from './workloads/latency.mjs';
import { idle, slowHandler } from './workloads/memory.mjs';
import { publish } from './workloads/publish.mjs';
import { bundle, encoder, imports, parser } from './workloads/pure.mjs';
import { resubscribe } from './workloads/scale.mjs';
import { subscribe } from './workloads/subscribe.mjs';

const workloads = { publish, subscribe, latency, encoder, parser, imports, bundle, idle, slowHandler, resubscribe };
const job = JSON.parse(process.argv[2]);
try {
  const result = await workloads[job.workload](job);
  process.stdout.write(`\n${JSON.stringify(result)}\n`, () => process.exit(0));
} catch (error) {
  process.stderr.write(`${error?.stack ?? error}\n`);
  process.exit(1);
}
