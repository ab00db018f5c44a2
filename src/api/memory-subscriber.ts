// `memory://channel`: a subscriber whose messages stay in the process, for tests.
// Made by `createSubscriber`. It behaves as the channel subscriber does; without a link its only gaps are overruns.

import { UsageError } from '../errors/index.ts';
import type { MessageSource } from '../pubsub/index.ts';
import type { JsonObject, SubscriberConfig } from './config-types.ts';
import { MemorySource } from './memory-source.ts';
import { nameIn } from './names.ts';
import { SourceSubscriber } from './source-subscriber.ts';

export class MemoryDataSubscriber<T = JsonObject> extends SourceSubscriber<T> {
  readonly channel: string;
  readonly #source: MemorySource;

  constructor(name: string, source: string, config?: SubscriberConfig<T>) {
    super(name, source, config);
    this.channel = nameIn(source, 'memory', 'source of a subscriber');
    const { kind, delivery } = this.configuration;
    if (kind === 'pattern' || delivery === 'latest') {
      throw new UsageError('Cannot use kind "pattern" or delivery "latest" with memory://: it has neither');
    }
    this.#source = new MemorySource(this.platform);
  }

  protected override openSource(): MessageSource {
    return this.#source;
  }
}
