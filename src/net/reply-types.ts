// Which kind of reply a value is, as a bit of `REPLY` and in words.
// Called for each reply by the command queue. Pure.

import { RespError, RespMessage, RespPush, type RespValue } from '../resp/index.ts';
import { REPLY } from './types.ts';

export function replyBit(value: RespValue): number {
  switch (typeof value) {
    case 'number':
      return REPLY.integer | REPLY.double;
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

/** Says what came, never its content. */
export function describeReply(value: RespValue): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (value instanceof Uint8Array || typeof value === 'string') return `text of ${value.length}`;
  if (value instanceof RespError) return `the error "${value.message.slice(0, 120)}"`;
  if (value instanceof RespPush || value instanceof RespMessage) return 'a push';
  if (value instanceof Map) return `a map of ${value.size}`;
  if (value instanceof Set) return `a set of ${value.size}`;
  if (typeof value === 'boolean') return 'a boolean';
  return 'a number';
}
