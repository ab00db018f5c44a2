// UTF-8 in both directions: the platform's where it has one, our own where not (QuickJS has neither class).
// Called by the decoder and the encoders. Nothing here throws for any bytes: what is not UTF-8 becomes U+FFFD.

/** Decodes `bytes[start, end)`. */
export type DecodeUtf8 = (bytes: Uint8Array, start: number, end: number) => string;

/** What is looked for on the platform. All are optional. */
export interface TextGlobals {
  TextDecoder?: new (label: string, options: { ignoreBOM: boolean }) => { decode(bytes: Uint8Array): string };
  Buffer?: { prototype: { utf8Slice?: (start: number, end: number) => string } };
}

/** The two decoders for the text of replies: they give the same strings, at different costs. */
export interface TextDecoders {
  /** The quicker one where most bytes are ASCII: Node's `utf8Slice` (a call without a view), else as `wide`. */
  readonly narrow: DecodeUtf8;
  /** The quicker one elsewhere: `TextDecoder`. */
  readonly wide: DecodeUtf8;
}

/** Looks once for what the platform has. */
export function findTextDecoders(globals: TextGlobals = globalThis as unknown as TextGlobals): TextDecoders {
  // ignoreBOM: a BOM is a character of the value, not a mark that may vanish.
  const decoder = globals.TextDecoder === undefined ? undefined : new globals.TextDecoder('utf-8', { ignoreBOM: true });
  const wide: DecodeUtf8 =
    decoder === undefined ? decodeUtf8 : (bytes, start, end) => decoder.decode(bytes.subarray(start, end));
  const slice = globals.Buffer?.prototype.utf8Slice;
  return { narrow: slice === undefined ? wide : (bytes, start, end) => slice.call(bytes, start, end), wide };
}

/** Our own decoder, with the replacement rules of WHATWG's Encoding Standard, section 9.1. */
export function decodeUtf8(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  let units: number[] = [];
  for (let at = start; at < end; ) {
    let point = bytes[at++]!;
    if (point > 0x7f) {
      const lead = point;
      let missing = lead < 0xc2 || lead > 0xf4 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
      point = missing === 0 ? 0xfffd : lead & (0x3f >> missing);
      // The second byte's range shuts out overlong forms, surrogates and what is beyond U+10FFFF.
      let low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
      let high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
      for (; missing > 0; missing--) {
        const next = at < end ? bytes[at]! : 0;
        if (next < low || next > high) {
          point = 0xfffd;
          break;
        }
        low = 0x80;
        high = 0xbf;
        point = (point << 6) | (next & 0x3f);
        at++;
      }
    }
    if (point > 0xffff) units.push(0xd7c0 + (point >> 10), 0xdc00 | (point & 0x3ff));
    else units.push(point);
    if (units.length > 4000) {
      text += String.fromCharCode(...units);
      units = [];
    }
  }
  return text + String.fromCharCode(...units);
}

/** Length of `text` in UTF-8. A lone surrogate counts as U+FFFD: 3 bytes. */
export function utf8Length(text: string): number {
  let length = text.length;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit < 0x80) continue;
    length += unit < 0x800 ? 1 : 2;
    if (isPair(text, at)) at++;
  }
  return length;
}

/** Writes `text` at `at` and gives the offset behind it. There must be room. */
export function writeUtf8(text: string, into: Uint8Array, at: number): number {
  for (let index = 0; index < text.length; index++) {
    let point = text.charCodeAt(index);
    if (point < 0x80) {
      into[at++] = point;
      continue;
    }
    if (point < 0x800) {
      into[at++] = 0xc0 | (point >> 6);
    } else {
      if (isPair(text, index)) {
        point = text.codePointAt(index++)!;
        into[at++] = 0xf0 | (point >> 18);
        into[at++] = 0x80 | ((point >> 12) & 0x3f);
      } else {
        if (point >= 0xd800 && point <= 0xdfff) point = 0xfffd;
        into[at++] = 0xe0 | (point >> 12);
      }
      into[at++] = 0x80 | ((point >> 6) & 0x3f);
    }
    into[at++] = 0x80 | (point & 0x3f);
  }
  return at;
}

/** True when a high surrogate and its low one stand at `at`. */
function isPair(text: string, at: number): boolean {
  return (text.charCodeAt(at) & 0xfc00) === 0xd800 && (text.charCodeAt(at + 1) & 0xfc00) === 0xdc00;
}
