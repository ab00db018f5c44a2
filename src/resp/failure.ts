// The words of a ProtocolError or LimitError: what was read, what was found, where.
// Called by the decoder when the peer broke the protocol. It must never throw for any bytes.

import { LimitError, ProtocolError } from '../errors/index.ts';

const TYPES =
  '+simple string,-error,:integer,$bulk string,*array,_null,#boolean,(big number,!bulk error,=verbatim string,%map,~set,|attribute,>push,;string chunk,.stream end';

/** `type` is the type byte being read; `bytes` begins with what is wrong, which is at `offset` in the stream. */
export function makeFailure(isLimit: boolean, type: number, what: string, offset: number, bytes: Uint8Array) {
  let excerpt = '';
  for (const byte of bytes.subarray(0, 24)) {
    excerpt += byte > 31 && byte < 127 ? String.fromCharCode(byte) : `\\x${(byte + 256).toString(16).slice(1)}`;
  }
  const name =
    type === 44
      ? 'double'
      : TYPES.split(',')
          .find((entry) => entry.charCodeAt(0) === type)
          ?.slice(1);
  const message = `Cannot parse ${name ?? 'reply'}: ${what} (offset ${offset}, found "${excerpt}")`;
  return new (isLimit ? LimitError : ProtocolError)(message, { offset, excerpt });
}
