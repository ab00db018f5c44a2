// What is said on a fresh link before any command of a user: who we are, which protocol, which database, is it ready.
// Called by the greeter once a link. It owns no socket and no time; the machine's deadline limits it.
//
//   RESP, server known:    [AUTH] HELLO n [CLIENT SETNAME] [SELECT] PING       in one write
//   RESP, server unknown:  HELLO n alone; the rest after its first reply line    (a line server would execute each line)
//   line server:           PING, then one probe for its quoting
//
// AUTH goes before HELLO and not inside it: servers that don't know HELLO would quote its arguments in their refusal.

import type { AshRedisError } from '../errors/index.ts';
import { QUOTES_PROBE, quotingFromProbe } from '../line/index.ts';
import { RespError, type RespValue } from '../resp/index.ts';
import { commandFrame } from './command-frame.ts';
import { refusedError } from './connect-errors.ts';
import { NOT_READY, replyError } from './reply-error.ts';
import type { Command, ConnectionOptions, Credentials, Frame, ServerFacts } from './types.ts';

/** What is needed of the link that is greeted. */
export interface GreetedLink {
  readonly peer: string;
  readonly generation: number;
  /** False once it was dropped. */
  readonly isReading: boolean;
  /** Its credentials were refused, and their source is asked once more. */
  refusal: AshRedisError | undefined;
  /** Written at once, in order. */
  sendNow(commands: readonly Command[]): void;
  /** `fatal`: trying again can't help. `busy`: reached, but not ready yet. */
  fail(error: AshRedisError, fatal?: boolean, busy?: boolean): void;
  /** The answer is none that this server would give: it counts for good only where none was ready before. */
  broken(error: AshRedisError): void;
  /** A PING was answered by what is not its own. */
  shifted(): void;
}

/**
 * `first`: HELLO goes before all else. `alone`: the first reply line decides the dialect, nothing may follow before it.
 * `never`: something in between closed on it; PING alone is said.
 */
export type Hello = 'first' | 'alone' | 'never';

type OnReply = (value: RespValue) => void;

const CREDENTIALS_HINT = 'check "username" and "password"';
const NO_FACTS: ServerFacts = {
  dialect: 'resp',
  protocol: 2,
  role: undefined,
  version: undefined,
  clientId: undefined,
};

export function greetResp(
  link: GreetedLink,
  options: ConnectionOptions,
  succeed: (facts: ServerFacts) => void,
  credentials: Credentials | undefined,
  hello: Hello,
  refuse: (error: AshRedisError) => void,
): void {
  const { clientName, db, protocol } = options;
  let facts = NO_FACTS;
  let failed = false;
  /** A refusal ends the handshake where `hintOf` knows what to do about it. */
  const check = (command: string, value: RespValue, hintOf: (refused: RespError) => string | undefined): void => {
    if (failed || !(value instanceof RespError)) return;
    const hint = hintOf(value);
    if (hint === undefined) return;
    failed = true;
    const refused = new RespError(withoutSecret(value, credentials));
    const error = refusedError(link.peer, refused.message, hint, replyError(refused, command));
    const busy = isBusy(value);
    if (busy) link.fail(error, false, busy);
    else if (/^(?!DENIED).*(pass|auth)/i.test(value.message)) refuse(error);
    else link.broken(error);
  };
  const first: Command[] = [];
  const rest: Command[] = [];
  if (credentials !== undefined) {
    first.push(authCommand(credentials, (value) => check('AUTH', value, authHint)));
  }
  if (hello !== 'never') {
    first.push(
      said(['HELLO', String(protocol)], (value) => {
        check('HELLO', value, connectHint);
        if (typeof value === 'object') facts = helloFacts(value);
        if (hello === 'alone' && !failed) link.sendNow(rest);
      }),
    );
  }
  // Old servers and narrow ACLs refuse it; a name is no reason to stay away.
  if (clientName !== undefined) rest.push(said(['CLIENT', 'SETNAME', clientName], () => {}));
  if (db !== 0) {
    rest.push(said(['SELECT', String(db)], (value) => check('SELECT', value, () => 'check "db"')));
  }
  rest.push(
    said(['PING'], (value) => {
      check('PING', value, connectHint);
      if (failed) return;
      // Another's reply: its own is still to come, and would be taken for that to a user's command.
      const isOwn = value === 'PONG' || value instanceof RespError || (facts === NO_FACTS && value === 'OK');
      if (isOwn) succeed(facts);
      else link.shifted();
    }),
  );
  link.sendNow(hello === 'alone' ? first : [...first, ...rest]);
}

