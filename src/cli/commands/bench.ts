// `ashredis bench`: what this server and this network do, in a few seconds. Called by `ashredis.ts`.
// The comparison with other clients is `npm run bench`; this one measures a server, and leaves no key behind.

import { AshRedisChannelDataPublisher, AshRedisChannelDataSubscriber, AshRedisClient } from '../../api/index.ts';
import { type CliCommand, type CliContext, EXIT, exitOnStop } from '../context.ts';
import { chooseServer, SERVER_OPTIONS, withClient } from '../server-options.ts';
import { count, duration, paint, percentile } from '../text.ts';

/** How long deleting the keys may take after Ctrl-C. */
const TIDY_MS = 1000;

interface Row {
  readonly name: string;
  readonly operations: number;
  readonly perSecond: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
}

export const benchCommand: CliCommand = {
  spec: {
    name: 'ashredis bench',
    summary: 'Measure commands, publishes and deliveries of a server',
    usage: '[--seconds S] [--size BYTES] [--json] [options]',
    words: [0, 0],
    options: [
      { name: 'seconds', short: 's', value: 'S', kind: 'number', min: 0.1, max: 600, help: 'for each row (default 1)' },
      {
        name: 'size',
        value: 'BYTES',
        kind: 'integer',
        min: 1,
        max: 1_048_576,
        help: 'of values and messages (default 64)',
      },
      {
        name: 'pipeline',
        value: 'N',
        kind: 'integer',
        min: 1,
        max: 10_000,
        help: 'commands in flight at once (default 256)',
      },
      { name: 'json', help: 'one JSON object a row' },
      ...SERVER_OPTIONS,
    ],
    examples: [
      ['the server on this machine', 'ashredis bench'],
      ['messages of 4 kB, five seconds a row', 'ashredis bench --size 4096 --seconds 5'],
    ],
    notes: ['It loads the server for the time it runs. Its keys begin with ashredis:bench: and are deleted.'],
  },
  run: (args, context) =>
    withClient(args, context, async (client) => {
      const limitMs = (args.number('seconds') ?? 1) * 1000;
      const payload = 'x'.repeat(args.number('size') ?? 64);
      const inFlight = args.number('pipeline') ?? 256;
      const name = `ashredis:bench:${Math.random().toString(36).slice(2)}`;
      await client.connect();
      const print = rowPrinter(context, args.flag('json'));
      try {
        const rows: (() => Promise<Row>)[] = [
          () => loop('PING, one at a time', 1, limitMs, context, () => client.ping()),
          () => loop(`SET, ${inFlight} in flight`, inFlight, limitMs, context, () => client.set(name, payload)),
          () => loop(`GET, ${inFlight} in flight`, inFlight, limitMs, context, () => client.get(name)),
          () => loop(`PUBLISH, ${inFlight} in flight`, inFlight, limitMs, context, () => client.publish(name, payload)),
        ];
        if (client.server?.dialect !== 'line') rows.push(() => delivered(client, name, payload, limitMs, context));
        for (const row of rows) {
          if (context.signal.aborted) break;
          await print(await row());
        }
      } finally {
        // Ctrl-C has closed the client: another one tidies up, which does not wait long.
        const { options } = chooseServer(args, context);
        const tidy = context.signal.aborted
          ? new AshRedisClient({ ...options, connectTimeoutMs: TIDY_MS, commandTimeoutMs: TIDY_MS, reconnect: false })
          : client;
        // On a line server a channel is a key.
        await tidy.del(client.server?.dialect === 'line' ? [name, `channel:${name}`] : name).catch(() => {});
        await tidy.close();
      }
      return exitOnStop(context, EXIT.ok);
    }),
};

/** Keeps `inFlight` operations going for the time. */
async function loop(
  name: string,
  inFlight: number,
  limitMs: number,
  { signal }: CliContext,
  operation: () => Promise<unknown>,
): Promise<Row> {
  const started = performance.now();
  const end = started + limitMs;
  const times: number[] = [];
  let operations = 0;
  const worker = async () => {
    for (let from = started; from < end && !signal.aborted; ) {
      await operation();
      const now = performance.now();
      operations++;
      // Enough for percentiles, few enough to keep.
      if (times.length < 200_000) times.push(now - from);
      from = now;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  return rowOf(name, operations, performance.now() - started, times);
}

/** Publishes with `publishMany` and counts what a subscriber of the same channel is given. */
async function delivered(
  client: AshRedisClient,
  name: string,
  payload: string,
  limitMs: number,
  { signal }: CliContext,
): Promise<Row> {
  const channel = `ashredischannel://${name}`;
  const { region } = client;
  const publisher = new AshRedisChannelDataPublisher('ashredis-bench', channel, { client, region });
  let received = 0;
  const times: number[] = [];
  const subscriber = new AshRedisChannelDataSubscriber<{ at: number; payload: string }>('ashredis-bench', channel, {
    client,
    region,
    onMessage({ data }) {
      received++;
      if (times.length < 200_000) times.push(performance.now() - data.at);
    },
  });
  try {
    await subscriber.start();
    const started = performance.now();
    function* records() {
      // One at least, however late we are.
      do yield { at: performance.now(), payload };
      while (performance.now() - started < limitMs && !signal.aborted);
    }
    const { published } = await publisher.publishMany(records());
    const until = performance.now() + 5000;
    while (received < published && performance.now() < until && !signal.aborted)
      await new Promise((resolve) => setTimeout(resolve, 1));
    return rowOf('delivered to a subscriber', received, performance.now() - started, times);
  } finally {
    await Promise.all([subscriber.stop(), publisher.stop()]);
  }
}

function rowOf(name: string, operations: number, tookMs: number, times: number[]): Row {
  times.sort((a, b) => a - b);
  const at = (share: number) => (times.length === 0 ? null : Number(percentile(times, share).toFixed(3)));
  return { name, operations, perSecond: Math.round((operations * 1000) / tookMs), p50Ms: at(0.5), p99Ms: at(0.99) };
}

function rowPrinter({ out }: CliContext, json: boolean): (row: Row) => Promise<void> | undefined {
  if (json) return (row) => out.write(`${JSON.stringify(row)}\n`);
  void out.write(
    `${paint(out, 'bold', `${'OPERATION'.padEnd(28)}${'A SECOND'.padStart(12)}${'MEDIAN'.padStart(11)}${'P99'.padStart(11)}`)}\n`,
  );
  return ({ name, perSecond, p50Ms, p99Ms }) => {
    const times = [p50Ms, p99Ms].map((ms) => (ms === null ? '-' : duration(ms)).padStart(11)).join('');
    return out.write(`${name.padEnd(28)}${count(perSecond).padStart(12)}${times}\n`);
  };
}
