// The driver of one connection: performs what the machine says, carries bytes and commands, owns one timer.
// Made by the lane and by the pub/sub room. It decides nothing about states: that is `machine.ts`.
// What comes from an older link is dropped where it arrives, by its generation.

import {
  AshRedisError as AnyError,
  type AshRedisError,
  ClosedError,
  ProtocolError,
  TimeoutError,
  UsageError,
} from '../errors/index.ts';
import { RespError, type RespMessage, RespPush, type RespValue } from '../resp/index.ts';
import { describeAddress } from './address.ts';
import { CommandQueue } from './command-queue.ts';
import {
  dialVerdict,
  exhaustedError,
  greetingEndedError,
  linkEndedError,
  notConnectedError,
  timeoutError,
} from './connect-errors.ts';
import { ConnectWaiters } from './connect-waiters.ts';
import { Credentialed } from './credentialed.ts';
import { greetLine, greetResp, type HandshakeJob, pingCommand } from './handshake.ts';
import { LinkReader, type ReaderSink } from './link-reader.ts';
import {
  deadlineOf,
  type Effect,
  INITIAL_STATE,
  type MachineConfig,
  type MachineInput,
  type MachineState,
  step,
} from './machine.ts';
import type {
  AbortSignalLike,
  Address,
  Command,
  ConnectionHandler,
  ConnectionOptions,
  ConnectionPort,
  ConnectionStateName,
  ConnectionStats,
  Credentials,
  Dialect,
  Link,
  Platform,
  ServerFacts,
  StateEvent,
  TimerHandle,
} from './types.ts';
import { userStateOf } from './user-state.ts';

/** Bytes handed to the kernel's door before it says that it took them. */
const HANDOVER_BYTES = 256 * 1024;
/** A timer that fires this much late was held up by a busy event loop: then the sockets are read until they are quiet. */
const LATE_MS = 100;
const MAX_LATE_READS = 64;
const CONFIRMATIONS = new Set(['subscribe', 'unsubscribe', 'psubscribe', 'punsubscribe', 'ssubscribe', 'sunsubscribe']);

export class Connection implements ConnectionPort, ReaderSink {
  readonly #options: ConnectionOptions;
  readonly #platform: Platform;
  readonly #handler: ConnectionHandler;
  readonly #config: MachineConfig;
  readonly #queue: CommandQueue;
  readonly #waiters = new ConnectWaiters();
  readonly #credentialed: Credentialed;
  readonly #inputs: MachineInput[] = [];
  readonly #closers: (() => void)[] = [];
  #state: MachineState = INITIAL_STATE;
  #stepping = false;
  #link: Link | undefined;
  #reader: LinkReader | undefined;
  /** What the current link is for: users' commands flow only in `restoring` and `open`. */
  #phase: 'none' | 'handshake' | 'restoring' | 'open' = 'none';
  #address: Address | undefined;
  #server: ServerFacts | undefined;
  /** Found out and remembered: the dialect, and that HELLO makes something in between close. */
  #dialect: Dialect | undefined;
  #withoutHello = false;
  #tryingWithoutHello = false;
  #timer: TimerHandle | undefined;
  #armedFor = Infinity;
  #armedAlive = false;
  #flushScheduled = false;
  #heard = false;
  #readingPaused = false;
  #useful = false;
  #pingSkipped = false;
  #everReady = false;
  #readonlyAt = -Infinity;
  /** No more is handed over; the link ends when what is in flight has been answered. */
  #breakWhenAnswered: AshRedisError | undefined;
  #readyCount = 0;
  #lostCount = 0;
  #bytesReadBefore = 0;
  #bytesWritten = 0;