export function greetLine(link: GreetedLink, options: ConnectionOptions, succeed: (facts: ServerFacts) => void): void {
  const done = (quoting: 'quoted' | 'b64' | 'none') => succeed({ ...NO_FACTS, dialect: 'line', quoting });
  const probe = lineCommand('PROBE', QUOTES_PROBE, (value) => {
    const message = value instanceof RespError ? value.message : String(value);
    // Redis's words: what follows would be cut otherwise than meant, and lengths are in bytes there.
    if (!message.includes(', with args')) return done(quotingFromProbe(message));
    const found = 'found a server that speaks RESP, asked for was the line dialect';
    link.broken(refusedError(link.peer, found, 'use dialect: "auto" or "resp"'));
  });
  const ping = lineCommand('PING', 'PING\n', (value) => {
    if (value !== 'PONG') {
      const found = `PING in the line dialect was answered by ${value instanceof RespError ? value.message : typeof value}`;
      link.broken(refusedError(link.peer, found, 'check host, port and "dialect"'));
    } else if (options.quoting !== 'auto') done(options.quoting);
    else link.sendNow([probe]);
  });
  link.sendNow([ping]);
}

/** PING, with a nonce where RESP is spoken; `onPong` is told whether the answer was its own. */
export function pingCommand(nonce: string | undefined, onPong: (own: boolean) => void): Command {
  if (nonce === undefined) return lineCommand('PING', 'PING\n', (value) => onPong(value === 'PONG'));
  // A refusal is an answer too: LOADING, NOPERM. In RESP2 a subscriber is answered by `pong`, nonce.
  return said(['PING', nonce], (value) =>
    onPong(value instanceof RespError || (Array.isArray(value) ? value[1] : value) === nonce),
  );
}

export function authCommand({ username, password }: Credentials, onReply: OnReply): Command {
  // Null is none, as in a configuration.
  return said(typeof username === 'string' ? ['AUTH', username, password] : ['AUTH', password], onReply);
}

function said(args: readonly string[], onReply: OnReply): Command {
  return handshakeCommand(args[0] as string, commandFrame(args), onReply);
}

/** `line` is ASCII, with its end. */
function lineCommand(name: string, line: string, onReply: OnReply): Command {
  return handshakeCommand(name, { text: line, ascii: true, parts: undefined, byteLength: line.length }, onReply);
}

function handshakeCommand(name: string, frame: Frame, onReply: OnReply): Command {
  return {
    name,
    frame,
    replyCount: 1,
    replyTypes: 255,
    deadline: Infinity,
    errorsAsValues: true,
    internal: true,
    place: 0,
    onReply,
    // The link went; the machine knows.
    onFailure() {},
  };
}

function isBusy(refused: RespError): boolean {
  return NOT_READY.test(refused.code) || /max(imum)? number of clients/i.test(refused.message);
}

/** Undefined where a refusal of HELLO or PING is no reason to stay away. */
function connectHint(refused: RespError): string | undefined {
  if (refused.code === 'NOAUTH') return CREDENTIALS_HINT;
  if (refused.code === 'DENIED') return 'see the configuration of the server';
  return isBusy(refused) ? 'try again later, or use "waitOnFirstConnect"' : undefined;
}

function authHint(refused: RespError): string {
  const { message } = refused;
  if (/without any password|no password is set/i.test(message)) return 'the server has no password: leave it out';
  if (/wrong number of arguments/i.test(message)) return 'the server knows no user names: leave "username" out';
  // A server that is full, or in protected mode, says so in AUTH's place.
  return connectHint(refused) ?? CREDENTIALS_HINT;
}

export function withoutSecret({ message }: RespError, credentials: Credentials | undefined): string {
  const text = message.replace(/\.$/, '');
  return credentials?.password ? text.replaceAll(credentials.password, '***') : text;
}

/** HELLO answers with a map in RESP3, with a flat array in RESP2. */
function helloFacts(value: RespValue): ServerFacts {
  const isMap = value instanceof Map;
  const fields = new Map<RespValue, RespValue>(isMap ? value : []);
  if (Array.isArray(value)) {
    for (let index = 1; index < value.length; index += 2)
      fields.set(value[index - 1] as RespValue, value[index] as RespValue);
  }
  const [role, version, id, proto = isMap ? 3 : 2] = ['role', 'version', 'id', 'proto'].map((key) => fields.get(key));
  return {
    dialect: 'resp',
    protocol: proto === 3 ? 3 : 2,
    role: role === 'slave' ? 'replica' : typeof role === 'string' ? role : undefined,
    version: typeof version === 'string' ? version : undefined,
    clientId: typeof id === 'number' ? id : undefined,
  };
}
