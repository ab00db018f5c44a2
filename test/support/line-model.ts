// A model of the AshRedis line server, build by build: bytes in, bytes out, with its faults. Wire document, sections 1 to 7.
// Used by the tests of the line dialect, and by the model server on a socket. It is held to the recorded exchanges,
// and must never be kinder than the real server: what that destroys, this destroys.

import { MAX_LINE_BYTES, OLD_MAX_LINE_BYTES, tokenizeLine } from '../../src/line/index.ts';
import { javaPattern } from './java-pattern.ts';

/**
 * `head`: since 1 December 2025; `classes`: the compiled classes beside it, one source older; `b64`: 20 November;
 * `quoted`: 12 November; `oct`: October.
 */
export type ModelBuild = 'head' | 'classes' | 'b64' | 'quoted' | 'oct';

interface Entry {
  value: string;
  /** Epoch ms as Java's long, or undefined for none. */
  expiresAt: bigint | undefined;
}

export interface LineModelOptions {
  readonly build?: ModelBuild | undefined;
  /** Epoch ms. Default: the wall clock. */
  readonly now?: (() => number) | undefined;
}

/** What one packet caused: with `closed`, the replies are lost, as there. */
export interface PacketResult {
  readonly replies: readonly string[];
  readonly closed: boolean;
}

/** The store, shared by all connections. */
export class LineModel {
  readonly build: ModelBuild;
  readonly maxLineBytes: number;
  readonly #now: () => number;
  readonly #regions = new Map<string, Map<string, Entry>>();

  constructor(options: LineModelOptions = {}) {
    this.build = options.build ?? 'head';
    this.maxLineBytes = this.build === 'head' ? MAX_LINE_BYTES : OLD_MAX_LINE_BYTES;
    this.#now = options.now ?? Date.now;
  }

  connect(): LineModelConnection {
    return new LineModelConnection(this);
  }

  /** The reply to one line, which comes without its terminator. */
  execute(line: string): string {
    const quotes = this.build !== 'oct';
    const { tokens, unclosedQuote } = tokenizeLine(line, { quotes });
    if (unclosedQuote) return error('Unclosed quote in command');
    if (tokens.length === 0) return error('empty command');
    const name = (tokens[0] as string).toUpperCase();
    const args = tokens.slice(1);
    let region = 'region0';
    if (name !== 'PING' && name !== 'INFO' && args[0]?.startsWith('@')) region = (args.shift() as string).slice(1);
    const command = this.#commandOf(name);
    if (command === undefined) return error(`unknown command '${name}'`);
    if (args.length < command.argumentCount)
      return error(`wrong number of arguments for '${name.toLowerCase()}' command`);
    try {
      return command.run(region, args);
    } catch (thrown) {
      if (thrown instanceof JavaError) return error(thrown.message);
      throw thrown;
    }
  }

  /** The value that a key holds, without counting as a read of the server. */
  peek(key: string, region = 'region0'): string | undefined {
    return this.#live(region, key)?.value;
  }

