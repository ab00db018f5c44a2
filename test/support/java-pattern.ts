// What the AshRedis line server makes of a KEYS pattern, in JavaScript: `.`→`\.`, `*`→`.*`, `?`→`.`, the rest is raw Java regex.
// Used by the model of the line server. Wire document, section 7. It knows what the client sends and what was recorded.

/** Recorded texts; others have the same shape, and break the framing in the same way. */
const RECORDED_ERRORS: Readonly<Record<string, string>> = {
  '[': 'Unclosed character class near index 0\n[\n^',
  '(': 'Unclosed group near index 1\n(',
  '{': 'Illegal repetition near index 1\n{',
  '+': "Dangling meta character '+' near index 0\n+\n^",
  '\\': 'Unexpected internal error near index 1\n\\',
};

/** An expression for whole keys, or the text of a PatternSyntaxException. */
export function javaPattern(pattern: string): RegExp | string {
  const java = pattern.replaceAll('.', '\\.').replaceAll('*', '.*').replaceAll('?', '.');
  try {
    return new RegExp(`^(?:${inJavaScript(java)})$`, 'u');
  } catch {
    return RECORDED_ERRORS[pattern] ?? `Illegal pattern near index 0\n${java}\n^`;
  }
}

/** `\x{…}` is `\u{…}`, and Java's dot does not match U+0085 either. */
function inJavaScript(java: string): string {
  let out = '';
  let inClass = false;
  for (let at = 0; at < java.length; at++) {
    const character = java[at] as string;
    if (character === '\\') {
      const wide = /^\\x\{([0-9A-Fa-f]+)\}/.exec(java.slice(at));
      if (wide !== null) {
        out += `\\u{${wide[1]}}`;
        at += wide[0].length - 1;
      } else {
        out += character + (java[at + 1] ?? '');
        at++;
      }
      continue;
    }
    if (character === '[') inClass = true;
    else if (character === ']') inClass = false;
    out += character === '.' && !inClass ? '[^\\n\\r\\u0085\\u2028\\u2029]' : character;
  }
  return out;
}
