// The driver of one connection: performs what the machine says, hands commands over, owns one timer.
// Made by the lane, the pub/sub room and for blocking commands. It decides nothing about states: that is `machine.ts`.
// Everything about a link is in its `LiveLink`; what comes from an older one is dropped where it arrives.

import { type AshRedisError, ClosedError, HandshakeError, TimeoutError } from '../errors/index.ts';
import type { RespError } from '../resp/index.ts';
import { describeAddress } from './address.ts';
import { Alarm, type AlarmOwner } from './alarm.ts';
import { asError } from './as-error.ts';
import { CommandQueue } from './command-queue.ts';
import {
  dialError,
  exhaustedError,
  greetingEndedError,
  isAboutCertificate,
  LINE_CLOSE_HINT,
  limitError,
  linkEndedError,
  notConnectedError,
} from './connect-errors.ts';
import { ConnectWaiters } from './connect-waiters.ts';
import { Greeter } from './greeter.ts';
import { type LinkOwner, LiveLink } from './live-link.ts';
import { deadlineOf, type Effect, type LinkInput, type StateName } from './machine.ts';
import { type MachineOwner, MachineRunner } from './machine-runner.ts';
import type {
  AbortSignalLike,
  Address,
  Command,
  ConnectionHandler,
  ConnectionOptions,
  ConnectionPort,
  ConnectionStateName,
  ConnectionStats,
  Platform,
  ServerFacts,
  StateEvent,
} from './types.ts';
import { userStateOf } from './user-state.ts';

/** Bytes handed to the kernel's door before it says that it took them. */
const HANDOVER_BYTES = 256 * 1024;

/** A line server may accept on a thread that has died: within one limit this many links are tried. */
const LINE_GREETINGS = 3;

export class Connection implements ConnectionPort, LinkOwner, MachineOwner, AlarmOwner {
  readonly options: ConnectionOptions;
  readonly platform: Platform;
  readonly handler: ConnectionHandler;
  readonly queue: CommandQueue;
  readonly #machine: MachineRunner;
  readonly #greeter: Greeter;
  readonly #alarm: Alarm;
  readonly #waiters = new ConnectWaiters();
  #closers: (() => void)[] | undefined;
  #live: LiveLink | undefined;
  #flushScheduled = false;
  #flushing = false;
  #readingPaused = false;
  #readonlyAt = -Infinity;
  /** No more is handed over; the link ends when what is in flight has been answered. */
  #breakWhenAnswered: AshRedisError | undefined;
  #readyCount = 0;
  /** Since `idle`: what is down now was up. */
  #wasReady = false;
  #readyGeneration = 0;
  #lostCount = 0;
  #bytesRead = 0;
  #bytesWritten = 0;

  constructor(options: ConnectionOptions, platform: Platform, handler: ConnectionHandler = {}) {
    this.options = options;
    this.platform = platform;
    this.handler = handler;
    this.queue = new CommandQueue(options);
    this.#greeter = new Greeter(options, platform);
    this.#alarm = new Alarm(platform, this);
    this.#machine = new MachineRunner(platform, this);
  }

