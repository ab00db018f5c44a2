// From a request to its reply: looks the command up, asks whether it may run, and runs, queues or refuses it.
// Called by sessions for each request. The order of the checks is Redis's (processCommand), so that the same error wins.

import { type Command, shown, unknownSubcommand, wrongArity } from './command.ts';
import { ACL_COMMANDS } from './commands/acl.ts';
import { CLIENT_COMMANDS } from './commands/client.ts';
import { CONNECTION_COMMANDS } from './commands/connection.ts';
import { COPY_COMMANDS } from './commands/copies.ts';
import { EMPTY_COMMANDS } from './commands/empty.ts';
import { INTROSPECTION_COMMANDS } from './commands/introspection.ts';
import { KEY_COMMANDS, SELECT_COMMANDS } from './commands/keys.ts';
import { OBJECT_COMMANDS } from './commands/object.ts';
import { PUBSUB_COMMANDS } from './commands/pubsub.ts';
import { SERVER_COMMANDS } from './commands/server-info.ts';
import { STRING_COMMANDS } from './commands/strings.ts';
import { TRANSACTION_COMMANDS } from './commands/transactions.ts';
import { ARGUMENT_BYTES, QUEUED_COMMAND_BYTES } from './limits.ts';
import { isHttpWord, OUT_OF_MEMORY } from './messages.ts';
import { feedMonitors } from './monitor.ts';
import type { Session } from './session.ts';

/** Every command, by name in lower case. */
function commandTable(): Map<string, Command> {
  const all = [
    ...STRING_COMMANDS,
    ...KEY_COMMANDS,
    ...COPY_COMMANDS,
    ...OBJECT_COMMANDS,
    ...PUBSUB_COMMANDS,
    ...TRANSACTION_COMMANDS,
    ...CONNECTION_COMMANDS,
    ...SELECT_COMMANDS,
    ...CLIENT_COMMANDS,
    ...INTROSPECTION_COMMANDS,
    ...SERVER_COMMANDS,
    ...ACL_COMMANDS,
    ...EMPTY_COMMANDS,
  ];
  return new Map(all.map((command) => [command.name, command]));
}

/** What the checks need to know of a command, looked up once and not a flag at a time. */
interface Route {
  readonly command: Command;
  readonly noAuth: boolean;
  readonly subscriber: boolean;
  readonly immediate: boolean;
  readonly denyOom: boolean;
}

export class Dispatcher {
  readonly commands: ReadonlyMap<string, Command>;
  /** Also under the name in upper case, as most clients send it: no conversion then. */
  readonly #routes = new Map<string, Route>();

  constructor() {
    this.commands = commandTable();
    for (const [name, command] of this.commands) {
      const route: Route = {
        command,
        noAuth: command.flags.includes('no_auth'),
        subscriber: command.flags.includes('subscriber'),
        immediate: command.flags.includes('immediate'),
        denyOom: command.flags.includes('denyoom'),
      };
      this.#routes.set(name, route);
      this.#routes.set(name.toUpperCase(), route);
    }
  }

  execute(session: Session, args: string[]) {
    if (session.replyMode === 'on') {
      this.#process(session, args);
      return;
    }
    if (session.replyMode === 'skip-next') session.replyMode = 'skip';
    hidden(session, () => this.#process(session, args));
    if (session.replyMode === 'skip') session.replyMode = 'on';
  }

  /** Runs a command that was checked before: inside EXEC. */
  run(session: Session, args: string[]) {
    // CLIENT REPLY OFF before it in the same transaction.
    if (session.replyMode === 'off') hidden(session, () => this.#runQueued(session, args));
    else this.#runQueued(session, args);
  }

  #runQueued(session: Session, args: string[]) {
    const route = this.#find(args[0] as string);
    if (route === undefined) throw new Error(`Cannot run queued command '${args[0]}': it is not in the table`);
    if (route.denyOom && session.server.memory.refuses(byteCount(args))) session.error(OUT_OF_MEMORY);
    else if (REFUSED_IN_EXEC.has(route.command.name)) session.error(REFUSED_IN_EXEC.get(route.command.name) as string);
    else this.#perform(session, route.command, args);
  }

  #perform(session: Session, command: Command, args: string[]) {
    command.run(session, args);
    if (session.server.monitors.size > 0) feedMonitors(session, command, args);
  }

