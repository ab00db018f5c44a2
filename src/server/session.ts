// One connection of the embedded server: its socket, its protocol and everything that commands remember about it.
// Made by the server for each accepted socket. It feeds the parser, flushes replies once a turn and closes clients
// that don't read. It must never decide what a command does; that is the dispatcher's and the handlers'.

import type { Socket } from 'node:net';
import { DialectGate } from './dialect-gate.ts';
import type { Keyspace } from './keyspace.ts';
import { executeLine } from './line-commands.ts';
import { LineReader } from './line-reader.ts';
import { ReplyWriter } from './reply-writer.ts';
import { RequestParser } from './request-parser.ts';
import type { ServerState } from './server-state.ts';

/** How long a closed connection may take to read its last reply before it is destroyed. */
const LINGER_MS = 1000;
/** Of each name that is kept; nobody's channels are longer. */
const FREE_NAME_BYTES = 1024;

/** Commands that wait for EXEC. */
export interface Transaction {
  readonly commands: string[][];
  byteCount: number;
  /** A command was refused while it was queued: EXEC will refuse all. */
  failed: boolean;
}

export class Session extends ReplyWriter {
  readonly id: number;
  readonly server: ServerState;
  readonly socket: Socket;
  readonly address: string;
  readonly localAddress: string;
  readonly createdAt: number;
  readonly parser: RequestParser;
  name = '';
  libName = '';
  libVersion = '';
  authenticated: boolean;
  database = 0;
  keyspace: Keyspace;
  readonly channels = new Set<string>();
  readonly patterns = new Set<string>();
  readonly shards = new Set<string>();
  transaction: Transaction | undefined;
  readonly watched = new Map<string, { keyspace: Keyspace; key: string }>();
  /** A watched key changed: EXEC gives null. */
  watchBroken = false;
  /** CLIENT REPLY: `off`, nothing is answered; SKIP: `skip-next`, and while the next command runs `skip`. */
  replyMode: 'on' | 'off' | 'skip-next' | 'skip' = 'on';
  lastCommand = 'NULL';
  lastActiveAt: number;
  /** undefined until the first line told; `auto` only. */
  dialect: 'resp' | 'line' | undefined;
  #gate: DialectGate | undefined;
  #line: LineReader | undefined;
  /** Reads no more and is told no more; the last reply is on its way, or nothing is. */
  #ending = false;
  #peerEnded = false;
  #softSince = 0;
  #heldBytes = 0;
  #paused = 0;
  /** Chunks that came while frozen or blocked. */
  #waiting: Buffer[] = [];
  /** Nothing knows it any more. */
  #closed = false;
  /** In the server's list of sessions to flush. */
  isDirty = false;

