// From the arguments of a command to the bytes of its RESP array of bulk strings.
// Called by whoever writes commands without the client. It must never send what was not meant: doubt is a UsageError.

import { UsageError } from '../errors/index.ts';
import { utf8Length, writeUtf8 } from './utf8.ts';
import type { CommandArgument } from './values.ts';

/** The platform's encoder, where it has one; QuickJS has none. */
const encoder = 'TextEncoder' in globalThis ? new TextEncoder() : undefined;
/** Longer text is encoded by the platform (measured: 1 KiB at half the cost). */
const LONG_TEXT = 128;

/**
 * The bytes of one command. Text is sent as UTF-8, lone surrogates as U+FFFD; numbers in JavaScript's spelling.
 * Throws a `UsageError` that names the index for what can't be sent: NaN, infinities, null, undefined, objects.
 *
 *     encodeCommand(['SET', 'key', 'value']) // *3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nvalue\r\n
 */
export function encodeCommand(args: readonly CommandArgument[]): Uint8Array {
  if (!Array.isArray(args) || args.length === 0) {
    throw new UsageError('Cannot encode a command: it has no name');
  }
  const parts: (string | Uint8Array)[] = [];
  let head = `*${args.length}\r\n`;
  let length = 0;
  for (let index = 0; index < args.length; index++) {
    let part = toPart(args[index] as CommandArgument, index);
    if (encoder !== undefined && typeof part === 'string' && part.length > LONG_TEXT) part = encoder.encode(part);
    const size = typeof part === 'string' ? utf8Length(part) : part.length;
    head += `$${size}\r\n`;
    length += head.length + size;
    parts.push(head, part);
    head = '\r\n';
  }
  parts.push(head);
  return joinParts(parts, length + head.length);
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
