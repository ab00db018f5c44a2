// The symbol behind `await using`, also where the runtime has none yet, and the one behind Node's `inspect`.
// Used as the name of a method by every class that must be closed. Importing it changes nothing outside.

declare global {
  // The same as in TypeScript's ESNext.Disposable: consumers with older compilers or libraries don't have it.
  interface SymbolConstructor {
    readonly asyncDispose: unique symbol;
  }
}

/** `Symbol.asyncDispose`, or what compilers put in its place. */
export const ASYNC_DISPOSE: typeof Symbol.asyncDispose =
  Symbol.asyncDispose ?? (Symbol.for('Symbol.asyncDispose') as typeof Symbol.asyncDispose);

/** What `util.inspect` and `console.log` ask for. */
export const INSPECT: unique symbol = Symbol.for('nodejs.util.inspect.custom') as never;
