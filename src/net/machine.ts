// The states of one connection that comes back, as a pure function: `step(state, input, now, random)` gives the next
// state and what is to be done. Called by `connection.ts` alone; `docs/state-machine.md` is drawn from `LEGAL`.
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
  | {
      readonly name: 'ready';
      readonly generation: number;
      /** Attempts since a connection proved useful; 0 once this one did. */
      readonly attempt: number;
      readonly readyAt: number;
      /** A heartbeat is out, unanswered, since then. */
      readonly pingedAt: number | undefined;
      readonly deadline: number;
    }
  | (Attempt<'waiting'> & { readonly cause: AshRedisError })
  | {
      readonly name: 'closing';
      readonly generation: number;
      /** How far the link is; what was accepted is flushed once it is ready. */
      readonly link: 'dialing' | 'greeting' | 'ready';
      readonly deadline: number;
    }
  | { readonly name: 'closed'; readonly generation: number };

interface Attempt<Name extends string> {
  readonly name: Name;
  readonly generation: number;
  /** Which attempt since a connection proved useful, from 1; in `waiting` the one to come. */
  readonly attempt: number;
  /** Attempts since a connection was ready, for `maxAttempts`. */
  readonly tries: number;
  /** A connection was ready since `idle`, so that a failure means waiting. */
  readonly established: boolean;
  /** Until when a first connect may wait for a server that is loading or full. */
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
  | { readonly type: 'greet'; readonly generation: number }
  | { readonly type: 'open'; readonly generation: number }
  | { readonly type: 'ping'; readonly generation: number }
  /** Destroy the link of this generation. */
  | { readonly type: 'drop'; readonly generation: number }
  /** A link that was open is gone: settle what was in flight. */
  | { readonly type: 'lost'; readonly cause: AshRedisError }
  /** Nothing will be tried: reject everything that waits. */
  | { readonly type: 'reject'; readonly cause: AshRedisError }
  /** Closed: reject everything that is left with a `ClosedError`, resolve `close()`. */
  | { readonly type: 'finish' };

export interface MachineConfig {
  readonly connectTimeoutMs: number;
  readonly waitOnFirstConnect: boolean;
  /** Infinity disables. */
  readonly heartbeatIntervalMs: number;
  readonly heartbeatTimeoutMs: number;
  readonly reconnect: { readonly maxAttempts: number; readonly maxDelayMs: number } | false;
  /** The error for a limit that passed. Pure; it knows the address, which the machine does not. */
  timeoutError(what: 'dialing' | 'greeting' | 'heartbeat'): AshRedisError;
  /** The error for attempts that ran out. */
  exhaustedError(attempts: number, cause: AshRedisError): AshRedisError;
}

export interface StepResult {
  readonly state: MachineState;
  readonly effects: readonly Effect[];
}

type InputType = MachineInput['type'];

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

/** Throws only for a pair that is not legal, which is a bug of the caller. `random` is in [0, 1). */
export function step(
  config: MachineConfig,
  state: MachineState,
  input: MachineInput,
  now: number,
  random: number,
): StepResult {
  const legal = LEGAL[state.name][input.type];
  if (legal === undefined) throw new Error(`Bug: input ${input.type} is not legal in state ${state.name}`);
  // What comes from an older link never counts.
  if ('generation' in input && input.generation !== state.generation) return { state, effects: [] };
  // Woken early: the deadline has moved since the timer was set.
  if (input.type === 'deadline' && now < deadlineOf(state)) return { state, effects: [] };
  const result = transition(config, state, input, now, random);
  if (!legal.includes(result.state.name)) {
    throw new Error(`Bug: state ${result.state.name} may not follow ${state.name} on ${input.type}`);
  }
  return result;
}

function transition(
  config: MachineConfig,
  state: MachineState,
  input: MachineInput,
  now: number,
  random: number,
): StepResult {
  switch (state.name) {
    case 'idle':
      if (input.type === 'close') return finish(state, []);
      return dial(
        config,
        {
          ...FIRST,
          generation: state.generation,
          established: config.waitOnFirstConnect,
          patience: firstPatience(config, now),
        },
        now,
      );
    case 'dialing':
    case 'greeting':
      return whileConnecting(config, state, input, now, random);
    case 'ready':
      return whileReady(config, state, input, now, random);
    case 'waiting':
      if (input.type === 'connect') return { state, effects: [] };
      if (input.type === 'close') return finish(state, []);
      if (now >= state.patience) return giveUp(state.generation, state.cause, []);
      return dial(config, state, now);
    case 'closing':
      return whileClosing(state, input, now);
    case 'closed':
      return { state, effects: [] };
  }
}

function whileConnecting(
  config: MachineConfig,
  state: Attempt<'dialing'> | Attempt<'greeting'>,
  input: MachineInput,
  now: number,
  random: number,
): StepResult {
  const { generation } = state;
  switch (input.type) {
    case 'opened':
      return { state: { ...state, name: 'greeting' }, effects: [{ type: 'greet', generation }] };
    case 'greeted':
      return {
        state: {
          name: 'ready',
          generation,
          attempt: state.attempt,
          readyAt: now,
          pingedAt: undefined,
          deadline: now + config.heartbeatIntervalMs,
        },
        effects: [{ type: 'open', generation }],
      };
    case 'redial': {
      // The same attempt under the same deadline: a server of another dialect must not stretch the limit.
      const next: MachineState = { ...state, name: 'dialing', generation: generation + 1 };
      return {
        state: next,
        effects: [
          { type: 'drop', generation },
          { type: 'dial', generation: generation + 1 },
        ],
      };
    }
    case 'failed':
      return fail(config, state, input.error, input.fatal, input.busy, now, random);
    case 'deadline':
      return fail(config, state, config.timeoutError(state.name), false, false, now, random);
    case 'close':
      return startClosing(state, state.name, input, now);
    default:
      return { state, effects: [] };
  }
}

function whileReady(
  config: MachineConfig,
  state: Extract<MachineState, { name: 'ready' }>,
  input: MachineInput,
  now: number,
  random: number,
): StepResult {
  const { generation } = state;
  switch (input.type) {
    case 'useful':
      return { state: { ...state, attempt: 0 }, effects: [] };
    case 'pong': {
      const next = (state.pingedAt ?? now) + config.heartbeatIntervalMs;
      return { state: { ...state, attempt: 0, pingedAt: undefined, deadline: Math.max(now, next) }, effects: [] };
    }
    case 'failed':
      return failReady(config, state, input.error, input.fatal, now, random);
    case 'close':
      return startClosing(state, 'ready', input, now);
    case 'deadline': {
      const again = now + config.heartbeatTimeoutMs;
      if (state.pingedAt === undefined) {
        return { state: { ...state, pingedAt: now, deadline: again }, effects: [{ type: 'ping', generation }] };
      }
      // Bytes are life, ours not to read them is no proof of death, and a verdict that comes very late (the process
      // stood still) would judge a peer that had no chance to answer.
      const foundLate = now - state.deadline > config.heartbeatTimeoutMs;
      if (input.heard || input.readingPaused || foundLate) return { state: { ...state, deadline: again }, effects: [] };
      return failReady(config, state, config.timeoutError('heartbeat'), false, now, random);
    }
    default:
      return { state, effects: [] };
  }
}

function whileClosing(state: Extract<MachineState, { name: 'closing' }>, input: MachineInput, now: number): StepResult {
  const { generation } = state;
  const drop: Effect = { type: 'drop', generation };
  switch (input.type) {
    case 'opened':
      return { state: { ...state, link: 'greeting' }, effects: [{ type: 'greet', generation }] };
    case 'greeted':
      return { state: { ...state, link: 'ready' }, effects: [{ type: 'open', generation }] };
    case 'redial':
      return {
        state: { ...state, link: 'dialing', generation: generation + 1 },
        effects: [drop, { type: 'dial', generation: generation + 1 }],
      };
    case 'failed':
      return finish(state, [drop, { type: 'lost', cause: input.error }]);
    case 'deadline':
      return finish(state, [drop]);
    case 'drained':
      return finish(state, [drop]);
    case 'close':
      // A second close may shorten the limit, never stretch it.
      if (!input.pending) return finish(state, [drop]);
      return { state: { ...state, deadline: Math.min(state.deadline, now + input.timeoutMs) }, effects: [] };
    default:
      return { state, effects: [] };
  }
}

function firstPatience(config: MachineConfig, now: number): number {
  return config.waitOnFirstConnect ? Infinity : now + config.connectTimeoutMs;
}

type Before = Omit<Attempt<'dialing'>, 'name' | 'deadline'>;

const FIRST = { attempt: 1, tries: 1 };

function dial(config: MachineConfig, before: Before, now: number): StepResult {
  const { attempt, tries, established, patience } = before;
  const deadline = Math.min(now + config.connectTimeoutMs, patience);
  const generation = before.generation + 1;
  return {
    state: { name: 'dialing', generation, attempt, tries, established, patience, deadline },
    effects: [{ type: 'dial', generation }],
  };
}

function fail(
  config: MachineConfig,
  state: Attempt<'dialing'> | Attempt<'greeting'>,
  error: AshRedisError,
  fatal: boolean,
  busy: boolean,
  now: number,
  random: number,
): StepResult {
  const effects: Effect[] = [{ type: 'drop', generation: state.generation }];
  if (state.name === 'greeting') effects.push({ type: 'lost', cause: error });
  // Before the first ready, only a server that says "not yet" is worth waiting for.
  if (fatal || (!state.established && !busy)) return giveUp(state.generation, error, effects);
  return wait(config, state, error, effects, now, random);
}

function failReady(
  config: MachineConfig,
  state: Extract<MachineState, { name: 'ready' }>,
  error: AshRedisError,
  fatal: boolean,
  now: number,
  random: number,
): StepResult {
  const effects: Effect[] = [
    { type: 'drop', generation: state.generation },
    { type: 'lost', cause: error },
  ];
  if (fatal || config.reconnect === false) return giveUp(state.generation, error, effects);
  // Having stayed up for longer than the longest delay is use enough, also without traffic.
  const proved = now - state.readyAt >= config.reconnect.maxDelayMs;
  const attempt = proved ? 0 : state.attempt;
  const before = { generation: state.generation, attempt, tries: 0, established: true, patience: Infinity };
  return wait(config, before, error, effects, now, random);
}

function wait(
  config: MachineConfig,
  before: Before,
  cause: AshRedisError,
  effects: Effect[],
  now: number,
  random: number,
): StepResult {
  const { generation, attempt, tries, established, patience } = before;
  if (config.reconnect === false) return giveUp(generation, cause, effects);
  if (tries >= config.reconnect.maxAttempts) {
    return giveUp(generation, config.exhaustedError(tries, cause), effects);
  }
  const deadline = Math.min(now + backoffDelayMs(attempt, config.reconnect.maxDelayMs, random), patience);
  return {
    state: {
      name: 'waiting',
      generation,
      attempt: attempt + 1,
      tries: tries + 1,
      established,
      patience,
      deadline,
      cause,
    },
    effects,
  };
}

function giveUp(generation: number, cause: AshRedisError, effects: readonly Effect[]): StepResult {
  return { state: { name: 'idle', generation }, effects: [...effects, { type: 'reject', cause }] };
}

function startClosing(
  state: Exclude<MachineState, { name: 'idle' | 'closed' }>,
  link: 'dialing' | 'greeting' | 'ready',
  input: Extract<MachineInput, { type: 'close' }>,
  now: number,
): StepResult {
  if (!input.pending) return finish(state, [{ type: 'drop', generation: state.generation }]);
  return {
    state: { name: 'closing', generation: state.generation, link, deadline: now + input.timeoutMs },
    effects: [],
  };
}

function finish(state: MachineState, effects: readonly Effect[]): StepResult {
  return { state: { name: 'closed', generation: state.generation }, effects: [...effects, { type: 'finish' }] };
}
