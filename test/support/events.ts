// Waiting for events instead of for time: what integration tests stand on.
// Used by tests alone. Every wait has a limit, so that a broken promise fails a test and does not hang it.

interface Source {
  // biome-ignore lint/suspicious/noExplicitAny: events of all classes
  on(event: any, listener: (value: any) => void): unknown;
  // biome-ignore lint/suspicious/noExplicitAny: events of all classes
  off(event: any, listener: (value: any) => void): unknown;
}

const LIMIT_MS = 15_000;

/** Resolves with the next `event` for which `accept` holds. */
export function nextEvent<E = unknown>(
  source: Source,
  event: string,
  accept: (value: E) => boolean = () => true,
  limitMs = LIMIT_MS,
): Promise<E> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      source.off(event, listener);
      reject(new Error(`No event "${event}" within ${limitMs} ms`));
    }, limitMs);
    const listener = (value: E) => {
      if (!accept(value)) return;
      clearTimeout(timer);
      source.off(event, listener);
      resolve(value);
    };
    source.on(event, listener);
  });
}

/** Resolves when `predicate` holds, asked after every turn of the event loop. */
export async function until(
  predicate: () => boolean | Promise<boolean>,
  what: string,
  limitMs = LIMIT_MS,
): Promise<void> {
  const end = performance.now() + limitMs;
  while (!(await predicate())) {
    if (performance.now() > end) throw new Error(`Not within ${limitMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Rejects when `promise` has not settled within `limitMs`. */
export async function within<T>(promise: Promise<T>, limitMs: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Not settled within ${limitMs} ms: ${what}`)), limitMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
