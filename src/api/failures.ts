// What is done with a record that failed: told to a hook of the user's.
// Called by publishers. It must never throw itself.

import { asError } from '../net/index.ts';
import { handled } from './handled.ts';

/** A broken hook is no reason to lose count of the rest. */
export function tellFailure<R>(
  onFailure: ((error: Error, record: R) => void) | undefined,
  error: unknown,
  record: unknown,
): void {
  // Async, so that what it throws and what it rejects with are the same, and nobody's.
  handled((async () => onFailure?.(asError(error), record as R))());
}
