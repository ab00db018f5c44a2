// The way of a client's commands: one connection where RESP is spoken, a small pool where lines are.
// Made by the client, once. It must never let two commands of one key overtake each other.

import type { AshRedisError } from '../errors/index.ts';
import { Connection } from './connection.ts';
import type { Command, ConnectionHandler, ConnectionOptions, ConnectionStats, Platform } from './types.ts';

/** The first connection, with the others behind it. */
export class CommandLane extends Connection {
  readonly #poolSize: number;
  /** Line servers: the others, made when first used. */
  readonly #others: (Connection | undefined)[] = [];
  /** Which of them was given a command. */
  readonly #homes = new WeakMap<Command, Connection>();
  /** Keys of commands from before the server was known: they wait in the first connection, and are not to be overtaken. */
  #earlyKeys: Set<string> | undefined;
  /** There were too many to note. */
  #allAreEarly = false;

  constructor(
    options: ConnectionOptions & { readonly poolSize: number },
    platform: Platform,
    handler: ConnectionHandler = {},
  ) {
    super(options, platform, handler);
    this.#poolSize = options.poolSize;
  }

  override send(command: Command): void {
    const other = this.#otherOf(command);
    if (other === undefined) return super.send(command);
    this.#homes.set(command, other);
    other.send(command);
  }

  override cancel(command: Command, reason: unknown): void {
    // Its own queue counts it, and its own link is given up for it.
    const home = this.#homes.get(command);
    if (home === undefined) super.cancel(command, reason);
    else home.cancel(command, reason);
  }

  override breakLink(cause: AshRedisError): void {
    super.breakLink(cause);
    for (const other of this.#others) other?.breakLink(cause);
  }

  /** Of all of them; the state is the first one's. */
  override stats(): ConnectionStats {
    const all = super.stats() as unknown as Record<string, number>;
    for (const other of this.#others) {
      const more = other?.stats() as typeof all | undefined;
      for (const name in more) if (name !== 'state') (all[name] as number) += more[name] as number;
    }
    return all as unknown as ConnectionStats;
  }

  /** Links that were lost of the first connection, whose states are told, and of the one of this key. */
  lostCountOf(routingKey: string): number {
    return super.stats().lostCount + (this.#otherOf({ routingKey })?.stats().lostCount ?? 0);
  }

  override async close(options: { timeoutMs?: number } = {}): Promise<void> {
    await Promise.all([super.close(options), ...this.#others.map((other) => other?.close(options))]);
  }

  /** Undefined: the first. */
  #otherOf({
    routingKey,
    failWhenDisconnected,
  }: Pick<Command, 'routingKey' | 'failWhenDisconnected'>): Connection | undefined {
    // Until the server is known, and where it speaks RESP, there is one.
    if (this.server?.dialect !== 'line') {
      if (this.server === undefined) this.#noteEarly(routingKey);
      else this.#earlyKeys = undefined;
      return undefined;
    }
    // The first refuses what comes after the end, and what may not wait for a link.
    const { state } = this;
    if (state.startsWith('clos') || (failWhenDisconnected && state !== 'ready')) return undefined;
    if (routingKey === undefined || this.#isEarly(routingKey)) return undefined;
    const slot = hashOf(routingKey) % this.#poolSize;
    if (slot === 0) return undefined;
    // The server has been ready: what is for a link that was not made yet waits as for one that was lost.
    this.#others[slot] ??= new Connection(
      { ...this.options, dialect: 'line', waitOnFirstConnect: true },
      this.platform,
    );
    return this.#others[slot];
  }

  #noteEarly(routingKey: string | undefined): void {
    if (routingKey === undefined) return;
    this.#earlyKeys ??= new Set();
    if (this.#earlyKeys.size >= this.options.offlineMaxCount) this.#allAreEarly = true;
    else this.#earlyKeys.add(routingKey);
  }

  #isEarly(routingKey: string): boolean {
    if (this.#earlyKeys === undefined) return false;
    const { unsentCount, inFlightCount } = super.stats();
    if (unsentCount + inFlightCount > 0) return this.#allAreEarly || this.#earlyKeys.has(routingKey);
    this.#earlyKeys = undefined;
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
