// The states of one connection that comes back, as a pure function: `step(state, input, now, random)` gives the next
// state and what is to be done. Called by `machine-runner.ts` alone; `docs/state-machine.md` is drawn from `LEGAL`.
// It must never touch a socket, a timer or a clock, and replies do not pass through it.
//
//   idle -> dialing -> greeting -> ready        every state but idle and closed has one deadline, maybe Infinity
//     ^        ^ |        |          |          every dial has a generation; older ones are dropped
//     |        | v        v          v
//     +------ waiting <--------------+          closing -> closed: after closed nothing leaves

import type { AshRedisError } from '../errors/index.ts';
import { backoffDelayMs } from './backoff.ts';

export type MachineState =
  | { readonly name: 'idle'; readonly generation: number }
  | Attempt<'dialing'>
  /** The link is open: handshake, and then what the owner wants restored. */
  | Attempt<'greeting'>
  | (Attempt<'ready'> & {
      readonly readyAt: number;
      /** A heartbeat is out, unanswered, since then. */
      readonly pingedAt?: number | undefined;
    })
  | (Attempt<'waiting'> & { readonly cause: AshRedisError })
  | {
      readonly name: 'closing';
      readonly generation: number;
      readonly deadline: number;
    }
  | { readonly name: 'closed'; readonly generation: number };

interface Attempt<Name extends string> {
  readonly name: Name;
  readonly generation: number;
  /** Which attempt since a connection proved useful, from 1; in `waiting` the one to come; in `ready` 0 once it did. */
  readonly attempt: number;
  /** Attempts since a connection was ready, for `maxAttempts`. */
  readonly tries: number;
  /**
   * Until when a first connect may wait for a server that is loading or full. Infinity: one was ready since `idle`, or
   * shall be waited for, so that every failure means waiting.
   */
  readonly patience: number;
  readonly deadline: number;
}

export type StateName = MachineState['name'];

export type MachineInput =
  | { readonly type: 'connect' }
  /** The link is open. */
  | { readonly type: 'opened'; readonly generation: number }
  /** Handshake and restoring are done. */
  | { readonly type: 'greeted'; readonly generation: number }
  /** The same server must be dialled again at once, since it speaks another dialect. */
  | { readonly type: 'redial'; readonly generation: number }
  | {
      readonly type: 'failed';
      readonly generation: number;
      readonly error: AshRedisError;
      /** Trying again can't help. */
      readonly fatal: boolean;
      /** Reached, but loading, full or without its master: worth waiting for even at the first connect. */
      readonly busy: boolean;
    }
  /** A reply to a user's command, or a message. */
  | { readonly type: 'useful'; readonly generation: number }
  | { readonly type: 'pong'; readonly generation: number }
  /** The deadline has passed, and the sockets have been read once more since. */
  | { readonly type: 'deadline'; readonly heard: boolean; readonly readingPaused: boolean }
  | { readonly type: 'close'; readonly timeoutMs: number; readonly pending: boolean }
  /** Everything accepted is answered. */
  | { readonly type: 'drained' };

export type Effect =
  | { readonly type: 'dial'; readonly generation: number }
  | { readonly type: 'greet' | 'open' | 'ping' }
  /** Destroy the link. */
  | { readonly type: 'drop' }
  /** A link that was open is gone: settle what was in flight. */
  | { readonly type: 'lost'; readonly cause: AshRedisError }
  /** Nothing will be tried: reject everything that waits. */
  | { readonly type: 'reject'; readonly cause: AshRedisError }
  /** Closed: reject everything that is left with a `ClosedError`, resolve `close()`. */
  | { readonly type: 'finish' };

export interface MachineOptions {
  readonly connectTimeoutMs: number;
  readonly waitOnFirstConnect: boolean;
  /** Infinity disables. */
  readonly heartbeatIntervalMs: number;
  readonly heartbeatTimeoutMs: number;
  readonly reconnect: { readonly maxAttempts: number; readonly maxDelayMs: number } | false;
}

export interface MachineConfig {
  readonly options: MachineOptions;
  /** The error for a limit that passed. Pure; it knows the address, which the machine does not. */
  limitError(state: StateName): AshRedisError;
  /** The error for attempts that ran out. */
  exhaustedError(attempts: number, cause: AshRedisError): AshRedisError;
}

