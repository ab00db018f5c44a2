// Redis's glob patterns (KEYS, SCAN, PSUBSCRIBE, PUBSUB, CONFIG GET), compiled once and matched without recursion.
// Called by the keyspace, the hub and CONFIG. It must never use a regular expression: a pattern comes from anybody,
// and one star is given back at a time, so that the cost is at most pattern × text, never exponential.

const ANY = -1;
const STAR = -2;
/** Class n is stored as token `CLASS - n`. */
const CLASS = -3;
const CLASS_BYTES = 32;
const NONE = new Uint8Array(0);

export class Glob {
  /** The pattern as it was given. */
  readonly pattern: string;
  readonly #tokens: number[] = [];
  /** The members of all classes, a bit a character: long patterns may hold thousands of classes, and be kept. */
  #members = NONE;
  #classCount = 0;
  /** Characters that every match has at least. */
  #minLength = 0;
  /** True for `*`, which matches everything without a look. */
  readonly #everything: boolean;

  constructor(pattern: string) {
    this.pattern = pattern;
    this.#compile(pattern);
    this.#everything = pattern === '*';
  }

  matches(text: string): boolean {
    if (this.#everything) return true;
    // As in Redis, where `**` finds every text but the empty one.
    if (text === '') return this.pattern === '';
    if (text.length < this.#minLength) return false;
    const tokens = this.#tokens;
    let at = 0;
    let token = 0;
    let starToken = -1;
    let starAt = 0;
    while (at < text.length) {
      const wanted = tokens[token];
      if (wanted === STAR) {
        starToken = token++;
        starAt = at;
      } else if (wanted !== undefined && this.#fits(wanted, text.charCodeAt(at))) {
        token++;
        at++;
      } else if (starToken >= 0) {
        // Only the last star needs to give back: an earlier one could not do better.
        token = starToken + 1;
        at = ++starAt;
      } else {
        return false;
      }
    }
    while (tokens[token] === STAR) token++;
    return token === tokens.length;
  }

  #fits(token: number, char: number): boolean {
    if (token >= 0) return token === char;
    if (token === ANY) return true;
    const byte = this.#members[(CLASS - token) * CLASS_BYTES + (char >> 3)] as number;
    return (byte & (1 << (char & 7))) !== 0;
  }

  #compile(pattern: string): void {
    let at = 0;
    while (at < pattern.length) {
      const char = pattern.charCodeAt(at);
      if (char === 42 /* * */) {
        if (this.#tokens[this.#tokens.length - 1] !== STAR) this.#tokens.push(STAR);
        at++;
        continue;
      }
      this.#minLength++;
      if (char === 63 /* ? */) {
        this.#tokens.push(ANY);
        at++;
      } else if (char === 91 /* [ */) {
        at = this.#compileClass(pattern, at + 1);
      } else {
        // A backslash takes the next character as it is; at the end it stands for itself.
        if (char === 92 && at + 1 < pattern.length) at++;
        this.#tokens.push(pattern.charCodeAt(at));
        at++;
      }
    }
  }

  /** As Redis reads a class: `[a-]` is a range up to `]`, a reversed range is turned round, an open class ends with the pattern. */
  #compileClass(pattern: string, start: number): number {
    // No class without its bracket.
    if (this.#classCount === 0) this.#members = new Uint8Array(CLASS_BYTES * (pattern.split('[').length - 1));
    const from = this.#classCount * CLASS_BYTES;
    const members = this.#members.subarray(from, from + CLASS_BYTES);
    const add = (char: number) => {
      members[char >> 3] = (members[char >> 3] as number) | (1 << (char & 7));
    };
    let at = start;
    const not = pattern.charCodeAt(at) === 94;
    if (not) at++;
    while (at < pattern.length) {
      const char = pattern.charCodeAt(at);
      const left = pattern.length - at;
      if (char === 92 && left >= 2) {
        add(pattern.charCodeAt(at + 1));
        at += 2;
      } else if (char === 93) {
        break;
      } else if (left >= 3 && pattern.charCodeAt(at + 1) === 45) {
        const other = pattern.charCodeAt(at + 2);
        for (let one = Math.min(char, other); one <= Math.max(char, other); one++) add(one);
        at += 3;
      } else {
        add(char);
        at++;
      }
    }
    if (not) for (let i = 0; i < CLASS_BYTES; i++) members[i] = ~(members[i] as number);
    this.#tokens.push(CLASS - this.#classCount++);
    return at + 1;
  }
}
