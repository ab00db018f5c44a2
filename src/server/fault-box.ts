// The faults of one server: the implementation of `server.faults`, and the one place where bytes leave.
// Called by sessions on every write and by the dispatcher on every command. With no fault set each question costs
// one comparison. It must never change what is stored.

import { UsageError } from '../errors/index.ts';
import type { ServerClock, Timer } from './clock.ts';
import type { Session } from './session.ts';
import type { ConnectionFilter, ServerFaults } from './types.ts';

const MAX_DELAY_MS = 2 ** 31 - 1;
const FILTER_KEYS = ['id', 'name', 'subscriber'];

interface PlannedError {
  readonly text: string;
  times: number;
}

export class FaultBox implements ServerFaults {
  isFrozen = false;
  refuses = false;
  readonly #sessions: ReadonlyMap<number, Session>;
  readonly #clock: ServerClock;
  readonly #errors = new Map<string, PlannedError>();
  #delayMs = 0;
  /** Writes that wait for their time, oldest first; one list keeps the order over changes of the delay. */
  readonly #delayed: { readonly act: () => void; isDue: boolean }[] = [];
  readonly #timers = new Set<Timer>();
  #corruptBytes = 0;
  #dropMessages = 0;
  readonly #onWritten: (bytes: number) => void;

  constructor(sessions: ReadonlyMap<number, Session>, clock: ServerClock, onWritten: (bytes: number) => void) {
    this.#sessions = sessions;
    this.#clock = clock;
    this.#onWritten = onWritten;
  }

  cut(filter: ConnectionFilter = {}): number {
    // A key that is none would describe every connection.
    const wrong = isObject(filter) ? Object.keys(filter).find((key) => !FILTER_KEYS.includes(key)) : String(filter);
    if (wrong !== undefined) refuse(`cut by ${JSON.stringify(wrong)}`, `an object with ${FILTER_KEYS.join(', ')}`);
    let count = 0;
    for (const session of [...this.#sessions.values()]) {
      if (filter.id !== undefined && filter.id !== session.id) continue;
      if (filter.name !== undefined && filter.name !== session.name) continue;
      if (filter.subscriber !== undefined && filter.subscriber !== session.subscriptionCount > 0) continue;
      session.reset();
      count++;
    }
    return count;
  }

  freeze(): void {
    if (this.isFrozen) return;
    this.isFrozen = true;
    for (const session of this.#sessions.values()) session.pause();
  }

  thaw(): void {
    if (!this.isFrozen) return;
    this.isFrozen = false;
    for (const session of this.#sessions.values()) session.resume();
  }

  delay(delayMs: number): void {
    checkNumber('delay by', delayMs, 'milliseconds');
    // Beyond what a timer can hold it would be no delay at all.
    this.#delayMs = Math.min(delayMs, MAX_DELAY_MS);
  }

  refuse(on = true): void {
    if (typeof on !== 'boolean') refuse(`refuse connections by ${String(on)}`, 'true and false');
    this.refuses = on;
  }

  corrupt(byteCount = 1): void {
    checkNumber('corrupt', byteCount, 'bytes');
    this.#corruptBytes = byteCount;
  }

  replyError(command: string, text: string, times = 1): void {
    if (typeof command !== 'string' || command === '')
      refuse(`answer ${String(command)} by an error`, 'the name of a command');
    // More than a line would shift every later reply.
    if (typeof text !== 'string' || /^$|[\r\n]/.test(text))
      refuse(`answer by ${JSON.stringify(text)}`, 'one line of text');
    checkNumber('answer', times, 'times');
    const name = command.toLowerCase();
    if (times > 0) this.#errors.set(name, { text, times });
    else this.#errors.delete(name);
  }

  dropMessages(count = 1): void {
    checkNumber('drop', count, 'messages');
    this.#dropMessages = count;
  }

  clear(): void {
    this.#delayMs = 0;
    for (const timer of this.#timers) this.#clock.cancel(timer);
    this.#timers.clear();
    for (const { act } of this.#delayed.splice(0)) act();
    this.refuses = false;
    this.#corruptBytes = 0;
    this.#dropMessages = 0;
    this.#errors.clear();
    this.thaw();
  }

  /** True when a planned loss takes this delivery. */
  swallowsMessage(): boolean {
    if (!(this.#dropMessages > 0)) return false;
    this.#dropMessages--;
    return true;
  }

  /** The planned error for a call of this command, or undefined. */
  takeError(name: string): string | undefined {
    if (this.#errors.size === 0) return undefined;
    const planned = this.#errors.get(name);
    if (planned === undefined) return undefined;
    if (--planned.times <= 0) this.#errors.delete(name);
    return planned.text;
  }

  /** Writes bytes of a session, late or damaged where that is wanted. */
  write(session: Session, bytes: string): void {
    this.#onWritten(bytes.length);
    if (this.#corruptBytes > 0) {
      const damaged = Buffer.from(bytes, 'latin1');
      for (let i = 0; i < damaged.length && this.#corruptBytes > 0; i++, this.#corruptBytes--) {
        damaged[i] = (damaged[i] as number) ^ 1;
      }
      this.#later(() => session.socket.write(damaged));
      return;
    }
    if (this.#delayMs === 0 && this.#delayed.length === 0) session.socket.write(bytes, 'latin1');
    else this.#later(() => session.socket.write(bytes, 'latin1'));
  }

  /** Ends a session's side of the connection after everything that was written. */
  end(session: Session): void {
    this.#later(() => session.socket.end());
  }

  #later(act: () => void): void {
    if (this.#delayMs === 0 && this.#delayed.length === 0) {
      act();
      return;
    }
    const entry = { act, isDue: false };
    this.#delayed.push(entry);
    const timer = this.#clock.later(() => {
      this.#timers.delete(timer);
      entry.isDue = true;
      // What was written after something that still waits, waits with it.
      while (this.#delayed[0]?.isDue === true) this.#delayed.shift()?.act();
    }, this.#delayMs);
    this.#timers.add(timer);
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function checkNumber(action: string, value: unknown, unit: string): void {
  if (typeof value !== 'number' || !(value >= 0)) refuse(`${action} ${String(value)} ${unit}`, 'numbers from 0');
}

function refuse(action: string, allowed: string): never {
  throw new UsageError(`Cannot ${action}: allowed are ${allowed}`);
}
