// What is said on a fresh link before any command of a user: who we are, which protocol, which database, is it ready.
// Called by the driver once a link. It owns no socket and no time; the machine's deadline limits it.
//
//   RESP, server known:    [AUTH] HELLO n [CLIENT SETNAME] [SELECT] PING       in one write
//   RESP, server unknown:  HELLO n alone; the rest after its first reply line    (a line server would execute each line)
//   line server:           PING, then one probe for its quoting
//
// AUTH goes before HELLO and not inside it: servers that don't know HELLO would quote its arguments in their refusal.

import { type AshRedisError, HandshakeError, ProtocolError } from '../errors/index.ts';
import { encodeLine, QUOTES_PROBE, quotingFromProbe } from '../line/index.ts';
import { RespError, type RespValue } from '../resp/index.ts';
import { commandFrame } from './command-frame.ts';
import type { Command, Credentials, Frame, Protocol, ServerFacts } from './types.ts';

export interface HandshakeJob {
  readonly peer: string;
  readonly protocol: Protocol;
  /** A proxy closed on HELLO before: PING alone is said. */
  readonly withoutHello: boolean;
  /** The first reply line decides the dialect: nothing may follow HELLO before it. */
  readonly serverUnknown: boolean;
  readonly credentials: Credentials | undefined;
  readonly clientName: string | undefined;
  readonly db: number;
  readonly quoting: 'auto' | 'quoted' | 'b64' | 'none';
  /** Hands commands over at once, in order. */
  send(commands: readonly Command[]): void;
  succeed(facts: ServerFacts): void;
  /** `busy`: reached, but not ready yet. */
  fail(error: AshRedisError, fatal: boolean, busy: boolean): void;
}

const BUSY = new Set(['LOADING', 'MASTERDOWN', 'CLUSTERDOWN', 'TRYAGAIN', 'BUSY']);

export function greetResp(job: HandshakeJob): void {
  const { credentials, protocol } = job;
  let facts: ServerFacts = { dialect: 'resp', protocol: 2, role: undefined, version: undefined, clientId: undefined };
  let failed = false;
  const refuse = (what: string, refused: RespError, hint: string): void => {
    if (failed) return;
    failed = true;
    const text = withoutSecret(refused.message, credentials);
    const busy = isBusy(refused);
    const error = new HandshakeError(`Cannot ${what} at ${job.peer}: ${text}`, { hint });
    job.fail(error, !busy, busy);
  };
  const first: Command[] = [];
  if (credentials !== undefined) {
    const { username, password } = credentials;
    first.push(
      said('AUTH', username === undefined ? ['AUTH', password] : ['AUTH', username, password], (value) => {
        if (value instanceof RespError) refuse('authenticate', value, authHint(value));
      }),
    );
  }
  if (!job.withoutHello) {
    first.push(
      said('HELLO', ['HELLO', String(protocol)], (value) => {
        if (value instanceof RespError) {
          if (value.code === 'NOAUTH') refuse('connect', value, 'give "password", or "username" and "password"');
          else if (value.code === 'DENIED')
            refuse('connect', value, 'the server accepts loopback only; see its configuration');
          else if (isBusy(value)) refuse('connect', value, 'the server is not ready yet');
        } else facts = helloFacts(value);
        if (job.serverUnknown && !failed) job.send(rest());
      }),
    );
  }
  function rest(): Command[] {
    const commands: Command[] = [];
    if (job.clientName !== undefined) {
      // Old servers and narrow ACLs refuse it; a name is no reason to stay away.
      commands.push(said('CLIENT', ['CLIENT', 'SETNAME', job.clientName], () => {}));
    }
    if (job.db !== 0) {
      commands.push(
        said('SELECT', ['SELECT', String(job.db)], (value) => {
          if (value instanceof RespError)
            refuse(`select database ${job.db}`, value, 'check "db" and the server\'s "databases"');
        }),
      );
    }
    commands.push(
      said('PING', ['PING'], (value) => {
        if (failed) return;
        if (value instanceof RespError) {
          if (value.code === 'NOAUTH') return refuse('connect', value, 'give "password", or "username" and "password"');
          if (value.code === 'DENIED')
            return refuse('connect', value, 'the server accepts loopback only; see its configuration');
          if (isBusy(value)) return refuse('connect', value, 'the server is not ready yet');
        }
        job.succeed(facts);
      }),
    );
    return commands;
  }
  job.send(job.serverUnknown && !job.withoutHello ? first : [...first, ...rest()]);
}

