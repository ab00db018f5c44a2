// The types of what users write: configuration, options of calls, codecs.
// Used by every file of this room and exported to users; it holds no code and names no type of Node or the DOM.

import type { AbortSignalLike, Credentials } from '../net/index.ts';
import type { ChannelKind, Gap } from '../pubsub/index.ts';
import type { AshRedisClient } from './ash-redis-client.ts';

export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };
export type JsonObject = { [key: string]: JsonValue };

/** Turns values into what travels, and back. A `binary` codec is given bytes and its messages' `raw` is bytes. */
export interface Codec<T = unknown> {
  readonly name: string;
  readonly binary?: boolean | undefined;
  /** Throws for what it can't hold; the publisher then rejects with a `UsageError`. */
  encode(value: T): string | Uint8Array;
  /** Text, or bytes for a `binary` codec. Throws for what it can't read; the message is then `invalid`. */
  decode(raw: string | Uint8Array): T;
  /** What decoding may grow to at most. Larger messages are `invalid`. */
  readonly maxDecodedBytes?: number | undefined;
}

/** Takes anything that JSON holds; what it gives is an object unless the publisher's was none. */
export interface JsonCodec extends Codec {
  encode(value: unknown): string;
  decode(raw: string | Uint8Array): JsonObject;
}

/** Any codec: the type of `data` is concluded from what it decodes to, unless `validate` says more. */
export type CodecOf<T> = Codec | (Omit<Codec, 'decode'> & { decode(raw: string | Uint8Array): T & {} });

/** Where a program's log goes. `console` is one. Messages never hold a secret. */
export interface Logger {
  debug(message: string, ...details: unknown[]): void;
  info(message: string, ...details: unknown[]): void;
  warn(message: string, ...details: unknown[]): void;
  error(message: string, ...details: unknown[]): void;
}

/** A stream of bytes in both directions, as `node:stream`'s `Duplex` is one. */
export interface DuplexLike {
  write(chunk: Uint8Array | string, encoding?: never): boolean;
  end(): unknown;
  destroy(error?: Error): unknown;
  pause(): unknown;
  resume(): unknown;
  // biome-ignore lint/suspicious/noExplicitAny: listeners of streams take what the event brings
  on(event: string, listener: (...args: any[]) => void): unknown;
}

/** Where the bytes shall go. */
export interface TransportAddress {
  readonly host: string;
  readonly port: number;
  /** Unix socket path; host and port are then meaningless. */
  readonly path?: string | undefined;
  /** The TLS options, or undefined. A stream given for them must already be secured. */
  readonly tls?: object | undefined;
}

export interface ReconnectOptions {
  /** Attempts in a row before giving up. Default: no limit. */
  maxAttempts?: number | undefined;
  /** Ceiling of the delay. Default 5000. */
  maxDelayMs?: number | undefined;
}

export type Overflow = 'block' | 'drop-oldest' | 'drop-newest' | 'conflate' | 'fail';
export type WhenDisconnected = 'queue' | 'fail';
export type Retry = 'never' | 'always';

/** A message as handlers and iterators see it. */
export interface Message<T = JsonObject> {
  /** Without the region's prefix. */
  readonly channel: string;
  /** The pattern that matched, without the region's prefix. */
  readonly pattern?: string;
  /** The codec's value, after `validate`. */
  readonly data: T;
  /** The text; bytes with a binary codec. */
  readonly raw: string | Uint8Array;
  readonly region?: string;
  /** Epoch milliseconds. */
  readonly receivedAt: number;
  /** Where messages are numbered: the publisher's life and the message's number in it, from 1. */
  readonly position?: { readonly epoch: string; readonly offset: number };
}

