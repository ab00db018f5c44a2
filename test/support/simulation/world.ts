// The simulator's world: users of the whole client on virtual time, a model server, a network that fails by seed.
// Called by scripts/simulate.ts and by `npm test`. One seed gives one run, always the same.

import { PLATFORM } from '../../../src/api/platform.ts';
import {
  AshRedisChannelDataPublisher,
  AshRedisChannelDataSubscriber,
  AshRedisClient,
  AshRedisError,
  type JsonObject,
} from '../../../src/index.ts';
import { Checker, type PublishRecord, type SubscriberRecord } from './checker.ts';
import { ModelServer } from './model-server.ts';
import { SimulatedNetwork, type SimulatedPlatform } from './network.ts';
import { SeededRandom } from './random.ts';
import { VirtualTime } from './virtual-time.ts';

const HOUR_MS = 3_600_000;
/** A quiet world is looked at, but nothing happens in it: long stretches must cost nothing. */
const BUSY_SHARE = 0.02;
const COMMAND_TIMEOUT_MS = 5000;
/** What a promise may take beyond its limit: the timer's rounding. */
const SLACK_MS = 10;
const EPOCH_MS = 1_700_000_000_000;

export interface SimulationResult {
  readonly seed: number;
  readonly virtualHours: number;
  readonly events: number;
  readonly published: number;
  readonly received: number;
  readonly gaps: number;
  readonly dials: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly violations: readonly string[];
}

interface Publisher {
  readonly name: string;
  readonly channel: string;
  readonly publisher: AshRedisChannelDataPublisher;
}

export class World {
  readonly #seed: number;
  readonly #time = new VirtualTime();
  readonly #random: SeededRandom;
  readonly #network: SimulatedNetwork;
  readonly #server: ModelServer;
  readonly #checker = new Checker();
  readonly #platforms: SimulatedPlatform[] = [];
  readonly #publishers: Publisher[] = [];
  readonly #subscribers: { record: SubscriberRecord; stop(): Promise<unknown> }[] = [];
  readonly #records: PublishRecord[] = [];
  readonly #faults: Record<string, number> = {};
  #checkedRecords = 0;
  #nextId = 1;
  #received = 0;
  #gaps = 0;

  constructor(seed: number) {
    this.#seed = seed;
    this.#random = new SeededRandom(seed);
    this.#network = new SimulatedNetwork(this.#time, this.#random.fork());
    this.#server = new ModelServer(this.#time);
    this.#network.onAccept = (end) => this.#server.accept(end);
  }

  async run(hours: number): Promise<SimulationResult> {
    const leaked = (reason: unknown) =>
      this.#checker.complain(this.#time.now(), `unhandled rejection: ${String(reason)}`);
    process.on('unhandledRejection', leaked);
    try {
      this.#server.supportsHello = this.#random.chance(0.8);
      await this.#populate();
      const end = hours * HOUR_MS;
      while (this.#time.now() < end && this.#checker.violations.length === 0) {
        const left = end - this.#time.now();
        if (this.#random.chance(0.5)) await this.#busy(Math.min(left, HOUR_MS * BUSY_SHARE));
        else await this.#time.runFor(Math.min(left, HOUR_MS * (1 - BUSY_SHARE)));
        this.#check();
      }
      await this.#heal();
      await this.#end();
    } finally {
      process.off('unhandledRejection', leaked);
    }
    return {
      seed: this.#seed,
      virtualHours: this.#time.now() / HOUR_MS,
      events: this.#time.eventCount,
      published: this.#server.journal.length,
      received: this.#received,
      gaps: this.#gaps,
      dials: this.#network.dialCount,
      faults: this.#faults,
      violations: this.#checker.violations,
    };
  }

  /** Heartbeats and audits are most of what happens in quiet hours. */
  #config(owner: string): object {
    return {
      [PLATFORM]: this.#platform(owner),
      waitOnFirstConnect: true,
      heartbeatIntervalMs: 40_000,
      auditIntervalMs: 60_000,
    };
  }

