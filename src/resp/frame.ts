// One open aggregate on the decoder's stack, and what it becomes once it is whole.
// Called by the decoder alone. One class for all aggregates: the hot loop sees one shape.

import type { TextReader } from './text-reader.ts';
import { RespMessage, type RespValue } from './values.ts';

const NOTHING: RespValue[] = [];

/** Frames form a chain that is used again: a reply allocates none once its depth was seen. */
export class Frame {
  /** The type byte; 0 for the ground below every reply. */
  kind = 0;
  /** Elements still to come; negative when streamed. */
  remaining = 0;
  items = NOTHING;
  /** Attributes in a row since the last element. */
  attributes = 0;
  readonly depth: number;
  readonly parent: Frame | undefined;
  child: Frame | undefined = undefined;

  constructor(parent?: Frame) {
    this.parent = parent;
    this.depth = parent === undefined ? 0 : parent.depth + 1;
  }

  open(kind: number, count: number): void {
    this.kind = kind;
    this.remaining = count;
    this.attributes = 0;
    this.items = [];
  }

  /** Gives the items and keeps no reference to them. */
  take(): RespValue[] {
    const items = this.items;
    this.items = NOTHING;
    return items;
  }
}

/** Never a plain object: keys are the peer's to choose. */
export function toMap(items: RespValue[], asEntries: boolean): RespValue {
  const entries: [RespValue, RespValue][] = [];
  for (let at = 0; at < items.length; at += 2) entries.push([items[at]!, items[at + 1]!]);
  return asEntries ? entries : new Map(entries);
}

/** The message that the elements are, or undefined. */
export function toMessage(items: RespValue[], text: TextReader): RespMessage | undefined {
  const count = items.length;
  const kind = text.of(items[0]);
  if (kind === 'pmessage' ? count !== 4 : (kind !== 'message' && kind !== 'smessage') || count !== 3) return undefined;
  const payload = items[count - 1];
  const channel = text.of(items[count - 2]);
  const pattern = count === 4 ? text.of(items[1]) : undefined;
  if (typeof channel !== 'string' || (count === 4 && typeof pattern !== 'string')) return undefined;
  if (typeof payload !== 'string' && !(payload instanceof Uint8Array)) return undefined;
  return new RespMessage(channel, pattern as string | undefined, payload, kind === 'smessage');
}
