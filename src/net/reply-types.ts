// Which kind of reply a value is, as a bit of `REPLY` and in words.
// Called for each reply by the command queue. Pure.

import { RespError, type RespValue } from '../resp/index.ts';
import { REPLY } from './types.ts';

export function replyBit(value: RespValue): number {
  switch (typeof value) {
    case 'number':
      // `,1` and `:1` are the same here: what may be a double says both.
      return Number.isInteger(value) ? REPLY.integer : REPLY.double;
    case 'string':
      return REPLY.simple;
    case 'bigint':
      return REPLY.integer;
    case 'boolean':
      return REPLY.boolean;
    default:
      if (value === null) return REPLY.nil;
      return value instanceof Uint8Array ? REPLY.simple : REPLY.array;
  }
}

/** Says what came, never its content: `Array of 2`, `String of 5`, `Null`; a push is an `Object`. */
export function describeReply(value: RespValue): string {
  if (value instanceof RespError) return `the error "${value.message.slice(0, 120)}"`;
  const { length, size = length } = Object(value) as { length?: number; size?: number };
  return Object.prototype.toString.call(value).slice(8, -1) + (size === undefined ? '' : ` of ${size}`);
}