  constructor(server: ServerState, socket: Socket, id: number) {
    super();
    this.server = server;
    this.socket = socket;
    this.id = id;
    this.address = addressOf(socket.remoteAddress, socket.remotePort, server.unixPath);
    this.localAddress = addressOf(socket.localAddress, socket.localPort, server.unixPath);
    this.createdAt = server.now();
    this.lastActiveAt = this.createdAt;
    this.parser = new RequestParser(server.limits);
    this.authenticated = server.password === undefined;
    this.parser.authenticated = this.authenticated;
    this.keyspace = server.keyspace(0);
    if (server.dialect === 'auto') this.#gate = new DialectGate();
    else this.#choose(server.dialect === 'resp' ? 'resp' : 'line');
    // allowHalfOpen: a peer that sends its commands and FIN in one go still gets its answers.
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.on('error', this.#onError);
    socket.on('close', this.#onClose);
    socket.setKeepAlive(true, 300_000);
  }

  get subscriptionCount(): number {
    return this.channels.size + this.patterns.size + this.shards.size;
  }

  /** In RESP2 a subscribed connection takes only a few commands, since replies and messages look alike. */
  get isResp2Subscriber(): boolean {
    return this.protocol === 2 && this.subscriptionCount > 0;
  }

  /**
   * Accounts for a name that the server keeps for this connection: of a channel, a watched key, the client itself.
   * What is beyond a usual length counts as unfinished input does, since nothing else would limit it.
   */
  hold(name: string, weight = 1): void {
    this.#hold(Math.max(0, name.length - FREE_NAME_BYTES) * weight);
  }

  /** The name is no longer kept. */
  release(name: string, weight = 1): void {
    this.#hold(-Math.max(0, name.length - FREE_NAME_BYTES) * weight);
  }

  /** Sets one of the client's own names. */
  rename(field: 'name' | 'libName' | 'libVersion', value: string): void {
    this.release(this[field]);
    this[field] = value;
    this.hold(value);
  }

  #hold(bytes: number): void {
    // Also -0.
    if (bytes === 0) return;
    this.#heldBytes += bytes;
    this.server.addPendingInput(this, bytes);
  }

  /** Bytes accepted and not yet taken by the kernel. */
  get pendingOutputBytes(): number {
    return this.out.length + this.socket.writableLength;
  }

  get pendingInputBytes(): number {
    return this.parser.pendingBytes + (this.#gate?.pendingBytes ?? 0) + (this.#line?.pendingBytes ?? 0);
  }

  /** A published message, already encoded. */
  deliver(frame: string): void {
    if (!this.server.faults.swallowsMessage()) this.tell(frame);
  }

  /** What comes without being asked for. */
  tell(frame: string): void {
    if (this.#ending) return;
    this.out += frame;
    if (this.kept !== undefined) this.kept += frame;
    // Many publishers may speak in one turn: the limit is asked now, not when all of them are through.
    if (this.out.length > this.server.limits.maxSubscriberOutputBytes) this.flush();
    else this.markDirty();
  }

  markDirty(): void {
    if (this.isDirty) return;
    this.isDirty = true;
    this.server.scheduleFlush(this);
  }

  /** Stops reading and executing until the matching `resume()`. Calls nest. */
  pause(): void {
    if (this.#paused++ === 0) this.socket.pause();
  }

  resume(): void {
    if (--this.#paused > 0) return;
    this.socket.resume();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const chunk of waiting) this.#onData(chunk);
    this.markDirty();
  }

  /** Writes what the turn produced. Called by the server once a turn. */
  flush(): void {
    this.isDirty = false;
    if (this.server.faults.isFrozen) return;
    if (this.out !== '') {
      const bytes = this.out;
      this.out = '';
      this.server.faults.write(this, bytes);
      this.checkOutput();
    }
    // Node tells of the peer's end also while the socket is paused: what waits here is answered before.
    if (this.#ending || (this.#peerEnded && this.#waiting.length === 0)) this.server.faults.end(this);
  }

  /** Answers what is written so far, then closes; what still comes in is thrown away. */
  endAfterFlush(): void {
    if (this.#ending) return;
    this.#ending = true;
    this.markDirty();
    this.server.clock.later(() => this.socket.destroy(), LINGER_MS);
  }

  destroy(): void {
    this.#ending = true;
    this.socket.destroy();
  }

  /** For CLIENT KILL: what comes next in the same turn no longer finds it, though its socket is told of its end later. */
  kill(): void {
    this.destroy();
    this.#onClose();
  }

  /** As a broken network: the peer gets a RST where the socket knows one. */
  reset(): void {
    this.#ending = true;
    // Only TCP knows a reset: Node throws for a Unix socket. One that is ended already it would never close.
    if (this.socket.remoteAddress === undefined || this.socket.writableEnded) this.socket.destroy();
    else this.socket.resetAndDestroy();
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#ending) return;
    if (this.#paused > 0) {
      this.#waiting.push(chunk);
      return;
    }
    this.server.stats.inputBytes += chunk.length;
    this.lastActiveAt = this.server.now();
    const before = this.pendingInputBytes;
    try {
      this.#read(chunk);
    } catch (error) {
      // Concatenation beyond the engine's longest string: far more output than anybody may have pending.
      if (!(error instanceof RangeError)) throw error;
      this.destroy();
    }
    this.server.addPendingInput(this, this.pendingInputBytes - before);
    if (this.out !== '') this.markDirty();
  };

  #read(chunk: Buffer): void {
    let bytes = chunk;
    if (this.#gate !== undefined) {
      const decision = this.#gate.push(chunk, this.server.limits);
      if (decision === undefined) return;
      this.#gate = undefined;
      this.#choose(decision.dialect);
      bytes = decision.bytes;
    }
    if (this.#line !== undefined) this.#readLines(this.#line, bytes);
    else this.#readRequests(bytes);
  }

  #choose(dialect: 'resp' | 'line'): void {
    this.dialect = dialect;
    if (dialect === 'line') this.#line = new LineReader(this.server.limits.maxLineBytes);
  }

  #readRequests(bytes: Buffer): void {
    const parser = this.parser;
    parser.push(bytes);
    for (let args = parser.next(); args !== undefined; args = parser.next()) {
      this.server.execute(this, args);
      if (this.#mustStop(parser)) return;
    }
    if (parser.failure !== undefined) {
      this.error(`ERR ${parser.failure}`);
      this.endAfterFlush();
    }
  }

  #readLines(reader: LineReader, bytes: Buffer): void {
    reader.push(bytes);
    for (let line = reader.next(); line !== undefined; line = reader.next()) {
      executeLine(this, line);
      if (this.#mustStop(reader)) return;
    }
    if (!reader.failed) return;
    this.out = '';
    this.endAfterFlush();
  }

  /** True when no further request of this chunk may be executed now; what is left of it waits where it may later. */
  #mustStop(reader: { takeRest(): Buffer }): boolean {
    if (this.#ending) return true;
    if (this.#paused > 0) {
      const rest = reader.takeRest();
      if (rest.length > 0) this.#waiting.push(rest);
      return true;
    }
    return this.out.length > this.server.limits.maxOutputBytes && this.#overflows(this.out.length);
  }

  /**
   * Closes a connection whose unread output passed its limit, as Redis does: without a word, since nobody reads.
   * Called after each write, and once a second by the server for those that are told nothing new.
   */
  checkOutput(): void {
    const pending = this.socket.writableLength;
    const limits = this.server.limits;
    if (pending <= limits.softSubscriberOutputBytes) {
      this.#softSince = 0;
      return;
    }
    if (this.#overflows(pending)) return;
    if (this.subscriptionCount === 0) return;
    const now = this.server.now();
    if (this.#softSince === 0) this.#softSince = now;
    else if (now - this.#softSince > limits.softOutputMs) this.#closeForOutput();
  }

  #overflows(pending: number): boolean {
    const limits = this.server.limits;
    const limit = this.subscriptionCount > 0 ? limits.maxSubscriberOutputBytes : limits.maxOutputBytes;
    if (pending <= limit) return false;
    // One reply may be larger than the limit as long as nothing waited before it.
    if (this.subscriptionCount === 0 && pending <= limit + limits.maxBulkBytes) return false;
    this.#closeForOutput();
    return true;
  }

  #closeForOutput(): void {
    this.server.stats.outputLimitDisconnections++;
    this.destroy();
  }

  readonly #onEnd = (): void => {
    this.#peerEnded = true;
    this.markDirty();
  };

  /** The peer reset the connection; `close` follows. */
  readonly #onError = (): void => {};

  readonly #onClose = (): void => {
    if (this.#closed) return;
    this.server.addPendingInput(this, -this.pendingInputBytes);
    this.#closed = true;
    this.#ending = true;
    this.out = '';
    this.#waiting = [];
    this.server.forget(this);
    // What is left of it are the client's own names.
    this.#hold(-this.#heldBytes);
  };
}

function addressOf(host: string | undefined, port: number | undefined, path: string | undefined): string {
  if (host === undefined || port === undefined) return `${path ?? '?'}:0`;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
