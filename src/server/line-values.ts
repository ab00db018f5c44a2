// Values as the AshRedis line server reads them: Java's numbers, its base64, and the JSON that its clients send bare.
// Called by the line commands. Pure.

import { type TokenizedLine, trimLine } from '../line/index.ts';

/** A failure whose message, after `ERR `, is the reply. */
export class LineFailure extends Error {}

export function wrapInt64(value: bigint): bigint {
  return BigInt.asIntN(64, value);
}

/** `Long.parseLong`: a sign and zeros in front are fine. Undefined for what Java refuses. */
export function javaLong(text: string): bigint | undefined {
  if (text.length > 1000 || !/^[+-]?[0-9]+$/.test(text)) return undefined;
  const number = BigInt(text.startsWith('+') ? text.slice(1) : text);
  return wrapInt64(number) === number ? number : undefined;
}

/** `Base64.getDecoder()`, then text as UTF-8, in which other bytes become U+FFFD. Throws a `LineFailure`. */
export function base64ToText(text: string): string {
  if (text.length < 2) throw new LineFailure('Input byte[] should at least have 2 bytes for base64 bytes');
  const illegal = /[^A-Za-z0-9+/=]/u.exec(text);
  if (illegal !== null) {
    throw new LineFailure(`Illegal base64 character ${(illegal[0].codePointAt(0) as number).toString(16)}`);
  }
  const end = text.indexOf('=');
  const data = end < 0 ? text : text.slice(0, end);
  if (data.length % 4 === 1) throw new LineFailure('Last unit does not have enough valid bits');
  const padded = Math.ceil(data.length / 4) * 4;
  if (text.length > data.length && text.length !== padded) {
    throw new LineFailure(`Input byte array has incorrect ending byte at ${Math.min(padded, text.length)}`);
  }
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Buffer.from(data, 'base64'));
}

const BARE_JSON = /^SET[ \t]+(?:(@[^\s"'\\]*)[ \t]+)?([^\s"'\\@][^\s"'\\]*)[ \t]+([{[].*)$/is;
const EXPIRY = /^(.*\S)[ \t]+EX[ \t]+(\S+)$/is;

/**
 * The words of a SET whose value is bare JSON, as the original Python publishers send it, with the JSON whole; undefined for any
 * other line. The real server cuts such a value at its first blank and takes its quotes away.
 */
export function splitJsonValue(line: string): TokenizedLine | undefined {
  const found = BARE_JSON.exec(trimLine(line));
  if (found === null) return undefined;
  const [, region, key, rest] = found as unknown as [string, string | undefined, string, string];
  const head = region === undefined ? ['SET', key] : ['SET', region, key];
  if (isJson(rest)) return { tokens: [...head, rest], unclosedQuote: false };
  const expiry = EXPIRY.exec(rest);
  if (expiry === null || !isJson(expiry[1] as string)) return undefined;
  return { tokens: [...head, expiry[1] as string, 'EX', expiry[2] as string], unclosedQuote: false };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
