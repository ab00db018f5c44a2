// The subscriber's connection: a connection of its own whose wishes are restored after every handshake, before it is
// ready; it routes messages to sinks, tells gaps, and audits. Made by the api room; it decodes no payload.

import {
  type AshRedisError,
  ClosedError,
  ConnectionError,
  LinkLostError,
  ReplyError,
  TimeoutError,
} from '../errors/index.ts';
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
} from '../net/index.ts';
import type { RespMessage, RespValue } from '../resp/index.ts';
import { type Audit, type AuditOwner, auditOf, deafError } from './audit.ts';
import { kindOf, type NewlyHeld } from './by-kind.ts';
import { type InStepInit, inStepCommand } from './in-step-command.ts';
import { LinkReplacement } from './link-replacement.ts';
import { SingleTimer } from './single-timer.ts';
import type { Wish } from './standing.ts';
import { type BatchOwner, SubscribeBatch } from './subscribe-batch.ts';
import { SubscriptionTable, type TableOwner, type Verb } from './subscription-table.ts';
import type { ChannelKind, MessageSource, SourceHandle, SubscribeWish } from './types.ts';
import { WishHandle } from './wish-handle.ts';
import { WishLimits } from './wish-limits.ts';

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

export class SubscriberConnection implements MessageSource {
  readonly #init: SubscriberConnectionInit;
  readonly #platform: Platform;
  #port: ConnectionPort;
  /** A second link that comes up beside the first. */
  #replacement: LinkReplacement | undefined;
  /** What the current link tells. */
  #handler: ConnectionHandler;
  readonly #table: SubscriptionTable;
  readonly #batch: SubscribeBatch;
  readonly #audit: Audit;
  /** Answers that the current restoring, or repair, still waits for; undefined when none goes on. */
  #restoring: Restoring | undefined;
  /** Messages that came while restoring: they are newer than the gap that is told at its end. */
  #waiting: RespMessage[] = [];
  #waitingSize = 0;
  readonly #auditTimer: SingleTimer;
  readonly #retryTimer: SingleTimer;
  /** Full queues that stop the reading, by name. */
  readonly #holders = new Map<object, string>();
  /** Monotonic ms of the end of this link's last pause. */
  #heldUntil = -Infinity;
  readonly #limits: WishLimits;
  /** Epoch ms of the chunk that is being read; 0 between chunks. */
  #receivedAt = 0;
  #closed = false;