  #commandOf(name: string): { argumentCount: number; run(region: string, args: string[]): string } | undefined {
    switch (name) {
      case 'PING':
        return { argumentCount: 0, run: () => '+PONG\n' };
      case 'INFO':
        return { argumentCount: 0, run: () => bulk(this.#info()) };
      case 'SET':
        return { argumentCount: 2, run: (region, [key, value, ...options]) => this.#set(region, key, value, options) };
      case 'B64SET':
        if (this.build === 'oct' || this.build === 'quoted') return undefined;
        return {
          argumentCount: 2,
          run: (region, [key, value, ...options]) => this.#set(region, key, fromBase64(value as string), options),
        };
      case 'GET':
        return { argumentCount: 1, run: (region, [key]) => bulk(this.#live(region, key as string)?.value) };
      case 'DEL':
        return {
          argumentCount: 1,
          run: (region, keys) => {
            for (const key of keys) this.#regions.get(region)?.delete(key);
            return integer(keys.length);
          },
        };
      case 'EXISTS':
        return {
          argumentCount: 1,
          run: (region, keys) => integer(keys.filter((key) => this.#live(region, key) !== undefined).length),
        };
      case 'EXPIRE':
        return {
          argumentCount: 2,
          run: (region, [key, seconds]) => this.#expire(region, key as string, seconds as string),
        };
      case 'TTL':
        return { argumentCount: 1, run: (region, [key]) => this.#ttl(region, key as string) };
      case 'PERSIST':
        return { argumentCount: 1, run: (region, [key]) => this.#persist(region, key as string) };
      case 'KEYS':
        return { argumentCount: 1, run: (region, [pattern]) => this.#keys(region, pattern as string) };
      case 'INCR':
      case 'DECR':
        return {
          argumentCount: 1,
          run: (region, [key]) => this.#count(region, key as string, name === 'INCR' ? 1n : -1n),
        };
      case 'APPEND':
        return {
          argumentCount: 2,
          run: (region, [key, tail]) => {
            const value = (this.#live(region, key as string)?.value ?? '') + (tail as string);
            this.#region(region).set(key as string, { value, expiresAt: undefined });
            return integer(value.length);
          },
        };
      default:
        return undefined;
    }
  }

  #set(region: string, key: string | undefined, value: string | undefined, options: string[]): string {
    const seconds = options[0]?.toUpperCase() === 'EX' ? options[1] : undefined;
    const expiresAt = seconds === undefined ? undefined : this.#expiry(seconds);
    this.#region(region).set(key as string, { value: value as string, expiresAt });
    return '+OK\n';
  }

  #expire(region: string, key: string, seconds: string): string {
    const expiresAt = this.#expiry(seconds);
    const entry = this.build === 'oct' ? this.#live(region, key) : this.#regions.get(region)?.get(key);
    if (entry === undefined) return ':0\n';
    entry.expiresAt = expiresAt;
    return ':1\n';
  }

  #persist(region: string, key: string): string {
    const entry = this.#regions.get(region)?.get(key);
    if (entry === undefined) return ':0\n';
    entry.expiresAt = undefined;
    return ':1\n';
  }

  #ttl(region: string, key: string): string {
    const entry = this.#regions.get(region)?.get(key);
    if (entry === undefined) return ':-2\n';
    if (entry.expiresAt === undefined) return ':-1\n';
    const seconds = BigInt.asIntN(64, entry.expiresAt - BigInt(this.#now())) / 1000n;
    return integer(seconds > 0n ? seconds : -2n);
  }

  #count(region: string, key: string, by: bigint): string {
    const text = this.#live(region, key)?.value ?? '0';
    const number = javaLong(text);
    if (number === undefined) throw new JavaError('Value is not an integer');
    const value = BigInt.asIntN(64, number + by);
    this.#region(region).set(key, { value: String(value), expiresAt: undefined });
    return integer(value);
  }

  #keys(region: string, pattern: string): string {
    const expression = javaPattern(pattern);
    if (typeof expression === 'string') throw new JavaError(expression);
    const found = [...(this.#regions.get(region)?.keys() ?? [])].filter((key) => expression.test(key));
    return `*${found.length}\r\n${found.map((key) => `$${key.length}\r\n${key}\r\n`).join('')}\n`;
  }

  #info(): string {
    const names = [...this.#regions.keys()].join(', ');
    return `regions:[${names}]\r\nuptime_seconds:${Math.floor(this.#now() / 1000)}\r\nversion:1.0.0\r\n`;
  }

  #region(name: string): Map<string, Entry> {
    let region = this.#regions.get(name);
    if (region === undefined) {
      region = new Map();
      this.#regions.set(name, region);
    }
    return region;
  }

  #live(region: string, key: string): Entry | undefined {
    const entry = this.#regions.get(region)?.get(key);
    if (entry?.expiresAt !== undefined && BigInt(this.#now()) > entry.expiresAt) return undefined;
    return entry;
  }

  /** Java's arithmetic: it overflows without a word. */
  #expiry(seconds: string): bigint {
    const number = javaLong(seconds);
    if (number === undefined) throw new JavaError(`For input string: "${seconds}"`);
    return BigInt.asIntN(64, BigInt(this.#now()) + BigInt.asIntN(64, number * 1000n));
  }
}

/** One connection: lines out of packets. */
export class LineModelConnection {
  readonly #model: LineModel;
  #pending: Uint8Array = new Uint8Array(0);
  #closed = false;

  constructor(model: LineModel) {
    this.#model = model;
  }

  receive(packet: Uint8Array): PacketResult {
    if (this.#closed) return { replies: [], closed: true };
    const bytes = Buffer.concat([this.#pending, packet]);
    const replies: string[] = [];
    let start = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
      const line = bytes.subarray(start, end + 1);
      start = end + 1;
      if (line.length > this.#model.maxLineBytes) {
        // The lines behind it are still executed, unanswered.
        this.#closed = true;
        continue;
      }
      const text = strictText(line);
      if (text === undefined) {
        this.#closed = true;
        break;
      }
      replies.push(this.#model.execute(text.replace(/\r*\n$/, '')));
    }
    this.#pending = bytes.subarray(start);
    return this.#closed ? { replies: [], closed: true } : { replies, closed: false };
  }
}

class JavaError extends Error {}

function error(text: string): string {
  return `-ERR ${text}\n`;
}

function integer(value: number | bigint): string {
  return `:${value}\n`;
}

function bulk(value: string | undefined): string {
  return value === undefined ? '$-1\n' : `$${value.length}\r\n${value}\n`;
}

/** `Long.parseLong`. */
function javaLong(text: string): bigint | undefined {
  if (!/^[+-]?[0-9]+$/.test(text)) return undefined;
  const number = BigInt(text.replace(/^\+/, ''));
  return BigInt.asIntN(64, number) === number ? number : undefined;
}

function strictText(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** `Base64.getDecoder()`, then `new String(bytes, UTF_8)`: what is not UTF-8 becomes U+FFFD. */
function fromBase64(text: string): string {
  if (text.length < 2) throw new JavaError('Input byte[] should at least have 2 bytes for base64 bytes');
  const illegal = /[^A-Za-z0-9+/=]/.exec(text);
  if (illegal !== null) {
    throw new JavaError(`Illegal base64 character ${(illegal[0].codePointAt(0) as number).toString(16)}`);
  }
  const data = (/^[^=]*/.exec(text) as RegExpExecArray)[0];
  const padded = data.length + (data.length % 4 === 0 ? 0 : 4 - (data.length % 4));
  if (data.length % 4 === 1) throw new JavaError('Last unit does not have enough valid bits');
  if (text.length > data.length && text.length !== padded) {
    throw new JavaError(`Input byte array has incorrect ending byte at ${Math.min(padded, text.length)}`);
  }
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Buffer.from(data, 'base64'));
}
