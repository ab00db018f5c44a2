// `client.subscribe()` and its kin: checks what is asked and makes the subscription.
// Called by the client alone.

import type { AbortSignalLike } from '../net/index.ts';
import type { ChannelKind, Gap } from '../pubsub/index.ts';
import type { CommandSender } from './command-sender.ts';
import { checkOptions, notAllowed } from './config-schema.ts';
import type { CodecOf, Message, Overflow } from './config-types.ts';
import { checkText } from './names.ts';
import { regionPrefix } from './region.ts';
import { Subscription } from './subscription.ts';

/** Limits and policy of the subscription's own queue, and how its messages are read. */
export interface ClientSubscribeOptions<T = string> {
  /** Default: the client's. Null: none, whatever that is. */
  region?: string | null | undefined;
  /** Awaited before delivery goes on. */
  onGap?: ((gap: Gap) => unknown) | undefined;
  /** Default: the client's, as of the next two. */
  overflow?: Overflow | undefined;
  /** Messages that wait for the reader. */
  queueMaxCount?: number | undefined;
  /** The same by size: characters of text, bytes with a binary codec. */
  queueMaxBytes?: number | undefined;
  /** What messages are the same to `conflate`. Default: the channel. */
  conflateKey?: ((message: Message<T>) => string) | undefined;
  /** Default none: `data` is the text. */
  codec?: CodecOf<T> | undefined;
  /** Returns the typed data or throws: the message is then `invalid`. */
  validate?: ((data: unknown) => T) | undefined;
  /** Aborting closes it; `ready` then rejects with its reason. */
  signal?: AbortSignalLike | undefined;
}

export function subscribeOn<T>(
  sender: CommandSender,
  kind: ChannelKind,
  channels: string | readonly string[],
  options: ClientSubscribeOptions<T> = {},
): Subscription<T> {
  const names = checkChannels(channels, kind);
  checkOptions(options);
  const { connections } = sender;
  const { config } = connections;
  connections.refuseLine();
  const region = sender.regionOf(options.region === undefined ? undefined : { region: options.region });
  const bytes = options.codec?.binary === true;
  return new Subscription<T>({
    kind,
    signal: options.signal,
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
}

function checkChannels(channels: string | readonly string[], kind: ChannelKind): readonly string[] {
  const names: readonly string[] = Array.isArray(channels) ? channels : [channels];
  if (names.length === 0) notAllowed(`the ${kind}s of a subscription`, 'an empty array', 'at least one');
  for (const [index, name] of names.entries()) checkText(name, `${kind} ${index} of a subscription`);
  const unique = new Set(names);
  // Never changed from here on, so that nobody needs a copy.
  return Object.freeze(unique.size === names.length ? names.slice() : [...unique]);
}
