// What the sessions of one server share, as a type: so that handlers and sessions need not import the server.

import type { ServerClock } from './clock.ts';
import type { Command } from './command.ts';
import type { FaultBox } from './fault-box.ts';
import type { Keyspace, MemoryMeter } from './keyspace.ts';
import type { Limits } from './limits.ts';
import type { PubSubHub } from './pubsub-hub.ts';
import type { Session } from './session.ts';
import type { ServerDialect } from './types.ts';

export interface ServerStats {
  readonly startedAt: number;
  connectionsReceived: number;
  commandsProcessed: number;
  inputBytes: number;
  outputBytes: number;
  rejectedConnections: number;
  outputLimitDisconnections: number;
}

export interface ServerState {
  readonly clock: ServerClock;
  readonly limits: Limits;
  readonly password: string | undefined;
  readonly dialect: ServerDialect;
  readonly unixPath: string | undefined;
  readonly port: number;
  readonly databaseCount: number;
  readonly memory: MemoryMeter;
  readonly hub: PubSubHub<Session>;
  readonly faults: FaultBox;
  readonly stats: ServerStats;
  readonly sessions: ReadonlyMap<number, Session>;
  /** Sessions that are told of every command. */
  readonly monitors: Set<Session>;
  readonly commands: ReadonlyMap<string, Command>;
  /** Random hex digits of this run. */
  readonly runId: string;
  now(): number;
  /** Made on first use. `index` must be below `databaseCount`. */
  keyspace(index: number): Keyspace;
  openKeyspaces(): Iterable<Keyspace>;
  execute(session: Session, args: string[]): void;
  /** Runs one command of a transaction, checked when it was queued. */
  run(session: Session, args: string[]): void;
  watch(session: Session, key: string): void;
  unwatch(session: Session): void;
  scheduleFlush(session: Session): void;
  /** Counts incomplete input; closes the session that takes it over the server's limit. */
  addPendingInput(session: Session, bytes: number): void;
  forget(session: Session): void;
  /** Stops reading and executing for all clients, for DEBUG SLEEP. */
  sleep(durationMs: number): void;
}
