// The fourteen commands of the AshRedis line dialect, with the replies of the real server. Wire document, 2 to 7.
// Called by the session for each line. Where the real server harms its users this one does it right; those places
// carry a comment here, and the list is in docs/server.md. It must never write CR LF where the real server writes LF.

import { tokenizeLine } from '../line/index.ts';
import { wrongArity } from './command.ts';
import { LinePattern, LinePatternError } from './line-pattern.ts';
import { base64ToText, javaLong, LineFailure, splitJsonValue, wrapInt64 } from './line-values.ts';
import { isHttpWord, OUT_OF_MEMORY } from './messages.ts';
import { tellMonitors } from './monitor.ts';
import { bytesOf, textOf } from './reply-writer.ts';
import type { Session } from './session.ts';

interface LineCall {
  readonly session: Session;
  /** `@r:`, or empty for region0, as byte string. */
  readonly prefix: string;
  /** Without the region. */
  readonly args: readonly string[];
}

interface LineCommand {
  readonly argumentCount: number;
  /** Refused when memory is full. */
  readonly denyOom?: boolean;
  run(call: LineCall): void;
}

const CHANNEL_KEY = 'channel:';

/** Executes one line, which comes without its end, and writes the reply. */
export function executeLine(session: Session, line: string): void {
  const { server } = session;
  server.stats.commandsProcessed++;
  // This dialect knows no credentials.
  if (!session.authenticated) return error(session, 'NOAUTH Authentication required.');
  const words = splitJsonValue(line) ?? tokenizeLine(line);
  if (words.unclosedQuote) return error(session, 'ERR Unclosed quote in command');
  const [word, ...args] = words.tokens;
  if (word === undefined) return error(session, 'ERR empty command');
  const name = word.toUpperCase();
  const command = COMMANDS.get(name);
  if (command === undefined && isHttpWord(word)) return session.destroy();
  if (command === undefined) return error(session, `ERR unknown command '${name}'`);
  session.lastCommand = name.toLowerCase();
  let prefix = '';
  if (command.argumentCount > 0 && args[0]?.startsWith('@')) {
    const region = (args.shift() as string).slice(1);
    // With a colon in it one region's keys could be read as another's.
    if (region.includes(':')) return error(session, "ERR Invalid region name: ':' is not allowed");
    if (region !== 'region0') prefix = bytesOf(`@${region}:`);
  }
  if (args.length < command.argumentCount) return error(session, wrongArity(name.toLowerCase()));
  const planned = server.faults.takeError(name.toLowerCase());
  if (planned !== undefined) return error(session, planned);
  if (command.denyOom === true && server.memory.refuses(line.length)) return error(session, OUT_OF_MEMORY);
  try {
    command.run({ session, prefix, args });
    if (server.monitors.size > 0) tellMonitors(session, words.tokens.map(bytesOf));
  } catch (thrown) {
    if (!(thrown instanceof LineFailure || thrown instanceof LinePatternError)) throw thrown;
    error(session, `ERR ${thrown.message}`);
  }
}

/** One line, always: the real server's errors of several lines break the framing of replies. */
function error(session: Session, text: string): void {
  session.raw(`-${bytesOf(text.replace(/[\r\n]+/g, ' '))}\n`);
}

function integer(session: Session, value: number | bigint): void {
  session.raw(`:${value}\n`);
}

/** The length is counted in UTF-16 units, as Java's String does. Bytes that are no UTF-8 become U+FFFD. */
function bulk(session: Session, bytes: string | undefined): void {
  if (bytes === undefined) return session.raw('$-1\n');
  const text = textOf(bytes);
  session.raw(`$${text.length}\r\n${isAscii(bytes) ? bytes : bytesOf(text)}\n`);
}

function isAscii(bytes: string): boolean {
  for (let at = 0; at < bytes.length; at++) if (bytes.charCodeAt(at) > 127) return false;
  return true;
}

function keyOf({ prefix, args }: LineCall, index = 0): string {
  return prefix + bytesOf(args[index] as string);
}

/** Epoch ms in Java's arithmetic, which overflows without a word; 1, the past, for what overflowed. */
function expiryOf(session: Session, text: string): number {
  const seconds = javaLong(text);
  if (seconds === undefined) throw new LineFailure(`For input string: "${text}"`);
  const at = wrapInt64(BigInt(session.server.now()) + wrapInt64(seconds * 1000n));
  return at <= 0n ? 1 : Number(at);
}

function store(call: LineCall, value: string): void {
  const { session, args } = call;
  const expiresAt = args[2]?.toUpperCase() === 'EX' && args[3] !== undefined ? expiryOf(session, args[3]) : 0;
  const key = keyOf(call);
  const bytes = bytesOf(value);
  session.keyspace.set(key, bytes, expiresAt);
  // A time that is over already: the keyspace finds that out at the next look, which may as well be now.
  if (expiresAt !== 0) session.keyspace.get(key);
  session.raw('+OK\n');
  const name = args[0] as string;
  // What the original publishers do to publish; live subscribers hear of it.
  if (name.startsWith(CHANNEL_KEY)) {
    session.server.hub.publish(call.prefix + bytesOf(name.slice(CHANNEL_KEY.length)), bytes);
  }
}

