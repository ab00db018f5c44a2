// What is done with whatever was thrown: made an `Error`, told to a hook of the user's.
// Called by publishers. It must never throw itself.

export function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

/** A broken hook is no reason to lose count of the rest. */
export function tellFailure<R>(
  onFailure: ((error: Error, record: R) => void) | undefined,
  error: unknown,
  record: unknown,
): void {
  try {
    onFailure?.(asError(error), record as R);
  } catch {
    // Its own fault.
  }
}
