// Commands in the AshRedis line dialect: lossless quoting, and refusal of what the server would destroy.
// Called by `Command.encode('line')` in the rooms above. Wire document, sections 1 to 6 and 11.
// It must never produce a line that the server reads otherwise than meant; what can't be said is a UsageError.
// The name of a region comes checked.

import { UsageError } from '../errors/index.ts';
import { LINE_COMMANDS, type LineQuoting, MAX_LINE_BYTES, OLD_MAX_LINE_BYTES } from './builds.ts';
import { base64OfText, utf8Length } from './text.ts';
import { translatePattern } from './translate-pattern.ts';

export type LineArgument = string | number | bigint;

export interface EncodeLineOptions {
  /** Default none. `region0` is the same as none. */
  region?: string | null | undefined;
  /** Default `quoted`, which `auto` means until a probe says otherwise. */
  quoting?: LineQuoting | 'auto' | undefined;
  /** Terminator included. Default 1 000 000. */
  maxLineBytes?: number | undefined;
}

/** The shape of net's `Frame`, so that it can be handed over as it is. */
export interface LineFrame {
  text: string;
  ascii: boolean;
  parts: undefined;
  byteLength: number;
}

const MAX_TTL_SECONDS = 2 ** 31 - 1;

/** The arguments of commands that take others than one key. DEL and EXISTS take more keys, SET a time to live. */
const ARGUMENTS: Readonly<Record<string, string>> = {
  PING: '',
  INFO: '',
  KEYS: 'pattern',
  EXPIRE: 'key EX',
  PEXPIRE: 'key PX',
  APPEND: 'key value',
  SET: 'key value',
  B64SET: 'key value',
};

