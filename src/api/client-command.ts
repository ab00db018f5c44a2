// One command of a client on its way: what the net room carries and the promise that the user holds.
// Made by command-sender.ts. It settles exactly once and never causes an unhandled rejection.

import { ProtocolError } from '../errors/index.ts';
import {
  type AbortSignalLike,
  type Command,
  commandFrame,
  type Dialect,
  type Frame,
  whenAborted,
} from '../net/index.ts';
import type { RespValue } from '../resp/index.ts';
import type { Connections } from './connections.ts';
import { rejected } from './handled.ts';
import type { Capture } from './publish-command.ts';
import { byteEstimateOf, lineFrame, nameOf, type Request, routingKeyOf, wordsInRegion } from './request.ts';
import type { Port, Sending } from './sending.ts';

export interface CommandSettings extends Sending {
  readonly region: string | undefined;
  /** Monotonic; Infinity for none. */
  readonly deadline: number;
}

const ignore = () => {};

export class ClientCommand<T> implements Command {
  frame: Frame | undefined;
  replyCount = 1;
  replyTypes: number;
  readonly asBytes: boolean;
  readonly deadline: number;
  readonly timeoutMs: number;
  readonly retry: boolean;
  readonly failWhenDisconnected: boolean;
  place = 0;
  readonly promise: Promise<T>;
  readonly #request: Request<T>;
  readonly #region: string | undefined;
  readonly #connections: Connections;
  readonly #routingKey: string | undefined;
  #shape: Request<T>['shape'];
  /** Undefined once it is settled. Rejecting is done by it too: the other half would stay alive for nothing. */
  #resolve: ((value: T | Promise<T>) => void) | undefined;
  #stopWatching: (() => void) | undefined = undefined;

  /** Throws a `UsageError` for what can't be sent, where the dialect is known. */
  constructor(
    request: Request<T>,
    settings: CommandSettings,
    connections: Connections,
    capture: Capture,
    routingKey: string | undefined,
  ) {
    this.replyTypes = request.replyTypes;
    this.asBytes = request.asBytes ?? false;
    this.deadline = Math.ceil(settings.deadline);
    this.timeoutMs = settings.timeoutMs;
    this.retry = settings.retry;
    this.failWhenDisconnected = settings.failWhenDisconnected;
    this.#request = request;
    this.#region = settings.region;
    this.#connections = connections;
    this.#routingKey = routingKey;
    this.#shape = request.shape;
    if (connections.dialect !== undefined) this.encode(connections.dialect);
    this.promise = new Promise(capture.executor as ConstructorParameters<typeof Promise<T>>[0]);
    this.#resolve = capture.resolve;
  }

  get name(): string {
    return nameOf(this.#request);
  }

  /** Asked by pools alone. */
  get routingKey(): string | undefined {
    return this.#routingKey ?? routingKeyOf(this.#request, this.#region);
  }

  /** About, while the frame is not made. */
  get byteEstimate(): number {
    return byteEstimateOf(this.#request);
  }

  encode(dialect: Dialect): Frame {
    const request = this.#request;
    if (dialect === 'resp') {
      this.frame = request.frame?.() ?? commandFrame(wordsInRegion(request, this.#region));
    } else {
      const { words, replyTypes, shape } = { ...request, ...request.line };
      this.frame = lineFrame(words, this.#region, this.#connections.lineSettings);
      this.replyTypes = replyTypes;
      this.#shape = shape;
    }
    return this.frame;
  }

  /** The port is told to cancel with the signal's reason, once, unless the command settled before. */
  watch(signal: AbortSignalLike, port: Port): void {
    this.#stopWatching = whenAborted(signal, () => port.cancel(this, signal.reason));
  }

  onReply(value: RespValue): void {
    try {
      this.#settle(this.#shape(value, this.#region));
    } catch (cause) {
      const error = new ProtocolError(`Cannot match reply to ${this.name}: replies have shifted`, { cause });
      this.onFailure(error);
      throw error;
    }
  }

  onFailure(error: unknown): void {
    this.promise.then(undefined, ignore);
    this.#settle(rejected(error));
  }

  #settle(value: T | Promise<T>): void {
    const resolve = this.#resolve;
    this.#resolve = undefined;
    this.#stopWatching?.();
    resolve?.(value);
  }
}