/** What every class takes. Absent, `undefined` and `null` mean the default. */
export interface ConnectionConfig {
  /** Default `localhost`. */
  host?: string | null | undefined;
  /** Default 6379. */
  port?: number | null | undefined;
  /** `redis://`, `rediss://`, `valkey://`, `valkeys://` or `unix://`. */
  url?: string | null | undefined;
  /** Unix socket. */
  path?: string | null | undefined;
  /** Default 0. */
  db?: number | null | undefined;
  username?: string | null | undefined;
  password?: string | null | undefined;
  /** Asked at each handshake, and again before `expiresAt` (epoch ms). */
  credentials?: (() => Credentials | Promise<Credentials>) | null | undefined;
  /** True, or options as `node:tls` takes them. Certificates and names are verified by default. */
  tls?: boolean | object | null | undefined;
  clientName?: string | null | undefined;
  /** Default 3, falling back to 2. */
  protocol?: 2 | 3 | null | undefined;
  /** `ashredis` is the line dialect of AshRedis servers. Default `auto`. */
  dialect?: 'auto' | 'resp' | 'ashredis' | null | undefined;
  /** Isolates keys and channels. Default none, the same as `region0`. */
  region?: string | null | undefined;
  /** Default time to live of keys, 0 < ttl ≤ 2^31−1. Default none. */
  ttlSeconds?: number | null | undefined;
  /** Lends its connections. */
  client?: AshRedisClient | null | undefined;
  /** Until ready, at the first connect. Default 5000. */
  connectTimeoutMs?: number | null | undefined;
  /** From the call until the reply. Default 5000. */
  commandTimeoutMs?: number | null | undefined;
  /** For `stop()` and `close()`. Default 2000. */
  closeTimeoutMs?: number | null | undefined;
  /** True: `connect()` and `start()` wait for a server that is not there yet. Default false. */
  waitOnFirstConnect?: boolean | null | undefined;
  /** `fail`: commands reject at once while the link is lost. Default `queue`. */
  whenDisconnected?: WhenDisconnected | null | undefined;
  /** A PING at least so often. Default 10 000. */
  heartbeatIntervalMs?: number | null | undefined;
  /** Without a byte for so long after it the link is dead. Default 5000. */
  heartbeatTimeoutMs?: number | null | undefined;
  /** How often wanted and held subscriptions are compared; 0 is never. Default 30 000. */
  auditIntervalMs?: number | null | undefined;
  /** Default: for ever, delays up to 5 s. False: never. */
  reconnect?: ReconnectOptions | false | null | undefined;
  /** Whether a written, unanswered command is sent again. Default `never`. */
  retry?: Retry | null | undefined;
  /** Commands that wait for a connection. Default 10 000. */
  offlineMaxCount?: number | null | undefined;
  /** The same in bytes. Default 16 MiB. */
  offlineMaxBytes?: number | null | undefined;
  /** Bytes that wait for a server that does not read. Default 64 MiB. */
  maxBacklogBytes?: number | null | undefined;
  /** Connections to a line server. Default 4. */
  poolSize?: number | null | undefined;
  /** Longest line for a line server. Default 1 000 000. */
  maxLineBytes?: number | null | undefined;
  /** How values are quoted for a line server. Default `auto`. */
  quoting?: 'auto' | 'quoted' | 'b64' | 'none' | null | undefined;
  /** Brings the stream of bytes: proxies, workers, tests. */
  transport?: ((address: TransportAddress) => DuplexLike | Promise<DuplexLike>) | null | undefined;
  logger?: Logger | null | undefined;
  /** Aborting means `stop()`. */
  signal?: AbortSignalLike | null | undefined;
  /** True: connections don't keep the process alive. Default false. */
  unref?: boolean | null | undefined;
  /** Default: JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: a codec of anything
  codec?: Codec<any> | null | undefined;
}

/** What bounds the messages that wait for the user. */
export interface QueueConfig {
  /** Messages. Default 100 000. */
  queueMaxCount?: number | null | undefined;
  /** The framework's word for `queueMaxCount`. */
  maxDepth?: number | null | undefined;
  /** Characters of text, bytes with a binary codec. Default 64 MiB. */
  queueMaxBytes?: number | null | undefined;
  /** Default `block`. */
  overflow?: Overflow | null | undefined;
}

interface CamelPublisherConfig extends ConnectionConfig {
  /** Read by `createPublisher`. */
  destination?: string | null | undefined;
  /** How the name after `ashredischannel://` is meant. Default `channel`. */
  kind?: ChannelKind | null | undefined;
  /** Also keeps the newest message under the key `channel:<name>`. Default false. */
  retain?: boolean | null | undefined;
  /** Sends `{ epoch, offset, data }`, so that losses are counted. Default false. */
  numbered?: boolean | null | undefined;
  /** Seconds between flushes; 0 is at once. Default 0. */
  publishInterval?: number | null | undefined;
  /** Records a flush. Default 1000. */
  batchSize?: number | null | undefined;
  /** Records that wait for a flush. Default 100 000. */
  maxQueueDepth?: number | null | undefined;
  /** `priority` looks at `_dag_priority`, 1 high to 5 low. Default `fifo`. */
  queueType?: 'fifo' | 'priority' | null | undefined;
  /** Packs what is no object as `{ payload: … }`. Default false. */
  autoPackageNonDict?: boolean | null | undefined;
}

interface CamelSubscriberConfig<T> extends ConnectionConfig, QueueConfig {
  /** Read by `createSubscriber`. */
  source?: string | null | undefined;
  /** How the name after `ashredischannel://` is meant. Default `channel`. */
  kind?: ChannelKind | null | undefined;
  /** Default `live`. */
  delivery?: 'live' | 'latest' | null | undefined;
  /** Default 100. */
  pollIntervalMs?: number | null | undefined;
  /** Reads `{ epoch, offset, data }`. Default false. */
  numbered?: boolean | null | undefined;
  /** What messages are the same to `conflate`. Default: the channel. */
  conflateKey?: ((message: Message<T>) => string) | null | undefined;
  /** Handlers at once. Default 1, which keeps order. */
  concurrency?: number | null | undefined;
  /** Default none. */
  handlerTimeoutMs?: number | null | undefined;
  onMessage?: ((message: Message<T>) => unknown) | null | undefined;
  /** Awaited before delivery goes on. */
  onGap?: ((gap: Gap) => unknown) | null | undefined;
  /** Default: JSON. */
  codec?: CodecOf<T> | null | undefined;
  /** Returns the typed data or throws. */
  validate?: ((data: unknown) => T) | null | undefined;
}

type Snake<S extends string> = S extends `${infer Head}${infer Rest}`
  ? Head extends Lowercase<Head>
    ? `${Head}${Snake<Rest>}`
    : `_${Lowercase<Head>}${Snake<Rest>}`
  : S;

/** The Python spelling of every key (`ttl_seconds`) stands beside ours: configurations are shared JSON files. */
export type WithPythonSpelling<T> = T & { [K in keyof T & string as Snake<K>]?: T[K] };

export type PublisherConfig = WithPythonSpelling<CamelPublisherConfig>;
export type SubscriberConfig<T = JsonObject> = WithPythonSpelling<CamelSubscriberConfig<T>>;
export type ClientOptions = WithPythonSpelling<ConnectionConfig & QueueConfig>;

/** The trailing options of every data method. */
export interface CommandOptions {
  /** Default: the object's. Null: none, whatever that is. */
  region?: string | null | undefined;
  /** Rejects with `signal.reason`; what was not yet written is never written. */
  signal?: AbortSignalLike | undefined;
  /** From the call until the reply. Default `commandTimeoutMs`. */
  timeoutMs?: number | undefined;
  /** Whether it is sent again when it was written and not answered. Default: the configuration's. */
  retry?: Retry | undefined;
  /** Whether it waits for a link that is lost. Default: the configuration's. */
  whenDisconnected?: WhenDisconnected | undefined;
}

export interface PublishOptions extends Omit<CommandOptions, 'region'> {
  /** Key publisher: seconds to live; overrides the record's and the configuration's. */
  ttlSeconds?: number | undefined;
}

export interface PublishManyOptions<R = unknown> extends PublishOptions {
  /** Told of each record that was not published. */
  onFailure?: ((error: Error, record: R) => void) | undefined;
}

/** `unknown` counts what was written and never answered: it may or may not have been published. */
export interface PublishManyResult {
  published: number;
  failed: number;
  unknown: number;
}
