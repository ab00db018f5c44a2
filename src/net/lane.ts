// The way of a client's commands: one connection where RESP is spoken, a small pool where lines are.
// Made by the client, once. It must never let two commands of one key overtake each other.

import type { AshRedisError } from '../errors/index.ts';
import { Connection } from './connection.ts';
import type {
  AbortSignalLike,
  Command,
  ConnectionHandler,
  ConnectionOptions,
  ConnectionPort,
  ConnectionStateName,
  ConnectionStats,
  Platform,
  ServerFacts,
} from './types.ts';

export class CommandLane implements ConnectionPort {
  readonly #options: ConnectionOptions;
  readonly #platform: Platform;
  readonly #poolSize: number;
  readonly #first: ConnectionPort;
  /** Line servers: the others, made when first used. */
  readonly #others: (ConnectionPort | undefined)[] = [];
  /** Keys of commands from before the server was known: they wait in the first connection, and are not to be overtaken. */
  readonly #earlyKeys = new Set<string>();
  /** There were too many to note. */
  #allAreEarly = false;

  constructor(
    options: ConnectionOptions & { readonly poolSize: number },
    platform: Platform,
    handler: ConnectionHandler = {},
  ) {
    this.#options = options;
    this.#platform = platform;
    this.#poolSize = options.poolSize;
    this.#first = new Connection(options, platform, handler);
  }

  get state(): ConnectionStateName {
    return this.#first.state;
  }

  get generation(): number {
    return this.#first.generation;
  }

  get server(): ServerFacts | undefined {
    return this.#first.server;
  }

  stats(): ConnectionStats {
    return this.#first.stats();
  }

  connect(signal?: AbortSignalLike): Promise<void> {
    return this.#first.connect(signal);
  }

  send(command: Command): void {
    this.#connectionOf(command).send(command);
  }

  cancel(command: Command, reason: unknown): void {
    this.#first.cancel(command, reason);
    for (const other of this.#others) other?.cancel(command, reason);
  }

  pauseReading(): void {
    this.#first.pauseReading();
  }

  resumeReading(): void {
    this.#first.resumeReading();
  }

  breakLink(cause: AshRedisError): void {
    this.#first.breakLink(cause);
    for (const other of this.#others) other?.breakLink(cause);
  }

  async close(options: { timeoutMs?: number } = {}): Promise<void> {
    await Promise.all([this.#first, ...this.#others].map((connection) => connection?.close(options)));
  }

  #connectionOf(command: Command): ConnectionPort {
    const { routingKey } = command;
    // Until the server is known, and where it speaks RESP, there is one.
    if (this.#first.server?.dialect !== 'line') {
      if (this.#first.server === undefined) this.#noteEarly(routingKey);
      else if (this.#earlyKeys.size > 0) this.#earlyKeys.clear();
      return this.#first;
    }
    if (routingKey === undefined || this.#isEarly(routingKey)) return this.#first;
    const slot = hashOf(routingKey) % this.#poolSize;
    if (slot === 0) return this.#first;
    let connection = this.#others[slot];
    if (connection === undefined) {
      connection = new Connection({ ...this.#options, dialect: 'line' }, this.#platform);
      this.#others[slot] = connection;
    }
    return connection;
  }

  #noteEarly(routingKey: string | undefined): void {
    if (this.#earlyKeys.size >= this.#options.offlineMaxCount) this.#allAreEarly = true;
    else if (routingKey !== undefined) this.#earlyKeys.add(routingKey);
  }

  #isEarly(routingKey: string): boolean {
    if (!this.#allAreEarly && this.#earlyKeys.size === 0) return false;
    const { unsentCount, inFlightCount } = this.#first.stats();
    if (unsentCount + inFlightCount > 0) return this.#allAreEarly || this.#earlyKeys.has(routingKey);
    this.#earlyKeys.clear();
    this.#allAreEarly = false;
    return false;
  }
}

/** FNV-1a, 32 bits. */
function hashOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < key.length; index++) {
    hash ^= key.charCodeAt(index);
    hash = Math.imul(hash, 0x01000193);
  }
  return hash >>> 0;
}
