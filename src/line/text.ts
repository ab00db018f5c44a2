// What one pass over a text tells: its length in UTF-8 and whether UTF-8 can carry it; and base64 of UTF-8.
// Called by the line encoder. Pure, and it must never replace a character that it does not like.

/** Length in UTF-8, or -1 when the text holds a lone surrogate, which the server answers by closing the connection. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit < 0x80) continue;
    if (unit < 0x800) bytes += 1;
    else if (unit < 0xd800 || unit > 0xdfff) bytes += 2;
    else {
      const next = text.charCodeAt(at + 1);
      if (unit > 0xdbff || !(next >= 0xdc00 && next <= 0xdfff)) return -1;
      bytes += 2;
      at++;
    }
  }
  return bytes;
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Standard alphabet with padding: the only one that `B64SET` takes. */
export function base64OfText(text: string): string {
  const bytes = new TextEncoder().encode(text);
  const groups: string[] = [];
  for (let at = 0; at < bytes.length; at += 3) {
    const left = bytes.length - at;
    const bits = (bytes[at]! << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    groups.push(
      ALPHABET[bits >> 18]! +
        ALPHABET[(bits >> 12) & 63]! +
        (left > 1 ? ALPHABET[(bits >> 6) & 63]! : '=') +
        (left > 2 ? ALPHABET[bits & 63]! : '='),
    );
  }
  return groups.join('');
}
