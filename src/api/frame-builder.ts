// Puts many commands' bytes into one frame: as one text while all is text, as pieces where some are bytes.
// Used by batches and by `publishMany`. Pure; a frame given in is not changed.

import type { Frame } from '../net/index.ts';

export class FrameBuilder {
  byteLength = 0;
  #text = '';
  #ascii = true;
  #parts: (string | Uint8Array)[] | undefined;

  add(frame: Frame): void {
    this.byteLength += frame.byteLength;
    if (frame.text !== undefined) {
      this.#text += frame.text;
      this.#ascii &&= frame.ascii;
      return;
    }
    for (const part of frame.parts ?? []) {
      if (typeof part === 'string') this.#text += part;
      else this.#addBytes(part);
    }
  }

  /** Text whose length in bytes is known. */
  addText(text: string, byteLength: number): void {
    this.byteLength += byteLength;
    this.#text += text;
    if (byteLength !== text.length) this.#ascii = false;
  }

  frame(): Frame {
    const { byteLength } = this;
    if (this.#parts === undefined) return { text: this.#text, ascii: this.#ascii, parts: undefined, byteLength };
    return { text: undefined, ascii: false, parts: [...this.#parts, this.#text], byteLength };
  }

  #addBytes(bytes: Uint8Array): void {
    (this.#parts ??= []).push(this.#text, bytes);
    this.#text = '';
  }
}

/** One frame of many. */
export function joinFrames(frames: readonly Frame[]): Frame {
  const builder = new FrameBuilder();
  for (const frame of frames) builder.add(frame);
  return builder.frame();
}
