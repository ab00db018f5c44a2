// Decides by a connection's first line which dialect it speaks, and keeps the bytes until then.
// Called by the session of a server whose dialect is `auto`. It must never answer and never look beyond one line.
//
//   first byte `*`                 -> RESP
//   first line ended by CR LF      -> Redis inline (from which a connection may go on in RESP)
//   first line ended by a bare LF  -> the AshRedis line dialect

import type { Limits } from './limits.ts';

export interface DialectDecision {
  readonly dialect: 'resp' | 'line';
  /** Everything received so far. */
  readonly bytes: Buffer;
}

export class DialectGate {
  readonly #chunks: Buffer[] = [];
  #byteCount = 0;

  get pendingBytes(): number {
    return this.#byteCount;
  }

  /** The decision, or undefined while the first line is not whole. */
  push(chunk: Buffer, limits: Limits): DialectDecision | undefined {
    if (this.#byteCount === 0 && chunk[0] === 42) return { dialect: 'resp', bytes: chunk };
    const end = chunk.indexOf(10);
    const last = this.#chunks[this.#chunks.length - 1];
    // Socket chunks are ours to keep: Node hands out a new buffer for each read.
    this.#chunks.push(chunk);
    this.#byteCount += chunk.length;
    if (end < 0) {
      // No line of any dialect is that long; the RESP parser has the words for it.
      return this.#byteCount > limits.maxLineBytes ? this.#decide('resp') : undefined;
    }
    const before = end > 0 ? chunk[end - 1] : last?.[last.length - 1];
    return this.#decide(before === 13 ? 'resp' : 'line');
  }

  #decide(dialect: 'resp' | 'line'): DialectDecision {
    const [only] = this.#chunks;
    return { dialect, bytes: this.#chunks.length === 1 ? (only as Buffer) : Buffer.concat(this.#chunks) };
  }
}
