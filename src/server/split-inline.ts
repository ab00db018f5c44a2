// Splits a Redis inline command into its arguments, with redis-cli's quoting (sdssplitargs).
// Called by the request parser. Works on byte strings.

const SIMPLE_ESCAPES: Record<string, string> = { n: '\n', r: '\r', t: '\t', b: '\b', a: '\x07' };
const HEX_PAIR = /^[0-9a-fA-F]{2}$/;

/** C's isspace(), and NUL, which ends a string there. */
function isBlank(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13) || code === 0;
}

/** What ends a word without quotes: fewer than what may stand before one, as in Redis. */
function endsWord(code: number): boolean {
  return code === 32 || code === 9 || code === 10 || code === 13 || code === 0;
}

/** The arguments, or undefined when a quote is open or is not followed by a blank. */
export function splitInline(line: string): string[] | undefined {
  const args: string[] = [];
  let at = 0;
  for (;;) {
    while (at < line.length && isBlank(line.charCodeAt(at))) at++;
    if (at >= line.length) return args;
    let current = '';
    while (at < line.length && !endsWord(line.charCodeAt(at))) {
      const char = line[at] as string;
      if (char !== '"' && char !== "'") {
        current += char;
        at++;
        continue;
      }
      const quoted = char === '"' ? readDouble(line, at + 1) : readSingle(line, at + 1);
      if (quoted === undefined) return undefined;
      current += quoted.text;
      at = quoted.end;
      if (at < line.length && !isBlank(line.charCodeAt(at))) return undefined;
      break;
    }
    args.push(current);
  }
}

interface Quoted {
  text: string;
  /** Index after the closing quote. */
  end: number;
}

function readDouble(line: string, start: number): Quoted | undefined {
  let text = '';
  for (let at = start; at < line.length; at++) {
    const char = line[at] as string;
    if (char === '"') return { text, end: at + 1 };
    if (char !== '\\' || at + 1 >= line.length) {
      text += char;
      continue;
    }
    const hex = line.slice(at + 2, at + 4);
    if (line[at + 1] === 'x' && HEX_PAIR.test(hex)) {
      text += String.fromCharCode(Number.parseInt(hex, 16));
      at += 3;
    } else {
      const next = line[at + 1] as string;
      text += SIMPLE_ESCAPES[next] ?? next;
      at++;
    }
  }
  return undefined;
}

function readSingle(line: string, start: number): Quoted | undefined {
  let text = '';
  for (let at = start; at < line.length; at++) {
    const char = line[at] as string;
    if (char === "'") return { text, end: at + 1 };
    if (char === '\\' && line[at + 1] === "'") {
      text += "'";
      at++;
    } else {
      text += char;
    }
  }
  return undefined;
}
