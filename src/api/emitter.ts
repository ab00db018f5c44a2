// Typed events: `on`, `once`, `off`. Used by every class that users hold.
// It never throws for want of a listener, and what a listener throws goes to its owner, never to who emits.

export type Listener<E> = (event: E) => unknown;

const CALLS: unique symbol = Symbol('calls');

/** One that is called once knows whom it calls. */
// biome-ignore lint/suspicious/noExplicitAny: the type is the event's, checked by the methods
type Registered = Listener<any> & { readonly [CALLS]?: Listener<any> };

const NOBODY: readonly Registered[] = Object.freeze([]);

export class Emitter<Events extends object> {
  /** In order; made anew on every change, so that emitting needs no copy. The map is made by the first listener. */
  #registered: Map<keyof Events, readonly Registered[]> | undefined;
  readonly #onThrow: ((error: unknown) => void) | undefined;

  /** `onThrow` is told what a listener threw or rejected with, unless it listened to `handlerError`. It must not throw. */
  constructor(onThrow?: (error: unknown) => void) {
    this.#onThrow = onThrow;
  }

  on<K extends keyof Events>(event: K, listener: Listener<Events[K]>): void {
    this.#add(event, listener, listener);
  }

  once<K extends keyof Events>(event: K, listener: Listener<Events[K]>): void {
    const call = (value: Events[K]) => {
      const index = this.listeners(event).lastIndexOf(registered);
      // Called already, by what a listener before it emitted.
      if (index < 0) return undefined;
      this.#remove(event, index);
      return listener(value);
    };
    const registered = Object.assign(call, { [CALLS]: listener });
    this.#add(event, registered, listener);
  }

  /** Takes the newest registration of `listener` away. */
  off<K extends keyof Events>(event: K, listener: Listener<Events[K]>): void {
    const all: readonly Registered[] = this.listeners(event);
    this.#remove(event, all.map((each) => each[CALLS] ?? each).lastIndexOf(listener));
  }

  has(event: keyof Events): boolean {
    // Asked for each message: the look at the field first is worth it (measured: 6 % of a message for a hook).
    return this.#registered !== undefined && this.listeners(event).length > 0;
  }

  /** Who listens now, in order; for the one event whose listeners are awaited. One that listens `once` goes when called. */
  listeners<K extends keyof Events>(event: K): readonly Listener<Events[K]>[] {
    return this.#registered?.get(event) ?? NOBODY;
  }

  emit<K extends keyof Events>(event: K, value: Events[K]): void {
    for (const listener of this.listeners(event)) {
      try {
        const result = listener(value);
        if (isThenable(result)) result.then(undefined, (error) => this.#threw(event, error));
      } catch (error) {
        this.#threw(event, error);
      }
    }
  }

  /** Who is told of a throw and throws as well would be told of that, and so on: there is nobody left to tell. */
  #threw(event: keyof Events, error: unknown): void {
    if (event !== 'handlerError') this.#onThrow?.(error);
  }

  #add(event: keyof Events, registered: Registered, listener: unknown): void {
    if (typeof listener !== 'function') {
      throw new TypeError(`Cannot listen to "${String(event)}": found ${typeof listener}, allowed is a function`);
    }
    this.#registered ??= new Map();
    this.#registered.set(event, [...this.listeners(event), registered]);
  }

  #remove(event: keyof Events, index: number): void {
    const left = this.listeners(event).filter((_, at) => at !== index);
    this.#registered?.set(event, left);
  }
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}
