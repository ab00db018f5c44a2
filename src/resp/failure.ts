// The words of a ProtocolError or LimitError: what was read, what was found, where.
// Called by the decoder when the peer broke the protocol. It must never throw for any bytes.

import { LimitError, ProtocolError } from '../errors/index.ts';
import { TYPE_NAMES } from './types.ts';

/** `type` is what was being read; `bytes` begins with what is wrong, which is at `offset` in the stream. */
export function makeFailure(isLimit: boolean, type: number, what: string, offset: number, bytes: Uint8Array) {
  const found = String.fromCharCode(...bytes.subarray(0, 24));
  const excerpt = found.replace(/[^ -~]/g, (unit) => `\\x${unit.charCodeAt(0).toString(16).padStart(2, '0')}`);
  const name = TYPE_NAMES.split(',')[type] ?? 'reply';
  const message = `Cannot parse ${name}: ${what} (offset ${offset}, found "${excerpt}")`;
  return new (isLimit ? LimitError : ProtocolError)(message, { offset, excerpt });
}
