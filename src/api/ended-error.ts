// What a reader learns when its connection was closed by somebody else: nothing more comes.
// Made by subscriptions and by subscribers.

import { ClosedError } from '../errors/index.ts';

/** `name` says whose messages they were. */
export function endedError(name: string): ClosedError {
  return new ClosedError(`Cannot read ${name} any more: its connection was closed`);
}
