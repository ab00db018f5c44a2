// The figures of `ashredis top`: what came on each channel since the last look. Pure, without clock or network.
// Called by `commands/top.ts`. It must keep no payload, and forget channels that are silent for long.

import type { Gap } from '../api/index.ts';

export interface ChannelRow {
  readonly channel: string;
  /** Messages a second since the last look. */
  readonly rate: number;
  readonly bytesPerSecond: number;
  /** Messages since the start. */
  readonly total: number;
  /** Holes that were seen. */
  readonly gaps: number;
  /** Messages that are known to be missing. */
  readonly missed: number;
  /** Age of the newest message by its own time stamp, or null. */
  readonly lagMs: number | null;
}

interface Figures {
  count: number;
  bytes: number;
  total: number;
  gaps: number;
  missed: number;
  lagMs: number | null;
  silentLooks: number;
  /** Newest number seen of each publisher's life. */
  readonly offsets: Map<string, number>;
}

/** A channel that was silent for so many looks leaves the table. */
const FORGET_AFTER_LOOKS = 60;
const MAX_CHANNELS = 10_000;
const MAX_EPOCHS = 64;
const STAMPS = ['timestamp', 'ts', 'time'];

export class ChannelTable {
  readonly #channels = new Map<string, Figures>();

  addMessage(channel: string, payload: string, receivedAt: number): void {
    const figures = this.#figures(channel);
    if (figures === undefined) return;
    figures.count++;
    figures.total++;
    figures.bytes += Buffer.byteLength(payload);
    const value = parse(payload);
    if (value === undefined) return;
    const inner = this.#numbered(figures, value) ?? value;
    const stamp = stampOf(inner);
    if (stamp !== undefined) figures.lagMs = Math.max(0, receivedAt - stamp);
  }

  addGap(gap: Gap): void {
    // A lost link of our own concerns every channel that we know.
    for (const figures of this.#channels.values()) figures.gaps++;
    if (typeof gap.missed !== 'number') return;
    for (const channel of gap.channels) {
      const figures = this.#channels.get(channel);
      if (figures !== undefined) figures.missed += gap.missed;
    }
  }

  /** The rows for the `seconds` since the last call, which begin anew. */
  rows(seconds: number): ChannelRow[] {
    const rows: ChannelRow[] = [];
    for (const [channel, figures] of this.#channels) {
      rows.push({
        channel,
        rate: round(figures.count / seconds),
        bytesPerSecond: round(figures.bytes / seconds),
        total: figures.total,
        gaps: figures.gaps,
        missed: figures.missed,
        lagMs: figures.lagMs,
      });
      figures.silentLooks = figures.count === 0 ? figures.silentLooks + 1 : 0;
      figures.count = 0;
      figures.bytes = 0;
      if (figures.silentLooks >= FORGET_AFTER_LOOKS) this.#channels.delete(channel);
    }
    return rows;
  }

  #figures(channel: string): Figures | undefined {
    const known = this.#channels.get(channel);
    if (known !== undefined) return known;
    if (this.#channels.size >= MAX_CHANNELS) return undefined;
    const figures = {
      count: 0,
      bytes: 0,
      total: 0,
      gaps: 0,
      missed: 0,
      lagMs: null,
      silentLooks: 0,
      offsets: new Map(),
    };
    this.#channels.set(channel, figures);
    return figures;
  }

  /** The inner value of a numbered message, whose number is compared with the one before. */
  #numbered(figures: Figures, value: Record<string, unknown>): Record<string, unknown> | undefined {
    const { epoch, offset, data } = value;
    if (typeof epoch !== 'string' || typeof offset !== 'number' || data === undefined) return undefined;
    const before = figures.offsets.get(epoch);
    if (before !== undefined && offset > before + 1) {
      figures.gaps++;
      figures.missed += offset - before - 1;
    }
    if (before === undefined && figures.offsets.size >= MAX_EPOCHS) figures.offsets.clear();
    if (before === undefined || offset > before) figures.offsets.set(epoch, offset);
    return typeof data === 'object' && data !== null ? (data as Record<string, unknown>) : {};
  }
}

function parse(payload: string): Record<string, unknown> | undefined {
  if (!payload.startsWith('{')) return undefined;
  try {
    return JSON.parse(payload) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

/** Epoch milliseconds of a time stamp in seconds or milliseconds. */
function stampOf(value: Record<string, unknown>): number | undefined {
  for (const name of STAMPS) {
    const stamp = value[name];
    if (typeof stamp === 'number' && stamp > 1e9) return stamp > 1e11 ? stamp : stamp * 1000;
    if (typeof stamp === 'string') {
      const parsed = Date.parse(stamp);
      if (!Number.isNaN(parsed)) return parsed;
    }
  }
  return undefined;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
