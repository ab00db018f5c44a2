// A link over any stream of bytes: Node's sockets, TLS, and streams that users bring (`transport`).
// Called by `node-platform.ts`. It must never decide anything: it hands bytes over and tells what happened, once each.

import { asError } from './as-error.ts';
import type { Frame, Link, LinkEvents } from './types.ts';

/** The part of a Node stream that is used. */
export interface ByteStream {
  write(chunk: string | Uint8Array, encoding?: 'latin1' | 'utf8'): boolean;
  destroy(error?: Error): unknown;
  pause(): unknown;
  resume(): unknown;
  // biome-ignore lint/suspicious/noExplicitAny: listeners of streams take what the event brings
  on(event: string, listener: (...args: any[]) => void): unknown;
  cork?(): void;
  uncork?(): void;
  unref?(): unknown;
  readonly writableLength?: number;
  readonly writableObjectMode?: boolean;
}

/** Text up to this size is joined with its neighbours into one write; above it a write of its own is cheaper. */
const JOINED_BYTES = 16 * 1024;
/**
 * Joined text of a write ends here: what V8 must keep among its large objects costs many times as much to flatten
 * (measured: 1 KiB messages, 6.3 µs each in one text of 256 KiB, 0.7 µs in texts of 32 to 64 KiB).
 */
const WRITE_CHARACTERS = 48 * 1024;

export class StreamLink implements Link {
  readonly #events: LinkEvents;
  /** Undefined until it has been brought. */
  #stream: ByteStream | undefined;
  #open = false;
  #closed = false;
  #unreferenced = false;
  /** Of an object mode, whose length counts chunks: bytes since it had taken all. */
  #given = 0;

  constructor(events: LinkEvents) {
    this.#events = events;
  }

  /**
   * `opensOn` is the event that says that bytes may flow, or undefined when they may at once. `fills`: the stream calls
   * {@link received} itself.
   */
  attach(stream: ByteStream, opensOn: string | undefined, fills = false): this {
    // A stream that does not close itself after an error would hang for ever; and whose error nobody hears ends the process.
    stream.on('error', (error: Error) => this.fail(error));
    if (this.#closed) {
      stream.destroy();
      return this;
    }
    this.#stream = stream;
    if (this.#unreferenced) stream.unref?.();
    if (!fills) {
      stream.on('data', (chunk: Uint8Array | string | object) => {
        if (ArrayBuffer.isView(chunk)) this.received(chunk as Uint8Array);
        else this.fail(new TypeError(`"transport" gave a stream of ${typeof chunk}s, allowed is one of bytes`));
      });
    }
    stream.on('drain', () => {
      if (!this.#closed) this.#events.onDrain();
    });
    // After its end our side ends too: a half-open link can't answer anything.
    const ended = () => this.fail(undefined);
    stream.on('end', ended);
    stream.on('close', ended);
    const opened = () => {
      if (this.#open || this.#closed) return;
      this.#open = true;
      this.#events.onOpen();
    };
    if (opensOn === undefined) opened();
    else stream.on(opensOn, opened);
    return this;
  }

  get pendingBytes(): number {
    const { writableLength = 0, writableObjectMode } = this.#stream ?? {};
    return writableLength && writableObjectMode ? this.#given : writableLength;
  }

  /** Where the socket fills a buffer of ours, it calls this; other streams emit `data`. */
  received(chunk: Uint8Array): void {
    // An object mode's chunk may hold nothing.
    if (!this.#closed && chunk.length > 0) this.#events.onData(chunk);
  }

  /** The stream is no more, or never came. */
  fail(error: Error | undefined): void {
    if (this.#closed) return;
    this.destroy();
    this.#events.onClose(error);
  }

  /** What a user's stream throws is its end, told later: who asks for it is in the middle of something. */
  #ask(what: (stream: ByteStream) => void): void {
    try {
      if (this.#stream !== undefined) what(this.#stream);
    } catch (error) {
      Promise.resolve().then(() => this.fail(asError(error)));
    }
  }

  write(frames: readonly Frame[]): void {
    if (this.#closed) return;
    this.#ask((stream) => {
      if (stream.writableObjectMode) {
        if (!stream.writableLength) this.#given = 0;
        for (const { byteLength } of frames) this.#given += byteLength;
      }
      writeFrames(stream, frames);
    });
  }

  pauseReading(): void {
    this.#ask((stream) => stream.pause());
  }

  resumeReading(): void {
    if (!this.#closed) this.#ask((stream) => stream.resume());
  }

  destroy(): void {
    this.#closed = true;
    this.#ask((stream) => stream.destroy());
  }

  unref(): void {
    this.#unreferenced = true;
    this.#stream?.unref?.();
  }
}

function writeFrames(stream: ByteStream, frames: readonly Frame[]): void {
  let text = '';
  let ascii = true;
  let corked = false;
  for (const frame of frames) {
    if (frame.text !== undefined && frame.byteLength <= JOINED_BYTES) {
      if (text.length + frame.text.length > WRITE_CHARACTERS) {
        writeText(stream, text, ascii);
        text = '';
        ascii = true;
      }
      text += frame.text;
      if (!frame.ascii) ascii = false;
      continue;
    }
    if (frame.text !== undefined) {
      // Large enough for a system call of its own (measured: corked with others it cost a fifth more).
      writeText(stream, text, ascii);
      writeText(stream, frame.text, frame.ascii);
      text = '';
      ascii = true;
      continue;
    }
    if (!corked) {
      corked = true;
      stream.cork?.();
    }
    // The end of one and the head of the next are one text (measured: a quarter of the time).
    for (const part of frame.parts!) {
      if (typeof part === 'string') {
        text += part;
        ascii = false;
        continue;
      }
      writeText(stream, text, ascii);
      stream.write(part);
      text = '';
      ascii = true;
    }
  }
  writeText(stream, text, ascii);
  if (corked) stream.uncork?.();
}

function writeText(stream: ByteStream, text: string, ascii: boolean): void {
  if (text !== '') stream.write(text, ascii ? 'latin1' : 'utf8');
}
