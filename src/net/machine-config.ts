// What the machine needs to know of a connection's options, with the errors for limits that pass.
// Called by the driver, once a connection. Pure.

import { exhaustedError, timeoutError } from './connect-errors.ts';
import type { MachineConfig } from './machine.ts';
import type { ConnectionOptions } from './types.ts';

export interface DialledPlace {
  /** As people write it. */
  peer(): string;
  /** TLS is being agreed with somebody. */
  isReached(): boolean;
}

export function machineConfigOf(options: ConnectionOptions, place: DialledPlace): MachineConfig {
  return {
    connectTimeoutMs: options.connectTimeoutMs,
    waitOnFirstConnect: options.waitOnFirstConnect,
    heartbeatIntervalMs: options.heartbeatIntervalMs,
    heartbeatTimeoutMs: options.heartbeatTimeoutMs,
    reconnect: options.reconnect,
    timeoutError: (what) => {
      const step = what === 'dialing' && place.isReached() ? 'securing' : what;
      return timeoutError(step, place.peer(), options);
    },
    exhaustedError: (attempts, cause) => exhaustedError(attempts, place.peer(), cause),
  };
}
