// The patterns of KEYS in the line dialect: Java regular expressions in which the server writes `.` as `\.`, `*` as
// `.*` and `?` as `.`. Wire document, section 7. Called by the line commands.
// It must never backtrack: all states are followed at once, so that the cost is at most pattern × text. On the real
// server `(a|b){0,}` and one long key end a thread for good.

/** States, and ranges of classes, of one compiled pattern. */
const MAX_COST = 4000;
const MAX_DEPTH = 50;
const MAX_CODE_POINT = 0x10ffff;

/** Pairs of first and last code point. */
interface CharacterSet {
  readonly ranges: readonly number[];
  readonly negated: boolean;
}

type Node =
  | { readonly kind: 'set'; readonly set: CharacterSet }
  | { readonly kind: 'sequence' | 'choice'; readonly nodes: readonly Node[] }
  | { readonly kind: 'repeat'; readonly node: Node; readonly min: number; readonly max: number };

/** What is wrong with a pattern: the text of the error reply, one line. */
export class LinePatternError extends Error {}

/** Any character but Java's line terminators. */
const DOT: CharacterSet = { ranges: [0x0a, 0x0a, 0x0d, 0x0d, 0x85, 0x85, 0x2028, 0x2029], negated: true };

export class LinePattern {
  /** The one text that matches, where the pattern has no special character. */
  readonly literal: string | undefined;
  readonly #sets: (CharacterSet | undefined)[] = [];
  /** Of a set: the state after it. Of a fork (no set): both ways; the last state is the match. */
  readonly #next: number[] = [];
  readonly #other: number[] = [];
  #start = 0;
  /** Of each state: the turn in which it was reached last. */
  #marks = new Uint32Array(0);
  #turn = 0;
  #cost = 0;

  /** Throws a `LinePatternError`. */
  constructor(pattern: string) {
    this.literal = /^[^*?+|(){}[\]^$\\]*$/.test(pattern) ? pattern : undefined;
    if (this.literal !== undefined) return;
    const rewritten = pattern.replace(/[.*?]/g, (character) => REWRITTEN.get(character) as string);
    const match = this.#state(undefined, -1, -1);
    this.#start = this.#compile(new PatternReader(rewritten).read(), match);
    this.#marks = new Uint32Array(this.#next.length);
  }

