// The guide's subscriber: a channel, pattern or shard channel, live or as its newest value.
// Made by users. What it does with messages is the framework's class below it; here is where they come from.

import type { AbortSignalLike } from '../net/index.ts';
import { LatestSource, type MessageSource, PollingSource } from '../pubsub/index.ts';
import { CommandSender } from './command-sender.ts';
import { getRequest } from './command-table.ts';
import type { JsonObject, SubscriberConfig } from './config-types.ts';
import { Connections } from './connections.ts';
import type { SubscriberStats } from './data-subscriber.ts';
import { connectContext, connectTrace } from './diagnostics.ts';
import { handled } from './handled.ts';
import { logState } from './log.ts';
import { nameIn } from './names.ts';
import { notOnLine } from './request.ts';
import { lentBy } from './server-publisher.ts';
import { SourceSubscriber } from './source-subscriber.ts';

/**
 * `new AshRedisChannelDataSubscriber('alerts', 'ashredischannel://system_alerts', { host })`, then `start()`. Messages
 * go to `onMessage` and `on('message')`, or to `for await` and `getData()`.
 */
export class AshRedisChannelDataSubscriber<T = JsonObject> extends SourceSubscriber<T> {
  /** What stands after `ashredischannel://`, verbatim: a channel, a pattern or a shard channel by `kind`. */
  readonly channel: string;
  #connections: Connections;
  #stopListening: () => void = () => {};

  constructor(name: string, source: string, config?: SubscriberConfig<T>) {
    super(name, source, config);
    this.channel = nameIn(source, 'ashredischannel', 'source of a subscriber');
    const { client, delivery } = this.configuration;
    this.#connections = lentBy(client) ?? new Connections(this.configuration, this.platform);
    if (delivery === 'live') this.#connections.refuseLine();
  }

  override stats(): ChannelSubscriberStats {
    return {
      ...super.stats(),
      channel: this.channel,
      channelState: this.channelState,
      region: this.configuration.region,
      ...this.#connections.stats(),
    };
  }

  override start(options?: { signal?: AbortSignalLike | undefined }): Promise<void> {
    if (!connectTrace.hasSubscribers) return super.start(options);
    return handled(connectTrace.call(connectContext(this.#connections.config), () => super.start(options)));
  }

  /** @internal */
  protected override async openSource(signal: AbortSignalLike | undefined): Promise<MessageSource> {
    // A closed one belongs to a start that failed or was given up; this is the next try.
    if (!this.configuration.client && this.#connections.isClosed) {
      this.#connections = new Connections(this.configuration, this.platform);
    }
    this.#listen();
    const connections = this.#connections;
    const { delivery } = this.configuration;
    if (delivery === 'live') {
      connections.refuseLine();
      return connections.subscriber(this.#isBinary);
    }
    // Which kind of source it is depends on what the server speaks.
    if (connections.dialect === undefined) await connections.lane.connect(signal);
    return connections.dialect === 'line' ? this.#polling(connections) : this.#latest(connections);
  }

  /** @internal */
  protected override arrived(timeoutMs: number): unknown {
    const connections = this.#connections;
    if (connections.dialect === 'line') return undefined;
    return new Promise((resolve) => {
      const init = { onReply: resolve, onFailure: resolve };
      connections.subscriber(this.#isBinary).ask(['PING', 'ashredis:drain'], init, timeoutMs);
    });
  }

  protected override async doStop(timeoutMs: number): Promise<void> {
    super.doStop(timeoutMs);
    // A listener that is told of the end may start again.
    const stopListening = this.#stopListening;
    if (!this.configuration.client) await this.#connections.close(timeoutMs);
    stopListening();
  }

  get #isBinary(): boolean {
    return this.configuration.codec.binary === true;
  }

  /** On a server that speaks RESP: what `retain: true` keeps, then what is published. */
  #latest(connections: Connections): MessageSource {
    const { platform, channelPrefix } = this;
    const { commandTimeoutMs } = this.configuration;
    const bytes = this.#isBinary;
    const sender = new CommandSender(connections, undefined);
    return new LatestSource({
      subscriber: connections.subscriber(bytes),
      keyOf: (channel) => `${channelPrefix}channel:${channel.slice(channelPrefix.length)}`,
      ready: () => connections.lane.connect(),
      get: (key) => sender.send(getRequest(key, bytes)),
      platform,
      commandTimeoutMs,
    });
  }

  /** On a line server, which has newest values and nothing else. */
  #polling(connections: Connections): MessageSource {
    const { channelPrefix, configuration } = this;
    if (this.#isBinary) {
      throw notOnLine('use a binary codec', 'it takes text only', 'use a text codec');
    }
    const sender = new CommandSender(connections, configuration.region);
    const keyOf = (channel: string) => `channel:${channel.slice(channelPrefix.length)}`;
    return new PollingSource({
      platform: this.platform,
      intervalMs: configuration.pollIntervalMs,
      get: (channel) => sender.send(getRequest(keyOf(channel))),
      lostCount: (channel) => connections.lane.lostCountOf(channelPrefix + keyOf(channel)),
    });
  }

  /** Until the source is left: a subscriber that is not started hears nothing of a lent client. */
  #listen(): void {
    this.#stopListening = this.#connections.listen({
      onState: (event) => {
        if (event.connection !== 'subscriptions' && this.configuration.delivery === 'live') return;
        logState(this.configuration.logger, `subscriber "${this.name}", ${event.connection}`, event);
        this.emit('state', event);
      },
      onPush: (event) => this.emit('push', event),
    });
  }
}

export interface ChannelSubscriberStats extends SubscriberStats {
  channel: string;
  /** `pending`, `active`, `denied` or `closed`. */
  channelState: string;
  region: string | undefined;
  commands?: object;
  subscriptions?: object;
}
