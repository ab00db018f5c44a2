// Typed events: `on`, `once`, `off`. Used by every class that users hold.
// It never throws for want of a listener, and what a listener throws goes to its owner, never to who emits.

export type Listener<E> = (event: E) => unknown;

interface Entry {
  // biome-ignore lint/suspicious/noExplicitAny: the type is the event's, checked by the methods
  readonly listener: Listener<any>;
  readonly once: boolean;
}

/** Who listens to one event, in order; made anew on every change, so that emitting needs no copy. */
interface Audience {
  readonly entries: readonly Entry[];
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly listeners: readonly Listener<any>[];
  readonly hasOnce: boolean;
}

const NOBODY: Audience = Object.freeze({ entries: [], listeners: [], hasOnce: false });

export class Emitter<Events extends object> {
  /** Made by the first listener. */
  #audiences: Map<keyof Events, Audience> | undefined;
  readonly #onThrow: ((error: unknown) => void) | undefined;

  /** `onThrow` is told what a listener threw or rejected with. */
  constructor(onThrow?: (error: unknown) => void) {
    this.#onThrow = onThrow;
  }

  on<K extends keyof Events>(event: K, listener: Listener<Events[K]>, once = false): void {
    if (typeof listener !== 'function') {
      throw new TypeError(`Cannot listen to "${String(event)}": found ${typeof listener}, allowed is a function`);
    }
    this.#set(event, [...this.#of(event).entries, { listener, once }]);
  }

  once<K extends keyof Events>(event: K, listener: Listener<Events[K]>): void {
    this.on(event, listener, true);
  }

  /** Takes the newest registration of `listener` away. */
  off<K extends keyof Events>(event: K, listener: Listener<Events[K]>): void {
    const { entries, listeners } = this.#of(event);
    this.#remove(event, entries[listeners.lastIndexOf(listener)]);
  }

  has(event: keyof Events): boolean {
    return this.#of(event).entries.length > 0;
  }

  /** Who listens now, in order; for the one event whose listeners are awaited. One that listened `once` is gone then. */
  listeners<K extends keyof Events>(event: K): readonly Listener<Events[K]>[] {
    const { entries, listeners, hasOnce } = this.#of(event);
    if (hasOnce) for (const entry of entries) if (entry.once) this.#remove(event, entry);
    return listeners;
  }

  emit<K extends keyof Events>(event: K, value: Events[K]): void {
    for (const entry of this.#of(event).entries) {
      if (entry.once) this.#remove(event, entry);
      try {
        const result = entry.listener(value);
        if (isThenable(result)) result.then(undefined, (error) => this.#threw(error));
      } catch (error) {
        this.#threw(error);
      }
    }
  }

  #threw(error: unknown): void {
    try {
      this.#onThrow?.(error);
    } catch {
      // The owner's own listener threw while it was told of a throw: there is nobody left to tell.
    }
  }

  #remove(event: keyof Events, entry: Entry | undefined): void {
    const left = this.#of(event).entries.filter((other) => other !== entry);
    if (entry) this.#set(event, left);
  }

  #of(event: keyof Events): Audience {
    return this.#audiences?.get(event) ?? NOBODY;
  }

  #set(event: keyof Events, entries: readonly Entry[]): void {
    this.#audiences ??= new Map();
    const listeners = entries.map(({ listener }) => listener);
    this.#audiences.set(event, { entries, listeners, hasOnce: entries.some(({ once }) => once) });
  }
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}
