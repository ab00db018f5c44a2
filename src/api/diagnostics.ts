// What tracing tools may listen to: the channels of `node:diagnostics_channel` that this package publishes on.
// Called where commands, connects and messages begin. With no listener it costs one look at a flag; what it tells
// never holds an argument, a key, a value or a secret.
//
//   tracing:ashredis:command:{start,end,asyncStart,asyncEnd,error}   each command
//   tracing:ashredis:connect:{…}                                     connect() and start()
//   tracing:ashredis:message:{…}                                     each call of a message handler
//   ashredis:gap                                                     each gap of a subscription

import { type Channel, channel } from 'node:diagnostics_channel';
import type { Gap } from '../pubsub/index.ts';
import type { Configuration } from './config.ts';
import { isThenable } from './emitter.ts';

export interface CommandTraceContext {
  /** In upper case; `MULTI` for an atomic batch, `BATCH` for another one. */
  command: string;
  /** As many as were given, each `?`. */
  args: string[];
  database: number;
  serverAddress: string;
  serverPort: number | undefined;
  /** The connection's id on the server, where it is known. */
  clientId: number | undefined;
  /** Commands in a batch. */
  batchSize?: number;
  result?: unknown;
  error?: unknown;
}

export interface ConnectTraceContext {
  serverAddress: string;
  serverPort: number | undefined;
  database: number;
  error?: unknown;
}

export interface MessageTraceContext {
  /** Without the region's prefix. */
  channel: string;
  pattern: string | undefined;
  region: string | undefined;
  error?: unknown;
}

export interface GapTraceContext {
  gap: Gap;
}

/** The five channels of one operation, in the shape of Node's `TracingChannel`, which older runtimes don't have. */
class Trace<C extends { error?: unknown; result?: unknown }> {
  readonly #start: Channel;
  readonly #end: Channel;
  readonly #asyncStart: Channel;
  readonly #asyncEnd: Channel;
  readonly #error: Channel;

  constructor(name: string) {
    const open = (event: string) => channel(`tracing:ashredis:${name}:${event}`);
    this.#start = open('start');
    this.#end = open('end');
    this.#asyncStart = open('asyncStart');
    this.#asyncEnd = open('asyncEnd');
    this.#error = open('error');
  }

  get hasSubscribers(): boolean {
    return (
      this.#start.hasSubscribers ||
      this.#end.hasSubscribers ||
      this.#asyncStart.hasSubscribers ||
      this.#asyncEnd.hasSubscribers ||
      this.#error.hasSubscribers
    );
  }

  /**
   * Runs `start` inside the span; the results of commands stay out of the context, since they are data. Handlers may be
   * synchronous: what they give is given back as it is.
   */
  call<T>(context: C, start: () => T): T {
    const failed = (error: unknown) => {
      context.error = error;
      this.#error.publish(context);
    };
    const settled = () => this.#asyncStart.runStores(context, () => this.#asyncEnd.publish(context));
    return this.#start.runStores(context, () => {
      try {
        const value = start();
        if (!isThenable(value)) return value;
        return value.then(
          (result) => {
            settled();
            return result;
          },
          (error: unknown) => {
            failed(error);
            settled();
            throw error;
          },
        ) as T;
      } catch (error) {
        failed(error);
        throw error;
      } finally {
        this.#end.publish(context);
      }
    });
  }
}

export const commandTrace = new Trace<CommandTraceContext>('command');
export const connectTrace = new Trace<ConnectTraceContext>('connect');
export const messageTrace = new Trace<MessageTraceContext>('message');
const gapChannel = channel('ashredis:gap');

export function traceGap(gap: Gap): void {
  if (gapChannel.hasSubscribers) gapChannel.publish({ gap } satisfies GapTraceContext);
}

/** `argumentCount` arguments, of which nothing is shown. */
export function commandContext(
  connections: {
    readonly config: Configuration;
    readonly server: { readonly clientId?: number | undefined } | undefined;
  },
  command: string,
  argumentCount: number,
): CommandTraceContext {
  const { config, server } = connections;
  return {
    command,
    args: new Array<string>(argumentCount).fill('?'),
    ...connectContext(config),
    clientId: server?.clientId,
  };
}

export function connectContext(config: Configuration): ConnectTraceContext {
  return {
    serverAddress: config.path ?? config.host,
    serverPort: config.path === undefined ? config.port : undefined,
    database: config.db,
  };
}
