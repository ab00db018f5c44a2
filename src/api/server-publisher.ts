// What both publishers to a server share: whose connections they use, deadlines, sending, stopping, `publishMany`.
// Extended by the key publisher and the channel publisher. It must never look into a record.

import { ClosedError } from '../errors/index.ts';
import type { AbortSignalLike, Command, CommandLane, Dialect, Frame } from '../net/index.ts';
import type { RespValue } from '../resp/index.ts';
import { notAllowed } from './config-schema.ts';
import type { PublisherConfig, PublishManyOptions, PublishManyResult, PublishOptions } from './config-types.ts';
import { CONNECTIONS, Connections } from './connections.ts';
import { DataPublisher, type PublisherStats } from './data-publisher.ts';
import { commandContext, commandTrace } from './diagnostics.ts';
import { logState, warn } from './log.ts';
import {
  Capture,
  type PreparedRecord,
  type PublishCommand,
  type PublishForm,
  type PublishOwner,
} from './publish-command.ts';
import { type ManyPublisher, type ManyTarget, publishMany } from './publish-many.ts';
import { connectLane, handOver, sendingOf } from './sending.ts';

export abstract class ServerPublisher<R> extends DataPublisher<R> {
  /** What the commands know of this publisher. @internal */
  protected readonly owner: PublishOwner = {
    capture: new Capture(),
    onPublished: (command, reply) => {
      this.#unsettled?.delete(command);
      this.countPublished();
      return this.resultOf(reply);
    },
    onPublishFailed: (command, error) => {
      this.#unsettled?.delete(command);
      this.countFailed(error, command.data);
    },
    encodePublish: (command, dialect) => this.encodePublish(command, dialect),
  };
  /** @internal */
  protected readonly connections: Connections;
  protected override readonly stopSettlesPending: boolean;
  readonly #stopListening: () => void;
  /** Where the connections are lent: what must be given up when `stop()` runs out of time. */
  readonly #unsettled: Set<Command> | undefined;
  #lane: CommandLane | undefined;
  #replicaTold = false;