  #platform(owner: string): SimulatedPlatform {
    const platform = this.#network.platform(owner, this.#random.fork(), EPOCH_MS);
    this.#platforms.push(platform);
    return platform;
  }

  async #populate(): Promise<void> {
    const channels = ['alpha', 'beta', 'gamma'];
    const starting: Promise<unknown>[] = [];
    for (const channel of channels) {
      const name = `publisher-${channel}`;
      const publisher = new AshRedisChannelDataPublisher(name, `ashredischannel://${channel}`, {
        ...this.#config(name),
        offlineMaxCount: 50,
      });
      this.#publishers.push({ name, channel, publisher });
      starting.push(publisher.connect());
    }
    for (let index = 0; index < 3; index++)
      starting.push(this.#subscribe(`subscriber-${index}`, channels[index] as string, index));
    starting.push(this.#subscribeByClient('client', channels));
    for (const promise of starting)
      promise.catch((error) => this.#checker.complain(this.#time.now(), `start failed: ${error}`));
    await this.#time.runFor(1000);
    await Promise.all(starting);
  }

  /** 0: a quick handler; 1: a slow one behind a small `block` queue; 2: `concurrency` 1 with a gap hook. */
  async #subscribe(name: string, channel: string, manner: number): Promise<void> {
    const record: SubscriberRecord = { name, channels: [channel], seen: [], dropped: 0 };
    const random = this.#random.fork();
    const subscriber = new AshRedisChannelDataSubscriber(name, `ashredischannel://${channel}`, {
      ...this.#config(name),
      ...(manner === 1 ? { queueMaxCount: 5 } : {}),
      onMessage: async (message: { data: JsonObject; channel: string }) => {
        if (manner === 1) await this.#sleep(random.next() * 30);
        this.#received++;
        record.seen.push({
          type: 'message',
          id: String(message.data.id),
          channel: message.channel,
          at: this.#time.now(),
        });
      },
      ...(manner === 2 ? { onGap: () => this.#sleep(5) } : {}),
    });
    subscriber.on('gap', (gap) => this.#sawGap(record, gap));
    this.#subscribers.push({ record, stop: () => subscriber.stop() });
    await subscriber.start();
  }

  async #subscribeByClient(name: string, channels: readonly string[]): Promise<void> {
    const client = new AshRedisClient(this.#config(name));
    const ended: Promise<void>[] = [];
    for (const channel of channels) {
      const record: SubscriberRecord = { name: `${name}-${channel}`, channels: [channel], seen: [], dropped: 0 };
      const subscription = client.subscribe(channel, { onGap: (gap) => this.#sawGap(record, gap) });
      const read = async () => {
        for await (const message of subscription) {
          this.#received++;
          const { id } = JSON.parse(String(message.raw)) as { id: string };
          record.seen.push({ type: 'message', id, channel: message.channel, at: this.#time.now() });
        }
      };
      ended.push(
        read().catch((error) => this.#checker.complain(this.#time.now(), `iterator of ${record.name} threw: ${error}`)),
      );
      this.#subscribers.push({ record, stop: async () => subscription.close() });
      await subscription.ready;
    }
    this.#subscribers.push({
      record: { name, channels: [], seen: [], dropped: 0 },
      stop: async () => {
        await client.close();
        await Promise.all(ended);
      },
    });
  }

  #sawGap(
    record: SubscriberRecord,
    gap: { channels: readonly string[]; reason: string; missed: number | 'unknown' },
  ): void {
    this.#gaps++;
    record.seen.push({
      type: 'gap',
      channels: gap.channels,
      reason: gap.reason,
      missed: gap.missed,
      at: this.#time.now(),
    });
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.#time.schedule(ms, resolve));
  }

  /** Publishing and faults together, by chance. */
  async #busy(durationMs: number): Promise<void> {
    const until = this.#time.now() + durationMs;
    while (this.#time.now() < until) {
      for (let count = this.#random.integer(0, 8); count > 0; count--)
        this.#publish(this.#random.pick(this.#publishers));
      if (this.#random.chance(0.08)) this.#disturb();
      await this.#time.runFor(this.#random.next() * 1500);
    }
  }

  #publish({ name, channel, publisher }: Publisher): void {
    const id = `m${this.#nextId++}`;
    const record: PublishRecord = {
      id,
      channel,
      publisher: name,
      calledAt: this.#time.now(),
      settledAt: undefined,
      outcome: 'open',
    };
    this.#records.push(record);
    const settle = (outcome: PublishRecord['outcome']) => {
      if (record.outcome !== 'open') this.#checker.complain(this.#time.now(), `publish ${id} settled twice`);
      record.outcome = outcome;
      record.settledAt = this.#time.now();
    };
    publisher.publish({ id }).then(
      () => settle('resolved'),
      (error: unknown) => {
        if (!(error instanceof AshRedisError))
          this.#checker.complain(this.#time.now(), `publish ${id} rejected with ${String(error)}`);
        settle(error instanceof AshRedisError && error.safeToRetry ? 'rejected-safe' : 'rejected-unsafe');
      },
    );
  }

  #disturb(): void {
    const random = this.#random;
    const { weather } = this.#network;
    const links = [...this.#network.links];
    const later = (ms: number, run: () => void) => this.#time.schedule(random.next() * ms, run);
    const faults: Record<string, () => void> = {
      cut: () => random.pick(links).cut(),
      'cut all': () => {
        for (const link of links) link.cut();
      },
      freeze: () => {
        const link = random.pick(links);
        link.freeze();
        later(20_000, () => link.thaw());
      },
      restart: () => this.#server.restart(random.next() * 3000),
      refuse: () => {
        weather.dial = 'refuse';
        later(8000, () => {
          weather.dial = 'accept';
        });
      },
      'black hole': () => {
        weather.dial = 'blackhole';
        later(8000, () => {
          weather.dial = 'accept';
        });
      },
      kill: () => this.#server.killOne(random.integer(0, 20)),
      deafen: () => this.#server.deafen(random.integer(0, 20)),
      unsubscribe: () => this.#server.unsubscribeByServer(random.integer(0, 20)),
      deny: () => {
        this.#server.denied.add('beta');
        later(30_000, () => this.#server.denied.delete('beta'));
      },
      slow: () => {
        weather.latencyMs = random.next() * 400;
        later(10_000, () => {
          weather.latencyMs = 0.2;
        });
      },
      'clock jump': () => {
        random.pick(this.#platforms).wallClockSkewMs += (random.next() - 0.5) * 2 * HOUR_MS;
      },
    };
    const name = random.pick(Object.keys(faults));
    if (links.length === 0 && (name === 'cut' || name === 'freeze')) return;
    this.#faults[name] = (this.#faults[name] ?? 0) + 1;
    faults[name]?.();
  }

  #check(): void {
    const now = this.#time.now();
    const open = this.#records.slice(this.#checkedRecords);
    this.#checker.checkSettled(open, now, COMMAND_TIMEOUT_MS + SLACK_MS);
    while (this.#records[this.#checkedRecords] !== undefined && this.#records[this.#checkedRecords]?.outcome !== 'open')
      this.#checkedRecords++;
    for (const { owner } of this.#platforms) {
      const count = this.#network.openCount(owner);
      // One for commands, one for subscriptions.
      if (count > 2) this.#checker.complain(now, `${owner} has ${count} sockets`);
    }
  }

  /** The weather clears; then every channel carries one more message, which everybody must see. */
  async #heal(): Promise<void> {
    const { weather } = this.#network;
    weather.dial = 'accept';
    weather.latencyMs = 0.2;
    this.#server.denied.clear();
    for (const link of this.#network.links) link.thaw();
    // Backoff, heartbeat, audit and the slow retry of what was denied.
    await this.#time.runFor(180_000);
    const last = this.#nextId;
    for (const publisher of this.#publishers) this.#publish(publisher);
    await this.#time.runFor(5000);
    this.#check();
    for (const { record } of this.#subscribers) {
      for (const channel of record.channels) {
        const id = this.#records.slice(-this.#publishers.length).find((entry) => entry.channel === channel)?.id;
        if (!record.seen.some((seen) => seen.type === 'message' && seen.id === id)) {
          this.#checker.complain(
            this.#time.now(),
            `${record.name} did not see ${id} on ${channel} after healing (from m${last})`,
          );
        }
      }
    }
  }

  async #end(): Promise<void> {
    const idOf = (payload: string) => String((JSON.parse(payload) as { id: string }).id);
    this.#checker.checkPublished(this.#records, this.#server.journal, idOf);
    for (const { record } of this.#subscribers) this.#checker.checkDelivered(record, this.#server.journal, idOf);
    const stopping = [
      ...this.#subscribers.map(({ stop }) => stop()),
      ...this.#publishers.map(({ publisher }) => publisher.stop()),
    ];
    let stopped = false;
    const all = Promise.all(stopping).then(() => {
      stopped = true;
    });
    all.catch((error) => this.#checker.complain(this.#time.now(), `stop failed: ${error}`));
    await this.#time.runFor(2500);
    if (!stopped) this.#checker.complain(this.#time.now(), 'stop() did not settle within 2.5 s');
    for (const platform of this.#platforms) {
      if (platform.timerCount > 0)
        this.#checker.complain(this.#time.now(), `${platform.owner} left ${platform.timerCount} timers`);
      const sockets = this.#network.openCount(platform.owner);
      if (sockets > 0) this.#checker.complain(this.#time.now(), `${platform.owner} left ${sockets} sockets`);
    }
  }
}
