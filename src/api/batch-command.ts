// Several requests as one command: one write, one reply each, with MULTI and EXEC around them when atomic.
// Made by batch.ts. It settles exactly once: with all replies, or with the error that ended the batch as a whole.

import {
  type AbortSignalLike,
  type Command,
  commandFrame,
  type Dialect,
  type Frame,
  REPLY,
  replyError,
} from '../net/index.ts';
import { RespError, type RespValue } from '../resp/index.ts';
import type { CommandSettings } from './client-command.ts';
import { joinFrames } from './frame-builder.ts';
import { type Request, routingKeyOf, wordsInRegion } from './request.ts';

const ignore = () => {};

export class BatchCommand implements Command {
  readonly name: string;
  frame: Frame | undefined;
  readonly replyCount: number;
  readonly replyTypes = REPLY.any;
  readonly routingKey: string | undefined;
  readonly asBytes = false;
  readonly deadline: number;
  readonly timeoutMs: number;
  readonly retry: boolean;
  readonly failWhenDisconnected: boolean;
  readonly errorsAsValues = true;
  place = 0;
  readonly promise: Promise<unknown[]>;
  readonly #requests: readonly Request[];
  readonly #region: string | undefined;
  readonly #atomic: boolean;
  readonly #replies: RespValue[] = [];
  #resolve: (values: unknown[]) => void = ignore;
  #reject: (error: unknown) => void = ignore;
  #signal: AbortSignalLike | undefined;
  #onAbort: (() => void) | undefined;
  #settled = false;

  constructor(requests: ReadonlyArray<Request>, atomic: boolean, settings: CommandSettings) {
    this.name = atomic ? 'MULTI' : 'BATCH';
    this.replyCount = requests.length + (atomic ? 2 : 0);
    this.routingKey = requests[0] === undefined ? undefined : routingKeyOf(requests[0], settings.region);
    this.deadline = settings.deadline;
    this.timeoutMs = settings.timeoutMs;
    this.retry = settings.retry;
    this.failWhenDisconnected = settings.failWhenDisconnected;
    this.#requests = requests;
    this.#region = settings.region;
    this.#atomic = atomic;
    this.frame = this.encode('resp');
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Batches are made once the dialect is known: a line server gets single commands. */
  encode(_dialect: Dialect): Frame {
    const frames = this.#requests.map((request) => commandFrame(wordsInRegion(request, this.#region)));
    if (this.#atomic) {
      frames.unshift(commandFrame(['MULTI']));
      frames.push(commandFrame(['EXEC']));
    }
    return joinFrames(frames);
  }

  watch(signal: AbortSignalLike, cancel: (command: Command, reason: unknown) => void): void {
    this.#signal = signal;
    this.#onAbort = () => cancel(this, signal.reason);
    signal.addEventListener('abort', this.#onAbort);
  }

  onReply(value: RespValue): void {
    if (this.#settled) return;
    this.#replies.push(value);
    if (this.#replies.length < this.replyCount) return;
    if (!this.#atomic) return this.#finish(this.#replies);
    const results = value;
    if (Array.isArray(results) && results.length === this.#requests.length) return this.#finish(results);
    // The first refusal is the cause (a wrong command in the queue); EXECABORT only repeats that there was one.
    const index = this.#replies.findIndex((reply) => reply instanceof RespError);
    const refused = this.#replies[index];
    const command = this.#requests[index - 1]?.words[0] ?? 'EXEC';
    this.onFailure(
      replyError(
        refused instanceof RespError ? refused : new RespError('EXECABORT the transaction gave no results'),
        String(command).toUpperCase(),
      ),
    );
  }

  onFailure(error: unknown): void {
    if (this.#settled) return;
    this.#end();
    this.promise.then(undefined, ignore);
    this.#reject(error);
  }

  #finish(replies: readonly RespValue[]): void {
    this.#end();
    this.#resolve(
      this.#requests.map((request, index) => {
        const value = replies[index] as RespValue;
        if (value instanceof RespError) return replyError(value, String(request.words[0]).toUpperCase());
        return request.shape(value, this.#region);
      }),
    );
  }

  #end(): void {
    this.#settled = true;
    if (this.#onAbort !== undefined) this.#signal?.removeEventListener('abort', this.#onAbort);
  }
}