  constructor(name: string, destination: string, config: PublisherConfig | undefined) {
    super(name, destination, config);
    const { client } = this.configuration;
    this.stopSettlesPending = client === undefined;
    this.#unsettled = client && new Set();
    this.connections = lentBy(client) ?? new Connections(this.configuration, this.platform);
    this.#stopListening = this.connections.listen({
      onState: (event) => {
        if (event.connection !== 'commands') return;
        if (event.to === 'ready') this.#warnOfReplica();
        logState(this.configuration.logger, `publisher "${this.name}"`, event);
        this.emit('state', event);
      },
      onPush: (event) => this.emit('push', event),
    });
  }

  /** What the promise of a publish resolves with. @internal */
  protected abstract resultOf(reply: RespValue): R;

  /** Asked when a command is handed over whose bytes were not made before. @internal */
  protected abstract encodePublish(command: PublishCommand, dialect: Dialect): Frame;

  /** Encodes the record; throws for what can't be sent. @internal */
  protected abstract commandOf(
    data: unknown,
    options: PublishOptions | undefined,
    form: PublishForm,
    deadline: number,
  ): PublishCommand;

  /** The same of a record that was encoded before. @internal */
  protected abstract commandFrom(record: PreparedRecord, form: PublishForm, deadline: number): PublishCommand;

  /** @internal */
  protected abstract override prepareQueued(data: unknown, options: PublishOptions | undefined): PreparedRecord;

  /** What all publishes without options have in common. @internal */
  protected abstract readonly form: PublishForm;

  /** The frame of one record of `publishMany`, and how many replies it gets. @internal */
  protected abstract manyTarget(options: PublishOptions): ManyTarget;

  protected override doConnect(signal: AbortSignalLike | undefined): Promise<void> {
    return connectLane(this.connections, { signal });
  }

  protected override doPublish(data: unknown, options: PublishOptions): Promise<R> {
    return this.publishNow(data, options);
  }

  protected override publishNow(data: unknown, options: PublishOptions | undefined): Promise<R> {
    return this.#publish(data, options, undefined);
  }

  protected override publishQueued(prepared: unknown, options: PublishOptions | undefined): Promise<R> {
    const record = prepared as PreparedRecord;
    return this.#publish(record.data, options, record);
  }

  protected override async publishRecords(
    records: Iterable<unknown> | AsyncIterable<unknown>,
    options: PublishManyOptions,
  ): Promise<PublishManyResult> {
    this.checkRunning('publish');
    await this.connect({ signal: options.signal });
    const { connections } = this;
    const target = this.manyTarget(options);
    const form = this.#formFor(options, target.form);
    const publisher = this as unknown as ManyPublisher;
    const start = () => publishMany(records, publisher, target, form, connections, options);
    // One span for all: its commands hold hundreds of records each.
    return commandTrace.hasSubscribers ? commandTrace.call(commandContext(connections, form.name, 0), start) : start();
  }

  protected manySent(command: Command, recordCount: number): void {
    this.#unsettled?.add(command);
    this.countPending(recordCount);
  }

  protected manySettled(command: Command, recordCount: number): void {
    this.#unsettled?.delete(command);
    this.countSettled(recordCount);
  }

  protected override async doStop(timeoutMs: number): Promise<void> {
    if (this.#unsettled === undefined) await this.connections.close(timeoutMs);
    for (const command of [...(this.#unsettled ?? [])]) {
      const reason = `Cannot tell whether ${command.name} was executed: publisher "${this.name}" was stopped`;
      this.connections.openedLane?.cancel(command, new ClosedError(reason));
    }
    this.#stopListening();
  }

  override stats(): ServerPublisherStats {
    const { openedLane } = this.connections;
    const isRunning = this.isRunning();
    const isOurs = isRunning || this.stopSettlesPending;
    return {
      ...super.stats(),
      state: openedLane && isOurs ? openedLane.state : isRunning ? 'idle' : 'closed',
      region: this.configuration.region,
      connection: openedLane?.stats(),
    };
  }

  #publish(data: unknown, options: PublishOptions | undefined, record: PreparedRecord | undefined): Promise<R> {
    let command: PublishCommand;
    try {
      this.#lane ??= this.connections.lane;
      const form = options === undefined ? this.form : this.#formFor(options, this.form);
      const deadline = this.platform.now() + form.timeoutMs;
      command =
        record === undefined ? this.commandOf(data, options, form, deadline) : this.commandFrom(record, form, deadline);
    } catch (error) {
      return this.refused(error, data);
    }
    const promise = command.promise as Promise<R>;
    this.#unsettled?.add(command);
    this.countPending();
    const signal = options?.signal;
    if (signal?.aborted) {
      command.onFailure(signal.reason);
      return promise;
    }
    return handOver(command, promise, signal, this.#lane, this.connections, 2);
  }

  #formFor(options: PublishOptions, form: PublishForm): PublishForm {
    return { ...form, ...sendingOf(this.configuration, options) };
  }

  /** A replica takes PUBLISH without an error, and keeps it to itself. */
  #warnOfReplica(): void {
    if (this.#replicaTold || this.connections.server?.role !== 'replica') return;
    this.#replicaTold = true;
    const message = `publisher "${this.name}" is connected to a replica: what it publishes stays there; connect it to the master`;
    warn(this.configuration.logger, message);
  }
}

export interface ServerPublisherStats extends PublisherStats {
  /** Of the connection for commands. */
  state: string;
  region: string | undefined;
  connection: object | undefined;
}

/** The connections of a lent client; what is no client of this package is refused. */
export function lentBy(client: object | undefined): Connections | undefined {
  if (client === undefined) return undefined;
  const connections = (client as { [CONNECTIONS]?: Connections })[CONNECTIONS];
  if (connections instanceof Connections) return connections;
  return notAllowed('configuration key "client"', 'another object', 'an AshRedisClient of this copy of ashredis');
}
