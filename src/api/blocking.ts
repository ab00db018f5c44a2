// Connections of their own for blocking commands, so that these hold up nobody else.
// Used by the client and by batches. A connection serves one command at a time and the next one afterwards.

import { type AbortSignalLike, Connection } from '../net/index.ts';
import type { CommandSender } from './command-sender.ts';
import type { WatchedCommand } from './sending.ts';

/** Kept for the next blocking command; more are closed after use. */
const MAX_IDLE = 2;

export class BlockingConnections {
  readonly #sender: CommandSender;
  /** Few at a time. */
  readonly #busy: Connection[] = [];
  readonly #idle: Connection[] = [];

  constructor(sender: CommandSender) {
    this.#sender = sender;
  }

  get count(): number {
    return this.#busy.length + this.#idle.length;
  }

  run<T>(
    command: WatchedCommand,
    promise: Promise<T>,
    signal: AbortSignalLike | undefined,
    argumentCount: number,
    batchSize?: number,
  ): Promise<T> {
    const connection = this.#idle.pop() ?? this.#open();
    this.#busy.push(connection);
    const free = (keep: boolean) => {
      this.#busy.splice(this.#busy.indexOf(connection), 1);
      // After a failure the server may still be blocked on it: what it answers later is nobody's.
      if (keep && this.#idle.length < MAX_IDLE && !this.#sender.connections.isClosed) this.#idle.push(connection);
      else void connection.close({ timeoutMs: 1 });
    };
    promise.then(
      () => free(true),
      (error: unknown) => free((error as { name?: unknown } | undefined)?.name === 'ReplyError'),
    );
    const given = this.#sender.dispatch(command, promise, signal, connection, argumentCount, batchSize);
    // Refused before it was handed over: the command itself will never settle.
    given.then(undefined, (error: unknown) => command.onFailure(error));
    return given;
  }

  /** At once: what blocks may never be answered. */
  async close(): Promise<void> {
    const all = [...this.#busy, ...this.#idle.splice(0)];
    await Promise.all(all.map((connection) => connection.close({ timeoutMs: 0 })));
  }

  #open(): Connection {
    const { connections } = this.#sender;
    // Without heartbeat: silence is what a blocking command is for. TCP keep-alive finds a dead peer.
    const options = connections.options({ reconnect: false, heartbeatIntervalMs: Number.POSITIVE_INFINITY });
    return new Connection(options, connections.platform);
  }
}
