// Promises that nobody has to look at.
// Called wherever a promise is given to a user, so that one that is not awaited never ends the process.

import { type AbortSignalLike, type Platform, whenAborted } from '../net/index.ts';

const ignore = () => {};

/** Counted when the limit has been noticed. */
const GRACE_MS = 20;

/** The same promise, marked: its rejection is never "unhandled". */
export function handled<P extends Promise<unknown>>(promise: P): P {
  promise.then(undefined, ignore);
  return promise;
}

export function rejected(error: unknown): Promise<never> {
  return handled(Promise.reject(error));
}

/** What must be there at once. Of a promise nobody would look at the rejection, which ends the process. */
export function present<V>(value: V): V {
  if (!(value instanceof Promise)) return value;
  handled(value);
  throw new Error('found a promise, allowed is a value');
}

/**
 * The promise of what `run` begins, given to `keep` before: what `run` calls may ask for it, and must not begin a second
 * one.
 */
export function begun<T>(keep: (promise: Promise<T>) => void, run: () => Promise<T>): Promise<T> {
  let settle: (value: Promise<T>) => void = ignore;
  const promise = handled(new Promise<T>((resolve) => (settle = resolve)));
  keep(promise);
  settle(run());
  return promise;
}

/**
 * Rejects with the signal's reason when it is aborted before `promise` settles; `promise` itself goes on. Until then
 * `rejecters` holds another way to give it up.
 */
export function untilAborted<T>(
  promise: Promise<T>,
  signal: AbortSignalLike | undefined,
  rejecters?: Set<(reason: unknown) => void>,
): Promise<T> {
  // Also where the signal is none.
  handled(promise);
  return handled(
    new Promise<T>((resolve, reject) => {
      const stopWatching = whenAborted(signal, () => reject(signal?.reason));
      rejecters?.add(reject);
      promise.then(resolve, reject).finally(() => {
        stopWatching();
        rejecters?.delete(reject);
      });
    }),
  );
}

/**
 * Settles as `promise` does, or resolves a little after `timeoutMs`: what users write must not hold us up for ever. What
 * has that limit itself comes before, also where the event loop stood still.
 */
export function within(
  promise: unknown,
  timeoutMs: number,
  platform: Platform,
  keepProcessAlive: boolean,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const late = () => {
      timer = platform.setTimer(GRACE_MS, () => resolve(undefined), keepProcessAlive);
    };
    let timer = platform.setTimer(timeoutMs, late, keepProcessAlive);
    const stopTimer = () => platform.clearTimer(timer);
    Promise.resolve(promise).then(resolve, reject).finally(stopTimer);
  });
}
