// The promises of `connect()`: many callers share one attempt, each with a limit and a signal of its own.
// Used by the driver. It must never leave a listener on a signal or a promise unsettled.

import type { AshRedisError } from '../errors/index.ts';
import type { AbortSignalLike } from './types.ts';
import { whenAborted } from './when-aborted.ts';

interface Waiter {
  readonly deadline: number;
  settle(makeReason: (() => unknown) | undefined): void;
}

export class ConnectWaiters {
  readonly #waiters: Waiter[] = [];

  add(deadline: number, signal: AbortSignalLike | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        deadline,
        settle: (makeReason) => {
          const at = this.#waiters.indexOf(waiter);
          if (at < 0) return;
          this.#waiters.splice(at, 1);
          stopWatching();
          if (makeReason === undefined) resolve();
          else reject(makeReason());
        },
      };
      const stopWatching = whenAborted(signal, () => waiter.settle(() => signal?.reason));
      this.#waiters.push(waiter);
    });
  }

  nextDeadline(): number {
    let next = Infinity;
    for (const { deadline } of this.#waiters) if (deadline < next) next = deadline;
    return next;
  }

  /** Resolves, or rejects with an error of each one's own, all whose limit is up to `deadline`. */
  settle(makeError: (() => AshRedisError) | undefined, deadline = Infinity): void {
    for (const waiter of [...this.#waiters]) if (waiter.deadline <= deadline) waiter.settle(makeError);
  }
}