/** What the server can't read without quotes, or might not: blanks of any kind, quotes, backslashes, controls. */
const NEEDS_QUOTES = /[\0- "'\\\x7f-\x9f\u1680\u2000-\u205f\u3000]/;
const BLANK = /[\0- ]/;
const MANY_KEYS = /^(DEL|EXISTS)$/;
/** `@r:key` without a region is the `key` of region r, as on every server. */
const FULL_NAME = /^@(?!\.{1,2}:|region0:)([\w.-]{1,64}):./s;

/**
 * `encodeLine(['SET', key, value, 'EX', 10], { region })`: the command first, as for RESP. `PX` and PEXPIRE become
 * whole seconds, rounded up; KEYS takes a Redis glob, which is translated. Raises a UsageError before anything is sent.
 */
export function encodeLine(
  [command = '', ...args]: readonly LineArgument[],
  options: EncodeLineOptions = {},
): LineFrame {
  const { maxLineBytes = MAX_LINE_BYTES } = options;
  let region = options.region ?? 'region0';
  const name = String(command).toUpperCase();
  const unquoted = options.quoting === 'none';
  const b64 = options.quoting === 'b64' && name === 'SET';
  let words = wordsOf(name, args);
  let line = b64 ? 'B64SET' : name === 'PEXPIRE' ? 'EXPIRE' : name;
  if (region === 'region0') {
    const keys = MANY_KEYS.test(name) ? words : words.slice(0, 1);
    const [own = region, ...others] = new Set(keys.map((key) => FULL_NAME.exec(key)?.[1] ?? region));
    if (others.length > 0) throw cannotEncode(name, 'its keys are of several regions', 'send one command a region');
    if (own !== region) words = words.map((word, index) => (index < keys.length ? word.slice(own.length + 2) : word));
    region = own;
  }
  // Quotes do not protect a leading @: without an explicit region it would be read as one.
  if (words.length > 0 && (region !== 'region0' || words[0]?.startsWith('@'))) line += ` @${region}`;
  words.forEach((word, index) => {
    const isValue = index === 1 && (name === 'SET' || name === 'APPEND');
    line += ` ${b64 && isValue ? base64OfText(word) : unquoted ? unquotedWord(name, word, isValue) : quotedWord(word)}`;
  });
  line += '\n';
  const byteLength = utf8Length(line);
  // The build without quotes never read more than 1024 bytes; another limit than the default is the caller's word.
  const limit = unquoted && maxLineBytes === MAX_LINE_BYTES ? OLD_MAX_LINE_BYTES : maxLineBytes;
  if (byteLength > limit) {
    throw cannotEncode(
      name,
      `the line has ${byteLength} bytes, the limit of the server is ${limit} (maxLineBytes)`,
      'send less data, or compress it',
    );
  }
  return { text: line, ascii: byteLength === line.length, parts: undefined, byteLength };
}

function wordsOf(name: string, args: readonly LineArgument[]): string[] {
  const kinds = (ARGUMENTS[name] ?? 'key').split(' ');
  // PEXPIRE becomes EXPIRE.
  if (!LINE_COMMANDS.has(name) && name !== 'PEXPIRE') {
    throw new UsageError(
      `Cannot send ${JSON.stringify(name)} to an AshRedis line server: it knows only ${[...LINE_COMMANDS].join(' ')}`,
      { hint: 'connect to a server that speaks RESP' },
    );
  }
  if (kinds[0] === '') return [];
  if (name.endsWith('SET') && args.length > 2) {
    // The server accepts and ignores NX, XX, PX and KEEPTTL, and looks at EX only as the third argument.
    const unit = String(args[2]).toUpperCase();
    if ((unit !== 'EX' && unit !== 'PX') || args.length !== 4) {
      throw cannotEncode(
        name,
        `an AshRedis line server ignores the options ${JSON.stringify(args.slice(2).join(' '))}, allowed is EX or PX`,
        'leave them out, or connect to a server that speaks RESP',
      );
    }
    kinds.push('EX', unit);
  }
  while (MANY_KEYS.test(name) && kinds.length < args.length) kinds.push('key');
  if (args.length !== kinds.length) {
    throw new UsageError(`Cannot encode ${name}: ${args.length} arguments, needed are ${kinds.length}`);
  }
  return kinds.map((kind, index) => wordOf(name, kind, args[index], index));
}

function wordOf(name: string, kind: string, argument: LineArgument | undefined, index: number): string {
  const text = String(argument);
  if (kind === 'EX' || kind === 'PX') {
    if (index === 2) return kind;
    // Only plain numbers: the server would echo a line break in its error and break the framing of replies.
    const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) / (kind === 'EX' ? 1 : 1000) : 0;
    if (seconds > 0 && seconds <= MAX_TTL_SECONDS) return String(Math.ceil(seconds));
    throw new UsageError(`Cannot set a TTL of ${JSON.stringify(text)}: allowed is 0 < ttl ≤ ${MAX_TTL_SECONDS} s`);
  }
  const hint = 'allowed is well-formed text, at least one character';
  const type = typeof argument;
  if (type !== 'string' && type !== 'number' && type !== 'bigint')
    throw cannotEncode(name, `the ${kind} is not text`, hint);
  if (text === '') throw cannotEncode(name, `the ${kind} is empty`, hint);
  if (/[\ud800-\udfff]/.test(text) && /\p{Surrogate}/u.test(text)) {
    throw cannotEncode(name, `the ${kind} holds half of a surrogate pair`, hint);
  }
  return kind === 'pattern' ? translatePattern(text) : text;
}

function cannotEncode(name: string, why: string, hint: string): UsageError {
  return new UsageError(`Cannot encode ${name}: ${why}`, { hint });
}

function quotedWord(word: string): string {
  if (!NEEDS_QUOTES.test(word)) return word;
  const escaped = word.replaceAll('\\', '\\\\').replaceAll('"', '\\"');
  return `"${escaped.replaceAll('\n', '\\n').replaceAll('\r', '\\r')}"`;
}

/** October 2025: no quotes at all, so only words without blanks; the blanks of JSON can be written as escapes. */
function unquotedWord(name: string, word: string, isValue: boolean): string {
  const written = isValue && BLANK.test(word) ? jsonWithoutBlanks(word) : word;
  if (!BLANK.test(written)) return written;
  throw cannotEncode(
    name,
    `the ${isValue ? 'value' : 'key'} holds blanks or controls, and the server reads no quotes`,
    'send JSON, rename the key, or update the server',
  );
}

/** The text as it is when it is no JSON. */
function jsonWithoutBlanks(text: string): string {
  try {
    JSON.parse(text);
  } catch {
    return text;
  }
  // In valid JSON a quote that opens a string is never escaped, and raw control characters stand outside strings only.
  return text.replace(/"(?:[^"\\]|\\.)*"|[ \t\n\r]+/g, (part) =>
    part[0] === '"' ? part.replaceAll(' ', '\\u0020') : '',
  );
}
