// The one way in which this room listens to a signal.
// Called by whoever can be given up: commands, publishers, clients. It calls nobody for a signal that is aborted already.

import type { AbortSignalLike } from '../net/index.ts';

/** Calls `act` when the signal is aborted, unless the function it gives was called before. */
export function whenAborted(signal: AbortSignalLike | undefined, act: () => void): () => void {
  signal?.addEventListener('abort', act);
  return () => signal?.removeEventListener('abort', act);
}
