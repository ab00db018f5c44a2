// Splits a stream of bytes into lines of text, numbered from 1. Called by `ashredis pub`.
// It must never hold more than one line and one chunk.

export interface Line {
  readonly number: number;
  /** Empty when `isTooLong`. */
  readonly text: string;
  readonly isTooLong?: true;
}

const LF = 10;

/**
 * Lines without their `\n` or `\r\n`; the last may lack it. Of a line beyond `maxBytes` the number alone is given.
 * `keepsMark`: a byte order mark at the begin of a line belongs to it.
 */
export async function* linesOf(
  input: AsyncIterable<Uint8Array>,
  maxBytes: number,
  keepsMark: boolean,
): AsyncGenerator<Line> {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: keepsMark });
  let parts: Uint8Array[] = [];
  let length = 0;
  let number = 0;
  const take = (last: Uint8Array): Line => {
    const isTooLong = length + last.length > maxBytes;
    length = 0;
    if (isTooLong) {
      parts = [];
      return { number: ++number, text: '', isTooLong };
    }
    let text = parts.length === 0 ? decoder.decode(last) : decoder.decode(joined(parts, last));
    if (text.endsWith('\r')) text = text.slice(0, -1);
    parts = [];
    return { number: ++number, text };
  };
  for await (const chunk of input) {
    let from = 0;
    for (let at = chunk.indexOf(LF); at >= 0; at = chunk.indexOf(LF, from)) {
      yield take(chunk.subarray(from, at));
      from = at + 1;
    }
    if (from === chunk.length) continue;
    length += chunk.length - from;
    if (length > maxBytes) parts = [];
    else parts.push(chunk.slice(from));
  }
  if (length > 0) yield take(new Uint8Array(0));
}

function joined(parts: readonly Uint8Array[], last: Uint8Array): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, last.length));
  let at = 0;
  for (const part of [...parts, last]) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
