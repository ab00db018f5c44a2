// Promises that nobody has to look at.
// Called wherever a promise is given to a user, so that one that is not awaited never ends the process.

const ignore = () => {};

/** The same promise, marked: its rejection is never "unhandled". */
export function handled<P extends Promise<unknown>>(promise: P): P {
  promise.then(undefined, ignore);
  return promise;
}

export function rejected(error: unknown): Promise<never> {
  return handled(Promise.reject(error));
}
