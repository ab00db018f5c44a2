// Typed events: `on`, `once`, `off`. Used by every class that users hold.
// It never throws for want of a listener, and what a listener throws goes to its owner, never to who emits.

export type Listener<E> = (event: E) => unknown;

interface Entry {
  // biome-ignore lint/suspicious/noExplicitAny: the type is the event's, checked by the methods
  readonly listener: Listener<any>;
  readonly once: boolean;
}

const NOBODY: readonly Entry[] = Object.freeze([]);

export class Emitter<Events extends object> {
  /** Made by the first listener. Its lists are copied on every change, so that emitting needs no copy. */
  #entries: Map<keyof Events, readonly Entry[]> | undefined = undefined;
  readonly #onThrow: ((error: unknown) => void) | undefined;

  /** `onThrow` is told what a listener threw or rejected with. */
  constructor(onThrow?: (error: unknown) => void) {
    this.#onThrow = onThrow;
  }

  on<K extends keyof Events>(event: K, listener: Listener<Events[K]>): void {
    this.#add(event, { listener, once: false });
  }

  once<K extends keyof Events>(event: K, listener: Listener<Events[K]>): void {
    this.#add(event, { listener, once: true });
  }

  /** Takes the newest registration of `listener` away. */
  off<K extends keyof Events>(event: K, listener: Listener<Events[K]>): void {
    const entries = this.#of(event);
    this.#removeAt(event, entries.map((entry) => entry.listener).lastIndexOf(listener));
  }

  has(event: keyof Events): boolean {
    return this.#entries !== undefined && this.#of(event).length > 0;
  }

  /** Who listens now, in order; for the one event whose listeners are awaited. One that listened `once` is gone then. */
  listeners<K extends keyof Events>(event: K): Listener<Events[K]>[] {
    const entries = this.#of(event);
    for (const entry of entries) if (entry.once) this.#removeAt(event, this.#of(event).indexOf(entry));
    return entries.map(({ listener }) => listener);
  }

  emit<K extends keyof Events>(event: K, value: Events[K]): void {
    for (const entry of this.#of(event)) {
      if (entry.once) this.#removeAt(event, this.#of(event).indexOf(entry));
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

  #add(event: keyof Events, entry: Entry): void {
    if (typeof entry.listener !== 'function') {
      throw new TypeError(`Cannot listen to "${String(event)}": found ${typeof entry.listener}, allowed is a function`);
    }
    this.#entries ??= new Map();
    this.#entries.set(event, [...this.#of(event), entry]);
  }

  #of(event: keyof Events): readonly Entry[] {
    return this.#entries?.get(event) ?? NOBODY;
  }

  #removeAt(event: keyof Events, index: number): void {
    const entries = this.#of(event);
    if (index >= 0) this.#entries?.set(event, [...entries.slice(0, index), ...entries.slice(index + 1)]);
  }
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}
