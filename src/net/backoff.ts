// The delay before the next attempt: uniform in 0 to a ceiling of 100 ms that doubles to `maxDelayMs`.
// Called by the machine. Full jitter, so that clients that lost one server together do not come back together.

const FIRST_CEILING_MS = 100;
// 100 ms doubled 20 times is above a day; more would only overflow.
const MAX_DOUBLINGS = 20;

/** `failures` counts from 1: how many attempts failed since a connection proved useful. `random` is in [0, 1). */
export function backoffDelayMs(failures: number, maxDelayMs: number, random: number): number {
  const doublings = Math.min(Math.max(failures - 1, 0), MAX_DOUBLINGS);
  return random * Math.min(maxDelayMs, FIRST_CEILING_MS * 2 ** doublings);
}
