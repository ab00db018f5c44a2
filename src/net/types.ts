// The doors of the net room, as types: what it takes from the platform, what it gives to the rooms above.
// Types only. The rooms above import these through `index.ts` and never touch a socket, a timer or a clock.

import type { AshRedisError } from '../errors/index.ts';
import type { RespMessage, RespValue } from '../resp/index.ts';

/** The part of an `AbortSignal` that is used, so that no consumer needs the DOM's or Node's types. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  readonly reason?: unknown;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** Bytes on their way out. Text that is all ASCII is told apart because it can be written as latin1, uncounted. */
export interface Frame {
  /** The whole frame as text, or undefined when it holds raw bytes. */
  text: string | undefined;
  /** True when every character of `text` is below U+0080. */
  ascii: boolean;
  /** Used when `text` is undefined: the pieces in order. */
  parts: (string | Uint8Array)[] | undefined;
  /** Length on the wire. */
  byteLength: number;
}

export type Dialect = 'resp' | 'line';
export type Protocol = 2 | 3;

/** Where a server is. It comes from a resolver, with a number that changes when the answer does. */
export interface Address {
  readonly host: string;
  readonly port: number;
  /** Unix socket path; host and port are then ignored. */
  readonly path?: string | undefined;
  /** TLS options as `node:tls` takes them, or undefined for a plain link. */
  readonly tls?: object | undefined;
  readonly generation: number;
}
export type Resolver = () => Address | Promise<Address>;

export type TimerHandle = unknown;

/** One link to a peer: bytes in, bytes out. Its events go to the object that was given to `dial`, one for each link. */
export interface Link {
  /** Hands frames over in order. */
  write(frames: readonly Frame[]): void;
  /** Bytes handed over and not yet taken by the kernel. */
  readonly pendingBytes: number;
  pauseReading(): void;
  resumeReading(): void;
  /** Gone at once. */
  destroy(): void;
  /** It no longer keeps the process alive. */
  unref(): void;
}

export interface LinkEvents {
  /** The peer is reached, and TLS is still to be agreed; only where there is TLS. */
  onReached?(): void;
  onOpen(): void;
  /** The chunk is only valid during the call: its buffer is used again. */
  onData(chunk: Uint8Array): void;
  /** Everything that was handed over has been taken. */
  onDrain(): void;
  /** Exactly once, last of all. `error` is undefined for an orderly end. */
  onClose(error: Error | undefined): void;
}

/** Everything that the pure rooms may not have: time, chance and the network. Tests and the simulator bring their own. */
export interface Platform {
  /** Monotonic milliseconds, for deadlines. */
  now(): number;
  /** Epoch milliseconds, for people. */
  wallClock(): number;
  /** Uniform in [0, 1). */
  random(): number;
  setTimer(delayMs: number, callback: () => void, keepProcessAlive: boolean): TimerHandle;
  clearTimer(handle: TimerHandle): void;
  /** Runs after the current turn's callbacks and promise jobs: the moment to flush what the turn produced. */
  defer(callback: () => void): void;
  /** Runs after sockets have been read once more: the moment to judge a deadline. */
  afterRead(callback: () => void): void;
  dial(address: Address, events: LinkEvents): Link;
}

/** Bits of the reply types that a command may get; anything else means that replies have shifted. */
export const REPLY = {
  simple: 1, // also bulk and verbatim text: RESP2 and RESP3 servers differ in which they use
  integer: 2,
  nil: 4,
  array: 8, // also set, map and push-shaped confirmations
  double: 16,
  boolean: 32,
  any: 255,
} as const;

/**
 * A command from the moment it is accepted until it settles. It settles exactly once, by `onReply` or `onFailure`.
 * The object is the rooms' above; the net room only calls it. Replies to it come in order.
 */
export interface Command {
  /** In upper case, for errors and tracing. */
  readonly name: string;
  /** Wire form for RESP, or undefined when `encode` must be asked once the dialect is known. */
  frame: Frame | undefined;
  /** Asked at hand-over when `frame` is undefined; throws a `UsageError` for what the dialect can't say. */
  encode?(dialect: Dialect): Frame;
  /** How many replies belong to it: 1; MULTI … EXEC and batches have more. `onReply` is called for each. */
  readonly replyCount: number;
  /** {@link REPLY} bits that are legal for each reply. */
  readonly replyTypes: number;
  /** The key that decides the connection of a pool, or undefined. */
  readonly routingKey?: string | undefined;
  /** True: strings in the reply are given as bytes. */
  readonly asBytes?: boolean;
  /** Monotonic deadline in ms; Infinity for none. */
  readonly deadline: number;
  /** True: handed over but unanswered commands are sent again after a reconnect. */
  readonly retry?: boolean;
  /** True: rejects at once when there is no ready link. */
  readonly failWhenDisconnected?: boolean;
  /** Bytes that it counts against the limits while `frame` is not made yet. Default 64. */
  readonly byteEstimate?: number;
  /** Its time limit in ms, for the words of a `TimeoutError`. Default: `commandTimeoutMs`. */
  readonly timeoutMs?: number | undefined;
  /** The net room's own note of where the command is; declare it (0) in hot classes to keep their shape. */
  place?: number;
  /** True for the net room's own commands, which `close()` does not wait for. */
  readonly internal?: boolean;
  /** For SUBSCRIBE and its kin: the confirmation that is its next reply. A refusal is one for all of its channels. */
  readonly confirms?: Confirms | undefined;
  /** `RespError` replies do not come here but to `onFailure` as `ReplyError`, unless `errorsAsValues`. */
  readonly errorsAsValues?: boolean;
  onReply(value: RespValue): void;
  /** An `AshRedisError`, or the reason that {@link ConnectionPort.cancel} was given. */
  onFailure(reason: unknown): void;
}

