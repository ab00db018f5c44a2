// A seeded fuzzer of the decoder: valid trees with random cuts must equal the reference, mutated bytes must give the
// reference's values and its outcome. Called by scripts/fuzz.ts and by a test. Everything follows from the seed.

import {
  LimitError,
  NEED_DATA,
  ProtocolError,
  RespDecoder,
  type RespDecoderOptions,
  type RespValue,
} from '../../../src/resp/index.ts';
import { SeededRandom } from '../simulation/random.ts';
import { referenceDecode } from './reference-decoder.ts';
import { errorVectors, toBytes, valueVectors } from './vectors.ts';

export interface FuzzReport {
  cases: number;
  bytes: number;
  values: number;
  broken: number;
}

/** What a case did wrong, with all that repeats it. */
export class FuzzFailure extends Error {
  constructor(seed: number, index: number, bytes: Uint8Array, options: RespDecoderOptions, what: string) {
    const text = JSON.stringify(Buffer.from(bytes).toString('latin1'));
    const shown = text.length > 2000 ? `${text.slice(0, 2000)}… (${bytes.length} bytes)` : text;
    super(`seed ${seed}, case ${index}: ${what}\noptions ${JSON.stringify(options)}\nbytes ${shown}`);
  }
}

/** Chance as the fuzzer asks for it. */
export class Dice {
  readonly #random: SeededRandom;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
  }

  /** Uniform in [0, limit), whole. */
  below(limit: number): number {
    return Math.floor(this.#random.next() * limit);
  }

  oneIn(count: number): boolean {
    return this.below(count) === 0;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }
}

const SEEDS = [...valueVectors.map(({ bytes }) => bytes), ...errorVectors.map(({ bytes }) => bytes)].filter(
  (bytes) => bytes.length < 300,
);
const ALPHABETS = ['abcdefgh ', 'aé日😀', '\r\n\0', '0123456789-+.', ':$*>%~|;.#_,(!=?'];
const UNITS = '\r\n0123456789+-:$*_#,(!=%~>|;.?tf\0\xff\xc3\xa9a ';

/** Runs until `stop` says so; throws a {@link FuzzFailure}. */
export function fuzz(seed: number, stop: (cases: number) => boolean, tellCase?: (index: number) => void): FuzzReport {
  const report: FuzzReport = { cases: 0, bytes: 0, values: 0, broken: 0 };
  for (let index = 0; !stop(index); index++) {
    tellCase?.(index);
    // Each case has its own dice, so that one case can be repeated alone.
    runCase(seed, index, report);
  }
  return report;
}

export function runCase(seed: number, index: number, report: FuzzReport): void {
  const dice = new Dice(Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b));
  const options: RespDecoderOptions = {
    strings: dice.pick(['text', 'text', 'bytes']),
    integers: dice.pick(['auto', 'auto', 'bigint']),
    maps: dice.pick(['map', 'entries']),
    messages: dice.oneIn(2),
  };
  let bytes = toBytes(makeStream(dice));
  const isMutated = dice.oneIn(2);
  if (isMutated) bytes = mutate(bytes, dice);
  const expected = referenceDecode(bytes, options);
  if (!isMutated && expected.outcome !== 'end') {
    throw new FuzzFailure(seed, index, bytes, options, `the reference refuses a valid stream (${expected.outcome})`);
  }
  const found = decodeInPieces(bytes, options, dice);
  const fail = (what: string) => new FuzzFailure(seed, index, bytes, options, what);
  if (found.failure !== undefined && !(found.failure instanceof ProtocolError)) {
    throw fail(`${String(found.failure)} escaped: ${(found.failure as Error)?.stack}`);
  }
  if ((found.failure !== undefined) !== (expected.outcome === 'error')) {
    throw fail(`outcome ${expected.outcome} by the reference, found ${found.failure?.message ?? 'no error'}`);
  }
  // The reference has no limit on buffered bytes; nothing here comes near it.
  const difference = differ(found.values, expected.values, 'values');
  if (difference !== undefined) throw fail(`${difference} differs from the reference's`);
  if (found.failure instanceof LimitError && !isMutated) throw fail('a limit in a valid stream');
  report.cases++;
  report.bytes += bytes.length;
  report.values += found.values.length;
  if (found.failure !== undefined) report.broken++;
}

