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
    this.#start = channel(`tracing:${name}:start`);
    this.#end = channel(`tracing:${name}:end`);
    this.#asyncStart = channel(`tracing:${name}:asyncStart`);
    this.#asyncEnd = channel(`tracing:${name}:asyncEnd`);
    this.#error = channel(`tracing:${name}:error`);
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

  /** Runs `start` inside the span; the results of commands stay out of the context, since they are data. */
  promise<T>(context: C, start: () => Promise<T>): Promise<T> {
    return this.#start.runStores(context, () => {
      let promise: Promise<T>;
      try {
        promise = start();
      } catch (error) {
        context.error = error;
        this.#error.publish(context);
        throw error;
      } finally {
        this.#end.publish(context);
      }
      return promise.then(
        (value) => {
          this.#asyncStart.runStores(context, () => this.#asyncEnd.publish(context));
          return value;
        },
        (error: unknown) => {
          context.error = error;
          this.#error.publish(context);
          this.#asyncStart.runStores(context, () => this.#asyncEnd.publish(context));
          throw error;
        },
      );
    });
  }

  /** For handlers, which may be synchronous: what they give is given back as it is. */
  call<T>(context: C, start: () => T): T {
    return this.#start.runStores(context, () => {
      try {
        const value = start();
        if (typeof (value as { then?: unknown } | null | undefined)?.then !== 'function') return value;
        return (value as unknown as Promise<unknown>).then(
          (result) => {
            this.#asyncStart.runStores(context, () => this.#asyncEnd.publish(context));
            return result;
          },
          (error: unknown) => {
            context.error = error;
            this.#error.publish(context);
            this.#asyncStart.runStores(context, () => this.#asyncEnd.publish(context));
            throw error;
          },
        ) as T;
      } catch (error) {
        context.error = error;
        this.#error.publish(context);
        throw error;
      } finally {
        this.#end.publish(context);
      }
    });
  }
}

export const commandTrace = new Trace<CommandTraceContext>('ashredis:command');
export const connectTrace = new Trace<ConnectTraceContext>('ashredis:connect');
export const messageTrace = new Trace<MessageTraceContext>('ashredis:message');
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
