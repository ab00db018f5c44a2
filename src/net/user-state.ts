// The machine's states and steps as users see them.
// Called by the driver. Pure.

import type { Effect, MachineState, StateName } from './machine.ts';
import type { ConnectionStateName, StateEvent } from './types.ts';

export function userStateOf(name: StateName): ConnectionStateName {
  return name === 'dialing' || name === 'greeting' ? 'connecting' : name;
}

/** The event for a step, or undefined when users see no change. */
export function stateEventOf(
  before: MachineState,
  after: MachineState,
  effects: readonly Effect[],
  now: number,
): StateEvent | undefined {
  const from = userStateOf(before.name);
  const to = userStateOf(after.name);
  if (from === to) return undefined;
  const waiting = after.name === 'waiting' && after;
  let cause = waiting ? waiting.cause : undefined;
  // The last one counts: of what is lost and what is rejected, the rejection says more.
  for (const effect of effects) if ('cause' in effect) cause = effect.cause;
  return {
    from,
    to,
    ...(cause && { cause }),
    ...(waiting && { retryInMs: Math.max(0, waiting.deadline - now) }),
    ...('attempt' in after && to !== 'ready' && { attempt: after.attempt }),
  };
}