  get state(): ConnectionStateName {
    return userStateOf(this.#machine.state.name);
  }

  /** Bytes that came over the current link. */
  get linkBytesRead(): number {
    return this.#live?.bytesRead ?? 0;
  }

  get generation(): number {
    return this.#machine.state.generation;
  }

  get server(): ServerFacts | undefined {
    return this.#greeter.server;
  }

  stats(): ConnectionStats {
    return {
      state: this.state,
      generation: this.generation,
      readyCount: this.#readyCount,
      lostCount: this.#lostCount,
      unsentCount: this.queue.unsentCount,
      unsentBytes: this.queue.unsentBytes,
      inFlightCount: this.queue.inFlightCount,
      bytesRead: this.#bytesRead + this.linkBytesRead,
      bytesWritten: this.#bytesWritten + (this.#live?.bytesWritten ?? 0),
    };
  }

  connect(signal?: AbortSignalLike): Promise<void> {
    const { name } = this.#machine.state;
    if (name === 'closing' || name === 'closed')
      return Promise.reject(this.#closedError(`connect to ${this.queue.peer}`));
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (name === 'ready') return Promise.resolve();
    // The first attempt has the machine's own limit; waiting for a lost link has this one.
    const patience = this.#wasReady ? this.options.connectTimeoutMs : Infinity;
    // An attempt ends all that wait for it, at its own limit: that comes first.
    const promise = this.#waiters.add(this.platform.now() + patience + 1, signal);
    this.#machine.input({ type: 'connect' });
    return promise;
  }

  send(command: Command): void {
    const live = this.#live;
    if (live?.carriesCommands === true) {
      if (this.queue.add(command, true, live.pendingBytes)) this.#accepted(command);
      return;
    }
    const state = this.#machine.state;
    if (state.name === 'closing' || state.name === 'closed') {
      return command.onFailure(this.#closedError(`execute ${command.name}`));
    }
    // The first connection is waited for in any case: without it nobody could ever send.
    if (command.failWhenDisconnected && this.#wasReady) {
      const cause = state.name === 'waiting' ? state.cause : undefined;
      return command.onFailure(notConnectedError(command.name, this.queue.peer, cause));
    }
    if (!this.queue.add(command, false, 0)) return;
    if (state.name === 'idle') this.#machine.input({ type: 'connect' });
    this.#accepted(command);
  }

  cancel(command: Command, reason: unknown): void {
    const inFlight = this.queue.head === command;
    if (!this.queue.cancel(command, reason)) return;
    // One at a time: a reply that nobody wants would hold up everything behind it.
    if (inFlight && this.#greeter.dialect === 'line') this.#abandon('a command was given up');
    this.afterSettling();
  }

  pauseReading(): void {
    this.#readingPaused = true;
    this.#live?.pause();
  }

  resumeReading(): void {
    this.#readingPaused = false;
    this.#live?.resume();
  }

  breakLink(cause: AshRedisError): void {
    this.#break(cause);
  }

  close(options: { timeoutMs?: number } = {}): Promise<void> {
    const { name } = this.#machine.state;
    if (name === 'closed') return Promise.resolve();
    this.#closers ??= [];
    const promise = new Promise<void>((resolve) => this.#closers?.push(resolve));
    // Without a link to come, what waits for it goes over this one.
    this.#breakWhenAnswered = undefined;
    this.flush();
    const timeoutMs = options.timeoutMs ?? this.options.closeTimeoutMs;
    const pending = this.queue.liveCount > 0 && timeoutMs > 0;
    this.#machine.input({ type: 'close', timeoutMs, pending });
    return promise;
  }

  // --- what the machine and the link tell ----------------------------------------------------------------------------

  limitError(state: StateName): AshRedisError {
    const live = this.#live;
    // Nothing goes before the credentials.
    const isSilent = live?.phase === 'handshake' && this.queue.inFlightCount === 0;
    return limitError(state, live?.reached === true, this.queue.peer, this.options, isSilent);
  }

  exhaustedError(attempts: number, cause: AshRedisError): AshRedisError {
    return exhaustedError(attempts, this.queue.peer, cause);
  }

  onState(event: StateEvent): void {
    this.handler.onState?.(event);
  }

  onLineServer(generation: number): void {
    const error = this.#greeter.foundLineServer(this.queue.peer);
    if (error === undefined) this.tell('redial', generation);
    else this.onBroken(generation, error);
  }

  onBroken(generation: number, error: AshRedisError): void {
    this.fail(generation, error, this.#isStranger);
  }

  /**
   * Who answers in no known way will do so again. But where a server of ours has been, it is damage on the way, or the
   * page of a proxy that has lost it for a moment.
   */
  get #isStranger(): boolean {
    return this.#readyCount === 0;
  }

  tell(type: LinkInput, generation: number): void {
    this.#machine.input({ type, generation });
  }

  fail(generation: number, error: AshRedisError, fatal = false, busy = false): void {
    this.#machine.input({ type: 'failed', generation, error, fatal, busy });
  }

  /** Not `breakLink()`, which a lane extends to all of its connections. */
  #break(cause: AshRedisError): void {
    const { name, generation } = this.#machine.state;
    if (name === 'ready' || name === 'greeting') this.fail(generation, cause);
  }

  perform(effect: Effect): void {
    switch (effect.type) {
      case 'dial':
        return this.#dial(effect.generation);
      case 'greet':
        return this.#greet();
      case 'open':
        return this.#opened();
      case 'ping':
        return this.#live?.ping(this.#greeter.dialect ?? 'resp');
      case 'drop':
        return this.#drop();
      case 'lost':
        return this.#lost(effect.cause);
      case 'reject':
        this.#wasReady = false;
        this.queue.rejectAll(effect.cause);
        return this.#waiters.settle(() => effect.cause);
      case 'finish':
        this.queue.rejectAll(undefined);
        this.#waiters.settle(() => this.#closedError(`connect to ${this.queue.peer}`));
        for (const resolve of this.#closers?.splice(0) ?? []) resolve();
    }
  }

  #lost(cause: AshRedisError): void {
    const wasReady = this.generation === this.#readyGeneration;
    if (wasReady) this.#lostCount++;
    this.queue.lost(cause, wasReady);
    this.handler.onLinkLost?.(cause);
  }

  // --- links ---------------------------------------------------------------------------------------------------------

  #dial(generation: number): void {
    // After a redial the old handshake's commands still wait for their replies.
    this.queue.forgetSent();
    let address: Address | Promise<Address>;
    try {
      address = this.options.resolver();
    } catch (error) {
      return this.#notDialled(generation, error);
    }
    if (!(address instanceof Promise)) return this.#dialAddress(generation, address);
    address.then(
      (found) => {
        if (generation === this.#machine.state.generation && this.#machine.state.name !== 'closed')
          this.#dialAddress(generation, found);
      },
      (error) => this.#notDialled(generation, error),
    );
  }

  #dialAddress(generation: number, address: Address): void {
    this.queue.peer = describeAddress(address);
    const live = new LiveLink(this, generation, this.queue.peer);
    this.#live = live;
    try {
      const link = this.platform.dial(address, live);
      if (this.options.unref) link.unref();
      live.attach(link);
    } catch (error) {
      this.#notDialled(generation, error);
    }
  }

  #notDialled(generation: number, thrown: unknown): void {
    const cause = thrown === undefined ? thrown : asError(thrown);
    const error = dialError(this.queue.peer, cause, this.#live?.reached);
    const isFinal = error instanceof HandshakeError && (this.#isStranger || isAboutCertificate(error));
    this.fail(generation, error, isFinal);
  }

  onLinkClosed(live: LiveLink, cause: Error | undefined): void {
    const { generation, peer } = live;
    if (live.phase === 'dialing') return this.#notDialled(generation, cause);
    if (live.phase !== 'handshake') {
      const unanswered = this.#greeter.dialect === 'line' && this.queue.inFlightCount > 0;
      return this.fail(generation, linkEndedError(peer, cause, unanswered ? LINE_CLOSE_HINT : undefined));
    }
    // Something in between may close on a command that it does not know: asked again without it, once. The 5 bytes are
    // the `+OK` of the AUTH before it.
    const silent = this.options.credentials && this.queue.head?.name === 'HELLO' ? 5 : 0;
    if (live.bytesRead === silent && this.#greeter.closedInSilence(generation)) return this.tell('redial', generation);
    const { refusal } = live;
    this.fail(generation, refusal ?? greetingEndedError(peer, cause, !live.reached), refusal !== undefined);
  }

  #drop(): void {
    const live = this.#live;
    if (live === undefined) return;
    this.#bytesRead += live.bytesRead;
    this.#bytesWritten += live.bytesWritten;
    this.#live = undefined;
    this.#breakWhenAnswered = undefined;
    live.drop();
  }

  #greet(): void {
    const live = this.#live!;
    const dialect = this.#greeter.dialect ?? 'resp';
    live.startReading(dialect);
    if (dialect === 'line') live.redialAt = this.platform.now() + this.options.connectTimeoutMs / LINE_GREETINGS;
    this.#greeter.greet(live, () => {
      live.phase = 'restoring';
      const done = () => {
        if (live.phase === 'restoring') this.tell('greeted', live.generation);
      };
      if (this.handler.onRestore === undefined) done();
      else this.handler.onRestore(done);
    });
  }

  #opened(): void {
    const live = this.#live!;
    live.phase = 'open';
    this.#readyCount++;
    this.#wasReady = true;
    this.#readyGeneration = live.generation;
    this.flush();
    this.#waiters.settle(undefined);
  }

