// The demo's subscriber: shows the channel and the keys live, counts what it received and what it knows to be missing.
// Forked by demo.ts, which tells it by messages when everything was published; it ends when its parent does.

import { AshRedisChannelDataSubscriber, AshRedisClient, type Gap } from '../../src/index.ts';
import {
  type FromSubscriber,
  REGIONS,
  type Reading,
  type SubscriberResult,
  type SubscriberTask,
  type ToSubscriber,
} from './messages.ts';
import { type KeyRow, type ViewState, viewFor } from './view.ts';

const KEYS_INTERVAL_MS = 500;
const DRAW_INTERVAL_MS = 100;
/** How long the last messages may take. */
const FINISH_LIMIT_MS = 5000;

const task = JSON.parse(process.argv[2] ?? '') as SubscriberTask;
const view = viewFor(process.stdout, process.env);
const startedAt = performance.now();
const result: SubscriberResult = { received: 0, missing: 0, gapCount: 0, linkLostCount: 0, longestOutageMs: 0 };
const events: string[] = [];
let link = 'connecting';
let lostAt: number | undefined;
let keys: KeyRow[] = [];
let reading: Reading | undefined;
let offset = 0;
let resumedCount = 0;
let published = Number.POSITIVE_INFINITY;
let allThere = () => {};

const client = new AshRedisClient({ ...task.config, reconnect: { maxDelayMs: 300 } });
const subscriber = new AshRedisChannelDataSubscriber<Reading>('demo-subscriber', `ashredischannel://${task.channel}`, {
  client,
  numbered: true,
  onMessage(message) {
    result.received++;
    reading = message.data;
    offset = message.position?.offset ?? 0;
    view.message(offset, message.data);
    if (result.linkLostCount > resumedCount) {
      resumedCount = result.linkLostCount;
      tell({ type: 'resumed' });
    }
    checkComplete();
  },
  onGap(gap: Gap) {
    result.gapCount++;
    if (gap.missed !== 'unknown') result.missing += gap.missed;
    const missed = gap.missed === 'unknown' ? 'messages may be missing' : `${gap.missed} messages are missing`;
    note(`gap: ${missed} (${gap.reason}, ${Math.round(gap.to - gap.from)} ms)`);
  },
});
subscriber.on('state', ({ connection, from, to, cause, attempt }) => {
  if (connection !== 'subscriptions') return;
  link = to;
  if (from === 'ready' && to === 'waiting') {
    lostAt = performance.now();
    result.linkLostCount++;
    note(`link lost: ${cause?.message ?? 'no cause was given'}`);
  } else if (to === 'ready' && lostAt !== undefined) {
    const outageMs = performance.now() - lostAt;
    lostAt = undefined;
    result.longestOutageMs = Math.max(result.longestOutageMs, outageMs);
    note(`reconnected after ${Math.round(outageMs)} ms, at attempt ${attempt ?? 1}`);
  }
});

// Ctrl-C reaches the whole group; the parent decides when it is over.
process.on('SIGINT', () => {});
process.once('disconnect', () => process.exit(1));
process.on('message', (message: ToSubscriber) => {
  if (message.type === 'note') note(message.text);
  else void finish(message.published);
});

try {
  await subscriber.start();
} catch (error) {
  tell({ type: 'failed', text: error instanceof Error ? error.message : String(error) });
  await client.close();
  process.disconnect?.();
}
const drawing = setInterval(() => view.draw(state()), DRAW_INTERVAL_MS);
const looking = setInterval(() => void lookAtKeys(), KEYS_INTERVAL_MS);
tell({ type: 'started' });

async function finish(count: number): Promise<void> {
  const complete = new Promise<void>((resolve) => {
    allThere = resolve;
  });
  published = count;
  checkComplete();
  const limit = setTimeout(() => allThere(), FINISH_LIMIT_MS);
  await complete;
  clearTimeout(limit);
  await subscriber.stop({ drain: true });
  clearInterval(drawing);
  clearInterval(looking);
  await client.close();
  view.end(state());
  process.removeAllListeners('disconnect');
  process.send?.({ type: 'finished', result } satisfies FromSubscriber, () => process.disconnect?.());
}

function checkComplete(): void {
  if (result.received + result.missing >= published) allThere();
}

/** The keys of both regions, as any other program would read them. */
async function lookAtKeys(): Promise<void> {
  try {
    const rows: KeyRow[] = [];
    for (const region of REGIONS) {
      for (const key of (await client.keys(`${task.keyPrefix}*`, { region })).sort()) {
        const [value, ttlSeconds] = await Promise.all([client.get(key, { region }), client.ttl(key, { region })]);
        if (value !== null) rows.push({ region, key: key.slice(task.keyPrefix.length), ttlSeconds, value });
      }
    }
    keys = rows;
    view.keys(rows);
  } catch {
    // The link is cut just now: the table keeps what it knew.
  }
}

function note(text: string): void {
  events.push(`${((performance.now() - startedAt) / 1000).toFixed(1).padStart(5)} s  ${text}`);
  view.event(text);
}

function state(): ViewState {
  return {
    shownAddress: task.shownAddress,
    channel: task.channel,
    elapsedSeconds: (performance.now() - startedAt) / 1000,
    seconds: task.seconds,
    link,
    received: result.received,
    missing: result.missing,
    offset,
    reading,
    ageMs: reading === undefined ? 0 : Date.now() - reading.timestamp,
    keys,
    events,
  };
}

function tell(message: FromSubscriber): void {
  process.send?.(message);
}
