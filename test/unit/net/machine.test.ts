// Holds the connection's states to their table and to their invariants, on 100,000 random inputs from a seed.
// Run by `npm test`. It must never look at a clock: time is a number here.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { drawStateMachine } from '../../../scripts/draw-state-machine.ts';
import { ConnectError, LinkLostError, TimeoutError } from '../../../src/errors/index.ts';
import { backoffDelayMs } from '../../../src/net/backoff.ts';
import {
  bugOf,
  deadlineOf,
  type Effect,
  INITIAL_STATE,
  LEGAL,
  type MachineConfig,
  type MachineInput,
  type MachineOptions,
  type MachineState,
  type StateName,
  step,
} from '../../../src/net/machine.ts';
import { SeededRandom } from '../../support/simulation/random.ts';

const OPTIONS: MachineOptions = {
  connectTimeoutMs: 5000,
  waitOnFirstConnect: false,
  heartbeatIntervalMs: 10_000,
  heartbeatTimeoutMs: 5000,
  reconnect: { maxAttempts: Infinity, maxDelayMs: 5000 },
};
const CONFIG: MachineConfig = {
  options: OPTIONS,
  limitError: (what) => new TimeoutError(`Cannot connect: ${what}`),
  exhaustedError: (attempts, cause) => new ConnectError(`Cannot connect: gave up after ${attempts}`, { cause }),
};

const lost = new LinkLostError('Lost the link');

/** A machine with the time and chance of a test. */
class Bench {
  state: MachineState = INITIAL_STATE;
  effects: readonly Effect[] = [];
  now = 1000;
  readonly config: MachineConfig;

  constructor(options: Partial<MachineOptions> = {}) {
    this.config = { ...CONFIG, options: { ...OPTIONS, ...options } };
  }

  feed(input: MachineInput, random = 0.5): this {
    const result = step(this.config, this.state, input, this.now, random);
    const bug = bugOf(this.state, input, result.state);
    if (bug !== undefined) throw new Error(bug);
    this.state = result.state;
    this.effects = result.effects;
    return this;
  }

  get names(): string[] {
    return this.effects.map((effect) => effect.type);
  }

  fail(error = lost, fatal = false, busy = false): this {
    return this.feed({ type: 'failed', generation: this.state.generation, error, fatal, busy });
  }

  tick(heard = false, readingPaused = false): this {
    this.now = Math.max(this.now, deadlineOf(this.state));
    return this.feed({ type: 'deadline', heard, readingPaused });
  }

  ready(): this {
    if (this.state.name === 'idle') this.feed({ type: 'connect' });
    const { generation } = this.state;
    return this.feed({ type: 'opened', generation }).feed({ type: 'greeted', generation });
  }
}