  #find(name: string): Route | undefined {
    return this.#routes.get(name) ?? this.#routes.get(name.toLowerCase());
  }

  #process(session: Session, args: string[]) {
    const { server } = session;
    const route = this.#find(args[0] as string);
    server.stats.commandsProcessed++;
    if (route === undefined) {
      if (isHttpWord(args[0] as string)) return session.destroy();
      session.lastCommand = 'NULL';
    }
    // Before all else: a stranger is told nothing about which commands exist, nor how they are called.
    if (!session.authenticated && route?.noAuth !== true) return session.error('NOAUTH Authentication required.');
    if (route === undefined) return refuse(session, unknownCommand(args));
    const { command } = route;
    session.lastCommand = fullName(command, args);
    const { arity } = command;
    if (!hasArity(args, arity)) return refuse(session, wrongArity(command.name));
    if (command.subcommands !== undefined && args.length > 1) {
      const word = (args[1] as string).toLowerCase();
      const known = Object.hasOwn(command.subcommands, word) ? command.subcommands[word] : undefined;
      if (known === undefined) return refuse(session, unknownSubcommand(args));
      if (!hasArity(args, known)) return refuse(session, wrongArity(fullName(command, args)));
    }
    const planned = server.faults.takeError(command.name);
    if (planned !== undefined) {
      if (command.name === 'exec') abort(session);
      else if (session.transaction !== undefined) session.transaction.failed = true;
      return session.error(planned);
    }
    if (route.denyOom && server.memory.maxBytes > 0 && server.memory.refuses(byteCount(args))) {
      return refuse(session, OUT_OF_MEMORY);
    }
    if (session.isResp2Subscriber && !route.subscriber) {
      return refuse(
        session,
        `ERR Can't execute '${fullName(command, args)}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context`,
      );
    }
    if (session.transaction !== undefined && !route.immediate) return enqueue(session, args);
    this.#perform(session, command, args);
  }
}

/** With Redis's words; SUBSCRIBE and PSUBSCRIBE it allows there. */
const REFUSED_IN_EXEC: ReadonlyMap<string, string> = new Map([
  ['ssubscribe', "ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client"],
  ['monitor', "ERR MONITOR isn't allowed for DENY BLOCKING client"],
]);

/** CLIENT REPLY OFF and SKIP: executed, and what it answered is taken back. Confirmations and messages stay. */
function hidden(session: Session, act: () => void) {
  const before = session.out;
  const outer = session.kept;
  session.kept = '';
  act();
  if (session.replyMode !== 'on') session.out = before + session.kept;
  session.kept = outer === undefined ? undefined : outer + session.kept;
}

function hasArity(args: readonly string[], arity: number): boolean {
  return arity > 0 ? args.length === arity : args.length >= -arity;
}

function fullName(command: Command, args: readonly string[]): string {
  return command.subcommands !== undefined && args[1] !== undefined
    ? `${command.name}|${args[1].toLowerCase()}`
    : command.name;
}

function byteCount(args: readonly string[]): number {
  let count = 0;
  for (const arg of args) count += arg.length;
  return count;
}

/** An error before execution; inside MULTI it spoils the transaction. */
function refuse(session: Session, text: string) {
  if (session.lastCommand === 'exec') {
    abort(session);
    return session.error(`EXECABORT Transaction discarded because of: ${text.replace(/^ERR /, '')}`);
  }
  if (session.transaction !== undefined) session.transaction.failed = true;
  session.error(text);
}

function abort(session: Session) {
  session.transaction = undefined;
  session.server.unwatch(session);
}

function enqueue(session: Session, args: string[]) {
  const transaction = session.transaction;
  if (transaction === undefined) return;
  const limit = session.server.limits.maxRequestBytes;
  transaction.byteCount += byteCount(args) + args.length * ARGUMENT_BYTES + QUEUED_COMMAND_BYTES;
  if (transaction.byteCount > limit) {
    // It will be refused as a whole: nothing of it is needed any more.
    transaction.commands.length = 0;
    return refuse(session, `ERR transaction exceeds the limit of ${limit} bytes`);
  }
  transaction.commands.push(args);
  session.simple('QUEUED');
}

/** Redis's words, with its limits: 128 characters of the name, and arguments until 128 are shown. */
function unknownCommand(args: readonly string[]): string {
  let words = '';
  for (let i = 1; i < args.length && words.length < 128; i++) {
    words += `'${shown(args[i] as string, 128 - words.length)}' `;
  }
  return `ERR unknown command '${shown(args[0] as string)}', with args beginning with: ${words}`;
}
