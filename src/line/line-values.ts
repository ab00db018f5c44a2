// The values that the line decoder gives beyond JavaScript's own. Data only.
// Called by net, which turns a LineError into the RESP room's error value: this room does not know RESP.

/** Given by `read()` when the bytes pushed so far hold no further whole reply. */
export const NEED_LINE_DATA: unique symbol = Symbol('NEED_LINE_DATA');

/** An error reply: a value, not an exception. */
export class LineError {
  /** The whole text with its prefix, as in `ERR empty command`. */
  readonly message: string;

  constructor(message: string) {
    this.message = message;
  }
}

export type LineValue = string | number | bigint | null | LineError | (string | null)[];
