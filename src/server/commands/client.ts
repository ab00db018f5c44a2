// CLIENT and its subcommands. Called through the command table.

import { type Command, commandsOf, NO_KEYS, SYNTAX_ERROR, shown } from '../command.ts';
import { parseInt64 } from '../numbers.ts';
import type { Session } from '../session.ts';
import { INVALID_NAME, isValidName } from './connection.ts';

/** One line of CLIENT LIST, in Redis's order of fields. */
function describe(session: Session): string {
  const now = session.server.now();
  const seconds = (since: number) => Math.max(0, Math.floor((now - since) / 1000));
  const subscribed = session.subscriptionCount > 0 ? 'P' : '';
  const monitoring = session.server.monitors.has(session) ? 'O' : '';
  const flags = `${monitoring}${subscribed}${session.transaction === undefined ? '' : 'x'}`;
  const fields = {
    id: session.id,
    addr: session.address,
    laddr: session.localAddress,
    fd: -1,
    name: session.name,
    age: seconds(session.createdAt),
    idle: seconds(session.lastActiveAt),
    flags: flags === '' ? 'N' : flags,
    db: session.database,
    sub: session.channels.size,
    psub: session.patterns.size,
    ssub: session.shards.size,
    multi: session.transaction === undefined ? -1 : session.transaction.commands.length,
    qbuf: session.pendingInputBytes,
    'qbuf-free': 0,
    'argv-mem': 0,
    'multi-mem': session.transaction?.byteCount ?? 0,
    rbs: 0,
    rbp: 0,
    obl: session.out.length,
    oll: 0,
    omem: session.pendingOutputBytes,
    'tot-mem': session.pendingInputBytes + session.pendingOutputBytes,
    events: 'r',
    cmd: session.lastCommand,
    user: 'default',
    redir: -1,
    resp: session.protocol,
    'lib-name': session.libName,
    'lib-ver': session.libVersion,
  };
  return Object.entries(fields)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');
}

type ClientType = 'normal' | 'pubsub' | 'master' | 'replica';

function typeOf(text: string): ClientType | undefined {
  const word = text.toLowerCase();
  if (word === 'slave') return 'replica';
  return word === 'normal' || word === 'pubsub' || word === 'master' || word === 'replica' ? word : undefined;
}

function hasType(session: Session, type: ClientType): boolean {
  const isSubscriber = session.subscriptionCount > 0;
  return type === 'pubsub' ? isSubscriber : type === 'normal' && !isSubscriber;
}

function list(session: Session, args: string[]) {
  let sessions = [...session.server.sessions.values()];
  const word = args[2]?.toUpperCase();
  if (word === 'TYPE' && args.length === 4) {
    const type = typeOf(args[3] as string);
    if (type === undefined) return session.error(`ERR Unknown client type '${shown(args[3] as string)}'`);
    sessions = sessions.filter((other) => hasType(other, type));
  } else if (word === 'ID' && args.length > 3) {
    sessions = [];
    for (const text of args.slice(3)) {
      const id = parseInt64(text);
      if (id === undefined) return session.error('ERR Invalid client ID');
      // In the order of asking, as often as asked for.
      const found = session.server.sessions.get(Number(id));
      if (found !== undefined) sessions.push(found);
    }
  } else if (args.length > 2) {
    return session.error(SYNTAX_ERROR);
  }
  session.verbatim(sessions.map((other) => `${describe(other)}\n`).join(''));
}

/** A filter of CLIENT KILL, or undefined after an error reply. */
function killFilter(session: Session, word: string, value: string): ((other: Session) => boolean) | undefined {
  switch (word) {
    case 'ID': {
      const id = parseInt64(value);
      if (id !== undefined && id >= 1) return (other) => other.id === Number(id);
      session.error('ERR client-id should be greater than 0');
      return undefined;
    }
    case 'TYPE': {
      const type = typeOf(value);
      if (type !== undefined) return (other) => hasType(other, type);
      session.error(`ERR Unknown client type '${shown(value)}'`);
      return undefined;
    }
    case 'ADDR':
      return (other) => other.address === value;
    case 'LADDR':
      return (other) => other.localAddress === value;
    case 'USER':
      if (value === 'default') return () => true;
      session.error(`ERR No such user '${shown(value)}'`);
      return undefined;
    default:
      session.error(SYNTAX_ERROR);
      return undefined;
  }
}

