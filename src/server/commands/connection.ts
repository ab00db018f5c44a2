// Commands on the connection itself: handshake, credentials, ping, reset. Called through the command table.

import { type Command, commandsOf, NO_KEYS, SYNTAX_ERROR, shown, wrongArity } from '../command.ts';
import { parseInt64 } from '../numbers.ts';
import { bytesOf } from '../reply-writer.ts';
import type { Session } from '../session.ts';
import { COMPATIBLE_VERSION } from '../version.ts';
import { unsubscribeAll } from './pubsub.ts';

const WRONG_PASSWORD = 'WRONGPASS invalid username-password pair or user is disabled.';

/** Compares every byte of both whatever the first difference is, so that time tells nothing about the password. */
function sameSecret(given: string, wanted: string): boolean {
  let difference = given.length ^ wanted.length;
  for (let i = 0; i < given.length; i++) difference |= given.charCodeAt(i) ^ wanted.charCodeAt(i % wanted.length);
  return difference === 0;
}

/** True when the pair is right; replies with the error otherwise. */
function logIn(session: Session, user: string, password: string): boolean {
  const wanted = session.server.password;
  const isRight = user === 'default' && (wanted === undefined || sameSecret(password, bytesOf(wanted)));
  if (isRight) {
    session.authenticated = true;
    session.parser.authenticated = true;
  } else {
    session.error(WRONG_PASSWORD);
  }
  return isRight;
}

function auth(session: Session, args: string[]) {
  if (args.length > 3) return session.error(SYNTAX_ERROR);
  if (args.length === 2 && session.server.password === undefined) {
    return session.error(
      'ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?',
    );
  }
  const [user, password] = args.length === 2 ? ['default', args[1] as string] : [args[1] as string, args[2] as string];
  if (logIn(session, user, password)) session.ok();
}

/** CLIENT SETNAME's rule: nothing that would break the lines of CLIENT LIST. */
export function isValidName(name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (code < 33 || code > 126) return false;
  }
  return true;
}

export const INVALID_NAME = 'ERR Client names cannot contain spaces, newlines or special characters.';

function hello(session: Session, args: string[]) {
  let protocol: 2 | 3 = session.protocol;
  if (args.length >= 2) {
    const version = parseInt64(args[1] as string);
    if (version === undefined) return session.error('ERR Protocol version is not an integer or out of range');
    if (version !== 2 && version !== 3) return session.error('NOPROTO unsupported protocol version');
    protocol = version;
  }
  // One after the other, as Redis does: what stands before the one that is refused has happened.
  for (let i = 2; i < args.length; i++) {
    const word = (args[i] as string).toUpperCase();
    const left = args.length - 1 - i;
    if (word === 'AUTH' && left >= 2) {
      if (!logIn(session, args[i + 1] as string, args[i + 2] as string)) return;
      i += 2;
    } else if (word === 'SETNAME' && left >= 1) {
      const name = args[++i] as string;
      if (!isValidName(name)) return session.error(INVALID_NAME);
      session.rename('name', name);
    } else {
      return session.error(`ERR Syntax error in HELLO option '${shown(args[i] as string)}'`);
    }
  }
  if (!session.authenticated) {
    return session.error(
      'NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time',
    );
  }
  session.protocol = protocol;
  session.map(7);
  session.bulk('server');
  session.bulk('redis');
  session.bulk('version');
  session.bulk(COMPATIBLE_VERSION);
  session.bulk('proto');
  session.integer(protocol);
  session.bulk('id');
  session.integer(session.id);
  session.bulk('mode');
  session.bulk('standalone');
  session.bulk('role');
  session.bulk('master');
  session.bulk('modules');
  session.array(0);
}

function ping(session: Session, args: string[]) {
  if (args.length > 2) return session.error(wrongArity('ping'));
  if (session.isResp2Subscriber) {
    session.array(2);
    session.bulk('pong');
    session.bulk(args[1] ?? '');
  } else if (args[1] === undefined) {
    session.simple('PONG');
  } else {
    session.bulk(args[1]);
  }
}

function quit(session: Session) {
  session.ok();
  session.endAfterFlush();
}

/** From now on every command of anybody is told, until RESET or the end. */
function monitor(session: Session) {
  session.server.monitors.add(session);
  session.ok();
}

function reset(session: Session) {
  session.transaction = undefined;
  session.server.monitors.delete(session);
  session.server.unwatch(session);
  unsubscribeAll(session);
  session.database = 0;
  session.keyspace = session.server.keyspace(0);
  session.rename('name', '');
  // One that is being skipped stays so.
  if (session.replyMode !== 'skip') session.replyMode = 'on';
  session.protocol = 2;
  session.authenticated = session.server.password === undefined;
  session.parser.authenticated = session.authenticated;
  session.simple('RESET');
}

export const CONNECTION_COMMANDS: readonly Command[] = commandsOf('connection', [
  ['auth', -2, ['fast', 'no_auth'], NO_KEYS, auth],
  ['hello', -1, ['fast', 'no_auth'], NO_KEYS, hello],
  ['ping', -1, ['fast', 'subscriber'], NO_KEYS, ping],
  ['echo', 2, ['fast'], NO_KEYS, (session, args) => session.bulk(args[1] as string)],
  ['quit', -1, ['fast', 'no_auth', 'subscriber', 'immediate'], NO_KEYS, quit],
  ['monitor', 1, ['admin'], NO_KEYS, monitor],
  ['reset', 1, ['fast', 'no_auth', 'subscriber', 'immediate'], NO_KEYS, reset],
]);
