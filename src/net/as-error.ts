// Whatever users' functions and streams throw, as an `Error`. Called by net, pubsub and api.
// It must never throw itself: not everything can be made text.

export function asError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown;
  try {
    return new Error(String(thrown));
  } catch {
    return new Error('something that is no text');
  }
}