export function greetLine(job: HandshakeJob): void {
  const facts = (quoting: 'quoted' | 'b64' | 'none'): ServerFacts => ({
    dialect: 'line',
    protocol: 2,
    role: undefined,
    version: undefined,
    clientId: undefined,
    quoting,
  });
  const probe = new HandshakeCommand('PROBE', rawFrame(QUOTES_PROBE), (value) => {
    job.succeed(facts(quotingFromProbe(value instanceof RespError ? value.message : String(value))));
  });
  const ping = new HandshakeCommand('PING', encodeLine(['PING']), (value) => {
    if (value !== 'PONG') {
      const text = value instanceof RespError ? value.message : typeof value;
      const error = new HandshakeError(
        `Cannot connect to ${job.peer}: PING in the line dialect was answered by ${text}`,
        {
          hint: 'check host, port and "dialect"',
        },
      );
      return job.fail(error, true, false);
    }
    if (job.quoting !== 'auto') return job.succeed(facts(job.quoting));
    job.send([probe]);
  });
  job.send([ping]);
}

/** PING with a nonce; `onPong` is told whether the answer was its own. */
export function pingCommand(nonce: string | undefined, onPong: (problem: ProtocolError | undefined) => void): Command {
  if (nonce === undefined) {
    return new HandshakeCommand('PING', encodeLine(['PING']), (value) => {
      onPong(value === 'PONG' ? undefined : new ProtocolError('Cannot match reply to PING: replies have shifted'));
    });
  }
  return said('PING', ['PING', nonce], (value) => {
    // A refusal is an answer too: LOADING, NOPERM. In RESP2 a subscriber is answered by `pong`, nonce.
    const own = value instanceof RespError || (Array.isArray(value) ? value[1] === nonce : value === nonce);
    const found = own ? undefined : 'Cannot match reply to PING: its nonce did not come back, replies have shifted';
    onPong(found === undefined ? undefined : new ProtocolError(found));
  });
}

export function authCommand(credentials: Credentials, onReply: (refused: string | undefined) => void): Command {
  const { username, password } = credentials;
  return said('AUTH', username === undefined ? ['AUTH', password] : ['AUTH', username, password], (value) => {
    onReply(value instanceof RespError ? withoutSecret(value.message, credentials) : undefined);
  });
}

function said(name: string, args: readonly string[], onReply: (value: RespValue) => void): Command {
  return new HandshakeCommand(name, commandFrame(args), onReply);
}

function rawFrame(text: string): Frame {
  return { text, ascii: true, parts: undefined, byteLength: text.length };
}

class HandshakeCommand implements Command {
  readonly name: string;
  frame: Frame | undefined;
  readonly replyCount = 1;
  readonly replyTypes = 255;
  readonly asBytes = false;
  readonly deadline = Infinity;
  readonly retry = false;
  readonly failWhenDisconnected = false;
  readonly errorsAsValues = true;
  readonly internal = true;
  place = 0;
  readonly #onReply: (value: RespValue) => void;

  constructor(name: string, frame: Frame, onReply: (value: RespValue) => void) {
    this.name = name;
    this.frame = frame;
    this.#onReply = onReply;
  }

  onReply(value: RespValue): void {
    this.#onReply(value);
  }

  /** The link went; the machine knows. */
  onFailure(): void {}
}

function isBusy(refused: RespError): boolean {
  return BUSY.has(refused.code) || /max(imum)? number of clients/i.test(refused.message);
}

function authHint(refused: RespError): string {
  if (/without any password|no password is set/i.test(refused.message))
    return 'the server has no password: leave it out';
  if (/wrong number of arguments/i.test(refused.message))
    return 'the server is older than 6 and knows no user names: leave "username" out';
  return 'check "username" and "password"';
}

function withoutSecret(text: string, credentials: Credentials | undefined): string {
  if (credentials === undefined || credentials.password === '') return text;
  return text.replaceAll(credentials.password, '***');
}

/** HELLO answers with a map in RESP3, with a flat array in RESP2. */
function helloFacts(value: RespValue): ServerFacts {
  const fields = new Map<string, RespValue>();
  if (value instanceof Map) for (const [key, entry] of value) fields.set(String(key), entry);
  else if (Array.isArray(value)) {
    for (let index = 0; index + 1 < value.length; index += 2)
      fields.set(String(value[index]), value[index + 1] as RespValue);
  }
  const role = fields.get('role');
  const version = fields.get('version');
  const id = fields.get('id');
  return {
    dialect: 'resp',
    protocol: fields.get('proto') === 3 || (value instanceof Map && fields.get('proto') === undefined) ? 3 : 2,
    role: role === 'slave' ? 'replica' : typeof role === 'string' ? role : undefined,
    version: typeof version === 'string' ? version : undefined,
    clientId: typeof id === 'number' ? id : undefined,
  };
}
