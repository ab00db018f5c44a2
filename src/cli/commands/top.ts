// `ashredis top`: which channels are alive, how fast, who listens. Called by `ashredis.ts`.
// It only listens and asks; the one thing it publishes is its own probe, which measures the lag.

import type { AshRedisClient, Gap, RespValue } from '../../api/index.ts';
import { UsageError } from '../../errors/index.ts';
import type { ParsedArguments } from '../arguments.ts';
import { type ChannelRow, ChannelTable } from '../channel-table.ts';
import { type CliCommand, type CliContext, EXIT, exitOnStop, stopWanted } from '../context.ts';
import { SERVER_OPTIONS, withConnected } from '../server-options.ts';
import { bytes, count, duration, fit, paint, printableName } from '../text.ts';

export const topCommand: CliCommand = {
  spec: {
    name: 'ashredis top',
    summary: 'Show a live table of channels: rate, bytes, receivers, gaps, lag',
    usage: '[PATTERN…] [--interval S] [--once] [--json] [options]',
    words: [0, 1000],
    options: [
      {
        name: 'interval',
        short: 'i',
        value: 'S',
        kind: 'number',
        min: 0.1,
        max: 3600,
        help: 'between updates (default 1)',
      },
      { name: 'once', help: 'watch for one interval, print, end' },
      { name: 'json', help: 'one JSON object an interval' },
      { name: 'sort', value: 'COLUMN', help: 'rate, bytes, receivers, gaps, lag or channel (default rate)' },
      ...SERVER_OPTIONS,
    ],
    examples: [
      ['everything that moves', 'ashredis top'],
      ['over ssh', 'ssh -t host ashredis top'],
      ['for a script', 'ashredis top --once --json --interval 5'],
    ],
    notes: [
      'q or Ctrl-C ends it. Receivers are subscribers of the channel itself, as PUBSUB NUMSUB counts them.',
      'Gaps are counted where messages are numbered (publishers with numbered: true), else lost links of top itself.',
      'Lag is the time since a field "timestamp", "ts" or "time" of the message (epoch, seconds or ms), where there is one.',
    ],
  },
  run(args, context) {
    const sort = sortOf(args);
    return withConnected(args, context, (client) => watch(client, sort, args, context));
  },
};

async function watch(
  client: AshRedisClient,
  sort: keyof typeof ORDERS,
  args: ParsedArguments,
  context: CliContext,
): Promise<number> {
  const intervalMs = (args.number('interval') ?? 1) * 1000;
  const table = new ChannelTable();
  const probe = `ashredis:top:${Math.random().toString(36).slice(2)}`;
  const patterns = args.words.length > 0 ? args.words : ['*'];
  const subscription = client.psubscribe<unknown>(patterns, {
    codec: { name: 'text', encode: String, decode: (raw) => raw },
    overflow: 'drop-oldest',
    onGap: (gap: Gap) => table.addGap(gap),
  });
  await subscription.ready;
  const reading = (async () => {
    for await (const { channel, data, receivedAt } of subscription) {
      if (!channel.startsWith('ashredis:top:')) table.addMessage(channel, String(data), receivedAt);
    }
  })();
  reading.catch(() => {});

  const isScreen = context.out.isTerminal && context.env.TERM !== 'dumb';
  const isLive = isScreen && !args.flag('once') && !args.flag('json');
  const screen = isLive ? new Screen(context) : undefined;
  const quit = screen?.quit ?? new Promise<never>(() => {});
  const ended = Promise.race([stopWanted(context.signal), quit, reading]).then((code) => code ?? EXIT.ok);
  try {
    screen?.open();
    for (let from = performance.now(); ; ) {
      const code = await Promise.race([ended, pause(intervalMs, context.signal)]);
      if (code !== undefined || context.signal.aborted) return exitOnStop(context, code ?? EXIT.ok);
      const now = performance.now();
      const rows = table.rows((now - from) / 1000);
      from = now;
      const [receivers, roundTripMs] = await Promise.all([receiversOf(client, rows), roundTrip(client, probe)]);
      const shown = rows.map((row) => ({ ...row, receivers: receivers.get(row.channel) ?? null })).sort(ORDERS[sort]);
      const frame: Frame = { at: Date.now(), roundTripMs, channels: shown };
      if (screen !== undefined) screen.show(lines(frame, client, context));
      else if (args.flag('json')) await context.out.write(`${JSON.stringify(frame)}\n`);
      else await context.out.write(`${lines(frame, client, context).join('\n')}\n`);
      if (args.flag('once')) return EXIT.ok;
    }
  } finally {
    screen?.close();
    subscription.close();
  }
}

interface ShownRow extends ChannelRow {
  readonly receivers: number | null;
}

interface Frame {
  readonly at: number;
  readonly roundTripMs: number | null;
  readonly channels: readonly ShownRow[];
}

const ORDERS = {
  rate: (a: ShownRow, b: ShownRow) => b.rate - a.rate || byName(a, b),
  bytes: (a: ShownRow, b: ShownRow) => b.bytesPerSecond - a.bytesPerSecond || byName(a, b),
  receivers: (a: ShownRow, b: ShownRow) => (b.receivers ?? -1) - (a.receivers ?? -1) || byName(a, b),
  gaps: (a: ShownRow, b: ShownRow) => b.missed - a.missed || b.gaps - a.gaps || byName(a, b),
  lag: (a: ShownRow, b: ShownRow) => (b.lagMs ?? -1) - (a.lagMs ?? -1) || byName(a, b),
  channel: byName,
};

function byName(a: ShownRow, b: ShownRow): number {
  return a.channel < b.channel ? -1 : a.channel > b.channel ? 1 : 0;
}

