// Redis's glob in the dialect of the line server's KEYS, where everything but `. * ?` is a raw Java regular
// expression. Wire document, sections 7 and 11.7. Called by the line encoder, for every KEYS.
// It must never let a character through that is special there: a bad expression breaks the framing of replies, and
// a group with repetition kills one of the server's threads for good.
//
// `*` and `?` do not match line terminators on the server, so keys that hold one are not listed.

/** No character is in this class, as none is in Redis's `[]`. */
const NOTHING = '[^\\x00-\\x{10FFFF}]';

/** What means itself outside a class. */
const PLAIN = /[\w:.-]/;

export function translatePattern(glob: string): string {
  const characters = [...glob];
  let out = '';
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at]!;
    if (character === '*') {
      if (characters[at - 1] !== '*' || !out.endsWith('*')) out += '*';
    } else if (character === '?') out += '?';
    else if (character === '\\' && at + 1 < characters.length) out += escaped(characters[++at]!, PLAIN);
    else if (character !== '[') out += escaped(character, PLAIN);
    else {
      const [text, end] = characterClass(characters, at + 1);
      out += text;
      at = end;
    }
  }
  return out;
}

/** The class that begins after its `[`, and the index of its last character. An unclosed one ends with the pattern. */
function characterClass(characters: readonly string[], start: number): [string, number] {
  let at = start;
  const negated = characters[at] === '^';
  if (negated) at++;
  let members = '';
  while (at < characters.length && characters[at] !== ']') {
    const from = characters[at]!;
    if (from === '\\' && at + 1 < characters.length) members += escaped(characters[++at]!);
    else if (characters[at + 1] === '-' && at + 2 < characters.length) {
      const ends = [from, characters[(at += 2)]!];
      // Redis swaps the ends of a reversed range; Java refuses it.
      if (from.codePointAt(0)! > ends[1]!.codePointAt(0)!) ends.reverse();
      members += ends.map((end) => escaped(end)).join('-');
    } else members += escaped(from);
    at++;
  }
  if (members === '') return [negated ? '?' : NOTHING, at];
  return [`[${negated ? '^' : ''}${members}]`, at];
}

/** In a class `.` and `-` are escaped too: the server rewrites the one, Java reads the other as a range. */
function escaped(character: string, plain = /\w|:/): string {
  if (plain.test(character)) return character;
  const hex = character.codePointAt(0)!.toString(16);
  return hex.length > 2 ? `\\x{${hex}}` : `\\x${hex.padStart(2, '0')}`;
}
