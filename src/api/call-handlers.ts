// Calls all of a subscription's message handlers with one message, traced where somebody traces.
// Called by the message stream on behalf of its delivery; what one handler does must never keep it from another.

import type { Message } from './config-types.ts';
import { messageTrace } from './diagnostics.ts';
import { isThenable, type Listener } from './emitter.ts';
import type { StreamEmitter } from './stream-types.ts';

export interface HandlersOwner<T> {
  onHandlerError(error: unknown, message: Message<T>): void;
}

type Handler<T> = (message: Message<T>) => unknown;

/** Gives what the one handler returned, or a promise when one of several did. The owner is told of throws of several. */
export function callHandlers<T>(
  onMessage: Handler<T> | undefined,
  events: StreamEmitter<T>,
  message: Message<T>,
  owner: HandlersOwner<T>,
): unknown {
  if (!messageTrace.hasSubscribers) return call(onMessage, events, message, owner);
  // What tracing tools are told of a message: where it came from, never what is in it.
  const { channel, pattern, region } = message;
  return messageTrace.call({ channel, pattern, region }, () => call(onMessage, events, message, owner));
}

function call<T>(
  onMessage: Handler<T> | undefined,
  events: StreamEmitter<T>,
  message: Message<T>,
  owner: HandlersOwner<T>,
): unknown {
  if (!events.has('message')) return onMessage?.(message);
  const listeners = events.listeners('message');
  if (onMessage === undefined && listeners.length === 1) return (listeners[0] as Listener<Message<T>>)(message);
  const running: PromiseLike<unknown>[] = [];
  for (const handler of onMessage === undefined ? listeners : [onMessage, ...listeners]) {
    try {
      const result = handler(message);
      if (isThenable(result)) running.push(result.then(undefined, (error) => owner.onHandlerError(error, message)));
    } catch (error) {
      owner.onHandlerError(error, message);
    }
  }
  return running.length === 0 ? undefined : Promise.all(running);
}
