// Commands in the AshRedis line dialect: lossless quoting, and refusal of what the server would destroy.
// Called by `Command.encode('line')` in the rooms above and by net's own PING. Wire document, sections 1 to 6 and 11.
// It must never produce a line that the server reads otherwise than meant; what can't be said is a UsageError.

import { UsageError } from '../errors/index.ts';
import { LINE_COMMANDS, type LineQuoting, maxLineBytesOf } from './builds.ts';
import { base64OfText, utf8Length } from './text.ts';
import { isLineWhitespace } from './tokenize-line.ts';
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

const DEFAULT_MAX_LINE_BYTES = 1_000_000;
const MAX_TTL_SECONDS = 2 ** 31 - 1;

/**
 * `encodeLine(['SET', key, value, 'EX', 10], { region })`: the command first, as for RESP. `PX` and PEXPIRE become
 * whole seconds, rounded up; KEYS takes a Redis glob, which is translated. Raises a UsageError before anything is sent.
 */
export function encodeLine(command: readonly LineArgument[], options: EncodeLineOptions = {}): LineFrame {
  const quoting = options.quoting === undefined || options.quoting === 'auto' ? 'quoted' : options.quoting;
  const name = String(command[0] ?? '').toUpperCase();
  const words = wordsOf(name, command.slice(1), quoting);
  const first = words.args[0];
  let line = words.name;
  if (first !== undefined) {
    const region = options.region ?? undefined;
    if (region !== undefined && region !== 'region0') line += ` @${checkedRegion(region)}`;
    // Quotes do not protect a leading @: without an explicit region it would be read as one.
    else if (first.startsWith('@')) line += ' @region0';
  }
  words.args.forEach((word, index) => {
    const isValue = index === 1 && (name === 'SET' || name === 'APPEND');
    line += ` ${quoting === 'none' ? unquotedWord(name, word, isValue) : quotedWord(word)}`;
  });
  line += '\n';
  const byteLength = utf8Length(line);
  if (byteLength < 0) {
    throw new UsageError(
      `Cannot encode ${name}: an argument holds half of a surrogate pair, which UTF-8 cannot carry`,
      {
        hint: 'send well-formed text',
      },
    );
  }
  const maxLineBytes = lineLimit(options.maxLineBytes, quoting);
  if (byteLength > maxLineBytes) {
    throw new UsageError(
      `Cannot encode ${name}: the line has ${byteLength} bytes, the limit of the server is ${maxLineBytes} (maxLineBytes)`,
      { hint: 'send less data, or compress it' },
    );
  }
  return { text: line, ascii: byteLength === line.length, parts: undefined, byteLength };
}

/** The build without quotes never read more than 1024 bytes; another limit than the default is the caller's word. */
function lineLimit(configured: number | undefined, quoting: LineQuoting): number {
  if (configured !== undefined && configured !== DEFAULT_MAX_LINE_BYTES) return configured;
  return quoting === 'none' ? maxLineBytesOf('oct') : DEFAULT_MAX_LINE_BYTES;
}

/** Whole seconds on the wire, rounded up. */
export function lineTtlSeconds(seconds: number): number {
  if (!(seconds > 0 && seconds <= MAX_TTL_SECONDS)) {
    throw new UsageError(
      `Cannot set a TTL of ${String(seconds)} s: allowed is more than 0 and at most ${MAX_TTL_SECONDS}`,
    );
  }
  return Math.ceil(seconds);
}

function wordsOf(name: string, args: readonly LineArgument[], quoting: LineQuoting): { name: string; args: string[] } {
  switch (name) {
    case 'PING':
    case 'INFO':
      return { name, args: [] };
    case 'GET':
    case 'TTL':
    case 'PERSIST':
    case 'INCR':
    case 'DECR':
      expectCount(name, args, 1);
      return { name, args: [keyWord(name, args[0])] };
    case 'DEL':
    case 'EXISTS':
      if (args.length === 0) expectCount(name, args, 1);
      return { name, args: args.map((key) => keyWord(name, key)) };
    case 'KEYS':
      expectCount(name, args, 1);
      return { name, args: [translatePattern(keyWord(name, args[0]))] };
    case 'EXPIRE':
    case 'PEXPIRE':
      expectCount(name, args, 2);
      return { name: 'EXPIRE', args: [keyWord(name, args[0]), ttlWord(args[1], name === 'EXPIRE' ? 1 : 1000)] };
    case 'APPEND':
      expectCount(name, args, 2);
      return { name, args: [keyWord(name, args[0]), valueWord(name, args[1])] };
    case 'SET': {
      if (args.length < 2) expectCount(name, args, 2);
      const value = valueWord(name, args[1]);
      const b64 = quoting === 'b64';
      if (b64 && utf8Length(value) < 0) {
        throw new UsageError('Cannot encode SET: the value holds half of a surrogate pair, which UTF-8 cannot carry', {
          hint: 'send well-formed text',
        });
      }
      return {
        name: b64 ? 'B64SET' : 'SET',
        args: [keyWord(name, args[0]), b64 ? base64OfText(value) : value, ...expiryWords(args.slice(2))],
      };
    }
    default:
      throw new UsageError(`Cannot send ${JSON.stringify(name)} to an AshRedis line server: it knows only ${known()}`, {
        hint: 'connect to a server that speaks RESP',
      });
  }
}

