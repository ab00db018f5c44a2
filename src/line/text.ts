// Text as UTF-8: its length without making it, and base64 of it.
// Called by the line encoder, and by net where there is no `Buffer`. Pure.

/** Bytes of `text` as UTF-8; a lone surrogate counts as the U+FFFD that it becomes. */
export function countUtf8(text: string): number {
  let bytes = text.length;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) continue;
    if (unit < 0x800) bytes += 1;
    else {
      bytes += 2;
      // A pair is two units and four bytes: two more than its length, not four.
      if (unit >= 0xd800 && unit < 0xdc00 && (text.charCodeAt(index + 1) & 0xfc00) === 0xdc00) index++;
    }
  }
  return bytes;
}

/** Standard alphabet with padding: the only one that `B64SET` takes. */
export function base64OfText(text: string): string {
  const bytes = new TextEncoder().encode(text);
  const { btoa } = globalThis as unknown as { btoa(latin1: string): string };
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}
