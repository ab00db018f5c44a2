// Redis's glob in the dialect of the line server's KEYS, where everything but `. * ?` is a raw Java regular
// expression. Wire document, sections 7 and 11.7. Called by the line encoder, for every KEYS.
// It must never let a character through that is special there: a bad expression breaks the framing of replies, and
// a group with repetition kills one of the server's threads for good.
//
// `*` and `?` do not match line terminators on the server, so keys that hold one are not listed.

/** No character is in this class, as none is in Redis's `[]`. */
const NOTHING = '[^\\x00-\\x{10FFFF}]';

export function translatePattern(glob: string): string {
  const characters = [...glob];
  let out = '';
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at]!;
    if (character === '*') {
      if (characters[at - 1] !== '*' || !out.endsWith('*')) out += '*';
    } else if (character === '?') out += '?';
    else if (character === '\\' && at + 1 < characters.length) out += literal(characters[++at]!);
    else if (character !== '[') out += literal(character);
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
    let from = characters[at]!;
    if (from === '\\' && at + 1 < characters.length) from = characters[++at]!;
    else if (characters[at + 1] === '-' && at + 2 < characters.length) {
      let to = characters[at + 2]!;
      // Redis swaps the ends of a reversed range; Java refuses it.
      if (from.codePointAt(0)! > to.codePointAt(0)!) [from, to] = [to, from];
      members += `${escaped(from)}-${escaped(to)}`;
      at += 3;
      continue;
    }
    members += escaped(from);
    at++;
  }
  if (members === '') return [negated ? '?' : NOTHING, at];
  return [`[${negated ? '^' : ''}${members}]`, at];
}

function literal(character: string): string {
  return /^[A-Za-z0-9_:.-]$/.test(character) ? character : escaped(character);
}

/** In a class `.` and `-` are escaped too: the server rewrites the one, Java reads the other as a range. */
function escaped(character: string): string {
  if (/^[A-Za-z0-9_:]$/.test(character)) return character;
  const code = character.codePointAt(0)!;
  const hex = code.toString(16);
  return code < 0x100 ? `\\x${hex.padStart(2, '0')}` : `\\x{${hex}}`;
}
