// `client.subscribe()` and its kin: checks what is asked and makes the subscription.
// Called by the client alone.

import { UsageError } from '../errors/index.ts';
import type { AbortSignalLike } from '../net/index.ts';
import type { ChannelKind, Gap } from '../pubsub/index.ts';
import type { CommandSender } from './command-sender.ts';
import { CONFIG_KEYS, quoteValue, refuse } from './config-schema.ts';
import type { Codec, Message, Overflow } from './config-types.ts';
import { regionPrefix } from './region.ts';
import { Subscription } from './subscription.ts';
import { whenAborted } from './when-aborted.ts';

/** Limits and policy of the subscription's own queue, and how its messages are read. */
export interface ClientSubscribeOptions<T = string> {
  /** Null: none, whatever the client's is. */
  region?: string | null | undefined;
  onGap?: ((gap: Gap) => unknown) | undefined;
  overflow?: Overflow | undefined;
  queueMaxCount?: number | undefined;
  queueMaxBytes?: number | undefined;
  conflateKey?: ((message: Message<T>) => string) | undefined;
  /** Default none: `data` is the text. */
  // biome-ignore lint/suspicious/noExplicitAny: a codec of anything
  codec?: Codec<any> | undefined;
  /** Returns the typed data or throws. */
  validate?: ((data: unknown) => T) | undefined;
  /** Aborting closes it. */
  signal?: AbortSignalLike | undefined;
}

const CHECKED = [
  'onGap',
  'overflow',
  'queueMaxCount',
  'queueMaxBytes',
  'conflateKey',
  'codec',
  'validate',
  'signal',
] as const;

export function subscribeOn<T>(
  sender: CommandSender,
  kind: ChannelKind,
  channels: string | readonly string[],
  options: ClientSubscribeOptions<T>,
): Subscription<T> {
  const names = checkChannels(channels, kind);
  for (const name of CHECKED) {
    const rule = CONFIG_KEYS.find((key) => key.name === name);
    const value = options[name] ?? undefined;
    if (rule !== undefined && value !== undefined && !rule.check(value)) refuse(rule, value);
  }
  const { connections } = sender;
  const { config } = connections;
  if (connections.dialect === 'line') {
    throw new UsageError('Cannot subscribe: an AshRedis line server has no publish/subscribe', {
      hint: 'use AshRedisChannelDataSubscriber with delivery: "latest", which polls',
    });
  }
  const region = sender.regionOf(options.region === undefined ? undefined : { region: options.region });
  const bytes = options.codec?.binary === true;
  const subscription = new Subscription<T>({
    kind,
    channels: names,
    source: connections.subscriber(bytes),
    platform: connections.platform,
    bytes,
    stream: {
      name: `subscription to ${names
        .slice(0, 3)
        .map((name) => JSON.stringify(name))
        .join(', ')}`,
      reader: {
        region,
        prefix: regionPrefix(region),
        codec: options.codec,
        validate: options.validate,
        numbered: false,
        latest: false,
      },
      maxCount: options.queueMaxCount ?? config.queueMaxCount,
      maxBytes: options.queueMaxBytes ?? config.queueMaxBytes,
      overflow: options.overflow ?? config.overflow,
      conflateKey: options.conflateKey,
      concurrency: 1,
      handlerTimeoutMs: undefined,
      onMessage: undefined,
      onGap: options.onGap,
    },
  });
  closeOnAbort(subscription, options.signal);
  return subscription;
}

function checkChannels(channels: string | readonly string[], kind: ChannelKind): readonly string[] {
  const names = typeof channels === 'string' ? [channels] : channels;
  if (!Array.isArray(names) || names.length === 0) {
    const found = Array.isArray(names) ? 'an empty array' : quoteValue(names);
    throw new UsageError(`Cannot subscribe: found ${found}, allowed is a ${kind} or a non-empty array of them`);
  }
  for (const [index, name] of names.entries()) {
    if (typeof name === 'string' && name !== '') continue;
    throw new UsageError(`Cannot subscribe: ${kind} ${index} is ${quoteValue(name)}, allowed is a non-empty string`);
  }
  const unique = new Set(names as readonly string[]);
  // Never changed from here on, so that nobody needs a copy.
  return Object.freeze(unique.size === names.length ? names.slice() : [...unique]);
}

function closeOnAbort<T>(subscription: Subscription<T>, signal: AbortSignalLike | undefined): void {
  if (signal === undefined) return;
  const close = () => subscription.close();
  if (signal.aborted) return close();
  const unwatch = whenAborted(signal, close);
  subscription.on('state', ({ to }) => {
    if (to === 'closed') unwatch();
  });
}
