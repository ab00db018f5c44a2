// Sends requests over an object's connection for commands: settles options, deadlines, signals and tracing.
// Used by the client, by batches and by subscribers that ask for keys. It knows no command by name.

import { ClosedError } from '../errors/index.ts';
import type { AbortSignalLike } from '../net/index.ts';
import { ClientCommand, type CommandSettings } from './client-command.ts';
import type { CommandOptions } from './config-types.ts';
import type { Connections } from './connections.ts';
import { rejected } from './handled.ts';
import { Capture } from './publish-command.ts';
import { checkRegion } from './region.ts';
import type { Request } from './request.ts';
import { handOver, type Port, sendingOf, type WatchedCommand } from './sending.ts';

export class CommandSender {
  readonly connections: Connections;
  #capture: Capture | undefined;
  /** Of calls that name none. */
  region: string | undefined;

  constructor(connections: Connections, region: string | undefined) {
    this.connections = connections;
    this.region = region;
  }

  /** Made by the first command. */
  get capture(): Capture {
    this.#capture ??= new Capture();
    return this.#capture;
  }

  regionOf(options: CommandOptions | undefined): string | undefined {
    const region = options?.region;
    return region === undefined ? this.region : checkRegion(region);
  }

  /** `limitMs` is the default where the call has no `timeoutMs`; Infinity is none. */
  settings(options: CommandOptions | undefined, limitMs?: number): CommandSettings {
    const { config, platform } = this.connections;
    const { retry, failWhenDisconnected, timeoutMs } = sendingOf(config, options, limitMs);
    return {
      region: this.regionOf(options),
      deadline: platform.now() + timeoutMs,
      timeoutMs,
      retry,
      failWhenDisconnected,
    };
  }

  /** Never throws: what is wrong rejects. */
  send<T>(request: Request<T>, options?: CommandOptions): Promise<T> {
    try {
      const command = this.command(request, this.settings(options));
      return this.dispatch(command, command.promise, options?.signal, this.connections.lane, request.words.length - 1);
    } catch (error) {
      return rejected(error);
    }
  }

  command<T>(request: Request<T>, settings: CommandSettings, routingKey?: string): ClientCommand<T> {
    return new ClientCommand(request, settings, this.connections, this.capture, routingKey);
  }

  /** Hands the command over. `promise` is what its user gets. */
  dispatch<T>(
    command: WatchedCommand,
    promise: Promise<T>,
    signal: AbortSignalLike | undefined,
    port: Port,
    argumentCount: number,
    batchSize?: number,
  ): Promise<T> {
    const { connections } = this;
    if (connections.isClosed) {
      const details = { safeToRetry: true, hint: 'make a new client' };
      return rejected(new ClosedError(`Cannot execute ${command.name}: the client was closed`, details));
    }
    if (signal?.aborted) return rejected(signal.reason);
    return handOver(command, promise, signal, port, connections, argumentCount, batchSize);
  }
}
