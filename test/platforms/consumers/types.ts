// A consumer's program that is only type-checked, by old and new compilers, without @types/node and the DOM.
// Copied and compiled by test/platforms/types.mjs. Each `@ts-expect-error` must be one.

import {
  AshRedisChannelDataPublisher,
  AshRedisChannelDataSubscriber,
  AshRedisClient,
  AshRedisDataPublisher,
  AshRedisError,
  bytesCodec,
  type Codec,
  jsonCodec,
  type Message,
  type PublisherConfig,
} from 'ashredis';
import { encryptedCodec, gzipCodec } from 'ashredis/codecs';
import { encodeCommand, NEED_DATA, RespDecoder } from 'ashredis/resp';
import { createServer } from 'ashredis/server';

interface Sensor {
  __dagserver_key: string;
  celsius: number;
  tags?: string[];
}

export async function keys(): Promise<void> {
  // The spelling of shared configuration files, and null for "the default".
  const config: PublisherConfig = { host: 'localhost', port: null, ttl_seconds: 60, publish_interval: 0 };
  const publisher = new AshRedisDataPublisher('name', 'ashredis://anything', config);
  const reading: Sensor = { __dagserver_key: 'sensor:1', celsius: 21.5 };
  await publisher.publish(reading);
  const { published, failed, unknown } = await publisher.publishMany([reading], {
    onFailure(error, record) {
      const message: string = error.message;
      return void [message, record.celsius];
    },
  });
  const total: number = published + failed + unknown;
  publisher.on('publishError', ({ error }) => void error);
  // @ts-expect-error: there is no such event
  publisher.on('error', () => {});
  const count: number = publisher.publishCount + total;
  await publisher.stop({ timeoutMs: count });
}

export async function channels(): Promise<void> {
  const publisher = new AshRedisChannelDataPublisher('name', 'ashredischannel://alerts', { numbered: true });
  const receivers: number | undefined = await publisher.publish({ level: 'high' });
  const subscriber = new AshRedisChannelDataSubscriber<Sensor>('name', 'ashredischannel://alerts', {
    overflow: 'drop-oldest',
    onGap: (gap) => (gap.missed === 'unknown' ? receivers : gap.missed + 1),
  });
  await subscriber.start();
  for await (const message of subscriber) {
    const celsius: number = message.data.celsius;
    // @ts-expect-error: data is a Sensor
    message.data.fahrenheit;
    const seen: Message<Sensor> = message;
    if (celsius > 0 && seen.channel !== '') break;
  }
  const data: Sensor | null = await subscriber.getData(1);
  const { delivered, discarded } = await subscriber.stop({ drain: true });
  void [data, delivered, discarded];
  // @ts-expect-error: no such policy
  new AshRedisChannelDataSubscriber('name', 'ashredischannel://alerts', { overflow: 'explode' });
}

export async function inference(): Promise<number> {
  const subscriber = new AshRedisChannelDataSubscriber('name', 'ashredischannel://alerts', {
    validate: (data: unknown) => ({ celsius: Number((data as { celsius: unknown }).celsius) }),
  });
  const value = await subscriber.getData();
  return value?.celsius ?? 0;
}

/** What a codec decodes to is the type of `data`, unless `validate` says more. */
export async function codecInference(client: AshRedisClient, mine: Codec<{ q: number }>): Promise<void> {
  const source = 'ashredischannel://alerts';
  const bytes: Uint8Array | null = await new AshRedisChannelDataSubscriber('name', source, {
    codec: bytesCodec,
  }).getData();
  const own = await new AshRedisChannelDataSubscriber('name', source, { codec: mine }).getData();
  const json = await new AshRedisChannelDataSubscriber('name', source, { codec: jsonCodec }).getData();
  const gzip = await new AshRedisChannelDataSubscriber('name', source, { codec: gzipCodec() }).getData();
  const checked = await new AshRedisChannelDataSubscriber('name', source, {
    codec: gzipCodec(),
    validate: (data) => ({ celsius: Number(data) }),
  }).getData();
  const named = new AshRedisChannelDataSubscriber<Sensor>('name', source, { codec: gzipCodec() });
  const sensor: Sensor | null = await named.getData();
  for await (const { data } of client.subscribe('a', { codec: bytesCodec })) void data.byteLength;
  void [bytes, sensor, own?.q, json?.title, gzip?.title, checked?.celsius];
  // @ts-expect-error: bytes have no title
  void bytes?.title;
}

export async function client(signal: { aborted: boolean }): Promise<void> {
  const client = new AshRedisClient('localhost', 6379, { region: 'eu-west-1', commandTimeoutMs: 100 });
  const text: string | null = await client.get('key');
  const bytes: Uint8Array | null = await client.get('key', { as: 'bytes' });
  const stored: 'OK' | null = await client.set('key', new Uint8Array(3), { ttlSeconds: 1.5, nx: true });
  const deleted: number = await client.del(['a', 'b']);
  for await (const key of client.scan('a:*')) void key.length;
  const subscription = client.subscribe<{ n: number }>(['a', 'b'], { overflow: 'conflate' });
  for await (const { data } of subscription) {
    if (data.n > 3) break;
  }
  const reply = await client.command('LPUSH', 'list', 'x', 1, { timeoutMs: 5 });
  try {
    await client.ping();
  } catch (error) {
    if (error instanceof AshRedisError && error.safeToRetry) void error.code;
  }
  void [text, bytes, stored, deleted, reply, signal];
  await client.close();
}

export async function rest(key: Uint8Array): Promise<number> {
  const decoder = new RespDecoder();
  decoder.push(encodeCommand(['PING', 1, 2n, key]));
  const value = decoder.read();
  if (value === NEED_DATA) return 0;
  const codecs: Codec[] = [gzipCodec(), encryptedCodec({ key: (id) => ({ id: id ?? 'first', key }) }), jsonCodec];
  const server = await createServer({ port: 0 });
  server.faults.cut({ subscriber: true });
  await server.stop();
  return codecs.length + server.port;
}

/** What comes from elsewhere may be undefined: it is the default, and no error of `exactOptionalPropertyTypes`. */
export async function perhaps(
  text: string | undefined,
  count: number | undefined,
  flag: boolean | undefined,
): Promise<void> {
  new RespDecoder({ messages: flag, limits: { maxDepth: count } });
  const server = await createServer({ host: text, password: text, port: count, limits: { maxClients: count } });
  server.faults.cut({ id: count, name: text, subscriber: flag });
  new AshRedisClient({ host: text, credentials: () => ({ username: text, password: '', expiresAt: count }) });
}