describe('the connection machine', () => {
  test('connects through dialing and greeting to ready', () => {
    const bench = new Bench().feed({ type: 'connect' });
    assert.equal(bench.state.name, 'dialing');
    assert.deepEqual(bench.effects, [{ type: 'dial', generation: 1 }]);
    bench.feed({ type: 'opened', generation: 1 });
    assert.deepEqual(bench.names, ['greet']);
    bench.feed({ type: 'greeted', generation: 1 });
    assert.deepEqual(bench.names, ['open']);
    assert.equal(bench.state.name, 'ready');
  });

  test('is idle again when the first connection fails, and everything that waited is rejected', () => {
    const bench = new Bench().feed({ type: 'connect' }).fail();
    assert.equal(bench.state.name, 'idle');
    assert.deepEqual(bench.names, ['drop', 'reject']);
  });

  test('waits on the first connection when it was told to', () => {
    const bench = new Bench({ waitOnFirstConnect: true }).feed({ type: 'connect' }).fail();
    assert.equal(bench.state.name, 'waiting');
  });

  test('waits for a server that is loading, within the limit of the first connection', () => {
    const bench = new Bench().feed({ type: 'connect' });
    const started = bench.now;
    for (let tries = 0; tries < 100 && bench.state.name !== 'idle'; tries++) {
      if (bench.state.name === 'dialing') bench.feed({ type: 'opened', generation: bench.state.generation });
      if (bench.state.name === 'greeting') bench.fail(lost, false, true);
      if (bench.state.name === 'waiting') bench.tick();
    }
    assert.equal(bench.state.name, 'idle');
    assert.ok(bench.now - started <= OPTIONS.connectTimeoutMs);
    assert.ok(bench.state.generation > 3);
  });

  test('reconnects after a link that was ready is lost, and tells it before waiting', () => {
    const bench = new Bench().ready().fail();
    assert.equal(bench.state.name, 'waiting');
    assert.deepEqual(bench.names, ['drop', 'lost']);
    bench.tick();
    assert.deepEqual(bench.effects, [{ type: 'dial', generation: 2 }]);
  });

  test('does not try again after a refusal that can only repeat itself', () => {
    const bench = new Bench().ready().fail().tick();
    bench.feed({ type: 'opened', generation: 2 }).fail(lost, true);
    assert.equal(bench.state.name, 'idle');
  });

  test('backs off further with each failure and starts over once a connection proved useful', () => {
    const bench = new Bench().ready();
    const delays: number[] = [];
    for (let index = 0; index < 8; index++) {
      bench.fail();
      delays.push(deadlineOf(bench.state) - bench.now);
      bench.tick().ready();
    }
    assert.deepEqual(delays, [50, 100, 200, 400, 800, 1600, 2500, 2500]);
    const heartbeatAt = deadlineOf(bench.state);
    bench.now += 100;
    bench.feed({ type: 'useful', generation: bench.state.generation });
    assert.equal(deadlineOf(bench.state), heartbeatAt, 'traffic does not put off the heartbeat');
    // What was lost is no failed attempt; those behind it count from one.
    const fresh = [0, 1, 2].map(() => {
      bench.fail();
      const delay = deadlineOf(bench.state) - bench.now;
      bench.tick();
      return delay;
    });
    assert.deepEqual(fresh, [50, 50, 100]);
  });

  test('gives up when the attempts that were allowed have failed', () => {
    const bench = new Bench({ reconnect: { maxAttempts: 2, maxDelayMs: 100 } }).ready().fail();
    bench.tick().fail();
    assert.equal(bench.state.name, 'waiting');
    bench.tick().fail();
    assert.equal(bench.state.name, 'idle');
    const reject = bench.effects.find((effect) => effect.type === 'reject');
    assert.match(reject?.cause.message ?? '', /gave up after 2/);
  });

  test('never reconnects when it was told not to', () => {
    assert.equal(new Bench({ reconnect: false }).ready().fail().state.name, 'idle');
  });

  test('pings every interval and finds a silent peer one timeout later', () => {
    const bench = new Bench().ready();
    const started = bench.now;
    bench.tick();
    assert.deepEqual(bench.names, ['ping']);
    bench.tick();
    assert.equal(bench.state.name, 'waiting');
    assert.equal(bench.now - started, 15_000);
  });

  test('takes any byte since the ping for life', () => {
    const bench = new Bench().ready().tick().tick(true);
    assert.equal(bench.state.name, 'ready');
  });

  test('takes silence for no proof while our own reading is paused', () => {
    const bench = new Bench().ready().tick().tick(false, true);
    assert.equal(bench.state.name, 'ready');
  });

  test('does not condemn a peer when the verdict itself comes much too late', () => {
    const bench = new Bench().ready().tick();
    bench.now = deadlineOf(bench.state) + 10_000;
    bench.feed({ type: 'deadline', heard: false, readingPaused: false });
    assert.equal(bench.state.name, 'ready');
    bench.tick();
    assert.equal(bench.state.name, 'waiting');
  });

  test('drops what comes from an older link', () => {
    const bench = new Bench().ready().fail().tick();
    bench.feed({ type: 'opened', generation: 1 });
    assert.equal(bench.state.name, 'dialing');
    assert.deepEqual(bench.effects, []);
  });

  test('dials the same server again under the same limit when it speaks another dialect', () => {
    const bench = new Bench().feed({ type: 'connect' });
    const limit = deadlineOf(bench.state);
    bench.now += 1000;
    bench.feed({ type: 'opened', generation: 1 }).feed({ type: 'redial', generation: 1 });
    assert.equal(bench.state.name, 'dialing');
    assert.equal(deadlineOf(bench.state), limit);
    assert.deepEqual(bench.effects, [{ type: 'drop' }, { type: 'dial', generation: 2 }]);
    assert.equal(bench.state.generation, 2);
  });

  test('closes at once when nothing is pending, and by its limit when something is', () => {
    const at = new Bench().ready().feed({ type: 'close', timeoutMs: 2000, pending: false });
    assert.equal(at.state.name, 'closed');
    const later = new Bench().ready().feed({ type: 'close', timeoutMs: 2000, pending: true });
    assert.equal(later.state.name, 'closing');
    assert.equal(deadlineOf(later.state) - later.now, 2000);
    assert.equal(later.tick().state.name, 'closed');
  });

  test('finishes closing when everything has been answered', () => {
    const bench = new Bench().ready().feed({ type: 'close', timeoutMs: 2000, pending: true }).feed({ type: 'drained' });
    assert.deepEqual(bench.names, ['drop', 'finish']);
  });

  test('drops the link and finishes, and loses nothing, when the limit of closing passes', () => {
    const bench = new Bench().ready().feed({ type: 'close', timeoutMs: 2000, pending: true });
    bench.now += 1999;
    bench.feed({ type: 'deadline', heard: false, readingPaused: false });
    assert.deepEqual([bench.state.name, bench.names], ['closing', []], 'woken early');
    assert.deepEqual(bench.tick().names, ['drop', 'finish']);
  });

  test('closes sooner by a second close, never later', () => {
    const bench = new Bench().ready().feed({ type: 'close', timeoutMs: 2000, pending: true });
    bench.feed({ type: 'close', timeoutMs: 5000, pending: true });
    assert.equal(deadlineOf(bench.state) - bench.now, 2000);
    bench.feed({ type: 'close', timeoutMs: 500, pending: true });
    assert.equal(deadlineOf(bench.state) - bench.now, 500);
  });

  test('counts the first attempt too when it waits on the first connection', () => {
    const bench = new Bench({ waitOnFirstConnect: true, reconnect: { maxAttempts: 3, maxDelayMs: 100 } });
    bench.feed({ type: 'connect' });
    for (let failed = 1; failed < 3; failed++) {
      assert.equal(bench.fail().state.name, 'waiting');
      bench.tick();
      assert.equal(deadlineOf(bench.state) - bench.now, OPTIONS.connectTimeoutMs, 'each attempt has the whole limit');
    }
    assert.equal(bench.fail().state.name, 'idle');
    const reject = bench.effects.find((effect) => effect.type === 'reject');
    assert.match(reject?.cause.message ?? '', /gave up after 3/);
  });

  test('gives the attempts at a server that is loading one limit in all', () => {
    const bench = new Bench().feed({ type: 'connect' });
    const limit = deadlineOf(bench.state);
    bench.now += 1000;
    bench.feed({ type: 'opened', generation: 1 }).fail(lost, false, true).tick();
    assert.equal(bench.state.name, 'dialing');
    assert.equal(deadlineOf(bench.state), limit);
    assert.deepEqual(bench.tick().names, ['drop', 'reject']);
  });

  test('starts the backoff over after a link that stayed up for the longest delay, also one without traffic', () => {
    for (const [upMs, delay] of [
      [4999, 200],
      [5000, 50],
    ] as const) {
      const bench = new Bench().ready().fail().tick().ready().fail().tick().ready();
      bench.now += upMs;
      bench.fail();
      assert.equal(deadlineOf(bench.state) - bench.now, delay);
    }
  });

  test('pings one interval after the last ping, however late its answer was, and never in the past', () => {
    const bench = new Bench({ heartbeatIntervalMs: 3000 }).ready().tick();
    assert.deepEqual(bench.names, ['ping']);
    const pingedAt = bench.now;
    bench.now += 1000;
    bench.feed({ type: 'pong', generation: 1 });
    assert.equal(deadlineOf(bench.state), pingedAt + 3000);
    assert.deepEqual(bench.tick().names, ['ping']);
    bench.now += 4000;
    bench.feed({ type: 'pong', generation: 1 });
    assert.equal(deadlineOf(bench.state), bench.now);
    assert.deepEqual(bench.tick().names, ['ping']);
    // Having answered is use enough.
    assert.equal(bench.state.name === 'ready' && bench.state.attempt, 0);
  });

  test('says that an illegal pair is a bug', () => {
    assert.throws(() => new Bench().feed({ type: 'drained' }), /Bug: input drained is not legal in state idle/);
    const { state } = new Bench().ready();
    assert.match(
      String(bugOf(INITIAL_STATE, { type: 'connect' }, state)),
      /^Bug: state ready may not follow idle on connect$/,
    );
  });

  test('keeps its invariants on 100,000 random inputs', () => {
    const random = new SeededRandom(7);
    let bench = new Bench();
    let open: number | undefined;
    for (let index = 0; index < 100_000; index++) {
      const before = bench.state;
      if (before.name === 'closed' || index % 997 === 0) {
        bench = new Bench({
          waitOnFirstConnect: random.next() < 0.3,
          reconnect: random.next() < 0.2 ? false : OPTIONS.reconnect,
        });
        open = undefined;
        continue;
      }
      bench.now += random.next() * 4000;
      bench.feed(randomInput(before, random), random.next());
      for (const effect of bench.effects) {
        if (effect.type === 'dial') {
          assert.equal(open, undefined, 'two sockets at once');
          open = effect.generation;
        }
        if (effect.type === 'drop') open = undefined;
      }
      const { state } = bench;
      const linked =
        state.name === 'dialing' || state.name === 'greeting' || state.name === 'ready' || state.name === 'closing';
      if (linked) assert.equal(open, state.generation, `no socket in ${state.name}`);
      else assert.equal(open, undefined, `a socket in ${state.name}`);
      assert.ok(deadlineOf(state) >= 0);
      assert.ok(state.generation >= before.generation);
      if (bench.effects.some((effect) => effect.type === 'finish')) assert.equal(state.name, 'closed');
    }
  });

  test('lets nothing follow closed', () => {
    assert.deepEqual(Object.keys(LEGAL.closed), ['close']);
    const bench = new Bench().ready().feed({ type: 'close', timeoutMs: 0, pending: false });
    bench.feed({ type: 'close', timeoutMs: 0, pending: false });
    assert.deepEqual(bench.effects, []);
  });

  test('is drawn in docs/state-machine.md as it is', () => {
    const document = readFileSync(new URL('../../../docs/state-machine.md', import.meta.url), 'utf8');
    assert.equal(document, drawStateMachine(), 'run: node --import tsx scripts/draw-state-machine.ts');
  });
});

