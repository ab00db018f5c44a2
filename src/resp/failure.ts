// The words of a ProtocolError or LimitError: what was read, what was found, where.
// Called by the decoder when the peer broke the protocol. It must never throw for any bytes.

import { LimitError, ProtocolError } from '../errors/index.ts';

/** In the order of the decoder's types. */
const TYPES =
  'simple string,error,null,boolean,double,big number,end,integer,bulk string,bulk error,verbatim string,chunk,array,push,map,set,attribute';

/** `type` is what was being read; `bytes` begins with what is wrong, which is at `offset` in the stream. */
export function makeFailure(isLimit: boolean, type: number, what: string, offset: number, bytes: Uint8Array) {
  let excerpt = '';
  for (const byte of bytes.subarray(0, 24)) {
    excerpt += byte > 31 && byte < 127 ? String.fromCharCode(byte) : `\\x${(byte + 256).toString(16).slice(1)}`;
  }
  const name = TYPES.split(',')[type] ?? 'reply';
  const message = `Cannot parse ${name}: ${what} (offset ${offset}, found "${excerpt}")`;
  return new (isLimit ? LimitError : ProtocolError)(message, { offset, excerpt });
}