function kill(session: Session, args: string[]) {
  const all = [...session.server.sessions.values()];
  if (args.length === 3) {
    const found = all.find((other) => other.address === args[2]);
    if (found === undefined) return session.error('ERR No such client');
    session.ok();
    return end(session, found);
  }
  let skipMe = true;
  let targets = all;
  for (let i = 2; i < args.length; i += 2) {
    const word = (args[i] as string).toUpperCase();
    const value = args[i + 1];
    if (value === undefined) return session.error(SYNTAX_ERROR);
    if (word === 'SKIPME') {
      const choice = value.toLowerCase();
      if (choice !== 'yes' && choice !== 'no') return session.error(SYNTAX_ERROR);
      skipMe = choice === 'yes';
      continue;
    }
    const filter = killFilter(session, word, value);
    if (filter === undefined) return;
    targets = targets.filter(filter);
  }
  if (skipMe) targets = targets.filter((other) => other !== session);
  session.integer(targets.length);
  for (const target of targets) end(session, target);
}

/** The caller itself still gets its answer. */
function end(session: Session, target: Session) {
  if (target === session) session.endAfterFlush();
  else target.kill();
}

function setInfo(session: Session, args: string[]) {
  const word = (args[2] as string).toLowerCase();
  const value = args[3] as string;
  if (word !== 'lib-name' && word !== 'lib-ver')
    return session.error(`ERR Unrecognized option '${shown(args[2] as string)}'`);
  if (!isValidName(value)) {
    return session.error(`ERR ${word} cannot contain spaces, newlines or special characters.`);
  }
  session.rename(word === 'lib-name' ? 'libName' : 'libVersion', value);
  session.ok();
}

function reply(session: Session, args: string[]) {
  const word = (args[2] as string).toUpperCase();
  if (word === 'ON') {
    session.replyMode = 'on';
    session.ok();
  } else if (word === 'OFF') {
    session.replyMode = 'off';
  } else if (word === 'SKIP') {
    if (session.replyMode !== 'off') session.replyMode = 'skip-next';
  } else {
    session.error(SYNTAX_ERROR);
  }
}

function setName(session: Session, args: string[]) {
  const name = args[2] as string;
  if (!isValidName(name)) return session.error(INVALID_NAME);
  session.rename('name', name);
  session.ok();
}

function onOrOff(session: Session, args: string[]) {
  const word = (args[2] as string).toLowerCase();
  if (word === 'on' || word === 'off') session.ok();
  else session.error(SYNTAX_ERROR);
}

type Subcommand = readonly [arity: number, run: (session: Session, args: string[]) => void];

const SUBCOMMANDS: ReadonlyMap<string, Subcommand> = new Map<string, Subcommand>([
  ['id', [2, (session) => session.integer(session.id)]],
  ['getname', [2, (session) => session.bulkOrNull(session.name === '' ? undefined : session.name)]],
  ['setname', [3, setName]],
  ['setinfo', [4, setInfo]],
  ['info', [2, (session) => session.verbatim(`${describe(session)}\n`)]],
  ['list', [-2, list]],
  ['kill', [-3, kill]],
  ['reply', [3, reply]],
  ['no-evict', [3, onOrOff]],
  ['no-touch', [3, onOrOff]],
]);

function client(session: Session, args: string[]) {
  SUBCOMMANDS.get((args[1] as string).toLowerCase())?.[1](session, args);
}

const ARITIES = Object.fromEntries([...SUBCOMMANDS].map(([name, [arity]]) => [name, arity]));

export const CLIENT_COMMANDS: readonly Command[] = commandsOf('connection', [
  ['client', -2, [], NO_KEYS, client, ARITIES],
]);
