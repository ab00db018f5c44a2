// The bytes of a stream that are there: one stretch that is being read, and the chunks that wait behind it. The decoder
// is made on it and its loops read `bytes[pos, end)` themselves (measured: an object of its own costs them 3 to 7 %).
// It must never allocate for what was only announced.
//
// What a chunk's end cuts stays where it is, in a store of our own, and what lacks is added behind it: all of a small
// chunk, of a large one only what the token lacks. So cost is linear and errors are the same for any cuts.

import { TextReader } from './text-reader.ts';
import { NEED_DATA } from './values.ts';

const NO_BYTES = new Uint8Array(0);
/** Chunks up to here are copied behind what is there: cheaper than to look at them on their own. */
const SMALL = 4096;
/** What a line gets of a large chunk at first, when its end is not there. */
const LINE_BYTES = 64;
/** The store keeps up to here for its next use: new room costs more than the copy into it. */
const KEPT_BYTES = 2_097_152;

export abstract class ByteInput {
  /** What is being read: a large chunk, or the store. @internal */
  protected bytes: Uint8Array = NO_BYTES;
  /** Of the same bytes: four of them are compared at once. @internal */
  protected view: DataView = new DataView(NO_BYTES.buffer);
  /** @internal */
  protected pos = 0;
  /** @internal */
  protected end = 0;
  /** Offset in the stream of `bytes[0]`. @internal */
  protected base = 0;
  /** Bytes that lack at least, where the end was met. @internal */
  protected need = 1;
  /** Told when the bytes move. @internal */
  protected readonly text = new TextReader();
  #store = NO_BYTES;
  /** Chunks not looked at, and their length: those that come next stand in `#ready`, the first of them last. */
  #queue: Uint8Array[] = [];
  #ready: Uint8Array[] = [];
  #queuedBytes = 0;

  /** Takes a chunk; gives how many bytes wait behind what is being read. @internal */
  protected take(chunk: Uint8Array, maxBufferedBytes: number): number {
    const isRead = this.end - this.pos <= Math.min(SMALL, maxBufferedBytes);
    if (isRead && this.bytes === this.#store && this.#queuedBytes === 0) {
      this.#feed(chunk);
    } else {
      this.#queue.push(chunk);
      this.#queuedBytes += chunk.length;
    }
    return this.#queuedBytes;
  }

  /** The end was met, and nothing can be read before there are bytes up to `until`. @internal */
  protected wait(until: number): typeof NEED_DATA {
    this.need = until - this.end;
    return NEED_DATA;
  }

  /** Adds what comes next to what is there; false when nothing comes, and then nothing refers to a chunk. @internal */
  protected more(): boolean {
    const isMore = this.#queuedBytes > 0;
    if (isMore) {
      // Turned round as a whole: to take the first of very many one by one is quadratic.
      if (this.#ready.length === 0) {
        this.#ready = this.#queue.reverse();
        this.#queue = [];
      }
      const chunk = this.#ready.pop() as Uint8Array;
      this.#queuedBytes -= chunk.length;
      this.#feed(chunk);
    } else if (this.bytes !== this.#store || this.pos === this.end) this.#settle(0);
    return isMore;
  }

  /** Nothing is read any more. @internal */
  protected clear(): void {
    this.bytes = this.#store = NO_BYTES;
    this.pos = this.end = 0;
    this.#queue = this.#ready = [];
  }

  #feed(chunk: Uint8Array): void {
    const length = chunk.length;
    let part = chunk;
    if (length > SMALL) {
      if (this.pos === this.end) {
        // A plain view: one shape for the hot loop, and none of what subclasses override.
        this.#use(new Uint8Array(chunk.buffer, chunk.byteOffset, length), length);
        return;
      }
      part = chunk.subarray(0, Math.max(this.need, LINE_BYTES));
      if (part.length < length) {
        this.#ready.push(chunk.subarray(part.length));
        this.#queuedBytes += length - part.length;
      }
    }
    if (this.bytes !== this.#store || this.end + part.length > this.#store.length) this.#settle(part.length);
    this.#store.set(part, this.end);
    this.end += part.length;
  }

  /** Moves what is not read to the beginning of the store, with room for `more` bytes. */
  #settle(more: number): void {
    const rest = this.bytes.subarray(this.pos, this.end);
    const room = rest.length + more;
    let store = this.#store;
    if (room > store.length || (room === 0 && store.length > KEPT_BYTES)) {
      // Grows with what arrived, and to no more than what is announced: nothing is allocated for a mere length.
      store = new Uint8Array(Math.max(room, Math.min(rest.length + this.need + SMALL, room * 3)));
      this.#store = store;
    }
    store.set(rest);
    this.#use(store, rest.length);
  }

  #use(bytes: Uint8Array, end: number): void {
    this.text.move(this.pos, end);
    this.base += this.pos;
    if (bytes !== this.bytes) this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.bytes = bytes;
    this.pos = 0;
    this.end = end;
  }
}
