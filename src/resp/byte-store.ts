// Bytes that are kept because their end has not come yet: a cut line, a cut payload, the chunks of a streamed string.
// Called by the decoder. It must never allocate for what was only announced: room grows with what arrived.

/** Kept between uses up to here; a larger block is let go. */
const KEPT_BYTES = 65_536;

export class ByteStore {
  /** Room; only the first `length` bytes mean anything. */
  bytes: Uint8Array = new Uint8Array(0);
  length = 0;

  /** Adds `from[start, end)`. Room doubles, so that the cost is linear in bytes however small the pieces are. */
  append(from: Uint8Array, start: number, end: number, expected: number): void {
    const length = this.length + end - start;
    if (length > this.bytes.length) {
      // No larger than what is expected in all, so that a full block can be handed over as it is.
      const larger = new Uint8Array(Math.max(length, Math.min(expected, Math.max(512, length * 2))));
      larger.set(this.bytes.subarray(0, this.length));
      this.bytes = larger;
    }
    this.bytes.set(start === 0 && end === from.length ? from : from.subarray(start, end), this.length);
    this.length = length;
  }

  /** Empties it; what `bytes` held stays readable until the next append. */
  clear(): void {
    this.length = 0;
    if (this.bytes.length > KEPT_BYTES) this.bytes = new Uint8Array(0);
  }
}
