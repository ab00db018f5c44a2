// Runs the machine: one input after the other, effects performed before the next, users told last.
// Used by the driver. It holds the state and nothing else; time and chance come from the platform.

import type { AshRedisError } from '../errors/index.ts';
import {
  type Effect,
  INITIAL_STATE,
  type MachineConfig,
  type MachineInput,
  type MachineState,
  step,
} from './machine.ts';
import type { Platform, StateEvent } from './types.ts';
import { stateEventOf } from './user-state.ts';

export interface MachineOwner extends MachineConfig {
  perform(effect: Effect): void;
  onState(event: StateEvent): void;
  /** After the last of the inputs that waited: the deadline may have moved. */
  arm(): void;
}

export class MachineRunner {
  readonly #platform: Platform;
  readonly #owner: MachineOwner;
  readonly #inputs: MachineInput[] = [];
  #stepping = false;
  state: MachineState = INITIAL_STATE;

  constructor(platform: Platform, owner: MachineOwner) {
    this.#platform = platform;
    this.#owner = owner;
  }

  /** Why there is no session, for who gives up waiting for one a moment before the attempt does. */
  get reason(): AshRedisError | undefined {
    const { state } = this;
    if (state.name === 'dialing' || state.name === 'greeting') return this.#owner.limitError(state.name);
    return state.name === 'waiting' ? state.cause : undefined;
  }

  /** Also called while an effect is performed: the input then waits for its turn. */
  input(input: MachineInput): void {
    this.#inputs.push(input);
    if (this.#stepping) return;
    this.#stepping = true;
    try {
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) this.#step(next);
    } finally {
      this.#stepping = false;
    }
    this.#owner.arm();
  }

  #step(input: MachineInput): void {
    const before = this.state;
    const now = this.#platform.now();
    const { state, effects } = step(this.#owner, before, input, now, this.#platform.random());
    this.state = state;
    for (const effect of effects) this.#owner.perform(effect);
    const event = stateEventOf(before, state, effects, now);
    if (event !== undefined) this.#owner.onState(event);
  }
}
