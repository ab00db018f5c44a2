// What the demo's processes tell each other, and where the demo's data lives. Types and names only.
// Imported by all files of the demo.

/** One reading of this machine; every number is measured. */
export interface Reading {
  /** Epoch milliseconds. */
  timestamp: number;
  /** Runnable processes, averaged over 1, 5 and 15 minutes. */
  load: [number, number, number];
  memory: { usedBytes: number; totalBytes: number };
  /** Busy share of each core since the reading before, 0 to 100. */
  cpuPercent: number[];
  /** How late the event loop of the publishing process was, since the reading before. */
  eventLoopMs: { mean: number; p99: number };
}

/** Two regions: the same key names, different data. */
export const REGIONS = ['eu-west-1', 'us-east-1'] as const;
export const KEY_TTL_SECONDS = 5;

/** What the subscriber's process is started with, as JSON in its first argument. */
export interface SubscriberTask {
  config: { url: string; tls?: object };
  /** Shown to people: the real address, without a password. */
  shownAddress: string;
  channel: string;
  keyPrefix: string;
  seconds: number;
}

/** Parent to subscriber. */
export type ToSubscriber =
  /** Something that the parent did, to be shown. */
  | { type: 'note'; text: string }
  /** Nothing more will be published; so many messages were. */
  | { type: 'finish'; published: number };

/** Subscriber to parent. */
export type FromSubscriber =
  | { type: 'started' }
  | { type: 'failed'; text: string }
  /** The first message after a lost link has come: delivery goes on. */
  | { type: 'resumed' }
  | { type: 'finished'; result: SubscriberResult };

export interface SubscriberResult {
  received: number;
  /** Sum of the gaps that could be counted. */
  missing: number;
  gapCount: number;
  linkLostCount: number;
  /** Longest time without a link. */
  longestOutageMs: number;
}

/** Server's process to parent. */
export type FromServer = { type: 'listening'; url: string } | { type: 'failed'; text: string };
