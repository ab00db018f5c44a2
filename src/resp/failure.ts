// The words of a ProtocolError or LimitError: what was read, what was found, where.
// Called by the decoder when the peer broke the protocol. It must never throw for any bytes.

import { LimitError, ProtocolError } from '../errors/index.ts';

const TYPES: Record<string, string> = {
  '+': 'simple string',
  '-': 'error',
  ':': 'integer',
  $: 'bulk string',
  '*': 'array',
  _: 'null',
  '#': 'boolean',
  ',': 'double',
  '(': 'big number',
  '!': 'bulk error',
  '=': 'verbatim string',
  '%': 'map',
  '~': 'set',
  '|': 'attribute',
  '>': 'push',
  ';': 'chunk of a streamed string',
  '.': 'end of a streamed aggregate',
};
const EXCERPT_BYTES = 24;

/** `type` is the type byte being read; `at` the offset in `bytes` of what is wrong, `offset` the same in the stream. */
export function makeFailure(
  isLimit: boolean,
  type: number,
  what: string,
  offset: number,
  bytes: Uint8Array,
  at: number,
  end: number,
): ProtocolError {
  const found = excerptOf(bytes, at, Math.min(end, at + EXCERPT_BYTES));
  const name = TYPES[String.fromCharCode(type)] ?? 'reply';
  const message = `Cannot parse ${name}: ${what} (offset ${offset}, found "${found}")`;
  return new (isLimit ? LimitError : ProtocolError)(message, { offset, excerpt: found });
}

function excerptOf(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    if (byte === 13) text += '\\r';
    else if (byte === 10) text += '\\n';
    else if (byte === 34 || byte === 92) text += `\\${String.fromCharCode(byte)}`;
    else if (byte >= 32 && byte < 127) text += String.fromCharCode(byte);
    else text += `\\x${byte.toString(16).padStart(2, '0')}`;
  }
  return text;
}
