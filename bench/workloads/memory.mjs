// Memory: what an idle client and many subscriptions hold, and what a slow handler lets pile up.
// Run by child.mjs, with --expose-gc for the idle rows; the slow handler is never helped by a forced collection.

import { spawn } from 'node:child_process';
import { addressOf, contenders, importOurs } from '../contenders.mjs';
import { openControl } from '../raw.mjs';

export async function idle({ target, contender, clients, subscriptions }) {
  const warm = await contenders[contender](target);
  await warm.subscribe(['warm'], () => {});
  const settle = async () => {
    await new Promise((resolve) => setTimeout(resolve, 100));
    globalThis.gc();
    globalThis.gc();
    return process.memoryUsage();
  };
  const before = await settle();
  const held = [];
  if (subscriptions === undefined) {
    for (let i = 0; i < clients; i++) held.push(await contenders[contender](target));
  } else {
    held.push(await contenders[contender](target));
    const names = Array.from({ length: subscriptions }, (_, i) => `idle:${i}`);
    await held[0].subscribe(names, () => {});
  }
  const after = await settle();
  const bytes = (after.heapUsed - before.heapUsed) / (subscriptions === undefined ? clients : 1);
  const outside = (after.external - before.external) / (clients ?? 1);
  if (held.length === 0) throw new Error('nothing was held');
  return { samples: [{ kib: bytes / 1024 }], extra: { outsideKib: outside / 1024 } };
}

/** A handler of 1 ms against `count` messages that another process publishes at once: the most memory ever resident. */
export async function slowHandler({ target, contender, count }) {
  const control = await openControl(target);
  const limit = await control.call('CONFIG', 'GET', 'client-output-buffer-limit');
  await control.call('CONFIG', 'SET', 'client-output-buffer-limit', 'pubsub 0 0 0');
  let handled = 0;
  const handler = async () => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    handled++;
  };
  await listen(contender, target, handler);
  const before = process.memoryUsage().rss;
  let peak = before;
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss);
  }, 20);
  await floodBy(target, count);
  // What was published has left the publisher; the subscriber gets two more seconds to take it in.
  await new Promise((resolve) => setTimeout(resolve, 2000));
  clearInterval(watch);
  peak = Math.max(peak, process.memoryUsage().rss);
  const calls = await control.call('INFO', 'clients');
  await control.call('CONFIG', 'SET', 'client-output-buffer-limit', limit[1]);
  control.close();
  if (handled === 0 || !/pubsub_clients|connected_clients/.test(calls)) throw new Error('no message was handled');
  return { samples: [{ mib: (peak - before) / 2 ** 20 }], extra: { handled } };
}

async function listen(contender, target, handler) {
  if (contender === 'ashredis') {
    const { AshRedisChannelDataSubscriber } = await importOurs();
    const codec = { name: 'text', encode: String, decode: (raw) => raw };
    const options = { ...addressOf(target), codec, onMessage: handler };
    return new AshRedisChannelDataSubscriber('slow', 'ashredischannel://slow', options).start();
  }
  const client = await contenders[contender](target);
  await client.subscribe(['slow'], handler);
}

function floodBy(target, count) {
  const script = new URL('../publish-flood.mjs', import.meta.url).pathname;
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, JSON.stringify({ target, count })], { stdio: 'inherit' });
    child.once('error', reject);
    child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`the flood ended with ${code}`))));
  });
}
