// The client: every command as a method, `command()` for the rest, batches, subscriptions; two sockets at most, made
// when first needed, and one more for each blocking command that runs. Held by users, lent to publishers and subscribers.
// It keeps no state of a command: that is the sender's and the connection's.

import { UsageError } from '../errors/index.ts';
import { type AbortSignalLike, type ConnectionStateName, type ServerFacts, whenAborted } from '../net/index.ts';
import type { CommandArgument, RespValue } from '../resp/index.ts';
import { ASYNC_DISPOSE, INSPECT } from './async-dispose.ts';
import { Batch, type BatchOptions } from './batch.ts';
import { BlockingConnections } from './blocking.ts';
import { ClientPublish } from './client-publish.ts';
import { type ClientSubscribeOptions, subscribeOn } from './client-subscribe.ts';
import { CommandSender } from './command-sender.ts';
import * as table from './command-table.ts';
import { type Draft, parseConfiguration, settle } from './config.ts';
import { quoteValue } from './config-schema.ts';
import type { ClientOptions, CommandOptions, Logger, PublishOptions } from './config-types.ts';
import {
  CONNECTIONS,
  type ConnectionListener,
  type ConnectionStateEvent,
  Connections,
  type PushEvent,
} from './connections.ts';
import { Emitter } from './emitter.ts';
import { blockingLimitMs, refuseAlone, refuseGuarded } from './guarded-commands.ts';
import { handled, rejected } from './handled.ts';
import { logState } from './log.ts';
import { platformOf } from './platform.ts';
import { type RawCommandOptions, rawRequest, splitOptions } from './raw-command.ts';
import { checkRegion } from './region.ts';
import type { Request } from './request.ts';
import { type ScanOptions, scan } from './scan.ts';
import { connectLane } from './sending.ts';
import type { Subscription } from './subscription.ts';

export interface ClientEvents {
  state: ConnectionStateEvent;
  push: PushEvent;
}

/** Hears of the connections itself: no function has to be made for each client. */
class ClientEmitter extends Emitter<ClientEvents> implements ConnectionListener {
  readonly #logger: Logger | undefined;

  constructor(logger: Logger | undefined) {
    super();
    this.#logger = logger;
  }

  onState(event: ConnectionStateEvent): void {
    logState(this.#logger, `client, ${event.connection}`, event);
    this.emit('state', event);
  }

  onPush(event: PushEvent): void {
    this.emit('push', event);
  }
}

export interface GetOptions extends CommandOptions {
  /** The value as bytes. Default text. */
  as?: 'text' | 'bytes' | undefined;
}

export type SetCommandOptions = CommandOptions & table.SetOptions;

/** `new AshRedisClient('localhost', 6379)` or `new AshRedisClient({ url })`. Constructing opens nothing. */
export class AshRedisClient {
  /** @internal */
  readonly [CONNECTIONS]: Connections;
  readonly #sender: CommandSender;
  /** Both made when first needed: many clients do one thing only. */
  #blockingMade: BlockingConnections | undefined;
  #quickPublish: ClientPublish | undefined;
  readonly #events: ClientEmitter;
  #closed: Promise<void> | undefined;
  #unwatch: (() => void) | undefined;

