// The values that one line holds: nulls, booleans, doubles, integers, big numbers. Pure.
// Called by the decoder for what is no plain short number.
//
// Chosen where the specification leaves room: `:+5`, `(+5` and `,+5` are accepted; leading zeros and `:-0` are not
// (one spelling for each number); nulls are `_`, `$-1`, `*-1` only; `-nan` is NaN (redis-server 7.0 writes it).

import type { RespValue } from './values.ts';

/** Lines that have one form each. */
const CONSTANTS = /* @__PURE__ */ new Map<string, RespValue>([
  ['_', null],
  ['$-1', null],
  ['*-1', null],
  ['#t', true],
  ['#f', false],
  [',inf', Infinity],
  [',-inf', -Infinity],
  [',nan', Number.NaN],
  [',-nan', Number.NaN],
]);

/** The value of a line, its type byte included; undefined for any other line. Integers are numbers within ±2^53. */
export function scalarOf(line: string, bigints: boolean): RespValue | undefined {
  const constant = CONSTANTS.get(line);
  if (constant !== undefined) return constant;
  const text = line.slice(1);
  if (/^,[+-]?(0|[1-9]\d*)(\.\d+)?(e[+-]?\d+)?$/i.test(line)) return Number(text);
  if (/^[:(](\+?0|[+-]?[1-9]\d*)$/.test(line)) {
    const whole = BigInt(text);
    if (line[0] === '(') return whole;
    if (whole === BigInt.asIntN(64, whole)) {
      return bigints || !Number.isSafeInteger(Number(whole)) ? whole : Number(whole);
    }
  }
  return undefined;
}
