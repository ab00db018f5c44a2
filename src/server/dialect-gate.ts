// Decides by a connection's first line which dialect it speaks, and keeps the bytes until then.
// Called by the session of a server whose dialect is `auto`. It must never answer and never look beyond one line.
//
//   first byte `*`                 -> RESP
//   first line ended by CR LF      -> Redis inline (from which a connection may go on in RESP)
//   first line ended by a bare LF  -> the AshRedis line dialect

import { ByteStore } from './byte-store.ts';
import type { Limits } from './limits.ts';

export interface DialectDecision {
  readonly dialect: 'resp' | 'line';
  /** Everything received so far. */
  readonly bytes: Buffer;
}

export class DialectGate {
  readonly #store = new ByteStore();

  get pendingBytes(): number {
    return this.#store.length;
  }

  /** The decision, or undefined while the first line is not whole. */
  push(chunk: Buffer, limits: Limits): DialectDecision | undefined {
    const isFirst = this.#store.length === 0;
    if (isFirst && chunk[0] === 42) return { dialect: 'resp', bytes: chunk };
    const end = chunk.indexOf(10);
    const before = end > 0 ? chunk[end - 1] : this.#store.last;
    if (isFirst && end >= 0) return { dialect: before === 13 ? 'resp' : 'line', bytes: chunk };
    this.#store.append(chunk);
    if (end >= 0) return { dialect: before === 13 ? 'resp' : 'line', bytes: this.#store.take() };
    // No line of any dialect is that long; the RESP parser has the words for it.
    return this.#store.length > Math.max(limits.maxLineBytes, limits.maxInlineBytes)
      ? { dialect: 'resp', bytes: this.#store.take() }
      : undefined;
  }
}
