// What everybody who sends commands does alike: connecting, handing over, and how long and how often to try.
// Called by the client's sender and by publishers. It knows no command by name.

import type { AbortSignalLike, Command, CommandLane } from '../net/index.ts';
import type { Configuration } from './config.ts';
import { checkOptions } from './config-schema.ts';
import type { CommandOptions } from './config-types.ts';
import type { Connections } from './connections.ts';
import { commandContext, commandTrace, connectContext, connectTrace } from './diagnostics.ts';
import { handled } from './handled.ts';

/** Where commands go: the shared connection, or one of their own. */
export type Port = Pick<CommandLane, 'send' | 'cancel'>;

/** A command that its user may give up. */
export interface WatchedCommand extends Command {
  /** The port is told to cancel with the signal's reason, once, unless the command settled before. */
  watch(signal: AbortSignalLike, port: Port): void;
}

/** How a command is sent; the options of a call come before the configuration. */
export interface Sending {
  readonly retry: boolean;
  readonly failWhenDisconnected: boolean;
  /** What the deadline is made from, also for messages. Infinity is none. */
  readonly timeoutMs: number;
}

/** `limitMs` is the default where the call has no `timeoutMs`. */
export function sendingOf(
  config: Configuration,
  options?: Pick<CommandOptions, 'retry' | 'whenDisconnected' | 'timeoutMs'> | null,
  limitMs = config.commandTimeoutMs,
): Sending {
  if (options) checkOptions(options);
  return {
    retry: (options?.retry ?? config.retry) === 'always',
    failWhenDisconnected: (options?.whenDisconnected ?? config.whenDisconnected) === 'fail',
    timeoutMs: options?.timeoutMs ?? limitMs,
  };
}

/** What throws rejects. */
export async function connectLane(
  connections: Connections,
  options: { signal?: AbortSignalLike | undefined },
): Promise<void> {
  checkOptions(options);
  const { signal } = options;
  const start = () => connections.lane.connect(signal);
  if (!connectTrace.hasSubscribers) return start();
  return connectTrace.call(connectContext(connections.config), start);
}

/** Sends the command. `promise` is what its user gets, traced when somebody listens. */
export function handOver<T>(
  command: WatchedCommand,
  promise: Promise<T>,
  signal: AbortSignalLike | undefined,
  port: Port,
  connections: Connections,
  argumentCount: number,
  batchSize?: number,
): Promise<T> {
  if (signal !== undefined) command.watch(signal, port);
  if (commandTrace.hasSubscribers) return traced(command, promise, port, connections, argumentCount, batchSize);
  port.send(command);
  return promise;
}

/** Apart: a function with closures in it makes an object for them on every call. */
function traced<T>(
  command: Command,
  promise: Promise<T>,
  port: Port,
  connections: Connections,
  argumentCount: number,
  batchSize: number | undefined,
): Promise<T> {
  const context = commandContext(connections, command.name, argumentCount);
  if (batchSize !== undefined) context.batchSize = batchSize;
  const send = () => {
    port.send(command);
    return promise;
  };
  return handled(commandTrace.call(context, send));
}
