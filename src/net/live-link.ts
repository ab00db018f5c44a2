// One link from dial to drop: its bytes become values, its values go to the command queue or to the handler.
// Made by the driver for each dial and thrown away with the link, so that nothing of an old link reaches a new one.
// It must never change the machine by itself: it tells its owner.

import { AshRedisError, ProtocolError } from '../errors/index.ts';
import { RespError, type RespMessage, RespPush, type RespValue } from '../resp/index.ts';
import type { CommandQueue } from './command-queue.ts';
import { type GreetedLink, pingCommand } from './handshake.ts';
import { LinkReader, type ReaderSink } from './link-reader.ts';
import type { LinkInput } from './machine.ts';
import type {
  Command,
  ConnectionHandler,
  ConnectionOptions,
  Dialect,
  Frame,
  Link,
  LinkEvents,
  Platform,
} from './types.ts';

const CONFIRMATION = /^[ps]?(un)?subscribe$/;

/** What the driver is told, and of which link. */
export interface LinkOwner {
  readonly queue: CommandQueue;
  readonly handler: ConnectionHandler;
  readonly options: ConnectionOptions;
  readonly platform: Platform;
  /** A chunk was read. */
  afterSettling(): void;
  /** Everything that was handed over has been taken. */
  flush(): void;
  /** Its stream is no more; `cause` is undefined for an orderly end. */
  onLinkClosed(live: LiveLink, cause: Error | undefined): void;
  tell(type: LinkInput, generation: number): void;
  fail(generation: number, error: AshRedisError, fatal?: boolean, busy?: boolean): void;
  onReadonly(refused: RespError): void;
  onLineServer(generation: number): void;
  onBroken(generation: number, error: AshRedisError): void;
}

export class LiveLink implements LinkEvents, ReaderSink, GreetedLink {
  readonly generation: number;
  readonly peer: string;
  readonly #owner: LinkOwner;
  #link: Link | undefined;
  #reader: LinkReader | undefined;
  #useful = false;
  #pingSkipped = false;
  /** Users' commands flow only in `restoring` and `open`. */
  phase: 'dialing' | 'handshake' | 'restoring' | 'open' | 'dropped' = 'dialing';
  /** When a link that is still silent is to be given up for another one, monotonic ms. */
  redialAt = Infinity;
  /** TLS is being agreed with somebody. */
  reached = false;
  /** A byte came since it was last asked. */
  heard = false;
  bytesWritten = 0;
  refusal: AshRedisError | undefined;

  constructor(owner: LinkOwner, generation: number, peer: string) {
    this.#owner = owner;
    this.generation = generation;
    this.peer = peer;
  }

  attach(link: Link): void {
    if (this.phase === 'dropped') link.destroy();
    else this.#link = link;
  }

  get bytesRead(): number {
    return this.#reader?.bytesRead ?? 0;
  }

  /** Waits for the kernel. */
  get pendingBytes(): number {
    return this.#link?.pendingBytes ?? 0;
  }

  get carriesCommands(): boolean {
    return this.phase === 'open' || this.phase === 'restoring';
  }

  startReading(dialect: Dialect): void {
    this.phase = 'handshake';
    this.#reader = new LinkReader(this, dialect, this.#owner.options);
  }

  pause(): void {
    this.#link?.pauseReading();
  }

  resume(): void {
    // What arrived while we did not read says nothing yet about the time since.
    this.heard = true;
    this.#link?.resumeReading();
  }

  drop(): void {
    this.phase = 'dropped';
    this.#link?.destroy();
  }

  write(frames: readonly Frame[]): void {
    for (let index = 0; index < frames.length; index++) this.bytesWritten += (frames[index] as Frame).byteLength;
    this.#link?.write(frames);
  }

  /** The connection's own commands: written at once, behind what was handed over. */
  sendNow(commands: readonly Command[]): void {
    for (const command of commands) this.#owner.queue.addSent(command);
    this.write(commands.map((command) => command.frame as Frame));
  }

