// The embedded server: listens, accepts, keeps what its sessions share, flushes once a turn, stops.
// Called by programs, by tests and by the command `ashredis server`. It must never read or write a command itself.

import { createServer as createNetServer, type Server, type Socket } from 'node:net';
import { UsageError } from '../errors/index.ts';
import { ServerClock, type Timer } from './clock.ts';
import { unsubscribeAll } from './commands/pubsub.ts';
import { Dispatcher } from './dispatcher.ts';
import { FaultBox } from './fault-box.ts';
import { Keyspace, MemoryMeter } from './keyspace.ts';
import { completeLimits, type Limits } from './limits.ts';
import { isLoopback, listenAll } from './listen.ts';
import { PubSubHub } from './pubsub-hub.ts';
import type { ServerState, ServerStats } from './server-state.ts';
import { Session } from './session.ts';
import type { EmbeddedServer, ServerDialect, ServerFaults, ServerOptions } from './types.ts';

const DEFAULT_MAX_MEMORY_BYTES = 512 * 1024 * 1024;
const EXPIRE_INTERVAL_MS = 100;
/** Every how many of these intervals the unread output of all connections is looked at. */
const OUTPUT_CHECK_INTERVALS = 10;
/** How long `stop()` waits for connections to take their last replies. */
const STOP_LINGER_MS = 500;

/**
 * Starts a server in this process. Resolves when it listens.
 *
 * Rejects with a `UsageError` for options that can't be, among them an address beyond loopback without a password,
 * and with Node's error (`EADDRINUSE`, …) when it can't listen.
 */
export async function createServer(options: ServerOptions = {}): Promise<EmbeddedServer> {
  const server = new RunningServer(options);
  await server.listen();
  return server;
}

class RunningServer implements EmbeddedServer, ServerState {
  readonly clock = new ServerClock();
  host = '';
  port = 0;
  url = '';
  unixUrl: string | undefined;
  readonly faults: FaultBox & ServerFaults;
  readonly limits: Limits;
  readonly dialect: ServerDialect;
  readonly unixPath: string | undefined;
  readonly databaseCount: number;
  readonly memory: MemoryMeter;
  readonly hub = new PubSubHub<Session>();
  readonly stats: ServerStats;
  readonly sessions = new Map<number, Session>();
  readonly monitors = new Set<Session>();
  readonly runId: string;
  readonly #options: ServerOptions;
  readonly #dispatcher = new Dispatcher();
  readonly #keyspaces = new Map<number, Keyspace>();
  /** Who watches a key, by database and key. */
  readonly #watchers = new Map<string, Set<Session>>();
  readonly #listeners: Server[] = [];
  /** Set whenever somebody asks for the time, which every connection does when it reads. */
  readonly #coarseClock = { seconds: 0 };
  #dirty: Session[] = [];
  #flushPlanned = false;
  #expireTimer: Timer | undefined;
  #lastSessionId = 0;
  #pendingInputBytes = 0;
  #stopping: Promise<void> | undefined;
  #sleeping = false;

  constructor(options: ServerOptions) {
    this.#options = checked(options);
    this.limits = completeLimits(options.limits);
    this.dialect = options.dialect ?? 'auto';
    this.unixPath = options.unix;
    this.databaseCount = options.databases ?? 16;
    this.memory = new MemoryMeter(options.maxMemoryBytes ?? DEFAULT_MAX_MEMORY_BYTES);
    this.runId = Array.from({ length: 40 }, () => Math.floor(Math.random() * 16).toString(16)).join('');
    this.stats = {
      startedAt: this.now(),
      connectionsReceived: 0,
      commandsProcessed: 0,
      inputBytes: 0,
      outputBytes: 0,
      rejectedConnections: 0,
      outputLimitDisconnections: 0,
    };
    this.faults = new FaultBox(this.sessions, this.clock, (bytes) => {
      this.stats.outputBytes += bytes;
    });
  }

