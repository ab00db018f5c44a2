// From the arguments of a command to the bytes of its RESP array of bulk strings.
// Called by whoever writes commands without the client. It must never send what was not meant: doubt is a UsageError.

import { UsageError } from '../errors/index.ts';
import type { CommandArgument } from './values.ts';
import { BLOCK_BYTES, block, prepared, roomOf, writeBulk, writeHead } from './write.ts';

/**
 * The bytes of one command. Text is sent as UTF-8, lone surrogates as U+FFFD; numbers in JavaScript's spelling.
 * As with Node's Buffers, the bytes may lie in one `ArrayBuffer` with those of other commands: don't transfer it.
 * Throws a `UsageError` that names the index for what can't be sent: NaN, infinities, null, undefined, objects.
 *
 *     encodeCommand(['SET', 'key', 'value']) // *3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nvalue\r\n
 */
export function encodeCommand(args: readonly CommandArgument[]): Uint8Array {
  if (!Array.isArray(args) || args.length === 0) {
    throw new UsageError('Cannot encode a command: it has no name');
  }
  let parts = args as readonly (string | Uint8Array)[];
  let most = 16;
  for (let index = 0; index < args.length; index++) {
    const arg = args[index] as CommandArgument;
    const part = prepared(toPart(arg, index));
    most += roomOf(part);
    if (part !== arg) {
      // The caller's array stays as it is.
      const copy: (string | Uint8Array)[] = parts === args ? parts.slice() : (parts as (string | Uint8Array)[]);
      copy[index] = part;
      parts = copy;
    }
  }
  let into = block.bytes;
  let start = block.used;
  if (most > into.length - start) {
    into = new Uint8Array(Math.max(most, BLOCK_BYTES));
    start = 0;
    if (most <= BLOCK_BYTES) block.bytes = into;
  }
  let at = writeHead(42, args.length, into, start);
  for (const part of parts) at = writeBulk(36, part, into, at);
  if (into === block.bytes) block.used = at;
  return into.subarray(start, at);
}

function toPart(arg: CommandArgument, index: number): string | Uint8Array {
  if (typeof arg === 'string' || arg instanceof Uint8Array) return arg;
  if (typeof arg === 'bigint' || (typeof arg === 'number' && Number.isFinite(arg))) return String(arg);
  const found = typeof arg === 'number' ? arg : typeof arg;
  throw new UsageError(
    `Cannot encode a command: argument ${index} is ${found}, allowed are strings, Uint8Arrays, finite numbers and bigints`,
  );
}
