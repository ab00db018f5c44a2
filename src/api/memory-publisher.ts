// `memory://channel`: a publisher whose messages stay in the process, for tests.
// Made by `createPublisher`. It encodes as the channel publisher does, so that what can't travel is refused here too.

import { encodeBy, jsonCodec } from './codec.ts';
import type { PublisherConfig } from './config-types.ts';
import { DataPublisher } from './data-publisher.ts';
import { epochOf, wrapEnvelope } from './envelope.ts';
import { publishInMemory } from './memory-hub.ts';
import { nameIn } from './names.ts';
import { regionPrefix } from './region.ts';

/** `publish()` resolves with the number of receivers in this process. */
export class MemoryDataPublisher extends DataPublisher<number> {
  readonly channel: string;
  readonly #epoch: string;
  #offset = 0;

  constructor(name: string, destination: string, config?: PublisherConfig) {
    super(name, destination, config);
    this.channel = nameIn(destination, 'memory', 'destination');
    this.#epoch = epochOf(this.platform);
  }

  protected override doPublish(data: unknown): number {
    const { codec, numbered, region } = this.configuration;
    let payload = encodeBy(codec, data);
    if (numbered && typeof payload === 'string') {
      payload = wrapEnvelope(this.#epoch, ++this.#offset, payload, codec === jsonCodec);
    }
    return publishInMemory(regionPrefix(region) + this.channel, payload);
  }
}
