// The soak: real sockets, a real or embedded server, a faulty link, faults by seed; then the accounts.
// Called by scripts/soak.ts and by a test. It ends only what it started.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import {
  AshRedisChannelDataPublisher,
  AshRedisChannelDataSubscriber,
  AshRedisError,
  type Message,
} from '../../src/index.ts';
import { createServer } from '../../src/server/index.ts';
import { until } from './events.ts';
import { startFaultyLink } from './faulty-link.ts';
import { freePort, startRedisServer } from './redis-server.ts';
import { SeededRandom } from './simulation/random.ts';

export interface SoakResult {
  readonly seed: number;
  readonly server: string;
  readonly published: number;
  readonly uncertain: number;
  readonly rejected: number;
  readonly subscribers: readonly {
    readonly name: string;
    readonly received: number;
    readonly toldLost: number;
    readonly gaps: number;
  }[];
  readonly faults: Readonly<Record<string, number>>;
  readonly heapGrowthMiB: number;
  readonly handlesLeft: number;
  readonly problems: readonly string[];
}

interface RestartableServer {
  readonly port: number;
  restart(): Promise<void>;
  stop(): Promise<void>;
  readonly name: string;
}

const CHANNELS = ['one', 'two'];
const LEAST_FAULTS = 6;
/** So short that a fault is found and healed many times in a minute. */
const QUICK = {
  heartbeatIntervalMs: 300,
  heartbeatTimeoutMs: 200,
  auditIntervalMs: 500,
  commandTimeoutMs: 1000,
  connectTimeoutMs: 1000,
  reconnect: { maxDelayMs: 200 },
};

/** One subscriber's account of one publisher's life. */
class Account {
  received = 0;
  readonly seen = new Set<number>();
  duplicates = 0;
  /** Of the publisher's last message, which comes after all faults. */
  hasLast = false;
}

