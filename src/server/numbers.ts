// Numbers as Redis reads and writes them: strict int64, and decimal addition for INCRBYFLOAT.
// Called by the command handlers. It must never accept what Redis refuses (`+1`, ` 1`, `01`, `1.`).

const MAX_INT64 = 9223372036854775807n;
const MIN_INT64 = -9223372036854775808n;

/** True for what fits in a signed 64-bit integer. */
export function isInt64(value: bigint): boolean {
  return value >= MIN_INT64 && value <= MAX_INT64;
}

/** A strict int64: a number when it is exact as one, a bigint beyond, undefined when Redis would refuse it. */
export function parseInt64(text: string): number | bigint | undefined {
  const length = text.length;
  if (length === 0 || length > 20) return undefined;
  let at = 0;
  const negative = text.charCodeAt(0) === 45;
  if (negative) {
    at = 1;
    if (length === 1) return undefined;
  }
  const first = text.charCodeAt(at);
  if (first === 48) return length === 1 ? 0 : undefined;
  let value = 0;
  for (; at < length; at++) {
    const digit = text.charCodeAt(at) - 48;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  if (value <= Number.MAX_SAFE_INTEGER) return negative ? -value : value;
  const exact = BigInt(text);
  return isInt64(exact) ? exact : undefined;
}

/** `a + b` in int64, exact; undefined on overflow. */
export function addInt64(a: number | bigint, b: number | bigint): number | bigint | undefined {
  if (typeof a === 'number' && typeof b === 'number') {
    const sum = a + b;
    if (Number.isSafeInteger(sum)) return sum;
  }
  const sum = BigInt(a) + BigInt(b);
  return isInt64(sum) ? sum : undefined;
}

interface Decimal {
  /** The value times ten to the power of `scale`. */
  digits: bigint;
  scale: number;
}

const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,5}))?$/;
/** Largest decimal exponent of the 80-bit long double that Redis computes with. */
const MAX_EXPONENT = 4932;
const FRACTION_DIGITS = 17;

function parseDecimal(text: string): Decimal | undefined {
  if (text.length > 10_000) return undefined;
  const match = DECIMAL.exec(text);
  if (match === null) return undefined;
  const whole = match[2] ?? '';
  const fraction = match[3] ?? '';
  if (whole === '' && fraction === '') return undefined;
  const exponent = Number(match[4] ?? 0);
  if (Math.abs(exponent) > MAX_EXPONENT) return undefined;
  let digits = BigInt(whole + fraction);
  if (match[1] === '-') digits = -digits;
  let scale = fraction.length - exponent;
  if (scale < 0) {
    digits *= 10n ** BigInt(-scale);
    scale = 0;
  }
  return { digits, scale };
}

/**
 * `a + b` in decimal, printed as Redis prints its long double: 17 digits after the point, trailing zeros dropped.
 * Doubles would show 0.1 + 0.2 as 0.30000000000000004 where Redis shows 0.3. Undefined when one is not a number.
 */
export function addDecimals(a: string, b: string): string | undefined {
  const left = parseDecimal(a);
  const right = parseDecimal(b);
  if (left === undefined || right === undefined) return undefined;
  const scale = Math.max(left.scale, right.scale);
  let sum = left.digits * 10n ** BigInt(scale - left.scale) + right.digits * 10n ** BigInt(scale - right.scale);
  const negative = sum < 0n;
  if (negative) sum = -sum;
  if (scale > FRACTION_DIGITS) {
    const unit = 10n ** BigInt(scale - FRACTION_DIGITS);
    sum = (sum + unit / 2n) / unit;
  } else {
    sum *= 10n ** BigInt(FRACTION_DIGITS - scale);
  }
  const digits = sum.toString().padStart(FRACTION_DIGITS + 1, '0');
  const whole = digits.slice(0, -FRACTION_DIGITS);
  const fraction = digits.slice(-FRACTION_DIGITS).replace(/0+$/, '');
  const text = fraction === '' ? whole : `${whole}.${fraction}`;
  return negative && sum !== 0n ? `-${text}` : text;
}

/** True for what `addDecimals` can read. */
export function isDecimal(text: string): boolean {
  return parseDecimal(text) !== undefined;
}
