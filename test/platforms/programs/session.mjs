// What every runtime and every bundle is asked to do with the whole client: store, read, subscribe, publish, count, close.
// Bundled or run as it is, with the server's URL as its first argument. It prints `session ok` and ends by itself.

// The core leans on what a runtime has: the same program as where there is no client.
import './resp.mjs';
import {
  AshRedisChannelDataPublisher,
  AshRedisChannelDataSubscriber,
  AshRedisClient,
  AshRedisDataPublisher,
  ConnectError,
  MissingKeyError,
} from 'ashredis';

/** Throws when something is not as promised. */
export async function session(url) {
  if (globalThis.verdict !== 'resp ok') throw new Error(globalThis.verdict);
  const channel = `ashredischannel://platform:${Math.random()}`;
  const client = new AshRedisClient({ url });
  const publisher = new AshRedisChannelDataPublisher('out', channel, { client, numbered: true });
  const subscriber = new AshRedisChannelDataSubscriber('in', channel, { client, numbered: true });
  const keys = new AshRedisDataPublisher('keys', 'ashredis://platform', { client, region: 'platform', ttlSeconds: 30 });
  await subscriber.start();
  await keys.publish({ __dagserver_key: 'k', text: 'héllo €' });
  same(await client.get('k', { region: 'platform' }), '{"text":"héllo €"}');
  same([...(await client.get('k', { region: 'platform', as: 'bytes' }))].slice(0, 3), [123, 34, 116]);
  const records = Array.from({ length: 500 }, (_, n) => ({ n, text: 'x'.repeat(n) }));
  same(await publisher.publishMany(records), { published: 500, failed: 0, unknown: 0 });
  let next = 0;
  for await (const { data, position } of subscriber) {
    same([data.n, data.text.length, position.offset], [next, next, next + 1]);
    if (++next === 500) break;
  }
  await client.del('k', { region: 'platform' });
  const refused = await keys.publish({ other: 1 }).catch((error) => error);
  same(refused instanceof MissingKeyError, true);
  const nobody = new AshRedisClient({ host: '127.0.0.1', port: 1, connectTimeoutMs: 2000 });
  const failure = await nobody.connect().catch((error) => error);
  same(failure instanceof ConnectError || failure.name === 'TimeoutError', true);
  await nobody.close();
  await Promise.all([publisher.stop(), keys.stop(), subscriber.stop()]);
  await client.close();
}

function same(found, expected) {
  const [a, b] = [JSON.stringify(found), JSON.stringify(expected)];
  if (a !== b) throw new Error(`found ${a}, expected ${b}`);
}