/** The confirmation that a command waits for. */
export interface Confirms {
  readonly kind: string;
  readonly channel: string;
  /** It has come, just before `onReply`; also for a command that has settled. Then `channel` is the one after it. */
  next?(): void;
}

export type ConnectionStateName = 'idle' | 'connecting' | 'ready' | 'waiting' | 'closing' | 'closed';

export interface StateEvent {
  readonly from: ConnectionStateName;
  readonly to: ConnectionStateName;
  /** Why, when it is not the user's wish. */
  readonly cause?: AshRedisError;
  /** Which attempt since the last useful connection, from 1. */
  readonly attempt?: number;
  /** In state `waiting`: time until the next attempt. */
  readonly retryInMs?: number;
}

export interface Credentials {
  username?: string | undefined;
  password: string;
  /** Epoch ms; asked again before. */
  expiresAt?: number | undefined;
}

export interface ConnectionOptions {
  readonly resolver: Resolver;
  readonly dialect: 'auto' | 'resp' | 'line';
  readonly protocol: Protocol;
  readonly credentials: (() => Credentials | Promise<Credentials>) | undefined;
  readonly clientName: string | undefined;
  readonly db: number;
  readonly connectTimeoutMs: number;
  readonly commandTimeoutMs: number;
  readonly closeTimeoutMs: number;
  readonly waitOnFirstConnect: boolean;
  readonly heartbeatIntervalMs: number;
  readonly heartbeatTimeoutMs: number;
  readonly reconnect: { readonly maxAttempts: number; readonly maxDelayMs: number } | false;
  readonly offlineMaxCount: number;
  readonly offlineMaxBytes: number;
  readonly maxBacklogBytes: number;
  /** The decoder gives `RespMessage` for published messages. A line server is then refused. */
  readonly subscriber: boolean;
  /** Payloads of messages are bytes; only with `subscriber`. Default false. */
  readonly subscriberBytes?: boolean;
  readonly unref: boolean;
  /** How a line server reads values. */
  readonly quoting: 'auto' | 'quoted' | 'b64' | 'none';
}

/** What the owner of a connection is told. All are optional; none may throw (a throw is a bug of ours). */
export interface ConnectionHandler {
  onState?(event: StateEvent): void;
  /** After the handshake and before `ready`: send what must be confirmed first, then call `done()`. */
  onRestore?(done: () => void): void;
  onMessage?(message: RespMessage): void;
  /** A push of a kind that is neither a message nor a confirmation. */
  onPush?(kind: string, values: readonly RespValue[]): void;
  /** A confirmation that no command of ours waits for, for example a server-sent `sunsubscribe`. */
  onUnsolicitedConfirmation?(kind: string, channel: string | null, count: number): void;
  /** After the last value of a chunk: the moment to hand batches over. */
  onChunkEnd?(): void;
  /** The link is gone (`ready` or restoring before), with the reason; before `onState`. */
  onLinkLost?(cause: AshRedisError): void;
  /**
   * New credentials are due on a RESP2 link that is subscribed, where AUTH can't be sent: the owner should bring
   * another connection up before it closes this one. Without it the link is kept as it is.
   */
  onCredentialsDue?(): void;
}

/** Figures of a connection, for `stats()`. */
export interface ConnectionStats {
  readonly state: ConnectionStateName;
  /** Links dialled so far. */
  readonly generation: number;
  /** Times that the connection became ready. */
  readonly readyCount: number;
  /** Ready links that were lost. */
  readonly lostCount: number;
  readonly unsentCount: number;
  readonly unsentBytes: number;
  readonly inFlightCount: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

/** What HELLO told about the server, or what can be known without it. */
export interface ServerFacts {
  readonly dialect: Dialect;
  readonly protocol: Protocol;
  /** `master`, `replica`, or undefined where the server did not say. */
  readonly role: string | undefined;
  readonly version: string | undefined;
  /** The connection's id on the server, or undefined. */
  readonly clientId: number | undefined;
  /** How a line server reads values, once found out. */
  readonly quoting?: 'quoted' | 'b64' | 'none' | undefined;
}

/** One connection that comes back. Implemented by `Connection`. */
export interface ConnectionPort {
  readonly state: ConnectionStateName;
  /** Number of the current or last link; grows with every dial. */
  readonly generation: number;
  readonly server: ServerFacts | undefined;
  /** Resolves when ready; all callers share one attempt. Abort rejects this caller only. */
  connect(signal?: AbortSignalLike): Promise<void>;
  /** Accepts, queues or refuses; in `idle` it starts connecting. Refusal is a call of `onFailure`. */
  send(command: Command): void;
  /** Settles the command with `reason` now; a late reply is dropped. */
  cancel(command: Command, reason: unknown): void;
  pauseReading(): void;
  resumeReading(): void;
  /** Ends this link for a reason seen above (an audit, shifted replies) and makes a new one. */
  breakLink(cause: AshRedisError): void;
  /** Figures so far. */
  stats(): ConnectionStats;
  /** Flushes what was accepted, then closes; settles within `timeoutMs` in every state; idempotent. */
  close(options?: { timeoutMs?: number }): Promise<void>;
}
