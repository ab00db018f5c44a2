// One open aggregate on the decoder's stack, and what it becomes once it is whole.
// Called by the decoder alone. One class for all aggregates: the hot loop sees one shape.

import { RespMessage, RespPush, type RespValue } from './values.ts';

export const ARRAY = 42; // *
export const PUSH = 62; // >
export const MAP = 37; // %
export const SET = 126; // ~
export const ATTRIBUTE = 124; // |

const NOTHING: RespValue[] = [];

/** Frames form a chain that is used again: a reply allocates none once its depth was seen. */
export class Frame {
  /** The type byte; 0 for the ground below every reply. */
  kind = 0;
  /** Elements still to come; negative when streamed. */
  remaining = 0;
  items: RespValue[] = NOTHING;
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
  if (asEntries) {
    const entries: RespValue[] = [];
    for (let at = 0; at < items.length; at += 2) entries.push([items[at]!, items[at + 1]!]);
    return entries;
  }
  const map = new Map<RespValue, RespValue>();
  for (let at = 0; at < items.length; at += 2) map.set(items[at]!, items[at + 1]!);
  return map;
}

/** A push, or the message that it carries. `items[0]` is text. */
export function toPush(items: RespValue[], messages: boolean, text: (value: RespValue) => RespValue): RespValue {
  const message = messages ? toMessage(items, text) : undefined;
  return message ?? new RespPush(items[0] as string, items.slice(1));
}

/** The message that the elements are, or undefined. `text` turns bytes into text. */
export function toMessage(items: RespValue[], text: (value: RespValue) => RespValue): RespMessage | undefined {
  if (items.length !== 3 && items.length !== 4) return undefined;
  const kind = text(items[0]!);
  if (items.length === 3 ? kind !== 'message' && kind !== 'smessage' : kind !== 'pmessage') return undefined;
  const payload = items[items.length - 1];
  const channel = text(items[items.length - 2]!);
  const pattern = items.length === 4 ? text(items[1]!) : undefined;
  if (typeof channel !== 'string' || (pattern !== undefined && typeof pattern !== 'string')) return undefined;
  if (typeof payload !== 'string' && !(payload instanceof Uint8Array)) return undefined;
  return new RespMessage(channel, pattern, payload, kind === 'smessage');
}
