// Whatever users' functions and streams throw, as an `Error`. Called by every room from here up.
// It must never throw itself: not everything can be made text.

export function asError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown;
  try {
    return new Error(String(thrown));
  } catch {
    return new Error('something that is no text');
  }
}