  matches(text: string): boolean {
    if (this.literal !== undefined) return text === this.literal;
    let states = this.#closure([this.#start]);
    for (const character of text) {
      if (states.length === 0) return false;
      const code = character.codePointAt(0) as number;
      const reached: number[] = [];
      for (const state of states) {
        const set = this.#sets[state];
        if (set !== undefined && contains(set, code)) reached.push(this.#next[state] as number);
      }
      states = this.#closure(reached);
    }
    return states.includes(0);
  }

  /** Everything that is reached from `states` without a character, each state once. */
  #closure(states: number[]): number[] {
    // Marks are compared with the turn: no clearing between characters.
    const turn = ++this.#turn;
    const found: number[] = [];
    while (states.length > 0) {
      const state = states.pop() as number;
      if (this.#marks[state] === turn) continue;
      this.#marks[state] = turn;
      if (state === 0 || this.#sets[state] !== undefined) found.push(state);
      else states.push(this.#next[state] as number, this.#other[state] as number);
    }
    return found;
  }

  #state(set: CharacterSet | undefined, next: number, other: number): number {
    this.#cost += 1 + (set?.ranges.length ?? 0) / 2;
    if (this.#cost > MAX_COST) throw new LinePatternError('pattern is too large');
    this.#sets.push(set);
    this.#next.push(next);
    this.#other.push(other);
    return this.#next.length - 1;
  }

  /** The first state of `node`, which goes on to `next`. */
  #compile(node: Node, next: number): number {
    switch (node.kind) {
      case 'set':
        return this.#state(node.set, next, -1);
      case 'sequence':
        return node.nodes.reduceRight((after, part) => this.#compile(part, after), next);
      case 'choice':
        return node.nodes
          .map((part) => this.#compile(part, next))
          .reduceRight((other, first) => this.#state(undefined, first, other));
      case 'repeat':
        return this.#repeat(node.node, node.min, node.max, next);
    }
  }

  #repeat(node: Node, min: number, max: number, next: number): number {
    let start = next;
    if (max === Number.POSITIVE_INFINITY) {
      const fork = this.#state(undefined, next, next);
      this.#next[fork] = this.#compile(node, fork);
      start = fork;
    } else {
      for (let count = min; count < max; count++) start = this.#state(undefined, this.#compile(node, start), next);
    }
    for (let count = 0; count < min; count++) {
      // Counted even where the part itself has no state, as `(){9999999}`.
      this.#cost++;
      if (this.#cost > MAX_COST) throw new LinePatternError('pattern is too large');
      start = this.#compile(node, start);
    }
    return start;
  }
}

const REWRITTEN: ReadonlyMap<string, string> = new Map([
  ['.', '\\.'],
  ['*', '.*'],
  ['?', '.'],
]);

function contains(set: CharacterSet, code: number): boolean {
  const { ranges } = set;
  for (let at = 0; at < ranges.length; at += 2) {
    if (code >= (ranges[at] as number) && code <= (ranges[at + 1] as number)) return !set.negated;
  }
  return set.negated;
}

const CLASSES: ReadonlyMap<string, readonly number[]> = new Map([
  ['d', [48, 57]],
  ['w', [48, 57, 65, 90, 95, 95, 97, 122]],
  ['s', [9, 13, 32, 32]],
]);

const CONTROLS: ReadonlyMap<string, number> = new Map([
  ['t', 9],
  ['n', 10],
  ['r', 13],
  ['f', 12],
]);

/** Reads the part of Java's syntax that makes sense for names; the rest is refused by name. */
class PatternReader {
  readonly #text: string[];
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = [...text];
  }

  read(): Node {
    const node = this.#choice();
    if (this.#at < this.#text.length) throw this.#error("Unmatched closing ')'");
    return node;
  }

  #error(text: string, at = this.#at): LinePatternError {
    return new LinePatternError(`${text} near index ${at}`);
  }

  #choice(): Node {
    if (++this.#depth > MAX_DEPTH) throw this.#error('groups are nested too deeply');
    const nodes = [this.#sequence()];
    while (this.#text[this.#at] === '|') {
      this.#at++;
      nodes.push(this.#sequence());
    }
    this.#depth--;
    return nodes.length === 1 ? (nodes[0] as Node) : { kind: 'choice', nodes };
  }

  #sequence(): Node {
    const nodes: Node[] = [];
    for (;;) {
      const character = this.#text[this.#at];
      if (character === undefined || character === '|' || character === ')') return { kind: 'sequence', nodes };
      if ((character === '^' && this.#at === 0) || (character === '$' && this.#at === this.#text.length - 1)) {
        // The whole name is matched anyway.
        this.#at++;
        continue;
      }
      nodes.push(this.#repeated(this.#atom()));
    }
  }

  #repeated(node: Node): Node {
    const character = this.#text[this.#at];
    if (character === '*' || character === '+') {
      this.#at++;
      return { kind: 'repeat', node, min: character === '+' ? 1 : 0, max: Number.POSITIVE_INFINITY };
    }
    if (character !== '{') return node;
    const found = /^\{(\d{1,9})(,(\d{0,9}))?\}/.exec(this.#text.slice(this.#at, this.#at + 24).join(''));
    if (found === null) throw this.#error('Illegal repetition');
    this.#at += found[0].length;
    const min = Number(found[1]);
    const max = found[2] === undefined ? min : found[3] === '' ? Number.POSITIVE_INFINITY : Number(found[3]);
    if (max < min) throw this.#error('Illegal repetition range');
    return { kind: 'repeat', node, min, max };
  }

  #atom(): Node {
    const start = this.#at;
    const character = this.#text[this.#at++] as string;
    switch (character) {
      case '.':
        return { kind: 'set', set: DOT };
      case '[':
        return { kind: 'set', set: this.#class(start) };
      case '(': {
        const node = this.#choice();
        if (this.#text[this.#at] !== ')') throw this.#error('Unclosed group');
        this.#at++;
        return node;
      }
      case '\\':
        return { kind: 'set', set: { ranges: this.#escape(), negated: false } };
      case '{':
        throw this.#error('Illegal repetition');
      case '*':
      case '+':
        throw this.#error(`Dangling meta character '${character}'`, start);
      case '^':
      case '$':
        throw this.#error(`'${character}' inside a pattern is not supported`, start);
      default:
        return { kind: 'set', set: one(character.codePointAt(0) as number) };
    }
  }

  /** After the backslash. */
  #escape(): readonly number[] {
    const character = this.#text[this.#at];
    if (character === undefined) throw this.#error('Unexpected internal error');
    this.#at++;
    const ranges = CLASSES.get(character);
    if (ranges !== undefined) return ranges;
    const code = character === 'x' ? this.#hex() : (CONTROLS.get(character) ?? this.#plain(character));
    return [code, code];
  }

  #plain(character: string): number {
    if (/[A-Za-z0-9]/.test(character)) throw this.#error(`Illegal/unsupported escape sequence`);
    return character.codePointAt(0) as number;
  }

  /** `HH` or `{H…}` after `\x`. */
  #hex(): number {
    const rest = this.#text.slice(this.#at, this.#at + 10).join('');
    const found = /^(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]{1,6})\})/.exec(rest);
    const code = found === null ? -1 : Number.parseInt(found[1] ?? (found[2] as string), 16);
    if (found === null || code > MAX_CODE_POINT) throw this.#error('Illegal hexadecimal escape sequence');
    this.#at += found[0].length;
    return code;
  }

  #class(start: number): CharacterSet {
    const negated = this.#text[this.#at] === '^';
    if (negated) this.#at++;
    const ranges: number[] = [];
    for (let first = true; ; first = false) {
      const character = this.#text[this.#at];
      if (character === undefined) throw this.#error('Unclosed character class', Math.max(start, this.#at - 1));
      if (character === ']' && !first) {
        this.#at++;
        return { ranges, negated };
      }
      if (character === '[' || (character === '&' && this.#text[this.#at + 1] === '&')) {
        throw this.#error('a class inside a class is not supported');
      }
      const from = this.#member();
      const end = this.#text[this.#at] === '-' ? this.#text[this.#at + 1] : undefined;
      // After `\d` and its like a minus stands for itself.
      if (end === undefined || end === ']' || end === '[' || from[0] !== from[1]) {
        ranges.push(...from);
        continue;
      }
      this.#at++;
      const to = this.#member();
      if (to[0] !== to[1] || (to[0] as number) < (from[0] as number)) throw this.#error('Illegal character range');
      ranges.push(from[0] as number, to[0] as number);
    }
  }

  #member(): readonly number[] {
    const character = this.#text[this.#at++] as string;
    if (character === '\\') return this.#escape();
    const code = character.codePointAt(0) as number;
    return [code, code];
  }
}

function one(code: number): CharacterSet {
  return { ranges: [code, code], negated: false };
}
