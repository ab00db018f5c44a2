// The user's logger, called so that a broken one harms nobody.
// Used by every class of this room that tells of states and failures. Messages must never hold a secret or a value.

import type { Logger } from './config-types.ts';
import { handled } from './handled.ts';

export function log(logger: Logger | undefined, level: keyof Logger, message: string): void {
  // A broken logger is no reason to lose a connection: what it throws or rejects with is nobody's.
  if (logger !== undefined) handled((async () => logger[level](message))());
}

/** To the logger, else as a warning of the process. */
export function warn(logger: Logger | undefined, message: string): void {
  if (logger !== undefined) return log(logger, 'warn', message);
  const host = (globalThis as { process?: { emitWarning?(text: string, type: string): void } }).process;
  host?.emitWarning?.(message, 'AshRedisWarning');
}

/** One line for a change of state. */
export function logState(
  logger: Logger | undefined,
  owner: string,
  event: { readonly from: string; readonly to: string; readonly cause?: Error; readonly retryInMs?: number },
): void {
  if (logger === undefined) return;
  const cause = event.cause ? ` (${event.cause.message})` : '';
  const retry = event.retryInMs === undefined ? '' : `, next attempt in ${Math.round(event.retryInMs)} ms`;
  log(logger, event.to === 'waiting' ? 'warn' : 'info', `${owner}: ${event.from} -> ${event.to}${retry}${cause}`);
}
