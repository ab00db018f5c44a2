// The server's own view of a line: how it is cut into words. Wire document, section 2.
// Called by the embedded server and the tests' model server; the client's quoting is proved against it.
// It must never throw: an unclosed quote is an answer, since the connection stays usable.

export interface TokenizedLine {
  readonly tokens: readonly string[];
  /** True: the server answers `-ERR Unclosed quote in command`. */
  readonly unclosedQuote: boolean;
}

/** What `Character.isWhitespace` says in Java. Not U+00A0, U+2007, U+202F, U+0085, U+FEFF. */
function isLineWhitespace(unit: number): boolean {
  if (unit <= 0x20) return unit >= 0x1c || (unit >= 0x09 && unit <= 0x0d);
  if (unit < 0x1680) return false;
  if (unit >= 0x2000 && unit <= 0x200a) return unit !== 0x2007;
  return unit === 0x1680 || unit === 0x2028 || unit === 0x2029 || unit === 0x205f || unit === 0x3000;
}

/** `String.trim()` in Java: everything up to U+0020 goes, at both ends. */
export function trimLine(line: string): string {
  let start = 0;
  let end = line.length;
  while (start < end && line.charCodeAt(start) <= 0x20) start++;
  while (end > start && line.charCodeAt(end - 1) <= 0x20) end--;
  return line.slice(start, end);
}

/** `line` comes without its terminator. `quotes: false` is the build of October 2025: it only splits at ASCII blanks. */
export function tokenizeLine(line: string, options: { quotes?: boolean } = {}): TokenizedLine {
  const text = trimLine(line);
  if (options.quotes === false) return { tokens: text.split(/[ \t\n\v\f\r]+/), unclosedQuote: false };
  const tokens: string[] = [];
  let token = '';
  let quote = '';
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    const next = text[at + 1];
    if (quote !== '') {
      if (character === '\\' && next !== undefined) {
        const plain = ESCAPES.get(next);
        token += plain ?? `\\${next}`;
        at++;
      } else if (character === quote) quote = '';
      else token += character;
    } else if (character === '\\' && (next === '"' || next === "'")) {
      token += next;
      at++;
    } else if (character === '"' || character === "'") quote = character;
    else if (!isLineWhitespace(text.charCodeAt(at))) token += character;
    else if (token !== '') {
      tokens.push(token);
      token = '';
    }
  }
  // An empty token vanishes, quoted or not: the reason why an empty value can't be sent.
  if (token !== '') tokens.push(token);
  return { tokens, unclosedQuote: quote !== '' };
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ["'", "'"],
  ['\\', '\\'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
]);
