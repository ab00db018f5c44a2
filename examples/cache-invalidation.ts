// A local cache kept right by invalidation messages. After a gap nobody knows what was missed: it is emptied.
// Run: node --import tsx examples/cache-invalidation.ts [--host localhost] [--port 6379]

import { once } from 'node:events';
import { AshRedisChannelDataPublisher, AshRedisChannelDataSubscriber, AshRedisClient } from '../src/index.ts';
import { serverAddress } from './support/address.ts';

const config = serverAddress();
const cache = new Map<string, string | null>();
const changed = new EventTarget();

const client = new AshRedisClient(config);
const invalidations = new AshRedisChannelDataSubscriber<{ key: string }>('cache', 'ashredischannel://invalidate', {
  ...config,
  clientName: 'cache-reader',
  onMessage: ({ data }) => {
    cache.delete(data.key);
    changed.dispatchEvent(new Event('changed'));
  },
  // Awaited before any newer message is handed over: nothing stale can be read in between.
  onGap: ({ reason }) => {
    cache.clear();
    console.log(`gap (${reason}): the cache is empty again`);
    changed.dispatchEvent(new Event('changed'));
  },
});
await invalidations.start();
const publisher = new AshRedisChannelDataPublisher('writer', 'ashredischannel://invalidate', config);

async function read(key: string): Promise<string | null> {
  if (!cache.has(key)) cache.set(key, await client.get(key));
  return cache.get(key) ?? null;
}
async function write(key: string, value: string): Promise<void> {
  await client.set(key, value, { ttlSeconds: 60 });
  await publisher.publish({ key });
}

await write('user:1', 'Ada');
console.log(await read('user:1'));
let told = once(changed, 'changed');
await write('user:1', 'Grace');
await told;
console.log(await read('user:1'));

// The link is cut by force. What others write meanwhile is not heard; the gap says so.
told = once(changed, 'changed');
await cut(client, 'cache-reader');
await told;
console.log(await read('user:1'));

await invalidations.stop();
await publisher.stop();
await client.close();

/** Ends connections by their name, as an operator would. */
async function cut(admin: AshRedisClient, name: string): Promise<void> {
  const list = String(await admin.command('CLIENT', 'LIST'));
  for (const line of list.split('\n')) {
    const id = /^id=(\d+) /.exec(line)?.[1];
    if (id !== undefined && line.includes(` name=${name} `)) await admin.command('CLIENT', 'KILL', 'ID', id);
  }
}