export async function soak(seconds: number, seed: number): Promise<SoakResult> {
  const random = new SeededRandom(seed);
  let running = true;
  const problems: string[] = [];
  const server = await startRestartable();
  const link = await startFaultyLink({ port: server.port });
  const through = { host: '127.0.0.1', port: link.port, ...QUICK };
  const handlesBefore = openHandles();
  const heapBefore = heapUsed();

  const subscribers = await Promise.all(
    [0, 1, 2].map(async (index) => {
      const channel = CHANNELS[index % CHANNELS.length] as string;
      const account = new Account();
      let toldLost = 0;
      let gaps = 0;
      const subscriber = new AshRedisChannelDataSubscriber(`subscriber-${index}`, `ashredischannel://${channel}`, {
        ...through,
        numbered: true,
        protocol: index === 2 ? 2 : 3,
        onMessage: ({ data, position }: Message) => {
          if (data.last === true) account.hasLast = true;
          const offset = position?.offset ?? 0;
          if (account.seen.has(offset)) account.duplicates++;
          account.seen.add(offset);
          account.received++;
        },
      });
      subscriber.on('gap', ({ reason, missed }) => {
        gaps++;
        if (reason === 'counted') toldLost += Number(missed);
        // It was counted as lost before: the server reads a connection that was replaced after the one that came next.
        if (reason === 'reordered') toldLost--;
      });
      // Nothing here is a reason to give up for good.
      subscriber.on('state', ({ to, cause }) => {
        if (to === 'idle' || (to === 'closed' && running))
          problems.push(`${subscriber.name} is ${to}: ${cause?.stack} ${(cause?.cause as Error)?.stack}`);
      });
      await subscriber.start();
      return { channel, subscriber, account, told: () => ({ toldLost, gaps }) };
    }),
  );
  const publishers = CHANNELS.map((channel) => ({
    channel,
    publisher: new AshRedisChannelDataPublisher(`publisher-${channel}`, `ashredischannel://${channel}`, {
      ...through,
      numbered: true,
    }),
    sent: 0,
    uncertain: 0,
    rejected: 0,
  }));
  await Promise.all(publishers.map(({ publisher }) => publisher.connect()));

  const faults: Record<string, number> = {};
  const end = performance.now() + seconds * 1000;
  const publishing = publishers.map(async (each) => {
    while (running) {
      for (let count = random.integer(1, 20); count > 0; count--) {
        each.publisher.publish({ text: 'x'.repeat(random.integer(0, 2000)) }).then(
          () => each.sent++,
          (error: unknown) => {
            if (!(error instanceof AshRedisError)) problems.push(`a publish rejected with ${String(error)}`);
            else if (error.safeToRetry) each.rejected++;
            else each.uncertain++;
          },
        );
      }
      await pause(2);
    }
  });

  const disturb: Record<string, () => void | Promise<void>> = {
    cut: () => link.cut(),
    freeze: async () => {
      link.freeze();
      await pause(random.integer(10, 800));
      link.thaw();
    },
    'freeze one way': async () => {
      link.freeze(random.chance(0.5) ? 'toClient' : 'toServer');
      await pause(random.integer(10, 800));
      link.thaw();
    },
    fragment: () => link.fragment(random.pick([0, 1, 7, 100])),
    corrupt: () => {
      // The type byte of a reply: what is visible must be found. A flipped letter of a payload nobody could see.
      link.corrupt((chunk) => {
        link.corrupt(undefined);
        const bytes = Buffer.from(chunk);
        bytes[0] = 0x00;
        return bytes;
      });
    },
    refuse: async () => {
      link.refuse();
      link.cut();
      await pause(random.integer(10, 500));
      link.accept();
    },
    'replace behind': () => link.replaceBehind(),
    restart: () => server.restart(),
  };
  // On a busy machine longer, until there was something to survive.
  const latest = end + 2 * seconds * 1000;
  for (let count = 0; performance.now() < (count < LEAST_FAULTS ? latest : end); count++) {
    await pause(random.integer(20, 250));
    const name = random.pick(Object.keys(disturb));
    faults[name] = (faults[name] ?? 0) + 1;
    await disturb[name]?.();
  }
  running = false;
  await Promise.all(publishing);

  // Healing: everything open, then one message more of each publisher, which closes every hole.
  link.fragment(0);
  link.corrupt(undefined);
  link.accept();
  link.thaw();
  const settled = () => publishers.every(({ publisher }) => publisher.stats().pendingCount === 0);
  await until(settled, 'every publish has settled', 5000).catch((error: Error) => problems.push(error.message));
  await pause(1200);
  for (const each of publishers) {
    await retried(() => each.publisher.publish({ last: true })).then(
      () => each.sent++,
      (error: unknown) => problems.push(`the last publish of ${each.channel} failed: ${String(error)}`),
    );
  }
  for (const { channel, account, told, subscriber } of subscribers) {
    // Numbers are given when a message leaves: the highest one seen is all that was ever sent.
    const closed = () => account.received + told().toldLost === Math.max(0, ...account.seen);
    await until(() => account.hasLast && closed(), `the account of ${subscriber.name} closes`).catch(() => {
      problems.push(
        `${subscriber.name} on ${channel}: received ${account.received} + told lost ${told().toldLost} is not ${Math.max(0, ...account.seen)}` +
          `, the last message ${account.hasLast ? 'came' : 'did not come'}: ${JSON.stringify(subscriber.stats())}`,
      );
    });
    if (account.duplicates > 0) problems.push(`${subscriber.name} was given ${account.duplicates} messages twice`);
  }

  const accounts = subscribers.map(({ subscriber, account, told }) => ({
    name: subscriber.name,
    received: account.received,
    ...told(),
  }));
  const stopped = Promise.all([
    ...subscribers.map(({ subscriber }) => subscriber.stop()),
    ...publishers.map(({ publisher }) => publisher.stop()),
  ]);
  await stopped;
  await link.stop();
  await server.stop();
  await until(() => openHandles() <= handlesBefore - 2, 'the sockets are gone', 3000).catch(() => {});
  for (const { account } of subscribers) account.seen.clear();
  const handlesLeft = Math.max(0, openHandles() - handlesBefore);
  if (handlesLeft > 0) problems.push(`${handlesLeft} handles are left open`);
  const heapGrowthMiB = Math.round(((heapUsed() - heapBefore) / 1024 / 1024) * 10) / 10;
  if (heapGrowthMiB > 24) problems.push(`the heap has grown by ${heapGrowthMiB} MiB`);
  const sum = (key: 'sent' | 'uncertain' | 'rejected') => publishers.reduce((total, each) => total + each[key], 0);
  return {
    seed,
    server: server.name,
    published: sum('sent'),
    uncertain: sum('uncertain'),
    rejected: sum('rejected'),
    subscribers: accounts,
    faults,
    heapGrowthMiB,
    handlesLeft,
    problems,
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function retried(run: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await run();
      return;
    } catch (error) {
      if (attempt === 10) throw error;
      await pause(200);
    }
  }
}

function openHandles(): number {
  return process.getActiveResourcesInfo().filter((kind) => /TCP|Timeout/.test(kind)).length;
}

function heapUsed(): number {
  // Without a collection the figure would tell about garbage.
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}

/** A real server where there is one; killed and started again on the same port. */
async function startRestartable(): Promise<RestartableServer> {
  let real = await startRedisServer();
  if (real !== null) {
    const { port, version } = real;
    return {
      port,
      name: `redis-server ${version}`,
      restart: async () => {
        await real?.kill('SIGKILL');
        real = await startRedisServer({ port });
      },
      stop: async () => real?.stop(),
    };
  }
  let embedded = await createServer({ port: await freePort() });
  const { port } = embedded;
  return {
    port,
    name: 'the embedded server',
    restart: async () => {
      await embedded.stop();
      embedded = await createServer({ port });
    },
    stop: () => embedded.stop(),
  };
}
