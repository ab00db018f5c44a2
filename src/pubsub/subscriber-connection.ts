// The subscriber's connection: a connection of its own whose wishes are restored after every handshake, before it is
// ready; it routes messages to sinks, tells gaps, and audits. Made by the api room; it decodes no payload.

import { type AshRedisError, ClosedError, TimeoutError } from '../errors/index.ts';
import {
  Connection,
  type ConnectionHandler,
  type ConnectionOptions,
  type ConnectionPort,
  type ConnectionStateName,
  type ConnectionStats,
  type Platform,
  type ServerFacts,
  type StateEvent,
  type TimerHandle,
} from '../net/index.ts';
import type { RespMessage, RespValue } from '../resp/index.ts';
import { Audit, deafError } from './audit.ts';
import { SubscribeCommand, type SubscribeOwner, type Verb } from './subscribe-command.ts';
import { type Entry, SubscriptionTable, type Wish } from './subscription-table.ts';
import type { ChannelKind, MessageSource, SourceHandle, SubscribeWish } from './types.ts';

export interface SubscriberConnectionInit {
  readonly connectionOptions: ConnectionOptions;
  readonly platform: Platform;
  /** 0: never. */
  readonly auditIntervalMs: number;
  onState?(event: StateEvent): void;
  onPush?(kind: string, values: readonly RespValue[]): void;
  /** How the connection is made; tests bring another. */
  readonly connect?: (options: ConnectionOptions, platform: Platform, handler: ConnectionHandler) => ConnectionPort;
}

/** Messages that come between the confirmations of one restoring wait for its end, up to this many characters. */
const MAX_WAITING_SIZE = 4 * 1024 * 1024;

export class SubscriberConnection implements MessageSource, SubscribeOwner {
  readonly #init: SubscriberConnectionInit;
  readonly #platform: Platform;
  readonly #port: ConnectionPort;
  readonly #table: SubscriptionTable;
  readonly #audit: Audit;
  /** Answers that the current restoring still waits for; undefined when none goes on. */
  #restoring: { left: number; done: () => void } | undefined;
  /** Messages that came while restoring: they are newer than the gap that is told at its end. */
  #waiting: RespMessage[] = [];
  #waitingSize = 0;
  #auditTimer: TimerHandle | undefined;
  #retryTimer: TimerHandle | undefined;
  #retryAt = Infinity;
  /** Full queues that stop the reading, by name. */
  readonly #holders = new Map<object, string>();
  /** Epoch ms of the chunk that is being read; 0 between chunks. */
  #receivedAt = 0;
  #closed = false;

