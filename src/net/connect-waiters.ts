// The promises of `connect()`: many callers share one attempt, each with a limit and a signal of its own.
// Used by the driver. It must never leave a listener on a signal or a promise unsettled.

import type { AshRedisError } from '../errors/index.ts';
import type { AbortSignalLike } from './types.ts';

interface Waiter {
  readonly deadline: number;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

export class ConnectWaiters {
  readonly #waiters = new Set<Waiter>();

  add(deadline: number, signal: AbortSignalLike | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = () => {
        this.#waiters.delete(waiter);
        signal?.removeEventListener('abort', onAbort);
      };
      const waiter: Waiter = {
        deadline,
        resolve: () => {
          end();
          resolve();
        },
        reject: (reason) => {
          end();
          reject(reason);
        },
      };
      const onAbort = () => waiter.reject(signal?.reason);
      signal?.addEventListener('abort', onAbort);
      this.#waiters.add(waiter);
    });
  }

  nextDeadline(): number {
    let next = Infinity;
    for (const { deadline } of this.#waiters) if (deadline < next) next = deadline;
    return next;
  }

  resolveAll(): void {
    for (const waiter of [...this.#waiters]) waiter.resolve();
  }

  rejectAll(reason: AshRedisError): void {
    for (const waiter of [...this.#waiters]) waiter.reject(reason);
  }

  expire(now: number, error: () => AshRedisError): void {
    for (const waiter of [...this.#waiters]) if (waiter.deadline <= now) waiter.reject(error());
  }
}
