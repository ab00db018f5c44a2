// The clock and the timers of a server, taken when it is made: what a test fakes later it fakes for others.
// Made by the server; used by it, its sessions and its faults. No timer of it keeps the process alive.

export type Timer = ReturnType<typeof setTimeout>;

/** Fake clocks mark their functions, or bind them (node:test); jest.fn() has a name. Replies must go out under them. */
function isFake(candidate: { readonly name: string }): boolean {
  return Object.hasOwn(candidate, 'clock') || /^bound|^mock/.test(candidate.name);
}

export class ServerClock {
  readonly #setTimeout = setTimeout;
  readonly #clearTimeout = clearTimeout;
  readonly #setInterval = setInterval;
  readonly #clearInterval = clearInterval;
  readonly #setImmediate: (act: () => void) => unknown = isFake(setImmediate) ? afterPromises : setImmediate;
  /** Epoch ms. */
  readonly now: () => number = Date.now;

  later(act: () => void, delayMs: number): Timer {
    const set = this.#setTimeout;
    return unreferenced(set(act, delayMs));
  }

  cancel(timer: Timer | undefined): void {
    const clear = this.#clearTimeout;
    clear(timer);
  }

  repeat(act: () => void, intervalMs: number): Timer {
    const set = this.#setInterval;
    return unreferenced(set(act, intervalMs));
  }

  cancelRepeat(timer: Timer | undefined): void {
    const clear = this.#clearInterval;
    clear(timer);
  }

  /** When what has arrived at all sockets was read. */
  afterRead(act: () => void): void {
    const set = this.#setImmediate;
    set(act);
  }
}

function afterPromises(act: () => void): void {
  void Promise.resolve().then(act);
}

/** A page's timers (jsdom), and some fake ones, are numbers. */
function unreferenced(timer: Timer): Timer {
  (timer as { unref?(): void }).unref?.();
  return timer;
}
