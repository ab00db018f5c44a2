// The async iterator over a stream of messages.
// Used by subscriptions and by the subscriber class. It holds no message: several iterators share the stream's queue.

import type { Message } from './config-types.ts';
import type { MessageStream } from './message-stream.ts';

/** An iterator over a stream; several share its one queue. Its promises need no reader. */
export function iteratorOf<T>(
  streamOf: () => MessageStream<T>,
  onReturn: () => void,
): AsyncIterableIterator<Message<T>, undefined> {
  let done = false;
  const end = { value: undefined, done: true } as const;
  const iterator: AsyncIterableIterator<Message<T>, undefined> = {
    next() {
      return done ? Promise.resolve(end) : streamOf().next(Infinity, resultOf, iterator);
    },
    async return() {
      done = true;
      streamOf().leave(iterator);
      onReturn();
      return end;
    },
    [Symbol.asyncIterator]() {
      return iterator;
    },
  };
  return iterator;
}

function resultOf<T>(message: Message<T> | undefined): IteratorResult<Message<T>, undefined> {
  return message === undefined ? { value: undefined, done: true } : { value: message, done: false };
}
