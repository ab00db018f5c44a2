// What commands and replies are written of: heads, lines, payloads, one behind the other in memory that grows.
// Called by the two encoders. What was given away is never written to again.

import { findTextEncoders } from './utf8.ts';

const ENCODERS = /* @__PURE__ */ findTextEncoders();

/**
 * What is short is cut from blocks (measured: 0.3 µs instead of 1.6, nearly all of which went into memory of its own). One
 * for the whole process, as Node's pool is: what was cut is never written to again, so that no caller sees another's.
 */
const BLOCK_BYTES = 8192;
const block = { bytes: /* @__PURE__ */ new Uint8Array(0), used: 0 };

/** Writes into the block that is begun, and moves to larger memory where that is too small. */
export class Writer {
  #bytes = block.bytes;
  #start = block.used;
  #at = block.used;

  constructor() {
    // Nothing of it is free meanwhile: what is iterated may encode something else.
    block.used = BLOCK_BYTES;
  }

  /** Text without CR and LF, and CRLF. */
  line(text: string): void {
    this.room(text.length * 3);
    this.#at = writeEnd(this.#bytes, ENCODERS.write(text, this.#bytes, this.#at));
  }

  /** `*3` and the like, by the type's byte. */
  head(type: number, count: number): void {
    this.room(0);
    this.#at = writeHead(type, count, this.#bytes, this.#at);
  }

  bulk(value: string | Uint8Array, type = 36): void {
    let part = value;
    if (typeof part === 'string') {
      const { length } = part;
      // A byte for each unit if it is ASCII; four more, and what is cut is longer than that too.
      this.room(length + 4);
      const from = writeHead(type, length, this.#bytes, this.#at);
      const end = ENCODERS.write(part, this.#bytes, from);
      if (end - from === length) {
        this.#at = writeEnd(this.#bytes, end);
        return;
      }
      part = ENCODERS.encode(part);
    }
    this.room(part.length);
    const from = writeHead(type, part.length, this.#bytes, this.#at);
    this.#bytes.set(part, from);
    this.#at = writeEnd(this.#bytes, from + part.length);
  }

  take(): Uint8Array {
    if (this.#bytes.length <= BLOCK_BYTES) {
      block.bytes = this.#bytes;
      block.used = this.#at;
    }
    return this.#bytes.subarray(this.#start, this.#at);
  }

  /** Makes room for so many bytes and what stands around them. */
  room(bytes: number): void {
    // A line's or payload's head and ends take no more than 16.
    const needed = bytes + 16;
    if (this.#at + needed > this.#bytes.length) {
      const written = this.#bytes.subarray(this.#start, this.#at);
      this.#bytes = new Uint8Array(Math.max(BLOCK_BYTES, written.length * 2 + needed));
      this.#bytes.set(written);
      this.#start = 0;
      this.#at = written.length;
    }
  }
}

/** `$12\r\n` or `*3\r\n`, by the type's byte; gives the offset behind it. */
function writeHead(type: number, count: number, into: Uint8Array, at: number): number {
  into[at++] = type;
  if (count < 10) into[at++] = 48 + count;
  else at = ENCODERS.write(String(count), into, at);
  return writeEnd(into, at);
}

function writeEnd(into: Uint8Array, at: number): number {
  into[at++] = 13;
  into[at++] = 10;
  return at;
}