export interface StepResult {
  readonly state: MachineState;
  readonly effects: readonly Effect[];
}

type InputType = MachineInput['type'];

/** Inputs that say nothing but which link they are about. */
export type LinkInput = 'opened' | 'greeted' | 'redial' | 'useful' | 'pong';

/** Every legal pair of state and input, with the states that may follow. Any other pair is a bug. */
export const LEGAL: Readonly<Record<StateName, Readonly<Partial<Record<InputType, readonly StateName[]>>>>> = {
  idle: { connect: ['dialing'], close: ['closed'] },
  dialing: {
    connect: ['dialing'],
    opened: ['greeting'],
    failed: ['idle', 'waiting'],
    deadline: ['idle', 'waiting'],
    close: ['closing', 'closed'],
  },
  greeting: {
    connect: ['greeting'],
    greeted: ['ready'],
    redial: ['dialing'],
    failed: ['idle', 'waiting'],
    deadline: ['idle', 'waiting'],
    close: ['closing', 'closed'],
  },
  ready: {
    connect: ['ready'],
    useful: ['ready'],
    pong: ['ready'],
    failed: ['idle', 'waiting'],
    deadline: ['ready', 'idle', 'waiting'],
    close: ['closing', 'closed'],
  },
  waiting: { connect: ['waiting'], deadline: ['dialing', 'idle'], close: ['closed'] },
  closing: {
    opened: ['closing'],
    greeted: ['closing'],
    redial: ['closing'],
    useful: ['closing'],
    pong: ['closing'],
    failed: ['closed'],
    deadline: ['closed'],
    close: ['closing', 'closed'],
    drained: ['closed'],
  },
  closed: { close: ['closed'] },
};

export const INITIAL_STATE: MachineState = { name: 'idle', generation: 0 };

/** When the state wants to be woken; Infinity for never. */
export function deadlineOf(state: MachineState): number {
  return state.name === 'idle' || state.name === 'closed' ? Infinity : state.deadline;
}

/** What is wrong with a step that is not in the table; asked by tests. */
export function bugOf(before: MachineState, input: MachineInput, after: MachineState): string | undefined {
  const legal = LEGAL[before.name][input.type];
  if (legal === undefined) return `Bug: input ${input.type} is not legal in state ${before.name}`;
  if (after === before || legal.includes(after.name)) return undefined;
  return `Bug: state ${after.name} may not follow ${before.name} on ${input.type}`;
}