  /** The master became a replica: whoever answers at the address now may be the new master. */
  onReadonly({ message }: RespError): void {
    const now = this.platform.now();
    const { reconnect } = this.options;
    if (reconnect === false || this.state !== 'ready' || now - this.#readonlyAt < reconnect.maxDelayMs) return;
    this.#readonlyAt = now;
    this.#breakWhenAnswered = linkEndedError(this.queue.peer, new Error(`the server only reads now (${message})`));
  }

  // --- commands ------------------------------------------------------------------------------------------------------

  #accepted(command: Command): void {
    if (!this.#flushScheduled && this.#live?.carriesCommands === true) {
      this.#flushScheduled = true;
      this.platform.defer(this.#flushDeferred);
    }
    if (command.deadline < this.#alarm.setFor) this.arm();
  }

  readonly #flushDeferred = (): void => {
    this.#flushScheduled = false;
    this.flush();
  };

  flush(): void {
    const live = this.#live;
    const dialect = this.#greeter.dialect ?? 'resp';
    const window = dialect === 'line' ? 1 : Infinity;
    // A stream of a user's own may answer, drain or end while it is written to: the rest of what was taken goes first.
    if (this.#flushing) return;
    this.#flushing = true;
    while (live?.carriesCommands && this.#breakWhenAnswered === undefined) {
      // Without room none is given.
      const frames = this.queue.take(dialect, window, HANDOVER_BYTES - live.pendingBytes);
      if (frames.length === 0) break;
      live.write(frames);
    }
    this.#flushing = false;
  }

  /** After replies, failures and cancellations: what may go on now. */
  afterSettling(): void {
    // What is settled is let go of here, with its payload, and not when its time limit passes.
    this.queue.nextDeadline();
    if (this.#breakWhenAnswered !== undefined && this.queue.inFlightCount === 0) {
      return this.#break(this.#breakWhenAnswered);
    }
    // Not every stream tells that it has taken what it was given: one with a larger limit than ours never was full.
    if (!this.#flushScheduled) this.flush();
    if (this.#machine.state.name === 'closing' && this.queue.liveCount === 0) this.#machine.input({ type: 'drained' });
  }

  #abandon(why: string): void {
    if (this.#live?.phase === 'open') this.#break(linkEndedError(this.queue.peer, new Error(why)));
  }

  // --- time ----------------------------------------------------------------------------------------------------------

  arm(): void {
    const open = this.#live?.phase === 'open';
    const moment = Math.min(
      deadlineOf(this.#machine.state),
      this.queue.nextDeadline(),
      this.#waiters.nextDeadline(),
      open ? this.#greeter.renewAt : (this.#live?.redialAt ?? Infinity),
    );
    // An open socket keeps the process alive by itself; between links only this timer does.
    this.#alarm.set(moment, !this.options.unref && !open);
  }

  judge(): void {
    const now = this.platform.now();
    const lateInFlight = this.queue.expire(now, this.#machine);
    if (now >= deadlineOf(this.#machine.state)) {
      const heard = this.#live?.heard === true;
      // Counts once: bytes that came before this verdict say nothing about the next one.
      if (this.#live !== undefined) this.#live.heard = false;
      this.#machine.input({ type: 'deadline', heard, readingPaused: this.#readingPaused });
    }
    const live = this.#live;
    if (live !== undefined && now >= live.redialAt) {
      live.redialAt = Infinity;
      if (live.phase === 'handshake' && live.bytesRead === 0) this.tell('redial', live.generation);
    }
    this.#waiters.settle(() => {
      const { reason, state } = this.#machine;
      // The attempt's own limit passes a moment later, and has more to say.
      if (reason !== undefined && state.name !== 'waiting') return reason;
      const text = `Cannot connect to ${this.queue.peer} within ${this.options.connectTimeoutMs} ms`;
      return new TimeoutError(text, { cause: reason, safeToRetry: true });
    }, now);
    if (lateInFlight && this.#greeter.dialect === 'line') this.#abandon('a command was not answered in time');
    if (now >= this.#greeter.renewAt) this.#renewCredentials();
    this.afterSettling();
    this.arm();
  }

  #renewCredentials(): void {
    const live = this.#live;
    if (live?.phase !== 'open') return;
    if (this.options.subscriber && this.server?.protocol === 2) {
      // AUTH can't be said on a subscribed RESP2 link.
      this.#greeter.renewAt = Infinity;
      return this.handler.onCredentialsDue?.();
    }
    this.#greeter.renew(live, () => this.arm());
  }

  /** Nothing was sent. */
  #closedError(action: string): ClosedError {
    return new ClosedError(`Cannot ${action}: the connection was closed by its user`, { safeToRetry: true });
  }
}