function known(): string {
  return [...LINE_COMMANDS].join(' ');
}

/** The server accepts and ignores NX, XX, PX and KEEPTTL, and looks at EX only as the third argument. */
function expiryWords(options: readonly LineArgument[]): string[] {
  if (options.length === 0) return [];
  const word = String(options[0]).toUpperCase();
  if ((word !== 'EX' && word !== 'PX') || options.length !== 2) {
    throw new UsageError(
      `Cannot encode SET: an AshRedis line server ignores the options ${JSON.stringify(options.map(String).join(' '))}; only a TTL is possible`,
      { hint: 'leave nx and xx out, or connect to a server that speaks RESP' },
    );
  }
  return ['EX', ttlWord(options[1], word === 'EX' ? 1 : 1000)];
}

function ttlWord(argument: LineArgument | undefined, divisor: number): string {
  const text = String(argument);
  // Only plain numbers: the server would echo a line break in its error and break the framing of replies.
  if (!/^\d+(\.\d+)?$/.test(text)) {
    throw new UsageError(`Cannot set a TTL of ${JSON.stringify(text)}: a number above 0 is needed`);
  }
  return String(lineTtlSeconds(Number(text) / divisor));
}

function keyWord(name: string, argument: LineArgument | undefined): string {
  return nonEmpty(name, name === 'KEYS' ? 'pattern' : 'key', argument);
}

function valueWord(name: string, argument: LineArgument | undefined): string {
  return nonEmpty(name, 'value', argument);
}

function nonEmpty(name: string, what: string, argument: LineArgument | undefined): string {
  if (typeof argument !== 'string' && typeof argument !== 'number' && typeof argument !== 'bigint') {
    throw new UsageError(`Cannot encode ${name}: the ${what} is ${argument === undefined ? 'missing' : 'not text'}`, {
      hint: 'an AshRedis line server takes text only',
    });
  }
  const text = String(argument);
  if (text === '') {
    throw new UsageError(
      `Cannot encode ${name}: the ${what} is empty, and an AshRedis line server drops empty arguments`,
    );
  }
  return text;
}

function expectCount(name: string, args: readonly LineArgument[], count: number): void {
  if (args.length !== count) {
    throw new UsageError(`Cannot encode ${name}: ${args.length} arguments, needed are ${count}`);
  }
}

/** The name becomes a directory on the server. */
function checkedRegion(region: string): string {
  if (!/^[A-Za-z0-9_.-]{1,64}$/.test(region) || region === '.' || region === '..') {
    throw new UsageError(
      `Cannot use the region ${JSON.stringify(region)}: 1 to 64 of A-Z a-z 0-9 _ . - are allowed, and neither "." nor ".."`,
    );
  }
  return region;
}

function quotedWord(word: string): string {
  if (isBare(word)) return word;
  const escapes: Record<string, string> = { '\\': '\\\\', '"': '\\"', '\n': '\\n', '\r': '\\r' };
  return `"${word.replace(/[\\"\n\r]/g, (character) => escapes[character]!)}"`;
}

function isBare(word: string): boolean {
  for (let at = 0; at < word.length; at++) {
    const unit = word.charCodeAt(at);
    if (unit <= 0x20 || unit === 0x22 || unit === 0x27 || unit === 0x5c) return false;
    if ((unit >= 0x7f && unit <= 0x9f) || isLineWhitespace(unit)) return false;
  }
  return true;
}

/** October 2025: no quotes at all, so only words without blanks; the blanks of JSON can be written as escapes. */
function unquotedWord(name: string, word: string, isValue: boolean): string {
  const written = isValue && /[\u0000- ]/.test(word) ? (jsonWithoutBlanks(word) ?? word) : word;
  if (/[\u0000- ]/.test(written)) {
    throw new UsageError(
      `Cannot encode ${name}: the ${isValue ? 'value' : 'key'} holds blanks or control characters, and this build of the server cannot read quotes`,
      { hint: 'send JSON, use names without blanks, or update the server' },
    );
  }
  return written;
}

function jsonWithoutBlanks(text: string): string | undefined {
  try {
    JSON.parse(text);
  } catch {
    return undefined;
  }
  // In valid JSON a quote that opens a string is never escaped, and raw control characters stand outside strings only.
  return text.replace(/"(?:[^"\\]|\\.)*"|[ \t\n\r]+/g, (part) =>
    part[0] === '"' ? part.replaceAll(' ', '\\u0020') : '',
  );
}