/** What has lost its meaning, since another input came before it, changes nothing. `random` is in [0, 1). */
export function step(
  config: MachineConfig,
  state: MachineState,
  input: MachineInput,
  now: number,
  random: number,
): StepResult {
  const { name, generation } = state;
  const { options } = config;
  const next = generation + 1;
  const drop: Effect = { type: 'drop' };
  const same: StepResult = { state, effects: [] };
  const linked = name !== 'idle' && name !== 'waiting' && name !== 'closed';
  // What comes from an older link, or from one that is gone, never counts.
  if ('generation' in input && (input.generation !== generation || !linked)) return same;
  switch (input.type) {
    case 'connect':
      if (name !== 'idle') return same;
      return dial(
        config,
        {
          generation,
          attempt: 1,
          tries: 1,
          patience: options.waitOnFirstConnect ? Infinity : now + options.connectTimeoutMs,
        },
        now,
      );
    case 'opened':
      return {
        state: name === 'dialing' ? { ...state, name: 'greeting' } : state,
        effects: [{ type: 'greet' }],
      };
    case 'greeted':
      return {
        state:
          name !== 'greeting'
            ? state
            : {
                name: 'ready',
                generation,
                attempt: state.attempt,
                tries: 0,
                patience: Infinity,
                readyAt: now,
                deadline: now + options.heartbeatIntervalMs,
              },
        effects: [{ type: 'open' }],
      };
    case 'redial':
      // The same attempt under the same deadline: a server of another dialect must not stretch the limit.
      return {
        state: name === 'greeting' ? { ...state, name: 'dialing', generation: next } : { ...state, generation: next },
        effects: [drop, { type: 'dial', generation: next }],
      };
    case 'useful':
      return name === 'ready' ? { state: { ...state, attempt: 0 }, effects: [] } : same;
    case 'pong': {
      if (name !== 'ready') return same;
      const deadline = Math.max(now, (state.pingedAt ?? now) + options.heartbeatIntervalMs);
      return { state: { ...state, attempt: 0, pingedAt: undefined, deadline }, effects: [] };
    }
    case 'failed':
      return fail(config, state, input, now, random);
    case 'deadline':
      // Woken early: the deadline has moved since the timer was set.
      if (now < deadlineOf(state)) return same;
      if (name === 'closing') return finish(state, [drop]);
      if (name === 'waiting') return now < state.patience ? dial(config, state, now) : giveUp(state, state.cause, []);
      if (name === 'ready') {
        const deadline = now + options.heartbeatTimeoutMs;
        if (state.pingedAt === undefined) {
          return { state: { ...state, pingedAt: now, deadline }, effects: [{ type: 'ping' }] };
        }
        // Bytes are life, ours not to read them is no proof of death, and a verdict that comes very late (the process
        // stood still) would judge a peer that had no chance to answer.
        const foundLate = now - state.deadline > options.heartbeatTimeoutMs;
        if (input.heard || input.readingPaused || foundLate) return { state: { ...state, deadline }, effects: [] };
      }
      return fail(config, state, { error: config.limitError(name) }, now, random);
    case 'close': {
      if (name === 'closed') return same;
      if (!linked) return finish(state, []);
      if (!input.pending) return finish(state, [drop]);
      const deadline = now + input.timeoutMs;
      // A second close may shorten the limit, never stretch it.
      return {
        state: {
          name: 'closing',
          generation,
          deadline: name === 'closing' ? Math.min(state.deadline, deadline) : deadline,
        },
        effects: [],
      };
    }
    case 'drained':
      return name === 'closing' ? finish(state, [drop]) : same;
  }
}

type Before = Omit<Attempt<'dialing'>, 'name' | 'deadline'>;

function dial(config: MachineConfig, before: Before, now: number): StepResult {
  const { attempt, tries, patience } = before;
  const deadline = Math.min(now + config.options.connectTimeoutMs, patience);
  const generation = before.generation + 1;
  return {
    state: { name: 'dialing', generation, attempt, tries, patience, deadline },
    effects: [{ type: 'dial', generation }],
  };
}

/** The link is no more: another attempt after a delay, or none. */
function fail(
  config: MachineConfig,
  state: MachineState,
  { error: cause, fatal, busy }: { readonly error: AshRedisError; readonly fatal?: boolean; readonly busy?: boolean },
  now: number,
  random: number,
): StepResult {
  const { generation } = state;
  const { reconnect } = config.options;
  const effects: Effect[] = [{ type: 'drop' }];
  if (state.name !== 'dialing') effects.push({ type: 'lost', cause });
  if (!('attempt' in state)) return finish(state, effects);
  const { tries, patience } = state;
  // Before the first ready, only a server that says "not yet" is worth waiting for.
  if (fatal || reconnect === false || !(patience === Infinity || busy)) return giveUp(state, cause, effects);
  if (tries >= reconnect.maxAttempts) return giveUp(state, config.exhaustedError(tries, cause), effects);
  // Having stayed up for longer than the longest delay is use enough, also without traffic.
  const proved = state.name === 'ready' && now - state.readyAt >= reconnect.maxDelayMs;
  const attempt = proved ? 0 : state.attempt;
  const deadline = Math.min(now + backoffDelayMs(attempt, reconnect.maxDelayMs, random), patience);
  return {
    state: {
      name: 'waiting',
      generation,
      attempt: attempt + 1,
      tries: tries + 1,
      patience,
      deadline,
      cause,
    },
    effects,
  };
}

function giveUp({ generation }: MachineState, cause: AshRedisError, effects: readonly Effect[]): StepResult {
  return { state: { name: 'idle', generation }, effects: [...effects, { type: 'reject', cause }] };
}

function finish({ generation }: MachineState, effects: readonly Effect[]): StepResult {
  return { state: { name: 'closed', generation }, effects: [...effects, { type: 'finish' }] };
}
