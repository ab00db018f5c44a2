// A command as the client thinks of it: words without a region, where the keys stand, how its reply looks.
// Made by command-table.ts and batch.ts, given its bytes here for either dialect. Pure.

import { UsageError } from '../errors/index.ts';
import { encodeLine, type Frame } from '../net/index.ts';
import type { CommandArgument, RespValue } from '../resp/index.ts';
import { regionPrefix } from './region.ts';

export interface Request<T = unknown> {
  /** The command's name first. Names stand without the region's prefix. */
  readonly words: readonly CommandArgument[];
  /** Which of `words` take the region's prefix. */
  readonly keys: readonly number[];
  /** `REPLY` bits. */
  readonly replyTypes: number;
  readonly asBytes?: boolean;
  /** Of several commands at once; else the frame is made of `words`. */
  readonly frame?: () => Frame;
  readonly shape: (value: RespValue, region: string | undefined) => T;
  /** What a line server is told, and its reply, where they differ. */
  readonly line?: Partial<Pick<Request<T>, 'words' | 'replyTypes' | 'shape'>>;
}

/** The command's name as errors and tracing show it. */
export function nameOf({ words }: Pick<Request, 'words'>): string {
  return String(words[0]).toUpperCase();
}

/** About, before its bytes are made; a number is taken for a long one. */
export function byteEstimateOf({ words }: Request): number {
  return words.reduce<number>((sum, word) => sum + ((word as string).length || 16), 0);
}

/** With the region's prefix on keys and channels. */
export function wordsInRegion(
  request: Pick<Request, 'words'> & Partial<Request>,
  region: string | undefined,
): readonly CommandArgument[] {
  if (region === undefined || !request.keys?.length) return request.words;
  const words = [...request.words];
  for (const index of request.keys) words[index] = prefixed(region, request.words[index] as CommandArgument);
  return words;
}

/** How a line server reads values, and how long a line may be. */
export interface LineSettings {
  readonly quoting: 'auto' | 'quoted' | 'b64' | 'none';
  readonly maxLineBytes: number;
}

/** The refusal of what a line server can't do. */
export function notOnLine(action: string, why: string, instead?: string): UsageError {
  const other = instead === undefined ? '' : `${instead}, or `;
  return new UsageError(`Cannot ${action} on an AshRedis line server: ${why}`, {
    hint: `${other}connect to a server that speaks RESP`,
  });
}

export function lineFrame(
  words: readonly CommandArgument[],
  region: string | undefined,
  { quoting, maxLineBytes }: LineSettings,
): Frame {
  for (const word of words) {
    if (typeof word === 'object') {
      throw notOnLine(`send bytes with ${String(words[0])}`, 'it takes text only', 'send text or use a text codec');
    }
  }
  return encodeLine(words as (string | number | bigint)[], { region, quoting, maxLineBytes });
}

/** Decides the connection of a pool of line servers: the same key always goes the same way, whatever is done with it. */
export function routingKeyOf({ words, keys, line }: Request, region: string | undefined): string | undefined {
  const key = (line?.words ?? words)[keys[0] ?? 1];
  return key === undefined || typeof key === 'object' ? undefined : regionPrefix(region) + String(key);
}

function prefixed(region: string, word: CommandArgument): CommandArgument {
  const prefix = regionPrefix(region);
  if (typeof word !== 'object') return prefix + String(word);
  const bytes = new Uint8Array(prefix.length + word.length);
  bytes.set(new TextEncoder().encode(prefix));
  bytes.set(word, prefix.length);
  return bytes;
}
