// Every client of the suite behind the same four verbs: publish, set, subscribe, close. Default options throughout;
// where a row needs another option, it says so in its title. Imported by the workloads, one client a process.

import { pathToFileURL } from 'node:url';

export const ours = process.env.BENCH_ASHREDIS ?? new URL('../dist/esm/index.js', import.meta.url).pathname;

export const importOurs = () => import(pathToFileURL(ours).href);

async function ashredis(target, options) {
  const { AshRedisClient } = await importOurs();
  const client = new AshRedisClient({ ...addressOf(target), ...options });
  await client.connect();
  return {
    client,
    publish: (channel, text) => client.publish(channel, text),
    set: (key, text, ttlMs) => client.set(key, text, { ttlSeconds: ttlMs / 1000 }),
    // The public way: an async iterator.
    async subscribe(channels, onMessage) {
      const subscription = client.subscribe(channels);
      await subscription.ready;
      (async () => {
        for await (const message of subscription) onMessage(message.raw, message.channel);
      })();
      return subscription;
    },
    close: () => client.close(),
  };
}

/** How the classes of ours are told where the server is. */
export function addressOf({ host, port, tls }) {
  return tls === undefined ? { host, port } : { host, port, tls: { ca: tls.ca, servername: 'localhost' } };
}

async function redis(target) {
  const { createClient } = await import('redis');
  const { host, port, tls } = target;
  const socket = tls === undefined ? { host, port } : { host, port, tls: true, ca: tls.ca, servername: 'localhost' };
  const open = async () => {
    const client = createClient({ socket });
    client.on('error', onError);
    await client.connect();
    return client;
  };
  const client = await open();
  const others = [];
  return {
    client,
    publish: (channel, text) => client.publish(channel, text),
    set: (key, text, ttlMs) => client.set(key, text, { expiration: { type: 'PX', value: ttlMs } }),
    async subscribe(channels, onMessage) {
      const subscriber = await open();
      others.push(subscriber);
      await subscriber.subscribe(channels, onMessage);
      return subscriber;
    },
    close() {
      for (const each of [client, ...others]) each.destroy();
    },
  };
}

const ioredisLike = (packageName, settings) => async (target) => {
  const { Redis } = await import(packageName);
  const { host, port, tls } = target;
  const security = tls === undefined ? {} : { tls: { ca: tls.ca, servername: 'localhost' } };
  const open = async () => {
    const client = new Redis({ host, port, lazyConnect: true, ...security, ...settings });
    client.on('error', onError);
    await client.connect();
    return client;
  };
  const client = await open();
  const others = [];
  return {
    client,
    publish: (channel, text) => client.publish(channel, text),
    set: (key, text, ttlMs) => client.set(key, text, 'PX', ttlMs),
    async subscribe(channels, onMessage) {
      const subscriber = await open();
      others.push(subscriber);
      subscriber.on('message', (channel, text) => onMessage(text, channel));
      await subscriber.subscribe(...channels);
      return subscriber;
    },
    close() {
      for (const each of [client, ...others]) each.disconnect();
    },
  };
};

async function glide(target) {
  const { GlideClient, GlideClientConfiguration, Logger, TimeUnit } = await import('@valkey/valkey-glide');
  Logger.init('off');
  const { host, port, tls } = target;
  const advanced =
    tls === undefined ? {} : { useTLS: true, advancedConfiguration: { tlsAdvancedConfiguration: { insecure: true } } };
  // Its own bound on requests in flight is 1,000; it would refuse what the rows ask for.
  const common = { addresses: [{ host, port }], inflightRequestsLimit: 200_000, requestTimeout: 30_000, ...advanced };
  const client = await GlideClient.createClient(common);
  const others = [];
  return {
    client,
    publish: (channel, text) => client.publish(text, channel),
    set: (key, text, ttlMs) => client.set(key, text, { expiry: { type: TimeUnit.Milliseconds, count: ttlMs } }),
    async subscribe(channels, onMessage) {
      const { Exact } = GlideClientConfiguration.PubSubChannelModes;
      const subscriber = await GlideClient.createClient({
        ...common,
        pubsubSubscriptions: {
          channelsAndPatterns: { [Exact]: new Set(channels) },
          callback: (message) => onMessage(message.message, message.channel),
        },
      });
      others.push(subscriber);
      return subscriber;
    },
    close() {
      for (const each of [client, ...others]) each.close();
    },
  };
}

let isCutExpected = false;

/** The server is about to cut links on purpose: clients that come back by themselves say so by an error. */
export function expectCut() {
  isCutExpected = true;
}

function onError(error) {
  if (isCutExpected) return;
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
}

export const contenders = {
  ashredis,
  redis,
  ioredis: ioredisLike('ioredis', {}),
  'ioredis auto': ioredisLike('ioredis', { enableAutoPipelining: true }),
  iovalkey: ioredisLike('iovalkey', { enableAutoPipelining: true }),
  glide,
};
