// Wire form of a command with any arguments, as a frame: text where all arguments are text, pieces where some are bytes.
// Called for commands whose form is not prepared by the rooms above. Pure. RESP specification, "Sending commands".

import { UsageError } from '../errors/index.ts';
import { utf8Length } from '../line/index.ts';
import type { CommandArgument } from '../resp/index.ts';
import type { Frame } from './types.ts';

/** At least its name. Throws a `UsageError` that names the index of what can't be sent. */
export function commandFrame(args: readonly CommandArgument[]): Frame {
  let text = `*${args.length}\r\n`;
  let ascii = true;
  let byteLength = text.length;
  let parts: (string | Uint8Array)[] | undefined;
  for (let index = 0; index < args.length; index++) {
    const argument = args[index] as CommandArgument;
    if (argument instanceof Uint8Array) {
      const head = `$${argument.length}\r\n`;
      byteLength += head.length + argument.length + 2;
      parts ??= [];
      parts.push(text + head, argument);
      text = '\r\n';
      continue;
    }
    const word = typeof argument === 'string' ? argument : numberText(argument, index);
    const bytes = utf8Length(word);
    if (bytes !== word.length) ascii = false;
    const head = `$${bytes}\r\n`;
    text += `${head}${word}\r\n`;
    byteLength += head.length + bytes + 2;
  }
  if (parts === undefined) return { text, ascii, parts, byteLength };
  parts.push(text);
  return { text: undefined, ascii: false, parts, byteLength };
}

function numberText(value: unknown, index: number): string {
  if (typeof value === 'bigint' || Number.isFinite(value)) return String(value);
  const found = typeof value === 'number' || value === null ? value : typeof value;
  throw new UsageError(
    `Cannot encode command: argument ${index} is ${found}, allowed are strings, bytes, finite numbers and bigints`,
  );
}
