// Cuts the bytes of one connection into the lines of the AshRedis line dialect. Wire document, section 1.
// Called by the session. A line beyond the limit, or one that is not UTF-8, ends the connection without a word, as on
// the real server; unlike there nothing behind it is executed. It must never execute anything itself.

import { ByteStore } from './byte-store.ts';

const LF = 10;
const CR = 13;
const EMPTY = Buffer.alloc(0);

export class LineReader {
  /** True: the connection must be closed, and what was answered meanwhile is dropped. */
  failed = false;
  readonly #maxLineBytes: number;
  readonly #store = new ByteStore();
  readonly #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  #chunk: Buffer = EMPTY;
  #at = 0;

  constructor(maxLineBytes: number) {
    this.#maxLineBytes = maxLineBytes;
  }

  get pendingBytes(): number {
    return this.#store.length;
  }

  /** The chunk must be read to its end, by `next()`, before the next one is pushed. */
  push(chunk: Buffer): void {
    this.#chunk = chunk;
    this.#at = 0;
  }

  /** The next line without its end, or undefined: more bytes are needed, or the reader has failed. */
  next(): string | undefined {
    if (this.failed || this.#at >= this.#chunk.length) return undefined;
    const lf = this.#chunk.indexOf(LF, this.#at);
    const part = this.#chunk.subarray(this.#at, lf < 0 ? this.#chunk.length : lf + 1);
    this.#at += part.length;
    if (this.#store.length + part.length > this.#maxLineBytes) return this.#fail();
    if (lf < 0) {
      this.#store.append(part);
      return undefined;
    }
    let line = part;
    if (this.#store.length > 0) {
      this.#store.append(part);
      line = this.#store.take();
    }
    let end = line.length - 1;
    while (end > 0 && line[end - 1] === CR) end--;
    try {
      return this.#decoder.decode(line.subarray(0, end));
    } catch {
      return this.#fail();
    }
  }

  /** The bytes of the chunk that were not read yet, for a session that must stop in between. */
  takeRest(): Buffer {
    const rest = this.#chunk.subarray(this.#at);
    this.#at = this.#chunk.length;
    return rest;
  }

  #fail(): undefined {
    this.failed = true;
    this.#store.take();
  }
}
