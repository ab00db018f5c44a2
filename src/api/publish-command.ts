// One publish on its way: the command that the net room carries and the promise that the user holds, in one object.
// Made by publishers, once a publish. It settles exactly once and never causes an unhandled rejection.

import type { AbortSignalLike, Command, Dialect, Frame } from '../net/index.ts';
import { RespError, type RespValue } from '../resp/index.ts';
import { replyError } from './reply-error.ts';

/** What a publisher is told. Neither may throw. */
export interface PublishOwner {
  /** Gives what the promise resolves with. */
  onPublished(command: PublishCommand, reply: RespValue): unknown;
  onPublishFailed(command: PublishCommand, error: unknown): void;
  /** Only asked where the server's dialect was not known in advance, or the bytes depend on the moment of sending. */
  encodePublish(command: PublishCommand, dialect: Dialect): Frame;
}

export interface PublishCommandInit {
  readonly name: string;
  readonly frame: Frame | undefined;
  readonly payload: string | Uint8Array;
  readonly data: unknown;
  readonly replyCount: number;
  readonly replyTypes: number;
  readonly routingKey: string | undefined;
  readonly deadline: number;
  readonly retry: boolean;
  readonly failWhenDisconnected: boolean;
  readonly ttlMs: number | undefined;
}

const ignore = () => {};

export class PublishCommand implements Command {
  readonly name: string;
  frame: Frame | undefined;
  readonly payload: string | Uint8Array;
  readonly data: unknown;
  readonly replyCount: number;
  readonly replyTypes: number;
  readonly routingKey: string | undefined;
  readonly asBytes = false;
  readonly deadline: number;
  readonly retry: boolean;
  readonly failWhenDisconnected: boolean;
  /** MULTI … EXEC: all its replies must be counted before it settles. */
  readonly errorsAsValues: boolean;
  readonly ttlMs: number | undefined;
  readonly promise: Promise<unknown>;
  readonly #owner: PublishOwner;
  #resolve: (value: unknown) => void = ignore;
  #reject: (error: unknown) => void = ignore;
  #repliesLeft: number;
  #refused: RespError | undefined;
  #signal: AbortSignalLike | undefined;
  #onAbort: (() => void) | undefined;
  #settled = false;

  constructor(owner: PublishOwner, init: PublishCommandInit) {
    this.name = init.name;
    this.frame = init.frame;
    this.payload = init.payload;
    this.data = init.data;
    this.replyCount = init.replyCount;
    this.replyTypes = init.replyTypes;
    this.routingKey = init.routingKey;
    this.deadline = init.deadline;
    this.retry = init.retry;
    this.failWhenDisconnected = init.failWhenDisconnected;
    this.errorsAsValues = init.replyCount > 1;
    this.ttlMs = init.ttlMs;
    this.#owner = owner;
    this.#repliesLeft = init.replyCount;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** `cancel` is called with the signal's reason, once, unless the command settled before. */
  watch(signal: AbortSignalLike, cancel: (command: PublishCommand, reason: unknown) => void): void {
    this.#signal = signal;
    this.#onAbort = () => cancel(this, signal.reason);
    signal.addEventListener('abort', this.#onAbort);
  }

  encode(dialect: Dialect): Frame {
    this.frame = this.#owner.encodePublish(this, dialect);
    return this.frame;
  }

  onReply(value: RespValue): void {
    if (this.#settled) return;
    // The first refusal is the cause (NOPERM in the queue); EXECABORT only repeats that there was one.
    if (value instanceof RespError) this.#refused ??= value;
    if (--this.#repliesLeft > 0) return;
    const inner = Array.isArray(value) ? value.find((entry) => entry instanceof RespError) : undefined;
    const refused = this.#refused ?? (inner as RespError | undefined);
    if (refused !== undefined) return this.onFailure(replyError(refused, this.name));
    this.#end();
    this.#resolve(this.#owner.onPublished(this, value));
  }

  onFailure(error: unknown): void {
    if (this.#settled) return;
    this.#end();
    // Attached only on failure: a handler on each promise would cost every publish (the guide awaits none).
    this.promise.then(undefined, ignore);
    this.#reject(error);
    this.#owner.onPublishFailed(this, error);
  }

  #end(): void {
    this.#settled = true;
    if (this.#onAbort !== undefined) this.#signal?.removeEventListener('abort', this.#onAbort);
  }
}
