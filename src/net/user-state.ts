// The machine's states as users see them.
// Called by the driver. Pure.

import type { StateName } from './machine.ts';
import type { ConnectionStateName } from './types.ts';

export function userStateOf(name: StateName): ConnectionStateName {
  return name === 'dialing' || name === 'greeting' ? 'connecting' : name;
}
