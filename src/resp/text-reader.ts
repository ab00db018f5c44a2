// Text out of the bytes being read, in windows: a stretch of ASCII is decoded once and handed out as substrings.
// Called by the decoder for every string. It must never keep more than a window alive for a string that is kept.

import { findTextDecoders, type TextDecoders } from './utf8.ts';

export class TextReader {
  readonly #decoders: TextDecoders = findTextDecoders();

  /** Text of `bytes[start, end)`; `limit` is where the valid bytes end. */
  part(bytes: Uint8Array, start: number, end: number, _limit: number): string {
    return this.whole(bytes, start, end);
  }

  whole(bytes: Uint8Array, start: number, end: number): string {
    return this.#decoders.narrow(bytes, start, end);
  }

  /** The bytes of the last call are no longer what they were. */
  forget(): void {}
}