  constructor(options: ConnectionOptions, platform: Platform, handler: ConnectionHandler = {}) {
    this.#options = options;
    this.#platform = platform;
    this.#handler = handler;
    this.#queue = new CommandQueue(options);
    this.#dialect = options.dialect === 'auto' ? undefined : options.dialect;
    this.#credentialed = new Credentialed(options.credentials, platform);
    this.#config = {
      connectTimeoutMs: options.connectTimeoutMs,
      waitOnFirstConnect: options.waitOnFirstConnect,
      heartbeatIntervalMs: options.heartbeatIntervalMs,
      heartbeatTimeoutMs: options.heartbeatTimeoutMs,
      reconnect: options.reconnect,
      timeoutError: (what) => timeoutError(what, this.#peer, options.connectTimeoutMs, options.heartbeatTimeoutMs),
      exhaustedError: (attempts, cause) => exhaustedError(attempts, this.#peer, cause),
    };
  }

  get state(): ConnectionStateName {
    return userStateOf(this.#state.name);
  }

  get generation(): number {
    return this.#state.generation;
  }

  get server(): ServerFacts | undefined {
    return this.#server;
  }

  stats(): ConnectionStats {
    return {
      state: this.state,
      generation: this.generation,
      readyCount: this.#readyCount,
      lostCount: this.#lostCount,
      unsentCount: this.#queue.unsentCount,
      unsentBytes: this.#queue.unsentBytes,
      inFlightCount: this.#queue.inFlightCount,
      bytesRead: this.#bytesReadBefore + (this.#reader?.bytesRead ?? 0),
      bytesWritten: this.#bytesWritten,
    };
  }

  connect(signal?: AbortSignalLike): Promise<void> {
    const { name } = this.#state;
    if (name === 'closing' || name === 'closed') {
      return Promise.reject(new ClosedError(`Cannot connect to ${this.#peer}: it was closed by its user`));
    }
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (name === 'ready') return Promise.resolve();
    // The first attempt has the machine's own limit; waiting for a lost link has this one.
    const patience = this.#options.waitOnFirstConnect && !this.#everReady ? Infinity : this.#options.connectTimeoutMs;
    const promise = this.#waiters.add(this.#platform.now() + patience, signal);
    if (name === 'idle') this.#input({ type: 'connect' });
    this.#arm();
    return promise;
  }

  send(command: Command): void {
    if (this.#phase === 'open') {
      if (this.#queue.add(command, true, this.#link?.pendingBytes ?? 0)) this.#accepted(command);
      return;
    }
    const { name } = this.#state;
    if (name === 'closing' || name === 'closed') {
      return command.onFailure(
        new ClosedError(`Cannot execute ${command.name}: the connection was closed by its user`, { safeToRetry: true }),
      );
    }
    if (command.failWhenDisconnected && this.#everReady && name !== 'idle' && this.#phase === 'none') {
      const cause = this.#state.name === 'waiting' ? this.#state.cause : undefined;
      return command.onFailure(notConnectedError(`execute ${command.name}`, this.#peer, cause));
    }
    if (!this.#queue.add(command, this.#phase === 'restoring', 0)) return;
    if (name === 'idle') this.#input({ type: 'connect' });
    this.#accepted(command);
  }

  cancel(command: Command, reason: unknown): void {
    const inFlight = this.#queue.head === command;
    if (!this.#queue.cancel(command, reason)) return;
    this.#afterSettling();
    // One at a time: an abandoned reply would hold up everything behind it, so that the link is made anew.
    if (inFlight && this.#dialect === 'line' && this.#phase === 'open') {
      this.breakLink(linkEndedError(this.#peer, new Error('a command in flight was abandoned')));
    }
  }

  pauseReading(): void {
    this.#readingPaused = true;
    this.#link?.pauseReading();
  }

  resumeReading(): void {
    this.#readingPaused = false;
    // What arrived while we did not read says nothing yet about the time since.
    this.#heard = true;
    this.#link?.resumeReading();
  }

  breakLink(cause: AshRedisError): void {
    const { name, generation } = this.#state;
    if (name !== 'ready' && name !== 'greeting') return;
    this.#input({ type: 'failed', generation, error: cause, fatal: false, busy: false });
  }

  close(options: { timeoutMs?: number } = {}): Promise<void> {
    if (this.#state.name === 'closed') return Promise.resolve();
    const promise = new Promise<void>((resolve) => this.#closers.push(resolve));
    const timeoutMs = options.timeoutMs ?? this.#options.closeTimeoutMs;
    const established = this.#state.name !== 'waiting';
    this.#input({ type: 'close', timeoutMs, pending: established && this.#queue.liveCount > 0 && timeoutMs > 0 });
    return promise;
  }

  // --- the reader's sink ---------------------------------------------------------------------------------------------

  get wantsBytes(): boolean {
    return this.#queue.head?.asBytes === true;
  }

  get isReading(): boolean {
    return this.#phase !== 'none';
  }

  onMessage(message: RespMessage): void {
    if (!this.#useful) this.#markUseful();
    this.#handler.onMessage?.(message);
  }

  onValue(value: RespValue): void {
    if (value instanceof RespPush) return this.#onPush(value);
    if (
      this.#options.subscriber &&
      Array.isArray(value) &&
      typeof value[0] === 'string' &&
      CONFIRMATIONS.has(value[0])
    ) {
      return this.#onConfirmation(value[0], value[1], value[2], value);
    }
    this.#onReply(value);
  }

  onLineServer(): void {
    const { generation } = this.#state;
    if (this.#options.subscriber) {
      const error = new UsageError(
        `Cannot subscribe at ${this.#peer}: it is an AshRedis line server, which has no publish/subscribe`,
        { hint: 'use delivery: "latest", which polls, or a server that speaks RESP' },
      );
      return this.#input({ type: 'failed', generation, error, fatal: true, busy: false });
    }
    if (this.#dialect === 'resp') {
      const error = new ProtocolError(
        `Cannot connect to ${this.#peer}: found an AshRedis line server, asked for was RESP`,
        {
          hint: 'use dialect: "auto" or "ashredis"; a line server has no credentials, db or TLS',
        },
      );
      return this.#input({ type: 'failed', generation, error, fatal: true, busy: false });
    }
    this.#dialect = 'line';
    this.#input({ type: 'redial', generation });
  }

  // --- states --------------------------------------------------------------------------------------------------------

  get #peer(): string {
    return describeAddress(this.#address);
  }

  /** One input after the other, also when performing an effect brings the next. */
  #input(input: MachineInput): void {
    this.#inputs.push(input);
    if (this.#stepping) return;
    this.#stepping = true;
    try {
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) this.#step(next);
    } finally {
      this.#stepping = false;
    }
    this.#arm();
  }

  #step(input: MachineInput): void {
    // An input that waited behind another may have lost its meaning.
    if ('generation' in input && input.generation !== this.#state.generation) return;
    if (this.#state.name === 'closed') return;
    if (input.type === 'connect' && this.#state.name === 'closing') return;
    if (input.type !== 'connect' && input.type !== 'close' && this.#state.name === 'idle') return;
    if (input.type === 'drained' && this.#state.name !== 'closing') return;
    if ('generation' in input && this.#state.name === 'waiting') return;
    const before = this.#state;
    const { state, effects } = step(this.#config, before, input, this.#platform.now(), this.#platform.random());
    this.#state = state;
    for (const effect of effects) this.#perform(effect);
    const from = userStateOf(before.name);
    const to = userStateOf(state.name);
    if (from !== to) this.#tell(from, to, state, input, effects);
  }

  #tell(
    from: ConnectionStateName,
    to: ConnectionStateName,
    state: MachineState,
    input: MachineInput,
    effects: readonly Effect[],
  ): void {
    const rejected = effects.find((effect) => effect.type === 'reject');
    const cause =
      state.name === 'waiting' ? state.cause : (rejected?.cause ?? (input.type === 'failed' ? input.error : undefined));
    const event: { -readonly [K in keyof StateEvent]: StateEvent[K] } = { from, to };
    if (cause !== undefined) event.cause = cause;
    if (state.name === 'waiting') event.retryInMs = Math.max(0, state.deadline - this.#platform.now());
    if ('attempt' in state && state.name !== 'ready') event.attempt = state.attempt;
    this.#handler.onState?.(event);
  }

  #perform(effect: Effect): void {
    switch (effect.type) {
      case 'dial':
        return this.#dial(effect.generation);
      case 'greet':
        return this.#greet(effect.generation);
      case 'open':
        return this.#opened();
      case 'ping':
        return this.#ping(effect.generation);
      case 'drop':
        return this.#drop();
      case 'lost':
        if (this.#readyCount > 0) this.#lostCount++;
        this.#queue.lost(effect.cause);
        return this.#handler.onLinkLost?.(effect.cause);
      case 'reject':
        this.#queue.rejectAll(effect.cause);
        return this.#waiters.rejectAll(effect.cause);
      case 'finish':
        this.#queue.rejectAll(undefined);
        this.#waiters.rejectAll(new ClosedError(`Cannot connect to ${this.#peer}: it was closed by its user`));
        for (const resolve of this.#closers.splice(0)) resolve();
    }
  }

  #dial(generation: number): void {
    let address: Address | Promise<Address>;
    try {
      address = this.#options.resolver();
    } catch (error) {
      return this.#unresolved(generation, error);
    }
    if (!(address instanceof Promise)) return this.#dialAddress(generation, address);
    address.then(
      (found) => {
        if (generation === this.#state.generation && this.#state.name !== 'closed')
          this.#dialAddress(generation, found);
      },
      (error) => this.#unresolved(generation, error),
    );
  }

  #unresolved(generation: number, error: unknown): void {
    const verdict = dialVerdict(this.#peer, error instanceof Error ? error : new Error(String(error)));
    this.#input({ type: 'failed', generation, ...verdict, busy: false });
  }

  #dialAddress(generation: number, address: Address): void {
    this.#address = address;
    this.#queue.peer = this.#peer;
    const current = () => generation === this.#state.generation && this.#state.name !== 'closed';
    const { connectTimeoutMs } = this.#options;
    let link: Link;
    try {
      link = this.#platform.dial(
        address,
        { connectTimeoutMs, keepAlive: true },
        {
          onOpen: () => {
            if (current()) this.#input({ type: 'opened', generation });
          },
          onData: (chunk) => {
            if (current() && this.#link === link) this.#onData(chunk, generation);
          },
          onDrain: () => {
            if (current()) this.#flush();
          },
          onClose: (error) => {
            if (current()) this.#onClose(error, generation);
          },
        },
      );
    } catch (error) {
      return this.#unresolved(generation, error);
    }
    this.#link = link;
    if (this.#options.unref) link.unref();
  }

  #drop(): void {
    this.#bytesReadBefore += this.#reader?.bytesRead ?? 0;
    this.#link?.destroy();
    this.#link = undefined;
    this.#reader = undefined;
    this.#phase = 'none';
    this.#breakWhenAnswered = undefined;
    this.#credentialed.forget();
  }

  #onClose(cause: Error | undefined, generation: number): void {
    const { name } = this.#state;
    const silent = (this.#reader?.bytesRead ?? 0) === 0;
    const closing = name === 'closing' ? this.#state.link : name;
    if (closing === 'dialing')
      return this.#input({ type: 'failed', generation, ...dialVerdict(this.#peer, cause), busy: false });
    // Something in between may close on a command that it does not know: asked again without it, once.
    if (
      closing === 'greeting' &&
      silent &&
      this.#dialect !== 'line' &&
      !this.#withoutHello &&
      !this.#tryingWithoutHello
    ) {
      this.#tryingWithoutHello = true;
      return this.#input({ type: 'redial', generation });
    }
    const error = closing === 'greeting' ? greetingEndedError(this.#peer, cause) : linkEndedError(this.#peer, cause);
    this.#input({ type: 'failed', generation, error, fatal: false, busy: false });
  }

  // --- the handshake -------------------------------------------------------------------------------------------------

  #greet(generation: number): void {
    this.#phase = 'handshake';
    this.#useful = false;
    this.#pingSkipped = false;
    if (this.#readingPaused) this.#link?.pauseReading();
    this.#reader = new LinkReader(this, {
      dialect: this.#dialect ?? 'resp',
      subscriber: this.#options.subscriber,
      subscriberBytes: this.#options.subscriberBytes === true,
      peer: this.#peer,
    });
    const asked = this.#credentialed.ask();
    if (!(asked instanceof Promise)) return this.#say(generation, asked);
    asked.then(
      (credentials) => {
        if (generation === this.#state.generation && this.#phase === 'handshake') this.#say(generation, credentials);
      },
      (error: unknown) => {
        const failure = this.#credentialed.failure(this.#peer, error);
        this.#input({ type: 'failed', generation, error: failure, fatal: false, busy: false });
      },
    );
  }

  #say(generation: number, credentials: Credentials | undefined): void {
    const { protocol, clientName, db, quoting } = this.#options;
    const withoutHello = this.#withoutHello || this.#tryingWithoutHello;
    const job: HandshakeJob = {
      peer: this.#peer,
      protocol,
      withoutHello,
      serverUnknown: this.#dialect === undefined,
      credentials,
      clientName,
      db,
      quoting,
      send: (commands) => this.#sendNow(commands),
      succeed: (facts) => {
        this.#server = facts;
        this.#dialect = facts.dialect;
        if (withoutHello) this.#withoutHello = true;
        this.#tryingWithoutHello = false;
        this.#restore(generation);
      },
      fail: (error, fatal, busy) => this.#input({ type: 'failed', generation, error, fatal, busy }),
    };
    if (this.#dialect === 'line') greetLine(job);
    else greetResp(job);
  }

  #restore(generation: number): void {
    const done = () => {
      if (generation === this.#state.generation && this.#phase === 'restoring')
        this.#input({ type: 'greeted', generation });
    };
    this.#phase = 'restoring';
    if (this.#handler.onRestore === undefined) return done();
    this.#handler.onRestore(done);
  }

  #opened(): void {
    this.#phase = 'open';
    this.#everReady = true;
    this.#readyCount++;
    this.#heard = true;
    this.#flush();
    this.#waiters.resolveAll();
    this.#afterSettling();
  }

  /** The connection's own commands: written at once, behind what was handed over. */
  #sendNow(commands: readonly Command[]): void {
    for (const command of commands) this.#queue.addSent(command);
    this.#link?.write(commands.map((command) => command.frame as NonNullable<Command['frame']>));
  }

  #ping(generation: number): void {
    this.#heard = false;
    if (this.#dialect === 'line' && this.#queue.inFlightCount > 0) {
      // One command at a time there: the one in flight asks the same question.
      this.#pingSkipped = true;
      return;
    }
    const nonce =
      this.#dialect === 'line' ? undefined : `ashredis-${Math.floor(this.#platform.random() * 2 ** 40).toString(36)}`;
    const onPong = (problem: ProtocolError | undefined) => {
      if (problem === undefined) this.#input({ type: 'pong', generation });
      else this.#input({ type: 'failed', generation, error: problem, fatal: false, busy: false });
    };
    this.#sendNow([pingCommand(nonce, onPong)]);
  }

  // --- bytes and replies ---------------------------------------------------------------------------------------------

  #onData(chunk: Uint8Array, generation: number): void {
    this.#heard = true;
    try {
      this.#reader?.feed(chunk);
    } catch (thrown) {
      const error =
        thrown instanceof AnyError
          ? thrown
          : new ProtocolError(`Cannot read reply from ${this.#peer}: ${thrown}`, { cause: thrown });
      // What answers the first bytes in no known way will do so again.
      const fatal = this.#state.name === 'greeting' && !(error instanceof ProtocolError);
      this.#input({ type: 'failed', generation, error, fatal, busy: false });
    }
    this.#handler.onChunkEnd?.();
    this.#afterSettling();
  }

  #onPush(push: RespPush): void {
    if (CONFIRMATIONS.has(push.kind)) {
      const [channel, count] = push.values;
      return this.#onConfirmation(push.kind, channel, count, [push.kind, ...push.values]);
    }
    this.#handler.onPush?.(push.kind, push.values);
  }

  #onConfirmation(
    kind: string,
    channel: RespValue | undefined,
    count: RespValue | undefined,
    whole: RespValue[],
  ): void {
    const confirms = this.#queue.head?.confirms;
    if (confirms !== undefined && confirms.kind === kind && confirms.channel === channel) return this.#onReply(whole);
    this.#handler.onUnsolicitedConfirmation?.(kind, typeof channel === 'string' ? channel : null, Number(count ?? 0));
  }

  #onReply(value: RespValue): void {
    const problem = this.#queue.reply(value);
    if (problem !== undefined) {
      const offset = this.#reader?.bytesRead ?? 0;
      throw new ProtocolError(`Cannot match reply from ${this.#peer}: ${problem} (offset ${offset})`, { offset });
    }
    if (this.#pingSkipped) {
      this.#pingSkipped = false;
      this.#input({ type: 'pong', generation: this.#state.generation });
    }
    if (value instanceof RespError) {
      if (value.code === 'READONLY') this.#onReadonly(value);
    } else if (!this.#useful && this.#phase === 'open') this.#markUseful();
  }

  #markUseful(): void {
    if (this.#phase !== 'open') return;
    this.#useful = true;
    this.#input({ type: 'useful', generation: this.#state.generation });
  }

  /** The master became a replica: whoever answers at the address now may be the new master. */
  #onReadonly(refused: RespError): void {
    const now = this.#platform.now();
    const { reconnect } = this.#options;
    if (reconnect === false || now - this.#readonlyAt < reconnect.maxDelayMs) return;
    this.#readonlyAt = now;
    this.#breakWhenAnswered = linkEndedError(this.#peer, new Error(`the server only reads now (${refused.message})`));
  }

  #accepted(command: Command): void {
    if (!this.#flushScheduled && (this.#phase === 'open' || this.#phase === 'restoring')) {
      this.#flushScheduled = true;
      this.#platform.defer(this.#flushDeferred);
    }
    if (command.deadline < this.#armedFor) this.#arm();
  }

  readonly #flushDeferred = (): void => {
    this.#flushScheduled = false;
    this.#flush();
  };

  #flush(): void {
    const link = this.#link;
    if (link === undefined || this.#breakWhenAnswered !== undefined) return;
    if (this.#phase !== 'open' && this.#phase !== 'restoring') return;
    const dialect = this.#dialect ?? 'resp';
    const window = dialect === 'line' ? 1 : this.#options.window;
    for (;;) {
      const room = HANDOVER_BYTES - link.pendingBytes;
      if (room <= 0) return;
      const frames = this.#queue.take(dialect, window, room);
      if (frames.length === 0) return;
      for (let index = 0; index < frames.length; index++) this.#bytesWritten += frames[index]?.byteLength ?? 0;
      link.write(frames);
    }
  }

  /** After replies, failures and cancellations: what may go on now. */
  #afterSettling(): void {
    if (this.#breakWhenAnswered !== undefined && this.#queue.inFlightCount === 0)
      return this.breakLink(this.#breakWhenAnswered);
    if (this.#dialect === 'line' && this.#queue.inFlightCount === 0) this.#flush();
    if (this.#state.name === 'closing' && this.#queue.liveCount === 0) this.#input({ type: 'drained' });
  }

  // --- time ----------------------------------------------------------------------------------------------------------

  #arm(): void {
    const wanted = Math.min(
      deadlineOf(this.#state),
      this.#queue.nextDeadline(),
      this.#waiters.nextDeadline(),
      this.#phase === 'open' ? this.#credentialed.dueAt : Infinity,
    );
    // A socket that is open keeps the process alive by itself; between links only this timer does.
    const alive = !this.#options.unref && this.#phase !== 'open';
    if (this.#timer !== undefined) {
      if (wanted >= this.#armedFor && alive === this.#armedAlive && wanted !== Infinity) return;
      this.#platform.clearTimer(this.#timer);
      this.#timer = undefined;
      this.#armedFor = Infinity;
    }
    if (wanted === Infinity) return;
    this.#armedFor = wanted;
    this.#armedAlive = alive;
    // Rounded up: a timer that fires a fraction early would only be set again.
    const delayMs = Math.max(0, Math.ceil(wanted - this.#platform.now()));
    this.#timer = this.#platform.setTimer(delayMs, this.#onTimer, alive);
  }

  readonly #onTimer = (): void => {
    const late = this.#platform.now() - this.#armedFor > LATE_MS;
    this.#timer = undefined;
    this.#armedFor = Infinity;
    this.#judgeAfterReading(late ? MAX_LATE_READS : 1);
  };

  /** Replies that are already here come before the verdict about them. */
  #judgeAfterReading(reads: number): void {
    const reader = this.#reader;
    const before = reader?.bytesRead;
    this.#platform.afterRead(() => {
      if (reads > 1 && reader === this.#reader && reader?.bytesRead !== before)
        return this.#judgeAfterReading(reads - 1);
      this.#judge();
    });
  }

  #judge(): void {
    const now = this.#platform.now();
    const inFlight = this.#queue.expire(now);
    if (now >= deadlineOf(this.#state)) {
      this.#input({ type: 'deadline', heard: this.#heard, readingPaused: this.#readingPaused });
    }
    this.#waiters.expire(now, () => {
      const cause = this.#state.name === 'waiting' ? this.#state.cause : undefined;
      const { connectTimeoutMs } = this.#options;
      return new TimeoutError(`Cannot connect to ${this.#peer} within ${connectTimeoutMs} ms`, {
        cause,
        safeToRetry: true,
      });
    });
    if (inFlight && this.#dialect === 'line' && this.#phase === 'open') {
      this.breakLink(linkEndedError(this.#peer, new Error('a command in flight was not answered in time')));
    }
    if (this.#phase === 'open' && now >= this.#credentialed.dueAt) this.#renewCredentials();
    this.#afterSettling();
    this.#arm();
  }

  #renewCredentials(): void {
    const { generation } = this.#state;
    const subscribed = this.#options.subscriber && this.#server?.protocol === 2;
    if (subscribed) {
      this.#credentialed.postpone();
      return this.#handler.onCredentialsDue?.();
    }
    this.#credentialed.renew(
      (command) => {
        if (generation === this.#state.generation && this.#phase === 'open') this.#sendNow([command]);
      },
      (error) => {
        if (generation === this.#state.generation) this.breakLink(error);
      },
      () => this.#arm(),
      this.#peer,
    );
  }
}