  constructor(init: SubscriberConnectionInit) {
    this.#init = init;
    this.#platform = init.platform;
    this.#table = new SubscriptionTable({ ask: (verb, entry) => this.#ask(verb, entry) });
    const make = init.connect ?? ((options, platform, handler) => new Connection(options, platform, handler));
    this.#port = make({ ...init.connectionOptions, subscriber: true }, init.platform, {
      onState: (event) => this.#onState(event),
      onRestore: (done) => this.#onRestore(done),
      onMessage: (message) => this.#onMessage(message),
      onPush: (kind, values) => init.onPush?.(kind, values),
      onUnsolicitedConfirmation: (kind, channel) => this.#onTakenAway(kind, channel),
      onChunkEnd: () => {
        this.#receivedAt = 0;
      },
      onLinkLost: (cause) => this.#onLinkLost(cause),
      onCredentialsDue: () => this.#port.breakLink(renewalError()),
    });
    this.#audit = new Audit({
      port: this.#port,
      table: this.#table,
      timeoutMs: init.connectionOptions.commandTimeoutMs,
      now: () => this.#platform.now(),
    });
  }

  get state(): ConnectionStateName {
    return this.#port.state;
  }

  get server(): ServerFacts | undefined {
    return this.#port.server;
  }

  stats(): ConnectionStats & { readonly auditDifferenceCount: number } {
    return { ...this.#port.stats(), auditDifferenceCount: this.#audit.differenceCount };
  }

  /** Resolves when everything wanted is confirmed or refused. */
  connect(): Promise<void> {
    return this.#port.connect();
  }

  subscribe(asked: SubscribeWish): SourceHandle {
    if (this.#closed) {
      throw new ClosedError('Cannot subscribe: the connection was closed by its user', { safeToRetry: true });
    }
    const wish = this.#table.add(asked, this.#platform.wallClock());
    // Its failure is told to the sinks.
    if (this.#port.state === 'idle') this.#port.connect().catch(() => {});
    return new Handle(this, wish);
  }

  /** Gives the port to who needs commands in step with messages (snapshots). */
  get port(): ConnectionPort {
    return this.#port;
  }

  cancel(wish: Wish, handle: object): void {
    this.release(handle);
    this.#table.remove(wish);
    this.#armRetry();
  }

  retry(wish: Wish): void {
    this.#table.retry(wish);
    this.#armRetry();
  }

  hold(handle: object, name: string): void {
    this.#holders.set(handle, name);
    if (this.#holders.size === 1) this.#port.pauseReading();
  }

  release(handle: object): void {
    if (this.#holders.delete(handle) && this.#holders.size === 0) this.#port.resumeReading();
  }

  close(options: { timeoutMs?: number } = {}): Promise<void> {
    this.#closed = true;
    this.#stopTimers();
    return this.#port.close(options);
  }

  // --- answers -------------------------------------------------------------------------------------------------------

  onConfirmed(verb: Verb, entry: Entry, count: number, command: SubscribeCommand): void {
    if (command.generation !== this.#port.generation) return;
    const repair = this.#audit.isRepairing(entry);
    if (repair && this.#audit.wasMissing(entry, count)) {
      this.#table.markLost(entry, { cause: deafError(), reason: 'audit' });
    }
    this.#table.confirmed(verb, entry, this.#platform.wallClock(), this.#restoring === undefined);
    this.#answered();
  }

  onRefused(verb: Verb, entry: Entry, error: AshRedisError, command: SubscribeCommand): void {
    if (command.generation !== this.#port.generation) return;
    this.#audit.forget(entry);
    this.#table.refused(verb, entry, error, this.#platform.now());
    this.#armRetry();
    this.#answered();
  }

  onUnanswered(verb: Verb, entry: Entry, error: AshRedisError, command: SubscribeCommand): void {
    // A lost link is told once for all, by `onLinkLost`.
    if (!(error instanceof TimeoutError) || command.generation !== this.#port.generation) return;
    const blocked = [...this.#holders.values()];
    const told =
      blocked.length === 0
        ? error
        : new TimeoutError(`Cannot subscribe to ${JSON.stringify(entry.channel)}: no confirmation in time`, {
            cause: error,
            hint: `reading is stopped by the full queue of ${blocked.join(', ')}; read it, close it, or give it another "overflow"`,
          });
    this.#audit.forget(entry);
    this.#table.unanswered(verb, entry, told, this.#platform.now());
    this.#armRetry();
    this.#answered();
  }

  #ask(verb: Verb, entry: Entry): void {
    const { commandTimeoutMs } = this.#init.connectionOptions;
    // While restoring, the handshake's limit counts: one slow answer among 100,000 must not be singled out.
    const deadline = this.#restoring === undefined ? this.#platform.now() + commandTimeoutMs : Infinity;
    this.#port.send(new SubscribeCommand(this, verb, entry, deadline, this.#port.generation));
  }

  #answered(): void {
    const restoring = this.#restoring;
    if (restoring !== undefined && --restoring.left === 0) this.#restored(restoring.done);
  }

  // --- the link ------------------------------------------------------------------------------------------------------

  #onRestore(done: () => void): void {
    const restoring = { left: 0, done };
    this.#restoring = restoring;
    restoring.left = this.#table.linkUp();
    if (restoring.left === 0) this.#restored(done);
  }

  #restored(done: () => void): void {
    this.#restoring = undefined;
    this.#tellAndRelease();
    done();
    this.#armAudit();
    this.#armRetry();
  }

  /** First the gap, then what is newer. */
  #tellAndRelease(): void {
    const now = this.#platform.wallClock();
    this.#table.tellLosses(now);
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingSize = 0;
    for (const message of waiting) this.#table.route(message, now);
  }

  #onLinkLost(cause: AshRedisError): void {
    // Confirmed before the loss and not told yet: these messages are older than the new gap.
    if (this.#restoring !== undefined) this.#tellAndRelease();
    this.#restoring = undefined;
    this.#audit.reset();
    this.#table.linkDown(cause, this.#holders.size > 0 ? 'overrun' : 'link-lost');
    this.#stopTimers();
  }

  #onState(event: StateEvent): void {
    this.#init.onState?.(event);
    if (event.to === 'closed') this.#table.end(undefined);
    else if (event.to === 'idle') this.#table.end(event.cause);
  }

  #onMessage(message: RespMessage): void {
    if (this.#restoring !== undefined) return this.#wait(message);
    if (this.#receivedAt === 0) this.#receivedAt = this.#platform.wallClock();
    this.#table.route(message, this.#receivedAt);
  }

  #wait(message: RespMessage): void {
    this.#waiting.push(message);
    this.#waitingSize += message.payload.length + 64;
    // Too much to keep: the gap is told now for what is confirmed; what is confirmed later tells its own.
    if (this.#waitingSize > MAX_WAITING_SIZE) this.#tellAndRelease();
  }

  #onTakenAway(word: string, channel: string | null): void {
    if (channel === null || !word.endsWith('unsubscribe')) return;
    const kind: ChannelKind = word.startsWith('p') ? 'pattern' : word.startsWith('s') ? 'shard' : 'channel';
    const cause = new ClosedError(`Lost the subscription to ${JSON.stringify(channel)}: the server ended it`);
    this.#table.takenAway(kind, channel, { cause, reason: 'unsubscribed-by-server' }, this.#platform.now());
    this.#armRetry();
  }

  // --- timers --------------------------------------------------------------------------------------------------------

  #armAudit(): void {
    const { auditIntervalMs } = this.#init;
    if (auditIntervalMs === 0 || this.#auditTimer !== undefined || this.#closed) return;
    this.#auditTimer = this.#platform.setTimer(
      auditIntervalMs,
      () => {
        this.#auditTimer = undefined;
        if (this.#port.state !== 'ready') return;
        // While we do not read, no answer could come.
        if (this.#holders.size === 0) this.#audit.run();
        this.#armAudit();
      },
      false,
    );
  }

  #armRetry(): void {
    const at = this.#table.nextRetryAt();
    if (at === this.#retryAt && this.#retryTimer !== undefined) return;
    if (this.#retryTimer !== undefined) this.#platform.clearTimer(this.#retryTimer);
    this.#retryTimer = undefined;
    this.#retryAt = at;
    if (at === Infinity || this.#closed) return;
    const delayMs = Math.max(0, Math.ceil(at - this.#platform.now()));
    this.#retryTimer = this.#platform.setTimer(
      delayMs,
      () => {
        this.#retryTimer = undefined;
        if (this.#port.state === 'ready') this.#table.retryDue(this.#platform.now());
        this.#armRetry();
      },
      false,
    );
  }

  #stopTimers(): void {
    if (this.#auditTimer !== undefined) this.#platform.clearTimer(this.#auditTimer);
    if (this.#retryTimer !== undefined) this.#platform.clearTimer(this.#retryTimer);
    this.#auditTimer = undefined;
    this.#retryTimer = undefined;
    this.#retryAt = Infinity;
  }
}

/** What a sink's owner holds. */
class Handle implements SourceHandle {
  readonly #connection: SubscriberConnection;
  readonly #wish: Wish;

  constructor(connection: SubscriberConnection, wish: Wish) {
    this.#connection = connection;
    this.#wish = wish;
  }

  cancel(): void {
    this.#connection.cancel(this.#wish, this);
  }

  retry(): void {
    this.#connection.retry(this.#wish);
  }

  hold(): void {
    this.#connection.hold(this, this.#wish.channels.map((channel) => JSON.stringify(channel)).join(', '));
  }

  release(): void {
    this.#connection.release(this);
  }
}

function renewalError(): ClosedError {
  return new ClosedError('Replaced the link: its credentials expire and RESP2 can not renew them while subscribed');
}
