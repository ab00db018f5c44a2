// From the arguments of a command to the bytes of its RESP array of bulk strings.
// Called by whoever writes commands without the client. It must never send what was not meant: doubt is a UsageError.

import { UsageError } from '../errors/index.ts';
import { writeUtf8 } from './utf8.ts';
import type { CommandArgument } from './values.ts';

/** The platform's encoder, where it has one; QuickJS has none. */
const encoder = 'TextEncoder' in globalThis ? new TextEncoder() : undefined;
/** Longer text is encoded by the platform. */
const LONG_TEXT = 128;
/** Text from here on is encoded before room for it is sought: a third of the room that it could need. */
const LARGE_TEXT = 2048;
/** Commands are cut from blocks (measured: 0.3 µs instead of 1.6, nearly all of which went into memory of their own). */
const BLOCK_BYTES = 8192;
const block = { bytes: /* @__PURE__ */ new Uint8Array(0), used: 0 };

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
    let part = toPart(arg, index);
    if (encoder !== undefined && part.length >= LARGE_TEXT && typeof part === 'string') part = encoder.encode(part);
    most += part.length * (typeof part === 'string' ? 3 : 1) + 16;
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
  for (const part of parts) {
    const from = writeHead(36, part.length, into, at);
    let end = from + part.length;
    if (typeof part !== 'string') into.set(part, from);
    else {
      end =
        encoder !== undefined && part.length > LONG_TEXT
          ? from + (encoder.encodeInto(part, into.subarray(from)).written as number)
          : writeUtf8(part, into, from);
      const size = end - from;
      if (size !== part.length) {
        // Not ASCII: the head is not the one expected, and may be a digit longer.
        const moved = at + String(size).length + 3;
        if (moved !== from) into.copyWithin(moved, from, end);
        writeHead(36, size, into, at);
        end = moved + size;
      }
    }
    into[end++] = 13;
    into[end++] = 10;
    at = end;
  }
  if (into === block.bytes) block.used = at;
  return into.subarray(start, at);
}

/** `$12\r\n` or `*3\r\n`; gives the offset behind it. */
function writeHead(type: number, count: number, into: Uint8Array, at: number): number {
  into[at++] = type;
  if (count < 10) into[at++] = 48 + count;
  else {
    const digits = String(count);
    for (let index = 0; index < digits.length; index++) into[at++] = digits.charCodeAt(index);
  }
  into[at++] = 13;
  into[at++] = 10;
  return at;
}

/** The parts one behind the other, in `length` bytes. */
export function joinParts(parts: readonly (string | Uint8Array)[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    if (typeof part === 'string') at = writeUtf8(part, bytes, at);
    else {
      bytes.set(part, at);
      at += part.length;
    }
  }
  return bytes;
}

function toPart(arg: CommandArgument, index: number): string | Uint8Array {
  if (typeof arg === 'string' || arg instanceof Uint8Array) return arg;
  if (typeof arg === 'bigint' || (typeof arg === 'number' && Number.isFinite(arg))) return String(arg);
  const found = typeof arg === 'number' ? arg : typeof arg;
  throw new UsageError(
    `Cannot encode a command: argument ${index} is ${found}, allowed are strings, Uint8Arrays, finite numbers and bigints`,
  );
}