function sortOf(args: ParsedArguments): keyof typeof ORDERS {
  const word = args.text('sort') ?? 'rate';
  if (Object.hasOwn(ORDERS, word)) return word as keyof typeof ORDERS;
  throw new UsageError(`Cannot sort by '${word}': it is not one of ${Object.keys(ORDERS).join(', ')}`);
}

/** Subscribers of the channels themselves; empty where the server does not tell. */
async function receiversOf(client: AshRedisClient, rows: readonly ChannelRow[]): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  if (rows.length === 0) return found;
  const prefix = client.region === null ? '' : `@${client.region}:`;
  try {
    const names = rows.map(({ channel }) => prefix + channel);
    const reply = await client.command('PUBSUB', 'NUMSUB', ...names, { region: null });
    const flat = reply instanceof Map ? [...reply].flat() : (reply as RespValue[]);
    for (let index = 0; index + 1 < flat.length; index += 2) {
      found.set(String(flat[index]).slice(prefix.length), Number(flat[index + 1]));
    }
  } catch {
    // Not allowed, or the link is away: the column stays empty.
  }
  return found;
}

/** Milliseconds that a publish takes to be answered: what every publisher feels now. */
async function roundTrip(client: AshRedisClient, probe: string): Promise<number | null> {
  const from = performance.now();
  try {
    await client.publish(probe, '1', { whenDisconnected: 'fail', timeoutMs: 1000 });
    return Number((performance.now() - from).toFixed(3));
  } catch {
    return null;
  }
}

const COLUMNS = [
  ['RATE/s', 9],
  ['BYTES/s', 11],
  ['TOTAL', 11],
  ['RECEIVERS', 11],
  ['GAPS', 8],
  ['LAG', 10],
] as const;
const MIN_NAME_WIDTH = 16;
const MAX_NAME_WIDTH = 48;

function lines(frame: Frame, client: AshRedisClient, { out }: CliContext): string[] {
  // Without a screen nobody is short of room.
  const width = out.isTerminal ? out.columns : MAX_NAME_WIDTH + COLUMNS.reduce((sum, [, space]) => sum + space, 0);
  const columns: (typeof COLUMNS)[number][] = [];
  let nameWidth = width;
  for (const column of COLUMNS) {
    if (nameWidth - column[1] < MIN_NAME_WIDTH) break;
    nameWidth -= column[1];
    columns.push(column);
  }
  nameWidth = Math.min(nameWidth, MAX_NAME_WIDTH);
  const total = frame.channels.reduce((sum, { rate }) => sum + rate, 0);
  const version = client.server?.version;
  const facts = [`${frame.channels.length} channels`, `${count(total)} messages/s`];
  // First, where the line is cut: the figures below it stand still.
  if (frame.roundTripMs === null) facts.unshift('link lost');
  else facts.push(`round trip ${duration(frame.roundTripMs)}`);
  if (version !== undefined) facts.push(`server ${version}`);
  const head = fit(`ashredis top  ${facts.join(', ')}`, width).trimEnd();
  const row = (name: string, cells: readonly string[]) =>
    `${fit(name, nameWidth)}${columns.map(([, space], index) => cells[index]!.padStart(space)).join('')}`;
  return [
    head
      .replace('ashredis top', (name) => paint(out, 'bold', name))
      .replace('link lost', (words) => paint(out, 'red', words)),
    '',
    paint(
      out,
      'bold',
      row(
        'CHANNEL',
        COLUMNS.map(([title]) => title),
      ),
    ),
    ...frame.channels.map((entry) => {
      const gaps = entry.missed > 0 ? `-${count(entry.missed)}` : String(entry.gaps);
      const text = row(printableName(entry.channel), [
        entry.rate < 10 ? entry.rate.toFixed(1) : count(entry.rate),
        bytes(entry.bytesPerSecond),
        count(entry.total),
        entry.receivers === null ? '-' : String(entry.receivers),
        gaps,
        entry.lagMs === null ? '-' : duration(entry.lagMs),
      ]);
      return entry.gaps > 0 ? paint(out, 'yellow', text) : text;
    }),
  ];
}

/** The alternate screen of a terminal, where nothing wraps; given back as it was. */
class Screen {
  /** Resolves with the exit code. */
  readonly quit: Promise<number>;
  readonly #context: CliContext;
  #unwatch: () => void = () => {};
  #onQuit: (code: number) => void = () => {};
  #isOpen = false;

  constructor(context: CliContext) {
    this.#context = context;
    this.quit = new Promise((resolve) => {
      this.#onQuit = resolve;
    });
  }

  open(): void {
    this.#isOpen = true;
    void this.#context.out.write('\u001b[?1049h\u001b[?25l\u001b[?7l\u001b[H\u001b[2J');
    if (!this.#context.stdin.isTerminal) return;
    this.#unwatch = this.#context.stdin.watchKeys((key) => {
      // In raw mode Ctrl-C is a key like any other.
      if (key === 'q' || key === '\u0003') this.#onQuit(key === 'q' ? EXIT.ok : EXIT.interrupted);
    });
  }

  show(rows: readonly string[]): void {
    const { out } = this.#context;
    const space = Math.max(1, out.rows - 1);
    const visible = rows.length <= space ? rows : [...rows.slice(0, space - 1), `… ${rows.length - space + 1} more`];
    void out.write(`\u001b[H${visible.map((row) => `\u001b[K${row}`).join('\r\n')}\r\n\u001b[J`);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#unwatch();
    void this.#context.out.write('\u001b[?7h\u001b[?25h\u001b[?1049l');
  }
}

function pause(ms: number, signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve(undefined);
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
  });
}