  /** A getter over a private field: nothing that inspects the server finds the secret. */
  get password(): string | undefined {
    return this.#options.password;
  }

  get commands() {
    return this.#dispatcher.commands;
  }

  get connectionCount(): number {
    return this.sessions.size;
  }

  async listen(): Promise<void> {
    const make = () => createNetServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
    const bound = await listenAll(this.#options, make, this.#listeners);
    this.host = bound.host;
    this.port = bound.port;
    this.url = bound.url;
    this.unixUrl = bound.unixUrl;
  }

  now(): number {
    const now = this.clock.now();
    this.#coarseClock.seconds = Math.floor(now / 1000);
    return now;
  }

  keyspace(index: number): Keyspace {
    let keyspace = this.#keyspaces.get(index);
    if (keyspace === undefined) {
      const onChange = (key: string) => {
        if (this.#watchers.size > 0) this.#touch(index, key);
      };
      keyspace = new Keyspace(index, this.memory, () => this.clock.now(), onChange, this.#coarseClock);
      this.#keyspaces.set(index, keyspace);
    }
    return keyspace;
  }

  openKeyspaces(): Iterable<Keyspace> {
    return this.#keyspaces.values();
  }

  execute(session: Session, args: string[]): void {
    this.#dispatcher.execute(session, args);
  }

  run(session: Session, args: string[]): void {
    this.#dispatcher.run(session, args);
  }

  watch(session: Session, key: string): void {
    const name = `${session.database} ${key}`;
    if (session.watched.has(name)) return;
    // Looked at once: a key that is dead already is not a change later.
    session.keyspace.get(key);
    session.watched.set(name, { keyspace: session.keyspace, key });
    session.hold(name);
    const watchers = this.#watchers.get(name);
    if (watchers === undefined) this.#watchers.set(name, new Set([session]));
    else watchers.add(session);
  }

  unwatch(session: Session): void {
    session.watchBroken = false;
    if (session.watched.size === 0) return;
    for (const name of session.watched.keys()) {
      session.release(name);
      const watchers = this.#watchers.get(name);
      watchers?.delete(session);
      if (watchers?.size === 0) this.#watchers.delete(name);
    }
    session.watched.clear();
  }

  /** One flush after all sockets that are readable now were read: one write a connection, whatever it was told. */
  scheduleFlush(session: Session): void {
    this.#dirty.push(session);
    if (this.#flushPlanned) return;
    this.#flushPlanned = true;
    this.clock.afterRead(this.#flush);
  }

  addPendingInput(session: Session, bytes: number): void {
    this.#pendingInputBytes += bytes;
    if (bytes > 0 && this.#pendingInputBytes > this.limits.maxPendingInputBytes) session.destroy();
  }

  forget(session: Session): void {
    this.sessions.delete(session.id);
    this.monitors.delete(session);
    unsubscribeAll(session);
    this.unwatch(session);
  }

  /** For DEBUG SLEEP. */
  sleep(durationMs: number): void {
    if (this.#sleeping) return;
    this.#sleeping = true;
    for (const session of this.sessions.values()) session.pause();
    this.clock.later(() => {
      this.#sleeping = false;
      for (const session of this.sessions.values()) session.resume();
    }, durationMs);
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #stop(): Promise<void> {
    this.clock.cancelRepeat(this.#expireTimer);
    const closed = this.#listeners.map((listener) => new Promise<void>((resolve) => listener.close(() => resolve())));
    this.faults.clear();
    for (const session of this.sessions.values()) {
      // The listener may be told of a connection's end before its session is.
      closed.push(new Promise((resolve) => session.socket.once('close', () => resolve())));
      session.flush();
      session.endAfterFlush();
    }
    const timer = this.clock.later(() => {
      for (const session of this.sessions.values()) session.destroy();
    }, STOP_LINGER_MS);
    await Promise.all(closed);
    this.clock.cancel(timer);
  }

  readonly #flush = (): void => {
    this.#flushPlanned = false;
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const session of dirty) session.flush();
  };

  #touch(index: number, key: string): void {
    const watchers = this.#watchers.get(`${index} ${key}`);
    if (watchers !== undefined) for (const session of watchers) session.watchBroken = true;
  }

  #accept(socket: Socket): void {
    this.stats.connectionsReceived++;
    if (this.faults.refuses || this.#stopping !== undefined) {
      socket.destroy();
      return;
    }
    if (this.sessions.size >= this.limits.maxClients) {
      this.stats.rejectedConnections++;
      socket.on('error', () => {});
      // Read to its end: what is left unread would turn the last word into a reset, and keep the server from stopping.
      socket.resume();
      socket.end('-ERR max number of clients reached\r\n');
      this.clock.later(() => socket.destroy(), STOP_LINGER_MS);
      return;
    }
    const session = new Session(this, socket, ++this.#lastSessionId);
    this.sessions.set(session.id, session);
    if (this.faults.isFrozen) session.pause();
    if (this.#sleeping) session.pause();
    let intervals = 0;
    this.#expireTimer ??= this.clock.repeat(() => {
      for (const keyspace of this.#keyspaces.values()) keyspace.expireSome();
      if (++intervals % OUTPUT_CHECK_INTERVALS === 0) {
        for (const open of this.sessions.values()) open.checkOutput();
      }
    }, EXPIRE_INTERVAL_MS);
  }
}

/** Every option, so that one that is none can be named. */
const OPTION_NAMES: Readonly<Record<keyof ServerOptions, true>> = {
  host: true,
  port: true,
  unix: true,
  password: true,
  maxMemoryBytes: true,
  unprotected: true,
  dialect: true,
  databases: true,
  limits: true,
};

function checked(options: ServerOptions): ServerOptions {
  // createServer(6379) would listen on any port.
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new UsageError(`Cannot start the server: its options are ${JSON.stringify(options)}, allowed is an object`);
  }
  const unknown = Object.keys(options).filter((name) => !Object.hasOwn(OPTION_NAMES, name));
  if (unknown.length > 0) {
    process.emitWarning(
      `Unknown options of createServer are ignored: ${unknown.join(', ')}; known are ${Object.keys(OPTION_NAMES).join(', ')}`,
      'AshRedisWarning',
    );
  }
  const { port, host, dialect, maxMemoryBytes, databases, password } = options;
  if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port <= 65_535)) {
    throw new UsageError(`Cannot start the server: port ${String(port)} is not an integer from 0 to 65535`);
  }
  const { unix } = options;
  if (unix !== undefined && (typeof unix !== 'string' || unix === '')) {
    throw new UsageError(`Cannot start the server: unix '${String(unix)}' is not the path of a socket`);
  }
  if (maxMemoryBytes !== undefined && !(typeof maxMemoryBytes === 'number' && maxMemoryBytes >= 0)) {
    throw new UsageError(`Cannot start the server: maxMemoryBytes ${String(maxMemoryBytes)} is not a number of bytes`);
  }
  if (dialect !== undefined && dialect !== 'auto' && dialect !== 'resp' && dialect !== 'ashredis') {
    throw new UsageError(`Cannot start the server: dialect '${String(dialect)}' is not one of auto, resp, ashredis`);
  }
  if (databases !== undefined && !(Number.isInteger(databases) && databases >= 1)) {
    throw new UsageError(`Cannot start the server: databases ${String(databases)} is not an integer from 1`);
  }
  if (password !== undefined && (typeof password !== 'string' || password === '')) {
    throw new UsageError('Cannot start the server: the password is empty or no text');
  }
  if (host !== undefined && password === undefined && options.unprotected !== true && !isLoopback(host)) {
    throw new UsageError(`Cannot start the server: host '${host}' is beyond loopback and no password is set`, {
      hint: 'set a password, or allow it on purpose with unprotected',
    });
  }
  return options;
}
