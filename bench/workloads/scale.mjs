// 100,000 channels: how long subscribing takes, and subscribing again after the server cut the link.
// Run by child.mjs against redis-server. Proven by the server's own count, and by a message on the last channel.

import { contenders, expectCut } from '../contenders.mjs';
import { openControl } from '../raw.mjs';

export async function resubscribe({ target, contender, channels }) {
  const names = Array.from({ length: channels }, (_, i) => `scale:${process.pid}:${i}`);
  const control = await openControl(target);
  const client = await contenders[contender](target);
  let arrived;
  const before = process.memoryUsage().rss;
  const subscribing = await timed(() => client.subscribe(names, () => arrived?.()));
  await held(control, names);
  const seen = async () => {
    const message = new Promise((resolve) => {
      arrived = resolve;
    });
    await control.call('PUBLISH', names[channels - 1], 'x');
    await message;
  };
  await seen();
  const cpu = process.cpuUsage();
  expectCut();
  await control.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
  const again = await timed(async () => {
    await held(control, names);
    await seen();
  });
  const { user, system } = process.cpuUsage(cpu);
  const rss = (process.memoryUsage().rss - before) / 2 ** 20;
  control.close();
  process.nextTick(() => client.close());
  const sample = { count: channels, cpuNs: ((user + system) * 1000) / channels, rate: channels / (again / 1000) };
  return { samples: [{ ...sample, ms: subscribing, againMs: again }], extra: { rssMiB: rss } };
}

async function timed(work) {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** All of them, by the server's count of subscribers of the first and the last. */
async function held(control, names) {
  const until = performance.now() + 30_000;
  for (;;) {
    const counts = await control.call('PUBSUB', 'NUMSUB', names[0], names[names.length >> 1], names[names.length - 1]);
    if (counts[1] === 1 && counts[3] === 1 && counts[5] === 1) return;
    if (performance.now() > until) throw new Error(`after 30 s the server counts ${counts} subscribers`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
