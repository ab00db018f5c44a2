// Chooses a subscriber's class by the scheme of its source.
// Called by users whose configurations are data. It must never guess: an unknown scheme is refused with those there are.

import { AshRedisChannelDataSubscriber } from './ash-redis-channel-data-subscriber.ts';
import type { JsonObject, SubscriberConfig } from './config-types.ts';
import { chosen, isClassOf } from './create-publisher.ts';
import { DataSubscriber } from './data-subscriber.ts';
import { MemoryDataSubscriber } from './memory-subscriber.ts';
import { checkText } from './names.ts';

// biome-ignore lint/suspicious/noExplicitAny: a class for whatever data the caller expects
type SubscriberClass = new (name: string, source: string, config?: any) => DataSubscriber<any>;
// biome-ignore lint/suspicious/noExplicitAny: a factory for whatever data the caller expects
type SubscriberFactory = (name: string, source: string, config: any) => DataSubscriber<any>;

export interface CreateSubscriberOptions {
  /** By scheme, without `://`: a class that extends `DataSubscriber`, or a function that makes one. They come first. */
  schemes?: Readonly<Record<string, SubscriberClass | SubscriberFactory>> | undefined;
}

const BUILT_IN: Readonly<Record<string, SubscriberClass>> = Object.freeze({
  ashredischannel: AshRedisChannelDataSubscriber,
  memory: MemoryDataSubscriber,
});

/** `createSubscriber('alerts', { source: 'ashredischannel://alerts', host })`. */
export function createSubscriber<T = JsonObject>(
  name: string,
  config: SubscriberConfig<T>,
  options?: CreateSubscriberOptions,
): DataSubscriber<T> {
  const source = checkText(config?.source, `"source" of subscriber "${name}"`);
  const made = chosen(source, 'source', BUILT_IN, options?.schemes ?? {});
  return isClassOf(made, DataSubscriber)
    ? new (made as SubscriberClass)(name, source, config)
    : (made as SubscriberFactory)(name, source, config);
}