describe('the backoff', () => {
  test('spreads 200 clients that lost one server over the whole first step', () => {
    const random = new SeededRandom(3);
    const delays = Array.from({ length: 200 }, () => backoffDelayMs(4, 5000, random.next()));
    const inEachQuarter = [0, 0, 0, 0];
    for (const delay of delays) inEachQuarter[Math.min(3, Math.floor(delay / 200))]! += 1;
    for (const count of inEachQuarter) assert.ok(count >= 25, `found ${inEachQuarter}`);
    assert.ok(Math.max(...delays) <= 800);
  });

  test('never exceeds its ceiling, however many attempts failed', () => {
    for (const failures of [1, 10, 100, 1e9]) assert.ok(backoffDelayMs(failures, 5000, 0.999999) <= 5000);
  });
});

function randomInput(state: MachineState, random: SeededRandom): MachineInput {
  const legal = Object.keys(LEGAL[state.name as StateName]) as MachineInput['type'][];
  const type = legal[Math.floor(random.next() * legal.length)] as MachineInput['type'];
  const generation = random.next() < 0.9 ? state.generation : state.generation - 1;
  switch (type) {
    case 'failed':
      return { type, generation, error: lost, fatal: random.next() < 0.1, busy: random.next() < 0.3 };
    case 'deadline':
      return { type, heard: random.next() < 0.5, readingPaused: random.next() < 0.2 };
    case 'close':
      // Rare, since every closing ends a life.
      if (random.next() < 0.9 && 'connect' in LEGAL[state.name]) return { type: 'connect' };
      return { type, timeoutMs: random.next() * 3000, pending: random.next() < 0.5 };
    case 'connect':
    case 'drained':
      return { type };
    default:
      return { type, generation };
  }
}