  constructor(init: SubscriberConnectionInit) {
    this.#init = init;
    this.#platform = init.platform;
    const ask: TableOwner['ask'] = (verb, kind, channel, alone) => this.#ask(verb, kind, channel, alone);
    this.#table = new SubscriptionTable({ ask }, init.platform.random() * 2 ** 32);
    const port = () => this.#port;
    const owner: BatchOwner & AuditOwner = {
      get port() {
        return port();
      },
      platform: init.platform,
      table: this.#table,
      deadline: () => this.#deadline(),
      // A link that was replaced is closed, and answers no more.
      epoch: () => this.#port.generation,
      onConfirmed: (verb, kind, channel, count) => this.#onConfirmed(verb, kind, channel, count),
      onFailed: (verb, kind, channel, error) => this.#onFailed(verb, kind, channel, error),
      repair: (askAll) => this.#repair(askAll),
    };
    this.#batch = new SubscribeBatch(owner);
    this.#audit = auditOf(owner);
    this.#limits = new WishLimits(init.platform, (wish) =>
      this.#table.late(wish, (channel) => this.#lateError(channel, undefined)),
    );
    this.#auditTimer = new SingleTimer(init.platform, () => this.#auditNow());
    this.#retryTimer = new SingleTimer(init.platform, () => this.#retryNow());
    this.#handler = this.#own();
    this.#port = this.#makePort(this.#handler);
  }

  /** Asks on the messages' own link: the reply comes behind what the server has sent before. */
  ask(args: readonly string[], init: Omit<InStepInit, 'deadline'>, timeoutMs: number): void {
    this.#port.send(inStepCommand(args, { ...init, deadline: this.#platform.now() + timeoutMs }));
  }

  #makePort(handler: ConnectionHandler): ConnectionPort {
    const { connectionOptions, connect } = this.#init;
    const options = { ...connectionOptions, subscriber: true };
    return connect?.(options, this.#platform, handler) ?? new Connection(options, this.#platform, handler);
  }

  /** What the current link is told to. */
  #own(): ConnectionHandler {
    return {
      onState: (event) => this.#onState(event),
      onRestore: (done) => this.#onRestore(done),
      onMessage: (message) => this.#onMessage(message),
      onPush: (kind, values) => this.#init.onPush?.(kind, values),
      onUnsolicitedConfirmation: (kind, channel) => this.#onTakenAway(kind, channel),
      onChunkEnd: () => {
        this.#receivedAt = 0;
      },
      onLinkLost: (cause) => this.#onLinkLost(cause),
      onCredentialsDue: () => this.#replaceLink(),
    };
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

  subscribe(asked: SubscribeWish): SourceHandle {
    if (this.#closed) {
      throw new ClosedError('Cannot subscribe: the connection was closed', { safeToRetry: true });
    }
    const wish = this.#table.add(asked, this.#platform.wallClock());
    this.#limit(wish);
    // Its failure is told to the sinks.
    if (this.#port.state === 'idle') this.#port.connect().catch(() => {});
    return new WishHandle(this, wish);
  }

  cancel(wish: Wish, handle: object): void {
    this.release(handle);
    this.#limits.delete(wish);
    this.#table.remove(wish);
    this.#armRetry();
  }

  retry(wish: Wish): void {
    this.#table.retry(wish);
  }

  hold(handle: object, name: string): void {
    this.#holders.set(handle, name);
    this.#pauseIfHeld();
  }

  release(handle: object): void {
    if (!this.#holders.delete(handle) || this.#holders.size > 0) return;
    this.#heldUntil = this.#platform.now();
    if (!this.#replacement?.hasAll) this.#port.resumeReading();
  }

  /** Between links there is nothing to stop: a handshake that is not read would never end. */
  #pauseIfHeld(): void {
    if (this.#holders.size > 0 && this.#port.state === 'ready') this.#port.pauseReading();
  }

  close(options: { timeoutMs?: number } = {}): Promise<void> {
    this.#closed = true;
    this.#replacement?.abandon();
    this.#stopTimers();
    return this.#port.close(options);
  }

  // --- answers -------------------------------------------------------------------------------------------------------

  #onConfirmed(verb: Verb, kind: ChannelKind, channel: string, count: number): void {
    if (this.#audit.wasMissing(kind, channel, count)) {
      this.#table.markLost(kind, channel, { cause: deafError(), reason: 'audit' });
      this.#replacement?.noteBreak(kind, channel);
    }
    this.#table.confirmed(verb, kind, channel, this.#arrivedAt(), !this.#restoring);
    this.#answered();
  }

  #onFailed(verb: Verb, kind: ChannelKind, channel: string, error: AshRedisError): void {
    // A lost link is told once for all, by `onLinkLost`.
    if (error instanceof ConnectionError) return;
    this.#audit.forget(kind, channel);
    const now = this.#platform.now();
    if (error instanceof ReplyError) this.#table.refused(verb, kind, channel, error, now);
    else {
      const told = error instanceof TimeoutError ? this.#lateError(channel, error) : error;
      this.#table.unanswered(verb, kind, channel, told, now);
    }
    this.#armRetry();
    this.#answered();
  }

  #ask(verb: Verb, kind: ChannelKind, channel: string, alone: boolean): void {
    if (this.#restoring) this.#restoring.left++;
    if (verb === 'subscribe') this.#replacement?.noteBreak(kind, channel);
    this.#batch.add(verb, kind, channel, alone);
  }

  /** While restoring, the handshake's limit counts: one slow answer among 100,000 must not be singled out. */
  #deadline(): number {
    if (this.#restoring?.isHandshake) return Infinity;
    return this.#platform.now() + this.#init.connectionOptions.commandTimeoutMs;
  }

  #answered(): void {
    const restoring = this.#restoring;
    if (restoring && --restoring.left === 0) this.#restored(restoring.done);
  }

  // --- the link ------------------------------------------------------------------------------------------------------

  #onRestore(done: () => void): void {
    // One for ourselves, so that it can't end before all is asked.
    this.#restoring = { left: 1, done, isHandshake: true };
    this.#table.linkUp();
    this.#answered();
  }

  /** Everything is asked again on a living link: told at its end as one loss, like a restoring. */
  #repair(askAll: () => void): void {
    if (!this.#restoring) this.#restoring = { left: 1, done: () => {}, isHandshake: false };
    else this.#restoring.left++;
    askAll();
    this.#answered();
  }

  #restored(done: () => void): void {
    this.#restoring = undefined;
    this.#tellAndRelease();
    done();
    this.#armAudit();
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
    this.#replacement?.abandon();
    this.#replacement = undefined;
    this.#leaveLink();
    // That the server cut us while we did not read stands behind all that came before: it is read after the pause.
    const sinceHeld = this.#platform.now() - this.#heldUntil;
    const isOverrun = this.#holders.size > 0 || sinceHeld < this.#init.connectionOptions.heartbeatTimeoutMs;
    this.#heldUntil = -Infinity;
    this.#table.linkDown(cause, isOverrun ? 'overrun' : 'link-lost');
    // Also where a replacement that came to nothing had paused it.
    this.#port.resumeReading();
    this.#stopTimers();
  }

  /** Another connection with new credentials, before this one is closed. */
  #replaceLink(): void {
    if (this.#closed) return;
    // What it has not had will not show on the new one.
    if (this.#auditTimer.at !== Infinity) this.#auditNow();
    const old = this.#port;
    this.#replacement = new LinkReplacement({
      make: (handler) => this.#makePort(handler),
      held: (kind) => this.#table.held(kind),
      platform: this.#platform,
      old,
      onDone: (port, handler, held, newer) => {
        this.#replacement = undefined;
        // What a link that was replaced still says goes nowhere.
        for (const key in this.#handler) delete this.#handler[key as keyof ConnectionHandler];
        this.#handler = Object.assign(handler, this.#own());
        this.#port = port;
        void old.close({ timeoutMs: 0 });
        this.#takenOver(held, newer);
      },
      onFailed: (error) => {
        // An ordinary reconnect asks for credentials as well, and its gap is told.
        this.#port.breakLink(renewalError(error));
      },
      deadline: () => this.#deadline(),
    });
  }

  /** What was asked and noted over it is void. */
  #leaveLink(): void {
    // Confirmed before the loss and not told yet: these messages are older than the new gap.
    if (this.#restoring) this.#tellAndRelease();
    this.#restoring = undefined;
    this.#batch.drop();
    this.#audit.reset();
  }

  #takenOver(held: NewlyHeld, newer: readonly RespMessage[]): void {
    this.#leaveLink();
    this.#table.moved(held, { cause: renewalError(), reason: 'link-lost' });
    this.#pauseIfHeld();
    const now = this.#platform.wallClock();
    for (const message of newer) this.#table.route(message, now);
  }

  #onState(event: StateEvent): void {
    this.#init.onState?.(event);
    if (event.to === 'ready') {
      this.#pauseIfHeld();
      this.#armRetry();
    }
    if (event.to === 'closed') this.#end(undefined);
    else if (event.to === 'idle') this.#end(event.cause);
  }

  #end(cause: AshRedisError | undefined): void {
    this.#limits.clear();
    this.#table.end(cause);
    // Who held will not come back; the next link is for others.
    this.#holders.clear();
  }

  #onMessage(message: RespMessage): void {
    if (this.#restoring) return this.#wait(message);
    this.#replacement?.noteGiven(message);
    this.#table.route(message, this.#arrivedAt());
  }

  /** Epoch ms: asked once a chunk. */
  #arrivedAt(): number {
    if (this.#receivedAt === 0) this.#receivedAt = this.#platform.wallClock();
    return this.#receivedAt;
  }

  #wait(message: RespMessage): void {
    this.#waiting.push(message);
    this.#waitingSize += message.payload.length + 64;
    // Too much to keep: the gap is told now for what is confirmed; what is confirmed later tells its own.
    if (this.#waitingSize > MAX_WAITING_SIZE) this.#tellAndRelease();
  }

  #onTakenAway(word: string, channel: string | null): void {
    if (channel === null || !word.endsWith('unsubscribe')) return;
    const kind = kindOf(word);
    const cause = new ClosedError(`Lost the subscription to ${JSON.stringify(channel)}: the server ended it`);
    this.#table.takenAway(kind, channel, { cause, reason: 'unsubscribed-by-server' }, this.#platform.now());
    this.#armRetry();
  }

  // --- time limits of wishes -----------------------------------------------------------------------------------------

  /** Who subscribes learns in time that there is no answer, also while the link is gone; the wish itself stays. */
  #limit(wish: Wish): void {
    const { commandTimeoutMs, connectTimeoutMs, waitOnFirstConnect } = this.#init.connectionOptions;
    const first = this.#port.stats().readyCount === 0;
    if (first && waitOnFirstConnect) return;
    // The first connection has a limit of its own, and better words for why.
    this.#limits.add(wish, first ? connectTimeoutMs + commandTimeoutMs : commandTimeoutMs);
  }

  // --- timers --------------------------------------------------------------------------------------------------------

  #armAudit(): void {
    const { auditIntervalMs } = this.#init;
    if (auditIntervalMs > 0 && !this.#closed) this.#auditTimer.set(this.#platform.now() + auditIntervalMs);
  }

  #auditNow(): void {
    // While we do not read, no answer could come.
    if (this.#holders.size === 0) this.#audit.run();
    this.#armAudit();
  }

  #armRetry(): void {
    this.#retryTimer.set(this.#closed ? Infinity : this.#table.nextRetryAt());
  }

  #retryNow(): void {
    // A new link asks for everything anyway; it arms the timer again when it is ready.
    if (this.#port.state !== 'ready') return;
    this.#table.retryDue(this.#platform.now());
    this.#armRetry();
  }

  #stopTimers(): void {
    this.#auditTimer.set(Infinity);
    this.#retryTimer.set(Infinity);
  }

  #lateError(channel: string, cause: TimeoutError | undefined): TimeoutError {
    const blocked = [...this.#holders.values()].join(', ');
    if (blocked === '' && cause) return cause;
    const hint =
      blocked === ''
        ? `${this.#port.state === 'ready' ? 'the server does not answer' : 'there is no link'}; it stays wanted`
        : `reading is stopped by the full queue of ${blocked}; read it, close it, or give it another "overflow"`;
    return new TimeoutError(`Cannot subscribe to ${JSON.stringify(channel)}: no confirmation in time`, { hint, cause });
  }
}

interface Restoring {
  left: number;
  readonly done: () => void;
  readonly isHandshake: boolean;
}

function renewalError(cause?: Error): LinkLostError {
  return new LinkLostError("Replaced the link: its credentials expire, and RESP2 can't renew them", { cause });
}
