// Splits a stream of bytes into lines of text, numbered from 1. Called by `ashredis pub`.
// It must never hold more than one line and one chunk.

import { UsageError } from '../errors/index.ts';

export interface Line {
  readonly number: number;
  readonly text: string;
}

const LF = 10;

/** Lines without their `\n` or `\r\n`; the last may lack it. A line beyond `maxBytes` ends it with a `UsageError`. */
export async function* linesOf(input: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<Line> {
  const decoder = new TextDecoder();
  let parts: Uint8Array[] = [];
  let length = 0;
  let number = 0;
  const take = (last: Uint8Array): Line => {
    let text = parts.length === 0 ? decoder.decode(last) : decoder.decode(joined(parts, last, length + last.length));
    if (text.endsWith('\r')) text = text.slice(0, -1);
    parts = [];
    length = 0;
    return { number: ++number, text };
  };
  for await (const chunk of input) {
    let from = 0;
    for (let at = chunk.indexOf(LF); at >= 0; at = chunk.indexOf(LF, from)) {
      yield take(chunk.subarray(from, at));
      from = at + 1;
    }
    if (from === chunk.length) continue;
    parts.push(chunk.slice(from));
    length += chunk.length - from;
    if (length > maxBytes) {
      throw new UsageError(`Cannot read line ${number + 1} of standard input: it is longer than ${maxBytes} bytes`);
    }
  }
  if (length > 0) yield take(new Uint8Array(0));
}

function joined(parts: readonly Uint8Array[], last: Uint8Array, length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of [...parts, last]) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
