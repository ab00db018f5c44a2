// Words of a command line to named values, and the help text, both from one table of options.
// Called by `ashredis` and `ashredis-server`. It must never print, read the environment or end the process.

import { parseArgs } from 'node:util';
import { UsageError } from '../errors/index.ts';

/** One option of a command. Without `value` it is a switch. */
export interface OptionSpec {
  /** As in `--name`. */
  readonly name: string;
  /** As in `-n`. */
  readonly short?: string;
  /** What stands for its value in the help: `N`, `FILE`. */
  readonly value?: string;
  /** Default `text`. */
  readonly kind?: 'text' | 'integer' | 'number';
  /** Smallest and largest number that is allowed. */
  readonly min?: number;
  readonly max?: number;
  /** One line of help. */
  readonly help: string;
}

/** What a command takes, and what its help says. */
export interface CommandSpec {
  /** As typed, for example `ashredis sub`. */
  readonly name: string;
  /** One line: what it does. */
  readonly summary: string;
  /** What follows the name in the usage line. */
  readonly usage: string;
  /** Fewest and most words beside options. */
  readonly words: readonly [min: number, max: number];
  readonly options: readonly OptionSpec[];
  /** What it is for and the line to type. */
  readonly examples: readonly (readonly [purpose: string, line: string])[];
  /** More paragraphs for the end of the help. */
  readonly notes?: readonly string[];
}

/** The parsed line. Asking for an option that the table does not have is a bug and throws. */
export interface ParsedArguments {
  readonly words: readonly string[];
  text(name: string): string | undefined;
  number(name: string): number | undefined;
  flag(name: string): boolean;
}

const COMMON: readonly OptionSpec[] = [
  { name: 'help', short: 'h', help: 'show this help' },
  { name: 'version', help: 'show the version' },
];

/** Throws a `UsageError` that names the wrong word and where help is. With `--help` or `--version` words are not checked. */
export function parseArguments(spec: CommandSpec, argv: readonly string[]): ParsedArguments {
  const options = [...spec.options, ...COMMON];
  const values = readOptions(spec, options, argv);
  const numbers = new Map<string, number>();
  for (const option of options) {
    const value = values.named[option.name];
    if (typeof value === 'string' && (option.kind ?? 'text') !== 'text') {
      numbers.set(option.name, checkNumber(spec, option, value));
    }
  }
  const [min, max] = spec.words;
  const count = values.words.length;
  const { help, version } = values.named;
  if (help !== true && version !== true && (count < min || count > max)) {
    const surplus = values.words[max];
    const found = count < min ? 'a word is missing' : `'${surplus}' is one too many`;
    throw usage(spec, `${found}; usage: ${spec.name} ${spec.usage}`);
  }
  const known = (name: string) => {
    if (!options.some((option) => option.name === name)) throw new Error(`Bug: ${spec.name} has no option --${name}`);
    return values.named[name];
  };
  return {
    words: values.words,
    text(name) {
      const value = known(name);
      return typeof value === 'string' ? value : undefined;
    },
    number(name) {
      known(name);
      return numbers.get(name);
    },
    flag: (name) => known(name) === true,
  };
}

/** The whole help of a command, ending in a line break. */
export function helpText(spec: CommandSpec): string {
  const rows = [...spec.options, ...COMMON].map((option) => {
    const short = option.short === undefined ? '    ' : `-${option.short}, `;
    return [`${short}--${option.name}${option.value === undefined ? '' : ` ${option.value}`}`, option.help] as const;
  });
  const width = Math.max(...rows.map(([left]) => left.length));
  const lines = [`${spec.summary}`, '', `Usage: ${spec.name} ${spec.usage}`, '', 'Options:'];
  for (const [left, right] of rows) lines.push(`  ${left.padEnd(width)}  ${right}`);
  if (spec.examples.length > 0) {
    lines.push('', 'Examples:');
    for (const [purpose, line] of spec.examples) lines.push(`  # ${purpose}`, `  ${line}`);
  }
  for (const note of spec.notes ?? []) lines.push('', note);
  return `${lines.join('\n')}\n`;
}

function readOptions(
  spec: CommandSpec,
  options: readonly OptionSpec[],
  argv: readonly string[],
): { named: Record<string, string | boolean | undefined>; words: string[] } {
  const table: Record<string, { type: 'string' | 'boolean'; short?: string }> = {};
  for (const { name, short, value } of options) {
    table[name] = { type: value === undefined ? 'boolean' : 'string', ...(short === undefined ? {} : { short }) };
  }
  // `--ttl -1` shall be judged as the number that it is, not as a missing value, and `set k -1` stores one.
  const joined: string[] = [];
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index]!;
    if (word === '--') {
      joined.push(...argv.slice(index));
      break;
    }
    const option = options.find(({ name }) => word === `--${name}`);
    const next = argv[index + 1];
    if (option?.value !== undefined && next !== undefined && /^-\d/.test(next)) {
      joined.push(`${word}=${next}`);
      index++;
    } else joined.push(/^-\d/.test(word) ? `\0${word}` : word);
  }
  try {
    const { values, positionals } = parseArgs({ args: joined, options: table, allowPositionals: true, strict: true });
    const unmarked = (word: string) => (word.startsWith('\0') ? word.slice(1) : word);
    const named: Record<string, string | boolean | undefined> = {};
    for (const [name, value] of Object.entries(values)) {
      named[name] = typeof value === 'string' ? unmarked(value) : (value as boolean);
    }
    return { named, words: positionals.map(unmarked) };
  } catch (cause) {
    const unknown = /Unknown option '([^']+)'/.exec(cause instanceof Error ? cause.message : '');
    if (unknown === null) {
      const text = cause instanceof Error ? cause.message.split('\n')[0]!.replace(/\.$/, '') : String(cause);
      throw usage(spec, text);
    }
    if (/^(--pass(word)?|-a)$/.test(unknown[1]!)) {
      throw usage(spec, `unknown option '${unknown[1]}': the password comes from ASHREDIS_PASSWORD or the URL`);
    }
    const near = nearest(
      unknown[1]!,
      options.map(({ name }) => `--${name}`),
    );
    throw usage(spec, `unknown option '${unknown[1]}'${near === undefined ? '' : `, did you mean ${near}?`}`);
  }
}

function checkNumber(spec: CommandSpec, option: OptionSpec, text: string): number {
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY, kind, name } = option;
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (Number.isFinite(value) && value >= min && value <= max && (kind !== 'integer' || Number.isInteger(value))) {
    return value;
  }
  const range =
    max === Number.POSITIVE_INFINITY
      ? min === Number.NEGATIVE_INFINITY
        ? ''
        : ` of at least ${min}`
      : ` from ${min} to ${max}`;
  throw usage(spec, `--${name} '${text}' is not ${kind === 'integer' ? 'an integer' : 'a number'}${range}`);
}

function usage(spec: CommandSpec, found: string): UsageError {
  return new UsageError(`Cannot run ${spec.name}: ${found}`, { hint: `see ${spec.name} --help` });
}

/** The allowed word that differs least, when it differs little. */
export function nearest(word: string, allowed: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of allowed) {
    const distance = editDistance(word, candidate);
    if (distance < least) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
