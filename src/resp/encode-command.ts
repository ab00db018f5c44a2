// From commands to their bytes: each a RESP array of bulk strings.
// Called by whoever writes commands without the client. It must never send what was not meant: doubt is a UsageError.

import { UsageError } from '../errors/index.ts';
import type { CommandArgument } from './values.ts';
import { Writer } from './write.ts';

/**
 * The bytes of one command. Text is sent as UTF-8, lone surrogates as U+FFFD; numbers in JavaScript's spelling.
 * As with Node's Buffers, the bytes may lie in one `ArrayBuffer` with those of other commands: don't transfer it.
 * Throws a `UsageError` that names the index for what can't be sent: NaN, infinities, null, undefined, objects.
 *
 *     encodeCommand(['SET', 'key', 'value']) // *3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nvalue\r\n
 */
export function encodeCommand(args: readonly CommandArgument[]): Uint8Array {
  const writer = new Writer();
  writeCommand(writer, args, 'a command');
  return writer.take();
}

/**
 * The bytes of several commands, one behind the other, for one write: as {@link encodeCommand} each. The error for what
 * can't be sent names the command's index too, and nothing of any of them is given.
 *
 *     socket.write(encodeCommands([['MULTI'], ['INCR', 'a'], ['EXEC']]));
 */
export function encodeCommands(commands: readonly (readonly CommandArgument[])[]): Uint8Array {
  if (!Array.isArray(commands)) throw new UsageError('Cannot encode commands: they are no array');
  const writer = new Writer();
  // Memory is sought once, for what each is likely to take.
  let bytes = 0;
  for (const args of commands) {
    if (!Array.isArray(args)) continue;
    for (const arg of args) bytes += 16 + (typeof arg === 'string' || arg instanceof Uint8Array ? arg.length : 8);
  }
  writer.room(bytes);
  for (let index = 0; index < commands.length; index++) writeCommand(writer, commands[index]!, `command ${index}`);
  return writer.take();
}

function writeCommand(writer: Writer, args: readonly CommandArgument[], name: string): void {
  if (!Array.isArray(args) || args.length === 0) throw new UsageError(`Cannot encode ${name}: it has no name`);
  writer.head(42, args.length);
  for (let index = 0; index < args.length; index++) {
    const arg = args[index] as CommandArgument;
    if (typeof arg === 'string' || arg instanceof Uint8Array) writer.bulk(arg);
    else if (typeof arg === 'bigint' || (typeof arg === 'number' && Number.isFinite(arg))) writer.bulk(String(arg));
    else {
      const found = typeof arg === 'number' ? arg : typeof arg;
      throw new UsageError(
        `Cannot encode ${name}: argument ${index} is ${found}, allowed are strings, Uint8Arrays, finite numbers and bigints`,
      );
    }
  }
}