/** At once, while the real server loses updates; and the time to live stays, which the real server drops. */
function count(call: LineCall, by: bigint): void {
  const { session } = call;
  const key = keyOf(call);
  const number = javaLong(session.keyspace.get(key)?.value ?? '0');
  if (number === undefined) throw new LineFailure('Value is not an integer');
  const sum = wrapInt64(number + by);
  session.keyspace.replace(key, String(sum));
  integer(session, sum);
}

function append(call: LineCall): void {
  const { session, args } = call;
  const key = keyOf(call);
  const value = (session.keyspace.get(key)?.value ?? '') + bytesOf(args[1] as string);
  if (value.length > session.server.limits.maxBulkBytes) throw new LineFailure('Value is too long');
  session.keyspace.replace(key, value);
  integer(session, textOf(value).length);
}

/** Rounded down, and -2 in the last second. */
function ttl(call: LineCall): void {
  const entry = call.session.keyspace.get(keyOf(call));
  if (entry === undefined) return integer(call.session, -2);
  if (entry.expiresAt === 0) return integer(call.session, -1);
  const seconds = Math.floor((entry.expiresAt - call.session.server.now()) / 1000);
  integer(call.session, seconds > 0 ? seconds : -2);
}

function expire(call: LineCall): void {
  const { session, args } = call;
  const expiresAt = expiryOf(session, args[1] as string);
  const key = keyOf(call);
  // A key whose time is over is gone for good; the real server brings its value back.
  if (session.keyspace.get(key) === undefined) return integer(session, 0);
  session.keyspace.expireAt(key, expiresAt);
  integer(session, 1);
}

function persist(call: LineCall): void {
  const key = keyOf(call);
  const entry = call.session.keyspace.get(key);
  if (entry !== undefined) call.session.keyspace.expireAt(key, 0);
  integer(call.session, entry === undefined ? 0 : 1);
}

/** Counts its arguments, existing or not. */
function del(call: LineCall): void {
  for (let at = 0; at < call.args.length; at++) call.session.keyspace.delete(keyOf(call, at));
  integer(call.session, call.args.length);
}

function exists(call: LineCall): void {
  let found = 0;
  for (let at = 0; at < call.args.length; at++) if (call.session.keyspace.get(keyOf(call, at)) !== undefined) found++;
  integer(call.session, found);
}

/** The name of a key's region, or undefined for region0. As byte string. */
function regionOf(key: string): string | undefined {
  if (key.charCodeAt(0) !== 64) return undefined;
  const end = key.indexOf(':');
  return end < 0 ? undefined : key.slice(1, end);
}

function keys(call: LineCall): void {
  const { session, prefix, args } = call;
  const pattern = new LinePattern(args[0] as string);
  const found: string[] = [];
  const look = (key: string) => {
    if (prefix === '' ? regionOf(key) !== undefined : !key.startsWith(prefix)) return;
    const name = textOf(key.slice(prefix.length));
    if (pattern.matches(name)) found.push(name);
  };
  if (pattern.literal === undefined) for (const key of session.keyspace.keys()) look(key);
  else if (session.keyspace.get(keyOf(call)) !== undefined) look(keyOf(call));
  const parts = found.map((name) => `$${name.length}\r\n${bytesOf(name)}\r\n`);
  // One LF more than anybody would expect, as on the real server.
  session.raw(`*${found.length}\r\n${parts.join('')}\n`);
}

function info(session: Session): void {
  const regions = new Set(['region0']);
  for (const key of session.keyspace.keys()) {
    const region = regionOf(key);
    if (region !== undefined) regions.add(textOf(region));
  }
  const seconds = Math.floor(session.server.now() / 1000);
  bulk(session, bytesOf(`regions:[${[...regions].join(', ')}]\r\nuptime_seconds:${seconds}\r\nversion:1.0.0\r\n`));
}

const COMMANDS: ReadonlyMap<string, LineCommand> = new Map<string, LineCommand>([
  ['PING', { argumentCount: 0, run: ({ session }) => session.raw('+PONG\n') }],
  ['INFO', { argumentCount: 0, run: ({ session }) => info(session) }],
  ['SET', { argumentCount: 2, denyOom: true, run: (call) => store(call, call.args[1] as string) }],
  ['B64SET', { argumentCount: 2, denyOom: true, run: (call) => store(call, base64ToText(call.args[1] as string)) }],
  ['GET', { argumentCount: 1, run: (call) => bulk(call.session, call.session.keyspace.read(keyOf(call))) }],
  ['DEL', { argumentCount: 1, run: del }],
  ['EXISTS', { argumentCount: 1, run: exists }],
  ['EXPIRE', { argumentCount: 2, run: expire }],
  ['TTL', { argumentCount: 1, run: ttl }],
  ['PERSIST', { argumentCount: 1, run: persist }],
  ['KEYS', { argumentCount: 1, run: keys }],
  ['INCR', { argumentCount: 1, denyOom: true, run: (call) => count(call, 1n) }],
  ['DECR', { argumentCount: 1, denyOom: true, run: (call) => count(call, -1n) }],
  ['APPEND', { argumentCount: 2, denyOom: true, run: append }],
]);
