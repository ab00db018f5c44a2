// The connections of one object: one for commands, one for subscriptions, one for subscriptions in bytes; each made
// when first needed. Owned by a client or by one publisher or subscriber; a client lends them to others.
// It must never decide about commands or messages: it makes, names and closes.

import { ClosedError } from '../errors/index.ts';
import {
  CommandLane,
  type ConnectionHandler,
  type ConnectionOptions,
  type Dialect,
  type Platform,
  type ServerFacts,
  type StateEvent,
  staticResolver,
} from '../net/index.ts';
import { SubscriberConnection } from '../pubsub/index.ts';
import type { RespValue } from '../resp/index.ts';
import type { Configuration } from './config.ts';
import { begun } from './handled.ts';
import { type LineSettings, notOnLine } from './request.ts';

/** Which of an object's connections an event is about. */
export type ConnectionRole = 'commands' | 'subscriptions';

/** Of a connection's options, what differs between the connections of one object. */
export type OptionChanges = Partial<
  Pick<ConnectionOptions, 'heartbeatIntervalMs' | 'reconnect' | 'subscriber' | 'subscriberBytes'>
>;

export interface ConnectionStateEvent extends StateEvent {
  readonly connection: ConnectionRole;
}

export interface PushEvent {
  readonly kind: string;
  readonly values: readonly RespValue[];
}

/** Who is told what happens to the connections. Neither may throw. */
export interface ConnectionListener {
  onState(event: ConnectionStateEvent): void;
  onPush(event: PushEvent): void;
}

/** A client's connections, for those who are given the client. Not exported to users. */
export const CONNECTIONS: unique symbol = Symbol('connections');

export class Connections implements ConnectionHandler {
  readonly config: Configuration;
  readonly platform: Platform;
  /** Copied on every change: whoever is told may come or go. */
  #listeners: readonly ConnectionListener[] = [];
  #lane: CommandLane | undefined;
  /** For text, and for bytes. */
  readonly #subscribers: (SubscriberConnection | undefined)[] = [undefined, undefined];
  /** Undefined as long as nobody knows. */
  dialect: Dialect | undefined;
  #closing: Promise<void> | undefined;

  constructor(config: Configuration, platform: Platform) {
    this.config = config;
    this.platform = platform;
    this.dialect = config.dialect === 'auto' ? undefined : config.dialect;
  }

  get isClosed(): boolean {
    return this.#closing !== undefined;
  }

  get lineSettings(): LineSettings {
    const { quoting, maxLineBytes } = this.config;
    return { quoting: this.server?.quoting ?? quoting, maxLineBytes };
  }

  get server(): ServerFacts | undefined {
    return this.#lane?.server;
  }

  /** The connection for commands, or undefined before it was needed. */
  get openedLane(): CommandLane | undefined {
    return this.#lane;
  }

  get lane(): CommandLane {
    if (!this.#lane) {
      this.#refuseClosed();
      this.#lane = new CommandLane(this.options({}), this.platform, this);
    }
    return this.#lane;
  }

  /** The connection for subscriptions whose payloads are text, or bytes. */
  subscriber(bytes: boolean): SubscriberConnection {
    let subscriber = this.#subscribers[Number(bytes)];
    if (subscriber) return subscriber;
    this.#refuseClosed();
    subscriber = new SubscriberConnection({
      connectionOptions: this.options({ subscriber: true, subscriberBytes: bytes }),
      platform: this.platform,
      auditIntervalMs: this.config.auditIntervalMs,
      onState: (event) => this.onState(event, 'subscriptions'),
      onPush: (kind, values) => this.onPush(kind, values),
    });
    this.#subscribers[Number(bytes)] = subscriber;
    return subscriber;
  }

  /**
   * What a connection of this configuration is made from. Written out: an object that ends in a spread gets a shape of
   * its own (measured: 0.7 KiB an idle client).
   */
  options(changes: OptionChanges): ConnectionOptions & { readonly poolSize: number } {
    // In one order twice: the second list is as good as free in a compressed bundle.
    const {
      protocol,
      credentials,
      clientName,
      db,
      connectTimeoutMs,
      commandTimeoutMs,
      closeTimeoutMs,
      waitOnFirstConnect,
      heartbeatTimeoutMs,
      offlineMaxCount,
      offlineMaxBytes,
      maxBacklogBytes,
      unref,
      quoting,
      poolSize,
      heartbeatIntervalMs,
      reconnect,
    } = this.config;
    const { host, port, path, tls } = this.config;
    return {
      protocol,
      credentials,
      clientName,
      db,
      connectTimeoutMs,
      commandTimeoutMs,
      closeTimeoutMs,
      waitOnFirstConnect,
      heartbeatTimeoutMs,
      offlineMaxCount,
      offlineMaxBytes,
      maxBacklogBytes,
      unref,
      quoting,
      poolSize,
      heartbeatIntervalMs: changes.heartbeatIntervalMs ?? heartbeatIntervalMs,
      reconnect: changes.reconnect ?? reconnect,
      resolver: staticResolver({ host, port, path, tls }),
      dialect: this.dialect ?? 'auto',
      subscriber: changes.subscriber ?? false,
      subscriberBytes: changes.subscriberBytes ?? false,
    };
  }

  listen(listener: ConnectionListener): () => void {
    this.#listeners = [...this.#listeners, listener];
    return () => {
      this.#listeners = this.#listeners.filter((other) => other !== listener);
    };
  }

  stats(): { commands?: object; subscriptions?: object } {
    const [text, bytes] = this.#subscribers;
    const stats: { commands?: object; subscriptions?: object } = {};
    if (this.#lane) stats.commands = this.#lane.stats();
    const subscriptions = text ?? bytes;
    if (subscriptions) stats.subscriptions = subscriptions.stats();
    return stats;
  }

  /** Flushes, then closes everything; settles within `timeoutMs`; twice is harmless. */
  close(timeoutMs: number): Promise<void> {
    return (
      this.#closing ??
      begun(
        (closing) => (this.#closing = closing),
        () => this.#closeAll(timeoutMs),
      )
    );
  }

  async #closeAll(timeoutMs: number): Promise<void> {
    await Promise.all([...this.#subscribers, this.#lane].map((each) => each?.close({ timeoutMs })));
  }

  /** A line server has no publish/subscribe. */
  refuseLine(): void {
    if (this.dialect !== 'line') return;
    const instead = 'use an AshRedisChannelDataSubscriber with delivery: "latest", which polls';
    throw notOnLine('subscribe', 'it has no publish/subscribe', instead);
  }

  #refuseClosed(): void {
    if (this.isClosed) throw new ClosedError('Cannot use the connection: it was closed', { safeToRetry: true });
  }

  /** By the connection for commands, and for the others. */
  onState(event: StateEvent, connection: ConnectionRole = 'commands'): void {
    if (event.to === 'ready') {
      // Subscriptions are RESP alone.
      this.dialect = connection === 'commands' ? this.#lane?.server?.dialect : (this.dialect ?? 'resp');
    }
    for (const listener of this.#listeners) listener.onState({ ...event, connection });
  }

  onPush(kind: string, values: readonly RespValue[]): void {
    for (const listener of this.#listeners) listener.onPush({ kind, values });
  }
}