/** The path of the first difference, or undefined. Order counts in maps and sets, -0 is not 0, NaN is NaN. */
export function differ(found: unknown, expected: unknown, path: string): string | undefined {
  if (Object.is(found, expected)) return undefined;
  if (typeof found !== 'object' || typeof expected !== 'object' || found === null || expected === null) return path;
  if (Object.getPrototypeOf(found) !== Object.getPrototypeOf(expected)) return path;
  const listOf = (value: object): unknown[] =>
    value instanceof Map || value instanceof Set || ArrayBuffer.isView(value)
      ? [...(value as unknown as Iterable<unknown>)]
      : Array.isArray(value)
        ? value
        : Object.entries(value);
  const [left, right] = [listOf(found), listOf(expected)];
  if (left.length !== right.length) return `${path}.length`;
  for (let index = 0; index < left.length; index++) {
    const difference = differ(left[index], right[index], `${path}[${index}]`);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

function decodeInPieces(bytes: Uint8Array, options: RespDecoderOptions, dice: Dice) {
  const decoder = new RespDecoder(options);
  const values: RespValue[] = [];
  const longest = dice.pick([1, 2, 7, 40, 1000, 100_000]);
  const shared = new Uint8Array(Math.min(longest, bytes.length) + 1);
  let unread: Uint8Array[] = [];
  try {
    for (let at = 0; at < bytes.length; ) {
      const end = Math.min(bytes.length, at + 1 + dice.below(longest));
      // Sometimes several chunks before a read; each must then stay as it is.
      const wait = end < bytes.length && dice.oneIn(5);
      const piece = wait || unread.length > 0 ? bytes.slice(at, end) : shared.subarray(0, end - at);
      piece.set(bytes.subarray(at, end));
      decoder.push(piece);
      at = end;
      if (wait) {
        unread.push(piece);
        continue;
      }
      for (let value = decoder.read(); value !== NEED_DATA; value = decoder.read()) values.push(value);
      for (const kept of unread) kept.fill(0x58);
      shared.fill(0x58);
      unread = [];
    }
  } catch (failure) {
    return { values, failure: failure as Error };
  }
  return { values, failure: undefined };
}

function makeStream(dice: Dice): string {
  if (dice.oneIn(8)) return dice.pick(SEEDS.slice(0, valueVectors.length - 10));
  let stream = '';
  for (let count = 1 + dice.below(dice.oneIn(10) ? 60 : 5); count > 0; count--) stream += makeElement(dice, 0);
  return stream;
}

/** A value with what may stand before it. */
function makeElement(dice: Dice, depth: number): string {
  let text = '';
  if (dice.oneIn(14)) {
    const count = dice.below(3);
    text += `|${count}\r\n`;
    for (let index = 0; index < count * 2; index++) text += makeElement(dice, depth + 1);
  }
  if (dice.oneIn(10)) text += makePush(dice, depth);
  return text + makeValue(dice, depth);
}

function makePush(dice: Dice, depth: number): string {
  if (dice.oneIn(2)) return makeMessage(dice, '>');
  const kind = dice.pick(['$10\r\ninvalidate\r\n', '+k\r\n', '=6\r\ntxt:kk\r\n']);
  const items = makeItems(dice, depth + 1, dice.below(4));
  return dice.oneIn(6) ? `>?\r\n${kind}${items.join('')}.\r\n` : `>${items.length + 1}\r\n${kind}${items.join('')}`;
}

function makeMessage(dice: Dice, type: string): string {
  const channel = `$${3}\r\nch${dice.below(10)}\r\n`;
  const payload = makeBulk(dice);
  if (dice.oneIn(3)) return `${type}4\r\n$8\r\npmessage\r\n$3\r\nch*\r\n${channel}${payload}`;
  return `${type}3\r\n${dice.pick(['$7\r\nmessage\r\n', '$8\r\nsmessage\r\n'])}${channel}${payload}`;
}

function makeItems(dice: Dice, depth: number, count: number): string[] {
  return Array.from({ length: count }, () => makeElement(dice, depth));
}

function makeBulk(dice: Dice, type = '$'): string {
  const payload = makePayload(dice);
  return `${type}${payload.length}\r\n${payload}\r\n`;
}

function makePayload(dice: Dice): string {
  const length = dice.pick([0, 1, 2, 5, 20, 64, dice.below(300), dice.oneIn(20) ? dice.below(9000) : 3]);
  const isBinary = dice.oneIn(6);
  const alphabet = [...dice.pick(ALPHABETS)];
  let payload = '';
  while (payload.length < length) payload += isBinary ? String.fromCharCode(dice.below(256)) : dice.pick(alphabet);
  return isBinary ? payload : Buffer.from(payload, 'utf8').toString('latin1');
}

function makeValue(dice: Dice, depth: number): string {
  const kind = dice.below(depth > 4 ? 11 : 17);
  const count = dice.below(dice.oneIn(12) ? 30 : 5);
  switch (kind) {
    case 0:
      return dice.pick(['+OK\r\n', '+QUEUED\r\n', '+\r\n', '+some words\r\n', '+\xc3\xa9\xff\r\n']);
    case 1:
      return dice.pick(['-ERR no\r\n', '-WRONGTYPE x\r\n', '-\r\n', '-x\xff\r\n']);
    case 2:
      return `:${makeInteger(dice)}\r\n`;
    case 3:
    case 4:
      return makeBulk(dice);
    case 5:
      return dice.pick(['_\r\n', '$-1\r\n', '*-1\r\n']);
    case 6:
      return dice.pick(['#t\r\n', '#f\r\n']);
    case 7:
      return `,${dice.pick(['1.5', '-0', 'inf', '-inf', 'nan', '1e300', '-2.25e-9', '+3', '0.125'])}\r\n`;
    case 8:
      return `(${makeInteger(dice)}${dice.oneIn(2) ? '' : '1234567890123456789'}\r\n`.replace(/^\((-?)0(\d)/, '($11$2');
    case 9:
      return makeBulk(dice, '!');
    case 10: {
      if (dice.oneIn(2)) {
        const text = `txt:${makePayload(dice)}`;
        return `=${text.length}\r\n${text}\r\n`;
      }
      let stream = '$?\r\n';
      for (let part = dice.below(4); part > 0; part--) {
        const payload = `${makePayload(dice)}x`;
        stream += `;${payload.length}\r\n${payload}\r\n`;
      }
      return `${stream};0\r\n`;
    }
    case 11:
    case 12:
      return makeAggregate(dice, '*', makeItems(dice, depth + 1, count), count);
    case 13:
      return makeAggregate(dice, '~', makeItems(dice, depth + 1, count), count);
    case 14:
    case 15:
      return makeAggregate(dice, '%', makeItems(dice, depth + 1, count * 2), count);
    default:
      return makeMessage(dice, '*');
  }
}

function makeAggregate(dice: Dice, type: string, items: string[], count: number): string {
  return dice.oneIn(5) ? `${type}?\r\n${items.join('')}.\r\n` : `${type}${count}\r\n${items.join('')}`;
}

function makeInteger(dice: Dice): string {
  const digits = 1 + dice.below(dice.oneIn(3) ? 18 : 5);
  let text = String(1 + dice.below(9));
  while (text.length < digits) text += dice.below(10);
  return dice.oneIn(8) ? '0' : dice.pick(['', '', '-', '+']) + text;
}

function mutate(bytes: Uint8Array, dice: Dice): Uint8Array {
  let mutated = [...bytes];
  for (let count = 1 + dice.below(dice.oneIn(4) ? 8 : 2); count > 0; count--) {
    const at = dice.below(mutated.length + 1);
    const byte = dice.oneIn(3) ? dice.below(256) : UNITS.charCodeAt(dice.below(UNITS.length));
    switch (dice.below(7)) {
      case 0:
        mutated.splice(at, 1);
        break;
      case 1:
        mutated.splice(at, 0, byte);
        break;
      case 2:
        mutated.length = at;
        break;
      case 3: {
        const end = Math.min(mutated.length, at + dice.below(30));
        mutated.splice(at, 0, ...mutated.slice(at, end));
        break;
      }
      case 4: {
        const other = [...toBytes(dice.pick(SEEDS))];
        mutated = [...mutated.slice(0, at), ...other, ...mutated.slice(at)];
        break;
      }
      default:
        if (at < mutated.length) mutated[at] = byte;
    }
  }
  return Uint8Array.from(mutated);
}
