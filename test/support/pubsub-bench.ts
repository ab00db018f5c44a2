// A subscriber connection on virtual time against the model server, and a sink that remembers what it was told.
// Used by the tests of the pub/sub room. It waits for no real clock.

import type { AshRedisError } from '../../src/errors/index.ts';
import type { ConnectionOptions } from '../../src/net/index.ts';
import {
  type ChannelKind,
  type Gap,
  type SourceHandle,
  SubscriberConnection,
  type SubscriptionStateName,
} from '../../src/pubsub/index.ts';
import { ModelServer } from './simulation/model-server.ts';
import { SimulatedNetwork } from './simulation/network.ts';
import { SeededRandom } from './simulation/random.ts';
import { VirtualTime } from './simulation/virtual-time.ts';
import { DEFAULTS } from './virtual-connection.ts';

export class RecordingSink {
  /** Messages as `channel:payload`, and gaps, in order. */
  readonly seen: (string | Gap)[] = [];
  readonly states: { channel: string; state: SubscriptionStateName; error: AshRedisError | undefined }[] = [];
  readonly ends: (AshRedisError | undefined)[] = [];

  onMessage(channel: string, _pattern: string | undefined, payload: string | Uint8Array): void {
    this.seen.push(`${channel}:${typeof payload === 'string' ? payload : Buffer.from(payload).toString('hex')}`);
  }

  onGap(gap: Gap): void {
    this.seen.push(gap);
  }

  onChannelState(channel: string, state: SubscriptionStateName, error: AshRedisError | undefined): void {
    this.states.push({ channel, state, error });
  }

  onEnd(error: AshRedisError | undefined): void {
    this.ends.push(error);
  }

  get gaps(): Gap[] {
    return this.seen.filter((entry) => typeof entry !== 'string');
  }

  get texts(): string[] {
    return this.seen.filter((entry) => typeof entry === 'string');
  }

  get errors(): AshRedisError[] {
    return this.states.flatMap(({ error }) => (error === undefined ? [] : [error]));
  }

  stateOf(channel: string): SubscriptionStateName | undefined {
    return this.states.filter((entry) => entry.channel === channel).at(-1)?.state;
  }
}

export class PubsubBench {
  readonly time = new VirtualTime();
  readonly network = new SimulatedNetwork(this.time, new SeededRandom(4));
  readonly server = new ModelServer(this.time);
  readonly platform = this.network.platform('test', new SeededRandom(5), 1_700_000_000_000);
  readonly states: string[] = [];
  readonly source: SubscriberConnection;

  constructor(options: Partial<ConnectionOptions> = {}, auditIntervalMs = 30_000) {
    this.network.onAccept = (end) => this.server.accept(end);
    this.source = new SubscriberConnection({
      connectionOptions: { ...DEFAULTS, subscriber: true, ...options },
      platform: this.platform,
      auditIntervalMs,
      onState: ({ to }) => this.states.push(to),
    });
  }

  subscribe(sink: RecordingSink, channels: string | string[], kind: ChannelKind = 'channel'): SourceHandle {
    return this.source.subscribe({ kind, channels: [channels].flat(), bytes: false, sink });
  }

  publish(channel: string, payload: string): void {
    this.server.publishFrom(channel, payload);
  }

  async run(ms: number): Promise<void> {
    await this.time.runFor(ms);
  }

  /** Closes while time goes on. */
  async close(): Promise<void> {
    const closed = this.source.close();
    await this.time.runFor(3000);
    await closed;
  }

  cut(): void {
    for (const link of [...this.network.links]) link.cut();
  }
}
