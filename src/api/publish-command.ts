// One publish on its way: the command that the net room carries and the promise that the user holds, in one object.
// Made by publishers, once a publish. It settles exactly once and never causes an unhandled rejection.

import type { ReplyError } from '../errors/index.ts';
import { type AbortSignalLike, type Command, type Dialect, type Frame, replyError, whenAborted } from '../net/index.ts';
import { RespError, type RespValue } from '../resp/index.ts';
import { rejected } from './handled.ts';
import type { Port, Sending } from './sending.ts';

/** What all publishes of one publisher have in common; made once, not once a publish. */
export interface PublishForm extends Sending {
  readonly name: string;
  /** MULTI … EXEC has four. */
  readonly replyCount: number;
  readonly replyTypes: number;
}

/** A record as it will travel, made when it was given: the caller may change the object while it waits. */
export interface PreparedRecord {
  readonly data: unknown;
  readonly payload: string | Uint8Array;
  /** The key, or undefined. */
  readonly key: string | undefined;
  readonly ttlMs: number | undefined;
}

/** What a publisher is told. Neither may throw. */
export interface PublishOwner {
  readonly capture: Capture;
  /** Gives what the promise resolves with. */
  onPublished(command: PublishCommand, reply: RespValue): unknown;
  onPublishFailed(command: PublishCommand, error: unknown): void;
  /** Asked when the command is handed over. */
  encodePublish(command: PublishCommand, dialect: Dialect): Frame;
}

const ignore = () => {};

/** Takes a promise apart without a closure for each: one executor, whose catch is read at once. */
export class Capture {
  resolve: (value: unknown) => void = ignore;
  readonly executor = (resolve: (value: unknown) => void): void => {
    this.resolve = resolve;
  };
}

/** What few publishes need; apart, so that the others are light. */
interface Rare {
  frame: Frame | undefined;
  repliesTaken: number;
  refused: ReplyError | undefined;
  stopWatching: (() => void) | undefined;
}

/** A command whose publisher's form says what all of its commands have in common. */
export abstract class FormCommand {
  abstract readonly form: PublishForm;

  get name(): string {
    return this.form.name;
  }

  get replyTypes(): number {
    return this.form.replyTypes;
  }

  get retry(): boolean {
    return this.form.retry;
  }

  get failWhenDisconnected(): boolean {
    return this.form.failWhenDisconnected;
  }

  get timeoutMs(): number {
    return this.form.timeoutMs;
  }
}

/**
 * Whoever makes 100,000 promises at once pays for the collector, which copies all that is alive: so there is little of it
 * (measured: 400 to 240 bytes a publish with its promise, 4.4 to 3.1 µs).
 */
export class PublishCommand extends FormCommand implements Command {
  /** May be changed by `encodePublish`: a line server has a command and a reply of its own. */
  form: PublishForm;
  readonly payload: string | Uint8Array;
  readonly data: unknown;
  readonly ttlMs: number | undefined;
  /** Decides the connection of a pool: the key, or undefined. */
  readonly routingKey: string | undefined;
  /** A whole number: others are objects of their own. */
  readonly deadline: number;
  place = 0;
  readonly promise: Promise<unknown>;
  readonly #owner: PublishOwner;
  /** Undefined once it is settled. Rejecting is done by it too: the other half would stay alive for nothing. */
  #resolve: ((value: unknown) => void) | undefined;
  #rare: Rare | undefined = undefined;

  constructor(
    owner: PublishOwner,
    form: PublishForm,
    frame: Frame | undefined,
    payload: string | Uint8Array,
    data: unknown,
    deadline: number,
    routingKey: string | undefined,
    ttlMs: number | undefined,
  ) {
    super();
    this.form = form;
    this.payload = payload;
    this.data = data;
    this.ttlMs = ttlMs;
    this.routingKey = routingKey;
    this.deadline = Math.ceil(deadline);
    this.#owner = owner;
    const { capture } = owner;
    this.promise = new Promise(capture.executor);
    this.#resolve = capture.resolve;
    if (frame !== undefined) this.#makeRare().frame = frame;
  }

  #makeRare(): Rare {
    this.#rare ??= { frame: undefined, repliesTaken: 0, refused: undefined, stopWatching: undefined };
    return this.#rare;
  }

  get frame(): Frame | undefined {
    return this.#rare?.frame;
  }

  get replyCount(): number {
    return this.form.replyCount;
  }

  /** MULTI … EXEC: all its replies must be counted before it settles. */
  get errorsAsValues(): boolean {
    return this.form.replyCount > 1;
  }

  get byteEstimate(): number {
    return this.payload.length + 64;
  }

  /** The port is told to cancel with the signal's reason, once, unless the command settled before. */
  watch(signal: AbortSignalLike, port: Port): void {
    this.#makeRare().stopWatching = whenAborted(signal, () => port.cancel(this, signal.reason));
  }

  /**
   * The frame is made late and kept only for who may send it again: what waits is lighter by half (measured: 100,000
   * promises at once, 64 B, 8.3 to 4.7 µs).
   */
  encode(dialect: Dialect): Frame {
    const frame = this.#owner.encodePublish(this, dialect);
    if (this.form.retry) this.#makeRare().frame = frame;
    return frame;
  }

  onReply(value: RespValue): void {
    if (this.#resolve === undefined) return;
    if (this.form.replyCount > 1 && !this.#isLast(value)) return;
    const refused = this.#rare?.refused;
    if (refused !== undefined) return this.onFailure(refused);
    const resolve = this.#resolve;
    this.#end();
    resolve(this.#owner.onPublished(this, value));
  }

  onFailure(error: unknown): void {
    const resolve = this.#resolve;
    if (resolve === undefined) return;
    this.#end();
    // Attached only on failure: a handler on each promise would cost every publish (the guide awaits none).
    this.promise.then(undefined, ignore);
    resolve(rejected(error));
    this.#owner.onPublishFailed(this, error);
  }

  #isLast(value: RespValue): boolean {
    const rare = this.#makeRare();
    rare.refused ??= refusalOf(value, this.name, rare.repliesTaken === 0);
    return ++rare.repliesTaken === this.form.replyCount;
  }

  #end(): void {
    this.#resolve = undefined;
    this.#rare?.stopWatching?.();
  }
}

/**
 * Of one reply to MULTI … EXEC. The first refusal is the cause (NOPERM in the queue); EXECABORT only repeats that there was
 * one. Where MULTI itself is refused, what follows is executed; and so is what stands beside an error in EXEC's array.
 */
export function refusalOf(reply: RespValue, name: string, isMulti: boolean): ReplyError | undefined {
  if (reply instanceof RespError) return replyError(reply, name, isMulti);
  const inside = Array.isArray(reply) && reply.find((entry) => entry instanceof RespError);
  return inside ? replyError(inside as RespError, name, true) : undefined;
}