  ping(dialect: Dialect): void {
    if (dialect === 'line') {
      // One command at a time there: the one in flight asks the same question.
      this.#pingSkipped = this.#owner.queue.inFlightCount > 0;
      if (this.#pingSkipped) return;
    }
    const nonce = `ashredis:${Math.floor(this.#owner.platform.random() * 2 ** 48).toString(36)}`;
    this.sendNow([
      pingCommand(dialect === 'line' ? undefined : nonce, (own) => {
        if (own) this.#owner.tell('pong', this.generation);
        else this.shifted();
      }),
    ]);
  }

  fail(error: AshRedisError, fatal?: boolean, busy?: boolean): void {
    this.#owner.fail(this.generation, error, fatal, busy);
  }

  shifted(): void {
    this.broken(new ProtocolError('Cannot match reply to PING: its nonce did not come back, replies have shifted'));
  }

  broken(error: AshRedisError): void {
    this.#owner.onBroken(this.generation, error);
  }

  // --- what its stream tells -----------------------------------------------------------------------------------------

  onReached(): void {
    this.reached = true;
  }

  onOpen(): void {
    this.#owner.tell('opened', this.generation);
  }

  onDrain(): void {
    if (this.isReading) this.#owner.flush();
  }

  onClose(cause: Error | undefined): void {
    if (this.isReading) this.#owner.onLinkClosed(this, cause);
  }

  onData(chunk: Uint8Array): void {
    if (!this.isReading) return;
    this.heard = true;
    try {
      this.#reader?.feed(chunk);
    } catch (thrown) {
      // Only errors of ours may leave a reader; any other is a bug, and still must not end the process.
      const ours = thrown instanceof AshRedisError;
      this.broken(
        ours ? thrown : new ProtocolError(`Cannot read reply from ${this.peer}: ${thrown}`, { cause: thrown }),
      );
    }
    this.#owner.handler.onChunkEnd?.();
    this.#owner.afterSettling();
  }

  // --- the reader's sink ---------------------------------------------------------------------------------------------

  get wantsBytes(): boolean {
    return this.#owner.queue.head?.asBytes === true;
  }

  get asksKeys(): boolean {
    return /^(KEYS|SCAN)$/.test(this.#owner.queue.head?.name ?? '');
  }

  get isReading(): boolean {
    return this.phase !== 'dropped';
  }

  onMessage(message: RespMessage): void {
    if (!this.#useful) this.#markUseful(this.phase);
    this.#owner.handler.onMessage?.(message);
  }

  onValue(value: RespValue): void {
    if (value instanceof RespPush) return this.#onPush(value);
    if (this.#owner.options.subscriber && Array.isArray(value)) {
      const kind = value[0];
      if (typeof kind === 'string' && CONFIRMATION.test(kind)) return this.#onConfirmation(kind, value);
    }
    this.#onReply(value);
  }

  onLineServer(): void {
    this.#owner.onLineServer(this.generation);
  }

  #onPush(push: RespPush): void {
    if (CONFIRMATION.test(push.kind)) return this.#onConfirmation(push.kind, [push.kind, ...push.values]);
    this.#owner.handler.onPush?.(push.kind, push.values);
  }

  /** The reply to the head command in RESP2 and RESP3 alike, or the server's own doing. */
  #onConfirmation(kind: string, confirmation: RespValue[]): void {
    const channel = confirmation[1];
    const confirms = this.#owner.queue.head?.confirms;
    if (confirms !== undefined && confirms.kind === kind && confirms.channel === channel) {
      confirms.next?.();
      return this.#onReply(confirmation, true);
    }
    const count = Number(confirmation[2] ?? 0);
    this.#owner.handler.onUnsolicitedConfirmation?.(kind, typeof channel === 'string' ? channel : null, count);
  }

  #onReply(value: RespValue, confirms = false): void {
    // Before it: the answer that ends the greeting, and opens the link, is of no use to anybody yet.
    const { phase } = this;
    const problem = this.#owner.queue.reply(value, confirms);
    if (problem !== undefined) {
      const offset = this.bytesRead;
      throw new ProtocolError(`Cannot match reply from ${this.peer}: ${problem} (before offset ${offset})`, { offset });
    }
    if (this.#pingSkipped) {
      this.#pingSkipped = false;
      this.#owner.tell('pong', this.generation);
    }
    if (value instanceof RespError) {
      if (value.code === 'READONLY') this.#owner.onReadonly(value);
    } else if (!this.#useful) this.#markUseful(phase);
  }

  #markUseful(phase: LiveLink['phase']): void {
    if (phase !== 'open') return;
    this.#useful = true;
    this.#owner.tell('useful', this.generation);
  }
}
