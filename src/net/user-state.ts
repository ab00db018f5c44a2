// The machine's states and steps as users see them.
// Called by the driver. Pure.

import type { Effect, MachineInput, MachineState, StateName } from './machine.ts';
import type { ConnectionStateName, StateEvent } from './types.ts';

export function userStateOf(name: StateName): ConnectionStateName {
  return name === 'dialing' || name === 'greeting' ? 'connecting' : name;
}

/** The event for a step, or undefined when users see no change. */
export function stateEventOf(
  before: MachineState,
  after: MachineState,
  input: MachineInput,
  effects: readonly Effect[],
  now: number,
): StateEvent | undefined {
  const from = userStateOf(before.name);
  const to = userStateOf(after.name);
  if (from === to) return undefined;
  const rejected = effects.find((effect) => effect.type === 'reject');
  const failed = input.type === 'failed' ? input.error : undefined;
  const cause = after.name === 'waiting' ? after.cause : (rejected?.cause ?? failed);
  return {
    from,
    to,
    ...(cause === undefined ? {} : { cause }),
    ...(after.name === 'waiting' ? { retryInMs: Math.max(0, after.deadline - now) } : {}),
    ...('attempt' in after && after.name !== 'ready' ? { attempt: after.attempt } : {}),
  };
}
