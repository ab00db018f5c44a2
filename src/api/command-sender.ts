// Sends requests over an object's connection for commands: settles options, deadlines, signals and tracing.
// Used by the client, by batches and by subscribers that ask for keys. It knows no command by name.

import { ClosedError } from '../errors/index.ts';
import type { AbortSignalLike, Command } from '../net/index.ts';
import { ClientCommand, type CommandSettings } from './client-command.ts';
import { isDuration, notAllowed, quoteValue, TIMEOUT_WORDS } from './config-schema.ts';
import type { CommandOptions } from './config-types.ts';
import type { Connections } from './connections.ts';
import { commandContext, commandTrace } from './diagnostics.ts';
import { handled, rejected } from './handled.ts';
import { Capture } from './publish-command.ts';
import { checkRegion } from './region.ts';
import type { Request } from './request.ts';

/** Where commands go: the shared connection, or one of their own. */
export interface Port {
  send(command: Command): void;
  cancel(command: Command, reason: unknown): void;
}

export class CommandSender {
  readonly connections: Connections;
  readonly #capture = new Capture();
  /** Of calls that name none. */
  region: string | undefined;

  constructor(connections: Connections, region: string | undefined) {
    this.connections = connections;
    this.region = region;
  }

  regionOf(options: CommandOptions | undefined): string | undefined {
    const region = options?.region;
    return region === undefined ? this.region : checkRegion(region);
  }

  /** `limitMs` is the default where the call has no `timeoutMs`; Infinity is none. */
  settings(options: CommandOptions | undefined, limitMs = this.connections.config.commandTimeoutMs): CommandSettings {
    const { config, platform } = this.connections;
    const timeoutMs = checkTimeout(options?.timeoutMs) ?? limitMs;
    return {
      region: this.regionOf(options),
      deadline: platform.now() + timeoutMs,
      timeoutMs,
      retry: (options?.retry ?? config.retry) === 'always',
      failWhenDisconnected: (options?.whenDisconnected ?? config.whenDisconnected) === 'fail',
    };
  }

  /** Never throws: what is wrong rejects. */
  send<T>(request: Request<T>, options?: CommandOptions): Promise<T> {
    try {
      const command = this.command(request, this.settings(options));
      return this.dispatch(command, command.promise, options?.signal, this.connections.lane, request);
    } catch (error) {
      return rejected(error);
    }
  }

  command<T>(request: Request<T>, settings: CommandSettings, routingKey?: string): ClientCommand<T> {
    return new ClientCommand(request, settings, this.connections, this.#capture, routingKey);
  }

  /** Hands the command over. `promise` is what its user gets, traced when somebody listens. */
  dispatch<T>(
    command: Command & { watch(signal: AbortSignalLike, cancel: (command: Command, reason: unknown) => void): void },
    promise: Promise<T>,
    signal: AbortSignalLike | undefined,
    port: Port,
    request: { readonly words: readonly unknown[]; readonly batchSize?: number },
  ): Promise<T> {
    if (this.connections.isClosed) {
      return rejected(
        new ClosedError(`Cannot execute ${command.name}: the client was closed`, {
          safeToRetry: true,
          hint: 'make a new client',
        }),
      );
    }
    if (signal?.aborted) return rejected(signal.reason);
    if (signal !== undefined) command.watch(signal, (late, reason) => port.cancel(late, reason));
    if (!commandTrace.hasSubscribers) {
      port.send(command);
      return promise;
    }
    const context = commandContext(this.connections, command.name, Math.max(0, request.words.length - 1));
    if (request.batchSize !== undefined) context.batchSize = request.batchSize;
    return handled(
      commandTrace.promise(context, () => {
        port.send(command);
        return promise;
      }),
    );
  }
}

/** A call's own time limit, or undefined where it has none. */
export function checkTimeout(timeoutMs: unknown): number | undefined {
  if (timeoutMs === undefined || timeoutMs === null) return undefined;
  return isDuration(timeoutMs) ? timeoutMs : notAllowed('"timeoutMs"', quoteValue(timeoutMs), TIMEOUT_WORDS);
}
