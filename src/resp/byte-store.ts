// Bytes that are kept because their end has not come yet: a cut line or payload, the chunks of a streamed string.
// Called by the decoder. It must never allocate for what was only announced: room grows with what arrived.

export class ByteStore {
  /** Room; only the first `length` bytes mean anything. */
  bytes = new Uint8Array(0);
  length = 0;

  /** Adds `from[start, end)`. Room doubles, so that the cost is linear in bytes however small the pieces are. */
  append(from: Uint8Array, start: number, end: number, expected: number): void {
    const length = this.length + end - start;
    if (length > this.bytes.length) {
      // No larger than what is expected in all, so that a full block holds nothing else.
      const larger = new Uint8Array(Math.max(length, Math.min(expected, 512 + length * 2)));
      larger.set(this.bytes.subarray(0, this.length));
      this.bytes = larger;
    }
    this.bytes.set(from.subarray(start, end), this.length);
    this.length = length;
  }
}