  constructor(options?: ClientOptions);
  constructor(host?: string, port?: number, options?: ClientOptions);
  constructor(hostOrOptions?: string | ClientOptions, port?: number, options?: ClientOptions) {
    const given = mergeArguments(hostOrOptions, port, options);
    const config = parseConfiguration(given, 'AshRedisClient');
    if (config.client !== undefined) {
      throw new UsageError('Cannot use "client" for an AshRedisClient: it has connections of its own');
    }
    const connections = new Connections(config, platformOf(given, config));
    this[CONNECTIONS] = connections;
    this.#sender = new CommandSender(connections, config.region);
    this.#events = new ClientEmitter(config.logger);
    connections.listen(this.#events);
    const { signal } = config;
    if (signal?.aborted) void this.close();
    else if (signal !== undefined) this.#watch(signal);
  }

  /** Of the connection for commands. */
  get state(): ConnectionStateName {
    return this[CONNECTIONS].openedLane?.state ?? (this.#closed === undefined ? 'idle' : 'closed');
  }

  /** What the server told about itself, once connected. */
  get server(): ServerFacts | undefined {
    return this[CONNECTIONS].server;
  }

  /** The region of calls that name none. */
  get region(): string | null {
    return this.#sender.region ?? null;
  }

  /**
   * Resolves when ready; every command connects by itself. Rejects with a `ConnectError`, `HandshakeError` or
   * `TimeoutError`; the next call tries again.
   */
  connect(options: { signal?: AbortSignalLike | undefined } = {}): Promise<void> {
    return handled(connectLane(this[CONNECTIONS], options));
  }

  /** True in state `ready`. */
  isConnected(): boolean {
    return this.state === 'ready';
  }

  /** Answers what was accepted, within `timeoutMs` (default `closeTimeoutMs`), then closes. Twice is harmless. */
  close(options: { timeoutMs?: number | undefined } = {}): Promise<void> {
    if (this.#closed === undefined) {
      this.#unwatch?.();
      const timeoutMs = options?.timeoutMs ?? this[CONNECTIONS].config.closeTimeoutMs;
      const closing = [this[CONNECTIONS].close(timeoutMs), this.#blockingMade?.close()];
      // In a name of its own: older compilers infer Promise<unknown> inside the call.
      const closed: Promise<void> = Promise.all(closing).then(() => {});
      this.#closed = handled(closed);
    }
    return this.#closed;
  }

  [ASYNC_DISPOSE](): Promise<void> {
    return this.close();
  }

  /** Sets the region of later calls that name none; null is none. */
  useRegion(name: string | null): void {
    this.#sender.region = checkRegion(name);
  }

  /** Resolves with `PONG`, or with the message (not on a line server, which knows none). */
  ping(options?: CommandOptions): Promise<string>;
  ping(message: string, options?: CommandOptions): Promise<string>;
  ping(message?: string | CommandOptions, options?: CommandOptions): Promise<string> {
    const text = typeof message === 'object' ? undefined : message;
    return this.#send(typeof message === 'object' ? message : options, table.pingRequest, text);
  }

  /** Null when the key does not exist. */
  get(key: string, options: GetOptions & { as: 'bytes' }): Promise<Uint8Array | null>;
  get(key: string, options?: GetOptions): Promise<string | null>;
  get(key: string, options?: GetOptions): Promise<string | Uint8Array | null> {
    return this.#send(options, table.getRequest, key, options?.as === 'bytes');
  }

  /** Resolves with `'OK'`, or with null when `nx` or `xx` kept it from being set. */
  set(key: string, value: string | Uint8Array, options?: SetCommandOptions): Promise<'OK' | null> {
    const { ttlSeconds } = this[CONNECTIONS].config;
    // Options that are not there need no check (measured: 12 % of a SET).
    return this.#send(options, table.setRequest, key, value, options ?? {}, ttlSeconds);
  }

  /** Resolves with the number of keys that were deleted. */
  del(keys: string | readonly string[], options?: CommandOptions): Promise<number> {
    return this.#sum(table.delRequest, keys, options);
  }

  /** The same as {@link del}. */
  delete(keys: string | readonly string[], options?: CommandOptions): Promise<number> {
    return this.del(keys, options);
  }

  /** Resolves with how many of the keys exist; a key given twice counts twice. */
  exists(keys: string | readonly string[], options?: CommandOptions): Promise<number> {
    return this.#sum(table.existsRequest, keys, options);
  }

  /** Resolves with false when the key does not exist. Fractions are kept to the millisecond. */
  expire(key: string, ttlSeconds: number, options?: CommandOptions): Promise<boolean> {
    return this.#send(options, table.expireRequest, key, ttlSeconds);
  }

  /** Seconds; −1 without a time to live, −2 when the key does not exist. */
  ttl(key: string, options?: CommandOptions): Promise<number> {
    return this.#send(options, table.ttlRequest, key);
  }

  /** Resolves with true when a time to live was taken away. */
  persist(key: string, options?: CommandOptions): Promise<boolean> {
    return this.#send(options, table.persistRequest, key);
  }

  /** All names of the region that match the glob, without the region's prefix. Large stores want {@link scan}. */
  keys(pattern = '*', options?: CommandOptions): Promise<string[]> {
    return this.#send(options, table.keysRequest, pattern);
  }

  /** The same names page by page; a name may come twice. */
  scan(options?: ScanOptions): AsyncIterableIterator<string>;
  scan(pattern: string, options?: ScanOptions): AsyncIterableIterator<string>;
  scan(pattern?: string | ScanOptions, options?: ScanOptions): AsyncIterableIterator<string> {
    const given = (typeof pattern === 'object' ? pattern : options) ?? {};
    const glob = typeof pattern === 'object' ? pattern?.match : (pattern ?? given.match);
    return scan(this.#sender, glob ?? '*', given);
  }

  /** `bigint` beyond 2^53. */
  incr(key: string, options?: CommandOptions): Promise<number | bigint> {
    return this.#send(options, table.incrRequest, key);
  }

  /** `bigint` beyond 2^53. */
  decr(key: string, options?: CommandOptions): Promise<number | bigint> {
    return this.#send(options, table.decrRequest, key);
  }

  /** Resolves with the new length. */
  append(key: string, value: string | Uint8Array, options?: CommandOptions): Promise<number> {
    return this.#send(options, table.appendRequest, key, value);
  }

  /** Resolves with the server's text, of one section or of its usual ones. */
  info(options?: CommandOptions): Promise<string>;
  info(section: string, options?: CommandOptions): Promise<string>;
  info(section?: string | CommandOptions, options?: CommandOptions): Promise<string> {
    const text = typeof section === 'object' ? undefined : section;
    return this.#send(typeof section === 'object' ? section : options, table.infoRequest, text);
  }

  /**
   * Text and bytes are sent as they are, everything else by the codec. Resolves with the number of receivers, or
   * undefined on an AshRedis line server, where a channel is the key `channel:<name>`.
   */
  publish(
    channel: string,
    data: unknown,
    options?: Omit<PublishOptions, 'ttlSeconds'> & CommandOptions & { shard?: boolean | undefined },
  ): Promise<number | undefined> {
    if (options === undefined) {
      const quick = (this.#quickPublish ??= new ClientPublish(this[CONNECTIONS], this.#sender.capture)).publish(
        channel,
        data,
        this.#sender.region,
      );
      if (quick !== undefined) return quick;
    }
    const { codec } = this[CONNECTIONS].config;
    const command = options?.shard ? 'SPUBLISH' : 'PUBLISH';
    return this.#send(options, table.publishRequest, command, channel, data, codec);
  }

  /**
   * Messages of the channels, from now until `close()`, over all reconnections. Returns at once; `ready` of what it gives
   * tells of the confirmation. Throws a `UsageError` for what can't be subscribed to.
   */
  subscribe<T = string>(channels: string | readonly string[], options?: ClientSubscribeOptions<T>): Subscription<T> {
    return subscribeOn(this.#sender, 'channel', channels, options);
  }

  /** Messages of all channels that match the globs, as {@link subscribe}. */
  psubscribe<T = string>(patterns: string | readonly string[], options?: ClientSubscribeOptions<T>): Subscription<T> {
    return subscribeOn(this.#sender, 'pattern', patterns, options);
  }

  /** Messages of shard channels, as {@link subscribe}. */
  ssubscribe<T = string>(channels: string | readonly string[], options?: ClientSubscribeOptions<T>): Subscription<T> {
    return subscribeOn(this.#sender, 'shard', channels, options);
  }

  /** Many commands in one write: `client.batch().set('a', '1').get('a').exec()`. */
  batch(options?: BatchOptions): Batch {
    return new Batch(this.#sender, this.#blocking, options);
  }

  /**
   * Any other command: `client.command('LPUSH', 'list', 'x')`. Options may stand last; in a region they must name the
   * keys: `{ keys: [0] }`. Blocking commands get a connection of their own.
   */
  command(name: string, ...args: (CommandArgument | RawCommandOptions)[]): Promise<RespValue> {
    try {
      const { words, options } = splitOptions(name, args);
      refuseGuarded(words);
      refuseAlone(words);
      const request = rawRequest(words, options, this.#sender.regionOf(options));
      const limitMs = blockingLimitMs(words);
      if (limitMs === undefined) return this.#sender.send(request, options);
      const whole = limitMs === 0 ? Number.POSITIVE_INFINITY : limitMs + this[CONNECTIONS].config.commandTimeoutMs;
      const command = this.#sender.command(request, this.#sender.settings(options, whole));
      return this.#blocking.run(command, command.promise, options.signal, words.length - 1);
    } catch (error) {
      return rejected(error);
    }
  }

  on<E extends keyof ClientEvents>(event: E, listener: (event: ClientEvents[E]) => unknown): this {
    this.#events.on(event, listener);
    return this;
  }

  once<E extends keyof ClientEvents>(event: E, listener: (event: ClientEvents[E]) => unknown): this {
    this.#events.once(event, listener);
    return this;
  }

  off<E extends keyof ClientEvents>(event: E, listener: (event: ClientEvents[E]) => unknown): this {
    this.#events.off(event, listener);
    return this;
  }

  /** Figures; never a secret. */
  stats(): {
    commands?: object;
    subscriptions?: object;
    state: ConnectionStateName;
    isConnected: boolean;
    region: string | null;
    server: ServerFacts | undefined;
    blockingConnections: number;
  } {
    const connections = this[CONNECTIONS];
    return {
      state: this.state,
      isConnected: this.isConnected(),
      region: this.region,
      server: this.server,
      blockingConnections: this.#blockingMade?.count ?? 0,
      ...connections.stats(),
    };
  }

  toJSON(): object {
    return this.stats();
  }

  [INSPECT](): string {
    const { config } = this[CONNECTIONS];
    const place = config.path ?? `${config.host}:${config.port}`;
    return `AshRedisClient { ${place}, state: '${this.state}', region: ${quoteValue(this.region)} }`;
  }

  get #blocking(): BlockingConnections {
    this.#blockingMade ??= new BlockingConnections(this.#sender);
    return this.#blockingMade;
  }

  #watch(signal: AbortSignalLike): void {
    this.#unwatch = whenAborted(signal, () => void this.close());
  }

  #send<A extends unknown[], T>(
    options: CommandOptions | undefined,
    build: (...args: A) => Request<T>,
    ...args: A
  ): Promise<T> {
    try {
      return this.#sender.send(build(...args), options);
    } catch (error) {
      return rejected(error);
    }
  }

  /** On a line server key by key: each key has its connection, where nothing of it may be overtaken. */
  #sum(
    build: typeof table.delRequest,
    keys: string | readonly string[],
    options: CommandOptions | undefined,
  ): Promise<number> {
    if (typeof keys === 'string' || this[CONNECTIONS].dialect !== 'line') return this.#send(options, build, keys);
    const sum = async () => {
      // Refused before a byte is sent.
      build(keys);
      const counts = await Promise.all(keys.map((key) => this.#send(options, build, key)));
      return counts.reduce((total, count) => total + count, 0);
    };
    return handled(sum());
  }
}

function mergeArguments(
  hostOrOptions: string | ClientOptions | undefined,
  port: number | undefined,
  options: ClientOptions | undefined,
): ClientOptions {
  if (typeof hostOrOptions === 'object' && hostOrOptions !== null) {
    if (port !== undefined || options !== undefined) {
      throw new UsageError('Cannot make an AshRedisClient: options stand alone, or after host and port');
    }
    return hostOrOptions;
  }
  // Python's third argument is a region. The configuration refuses it.
  if (typeof (options ?? {}) !== 'object') return options as object;
  const merged = { ...options } as Draft;
  settle(merged, 'host', hostOrOptions, 'the first argument');
  settle(merged, 'port', port, 'the second argument');
  return merged as ClientOptions;
}
