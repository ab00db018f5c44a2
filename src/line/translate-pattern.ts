// Redis's glob in the dialect of the line server's KEYS, where everything but `. * ?` is a raw Java regular
// expression. Wire document, sections 7 and 11.7. Called by the line encoder, for every KEYS.
// It must never let a character through that is special there: a bad expression breaks the framing of replies, and
// a group with repetition kills one of the server's threads for good.
//
// `*` and `?` do not match line terminators on the server, so keys that hold one are not listed.

/** No character is in this class, as none is in Redis's `[]`. */
const NOTHING = '[^\\x00-\\x{10FFFF}]';
/** Stars, a question mark, a class (an unclosed one ends with the pattern), or a character that means itself. */
const TOKEN = /\*+|\?|\[(\^?)((?:\\.|[^\]]-.|[^\]])*)\]?|\\?(.)/gsu;
/** In a class: a quoted character, a range, or any other character. */
const MEMBER = /\\(.)|(.)-(.)|./gsu;

export function translatePattern(glob: string): string {
  return glob.replace(TOKEN, (token: string, negated: string, members: string, literal?: string) => {
    if (literal !== undefined) return /[.-]/.test(literal) ? literal : escaped(literal);
    if (token[0] !== '[') return token[0] as string;
    if (members === '') return negated === '' ? NOTHING : '?';
    return `[${negated}${members.replace(MEMBER, memberOf)}]`;
  });
}

/** `from` and `to` are of a range, or both undefined. */
function memberOf(member: string, quoted: string | undefined, from: string, to: string | undefined): string {
  if (to === undefined) return escaped(quoted ?? member);
  // Redis swaps the ends of a reversed range; Java refuses it.
  const reversed = from.codePointAt(0)! > to.codePointAt(0)!;
  return reversed ? `${escaped(to)}-${escaped(from)}` : `${escaped(from)}-${escaped(to)}`;
}

/** In a class `.` and `-` are escaped too: the server rewrites the one, Java reads the other as a range. */
function escaped(character: string): string {
  if (/[\w:]/.test(character)) return character;
  const hex = character.codePointAt(0)!.toString(16);
  return hex.length > 2 ? `\\x{${hex}}` : `\\x${hex.padStart(2, '0')}`;
}
