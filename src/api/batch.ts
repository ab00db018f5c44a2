// Many commands in one write, built by calls in a row and sent by `exec()`.
// Given to users by `client.batch()`. It sends nothing before `exec()`; what is wrong is refused when it is added.

import { ReplyError, UsageError } from '../errors/index.ts';
import type { CommandArgument, RespValue } from '../resp/index.ts';
import { BatchCommand, ON_LINE_SERVER } from './batch-command.ts';
import type { BlockingConnections } from './blocking.ts';
import type { CommandSender } from './command-sender.ts';
import * as table from './command-table.ts';
import { checkOptions } from './config-schema.ts';
import type { CommandOptions } from './config-types.ts';
import { blockingLimitMs, refuseGuarded } from './guarded-commands.ts';
import { handled } from './handled.ts';
import { type RawCommandOptions, rawRequest, splitOptions } from './raw-command.ts';
import { notOnLine, type Request } from './request.ts';

export interface BatchOptions extends CommandOptions {
  /** Between MULTI and EXEC: all or none is executed, and nobody else's commands in between. Default false. */
  atomic?: boolean | undefined;
}

/** What `exec()` resolves with: each command's own value, or the server's refusal of it. */
export type BatchReplies<T extends unknown[]> = { [K in keyof T]: T[K] | ReplyError };

/**
 * `await client.batch().set('a', '1').incr('a').exec()` gives `['OK', 2]`. A refused command is a `ReplyError` in its
 * place; whatever ends the batch as a whole (a lost link, a time limit, a refused transaction) rejects.
 */
export class Batch<T extends unknown[] = []> {
  readonly #sender: CommandSender;
  readonly #blocking: BlockingConnections;
  /** As it was given, checked by `exec()`: of what is no object nothing would be left. */
  readonly #given: BatchOptions | null | undefined;
  readonly #options: BatchOptions;
  readonly #requests: Request[] = [];
  #executed = false;

  /** Made by `client.batch()`. @internal */
  constructor(sender: CommandSender, blocking: BlockingConnections, options?: BatchOptions) {
    this.#sender = sender;
    this.#blocking = blocking;
    this.#given = options;
    // Settled now: useRegion() meanwhile must not send it elsewhere.
    this.#options = { ...options, region: sender.regionOf(options) ?? null };
  }

  /** Commands added so far. */
  get length(): number {
    return this.#requests.length;
  }

  ping(message?: string): Batch<[...T, string]> {
    return this.#add(table.pingRequest(message));
  }

  get(key: string): Batch<[...T, string | null]> {
    return this.#add(table.getRequest(key));
  }

  set(key: string, value: string | Uint8Array, options: table.SetOptions = {}): Batch<[...T, 'OK' | null]> {
    checkOptions(options);
    return this.#add(table.setRequest(key, value, options, this.#sender.connections.config.ttlSeconds));
  }

  del(keys: string | readonly string[]): Batch<[...T, number]> {
    return this.#add(table.delRequest(keys));
  }

  delete(keys: string | readonly string[]): Batch<[...T, number]> {
    return this.del(keys);
  }

  exists(keys: string | readonly string[]): Batch<[...T, number]> {
    return this.#add(table.existsRequest(keys));
  }

  expire(key: string, ttlSeconds: number): Batch<[...T, boolean]> {
    return this.#add(table.expireRequest(key, ttlSeconds));
  }

  ttl(key: string): Batch<[...T, number]> {
    return this.#add(table.ttlRequest(key));
  }

  persist(key: string): Batch<[...T, boolean]> {
    return this.#add(table.persistRequest(key));
  }

  keys(pattern = '*'): Batch<[...T, string[]]> {
    return this.#add(table.keysRequest(pattern));
  }

  incr(key: string): Batch<[...T, number | bigint]> {
    return this.#add(table.incrRequest(key));
  }

  decr(key: string): Batch<[...T, number | bigint]> {
    return this.#add(table.decrRequest(key));
  }

  append(key: string, value: string | Uint8Array): Batch<[...T, number]> {
    return this.#add(table.appendRequest(key, value));
  }

  info(section?: string): Batch<[...T, string]> {
    return this.#add(table.infoRequest(section));
  }

  publish(channel: string, data: unknown): Batch<[...T, number | undefined]> {
    return this.#add(table.publishRequest('PUBLISH', channel, data, this.#sender.connections.config.codec));
  }

  /** Any other command; in a region with `{ keys }` as the last argument. */
  command(name: string, ...args: (CommandArgument | Pick<RawCommandOptions, 'keys'>)[]): Batch<[...T, RespValue]> {
    const { words, options } = splitOptions(name, args);
    refuseGuarded(words);
    for (const [name, value] of Object.entries(options)) {
      if (name === 'keys' || value === undefined) continue;
      throw new UsageError(
        `Cannot use "${name}" of one command in a batch: give it to batch() or use client.command()`,
      );
    }
    return this.#add(rawRequest(words, options, this.#options.region ?? undefined));
  }

  /** Sends everything. A batch is sent once. */
  exec(): Promise<BatchReplies<T>> {
    return handled(this.#exec() as Promise<BatchReplies<T>>);
  }

  #checkUnsent(): void {
    if (this.#executed) throw new UsageError('Cannot use a batch twice: it was sent', { hint: 'call batch() again' });
  }

  #add<R>(request: Request<R>): Batch<[...T, R]> {
    this.#checkUnsent();
    this.#requests.push(request);
    return this as unknown as Batch<[...T, R]>;
  }

  async #exec(): Promise<unknown[]> {
    this.#checkUnsent();
    this.#executed = true;
    const sender = this.#sender;
    const requests = this.#requests;
    const options = this.#options;
    const { connections } = sender;
    checkOptions(this.#given ?? {});
    const { signal, atomic = false } = options;
    if (requests.length === 0) return [];
    const limits = atomic ? [] : requests.flatMap(({ words }) => blockingLimitMs(words) ?? []);
    const limitMs = limits.includes(0)
      ? Number.POSITIVE_INFINITY
      : limits.reduce((sum, limit) => sum + limit, connections.config.commandTimeoutMs);
    const settings = sender.settings(options, limitMs);
    if (connections.dialect !== 'line') {
      const command = new BatchCommand(requests, atomic, settings, connections);
      try {
        // A blocking command would hold up everybody else's: the whole batch gets a connection of its own.
        return await (limits.length > 0
          ? this.#blocking.run(command, command.promise, signal, 0, requests.length)
          : sender.dispatch(command, command.promise, signal, connections.lane, 0, requests.length));
      } catch (error) {
        if (error !== ON_LINE_SERVER) throw error;
      }
    }
    if (atomic) {
      throw notOnLine('use batch({ atomic: true })', 'it has no MULTI', 'leave "atomic" out');
    }
    // One routing key for all: the order is that of the calls.
    const commands = requests.map((request) => sender.command(request, settings, 'batch'));
    return Promise.all(
      commands.map((command, index) => {
        const { words } = requests[index] as Request;
        return sender
          .dispatch(command, command.promise, signal, sender.connections.lane, words.length - 1)
          .catch((error: unknown) => (error instanceof ReplyError ? error : Promise.reject(error)));
      }),
    );
  }
}
