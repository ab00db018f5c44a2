// The words of a ProtocolError or LimitError: what was read, what was found, where.
// Called by the decoder when the peer broke the protocol. It must never throw for any bytes.

import { LimitError, ProtocolError } from '../errors/index.ts';
import { TYPE_NAMES } from './types.ts';

/** `type` is what was being read; `bytes` begins with what is wrong, which is at `offset` in the stream. */
export function makeFailure(isLimit: boolean, type: number, what: string, offset: number, bytes: Uint8Array) {
  let excerpt = '';
  for (const byte of bytes.subarray(0, 24)) {
    excerpt += byte > 31 && byte < 127 ? String.fromCharCode(byte) : `\\x${(byte + 256).toString(16).slice(1)}`;
  }
  const name = TYPE_NAMES.split(',')[type] ?? 'reply';
  const message = `Cannot parse ${name}: ${what} (offset ${offset}, found "${excerpt}")`;
  return new (isLimit ? LimitError : ProtocolError)(message, { offset, excerpt });
}
