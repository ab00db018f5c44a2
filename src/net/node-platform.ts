// Node's clock, timers and sockets as a `Platform`; the one file that imports `node:net` and `node:tls`.
// Called by the classes that users hold. It must decide nothing: no retries, no limits, no states.

import { connect as connectTcp, isIP } from 'node:net';
import type { ConnectionOptions as TlsOptions } from 'node:tls';
import { asError } from './as-error.ts';
import { type ByteStream, StreamLink } from './stream-link.ts';
import type { Address, Link, LinkEvents, Platform, TimerHandle } from './types.ts';

/** Where a stream that users bring shall lead. */
export interface TransportTarget {
  readonly host: string;
  readonly port: number;
  readonly path?: string | undefined;
  readonly tls?: object | undefined;
}

/** What Node's streams know of themselves. */
interface Brought {
  readonly connecting?: boolean;
  readonly destroyed?: boolean;
  readonly readableEnded?: boolean;
  readonly errored?: Error | null;
  isPaused?(): boolean;
}

/** Brings a stream of bytes to the address, connected or connecting. */
export type Transport = (address: TransportTarget) => unknown;

/** The kernel asks a peer that has been silent for this long; blocking commands have no other heartbeat. */
const KEEP_ALIVE_AFTER_MS = 30_000;

/** Bytes that a socket reads at once. Four times as much doubled the cost of a message (measured: 256 B messages). */
const READ_BYTES = 64 * 1024;
/** One for all sockets: Node fills it and hands it over before it looks at another, and nobody keeps it. */
const READ_BUFFER = /* @__PURE__ */ new Uint8Array(READ_BYTES);

interface Host {
  readonly process?: { nextTick?(callback: () => void): void };
  readonly setImmediate?: (callback: () => void) => unknown;
  readonly navigator?: { readonly userAgent?: string };
}

/** Fake clocks mark their functions, or bind them (node:test); jest.fn() has a name. A socket must go on under them. */
function isReal(candidate: unknown): boolean {
  return typeof candidate === 'function' && !Object.hasOwn(candidate, 'clock') && !/^bound|^mock/.test(candidate.name);
}

const resolved = Promise.resolve();

/** Looks at the runtime once, so that clocks faked later don't stop connections made before. */
export function nodePlatform(options: { transport?: Transport | undefined } = {}): Platform {
  return new NodePlatform(options.transport);
}

class NodePlatform implements Platform {
  readonly #transport: Transport | undefined;
  readonly #setTimeout = globalThis.setTimeout;
  readonly #clearTimeout = globalThis.clearTimeout;
  readonly #performance = globalThis.performance;
  readonly #wallClock = globalThis.Date.now;
  readonly #defer: (callback: () => void) => void;
  readonly #afterRead: (callback: () => void) => void;

  constructor(transport: Transport | undefined) {
    const { process, setImmediate } = globalThis as Host;
    const nextTick = process?.nextTick;
    this.#transport = transport;
    this.#defer = isReal(nextTick) ? (nextTick as (callback: () => void) => void) : afterPromises;
    this.#afterRead = isReal(setImmediate) ? (setImmediate as (callback: () => void) => void) : afterPromises;
  }

  now(): number {
    return this.#performance.now();
  }

  wallClock(): number {
    const now = this.#wallClock;
    return now();
  }

  random(): number {
    return Math.random();
  }

  setTimer(delayMs: number, callback: () => void, keepProcessAlive: boolean): TimerHandle {
    // Here and below: called without an object, on which some runtimes insist.
    const set = this.#setTimeout;
    const timer = set(callback, Math.min(delayMs, 2 ** 31 - 1));
    if (!keepProcessAlive) (timer as { unref?(): void }).unref?.();
    return timer;
  }

  clearTimer(handle: TimerHandle): void {
    const clear = this.#clearTimeout;
    clear(handle as Parameters<typeof clearTimeout>[0]);
  }

  defer(callback: () => void): void {
    const defer = this.#defer;
    defer(callback);
  }

  afterRead(callback: () => void): void {
    const afterRead = this.#afterRead;
    afterRead(callback);
  }

  dial(address: Address, events: LinkEvents): Link {
    if (this.#transport !== undefined) return dialTransport(this.#transport, address, events);
    return address.tls === undefined ? dialTcp(address, events) : dialTls(address, events);
  }
}

function afterPromises(callback: () => void): void {
  resolved.then(callback);
}

function dialTcp(address: Address, events: LinkEvents): Link {
  const link = new StreamLink(events);
  const fills = isNode();
  const socket = connectTcp({
    ...placeOf(address),
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_AFTER_MS,
    ...(fills ? { onread: readInto(link) } : {}),
  });
  return link.attach(socket as unknown as ByteStream, 'connect', fills);
}

function readInto(link: StreamLink) {
  return {
    buffer: READ_BUFFER,
    callback(length: number, filled: Uint8Array) {
      link.received(filled.subarray(0, length));
      return true;
    },
  };
}

/** Others (Bun, Deno, workerd) know `onread` too, but may fill a buffer long before they say so. There `data` has to do. */
function isNode(): boolean {
  return /^Node|^undefined/.test(String((globalThis as Host).navigator?.userAgent));
}

function dialTls(address: Address, events: LinkEvents): Link {
  const given = address.tls as TlsOptions;
  // A name in the certificate is asked for by SNI; an IP address can't be one.
  const name = address.path === undefined && isIP(address.host) === 0 ? { servername: address.host } : {};
  const link = new StreamLink(events);
  // Loaded by who needs it (measured: an eighth of the import's time).
  import('node:tls')
    .then(({ connect }) => {
      const socket = connect({ ...name, ...given, ...placeOf(address) });
      socket.setNoDelay(true);
      socket.setKeepAlive(true, KEEP_ALIVE_AFTER_MS);
      socket.on('connect', () => events.onReached?.());
      link.attach(socket as unknown as ByteStream, 'secureConnect');
    })
    .catch((error: unknown) => link.fail(error as Error));
  return link;
}

function placeOf(address: Address): { path: string } | { host: string; port: number } {
  return address.path === undefined ? { host: address.host, port: address.port } : { path: address.path };
}

/** The stream may come later. */
function dialTransport(transport: Transport, address: Address, events: LinkEvents): Link {
  const link = new StreamLink(events);
  const { host, port, path, tls } = address;
  resolved
    .then(() => transport({ host, port, path, tls }))
    .then((brought) => {
      const stream = brought as (ByteStream & Brought) | null | undefined;
      if (typeof stream?.write !== 'function') {
        throw new TypeError(`"transport" gave ${stream === null ? 'null' : typeof stream}, allowed is a Duplex stream`);
      }
      // Before it is looked at: an error that is on its way, and that nobody hears, ends the process.
      stream.on('error', (error: Error) => link.fail(error));
      // It would tell its end no more.
      if (stream.destroyed || stream.readableEnded)
        throw stream.errored ?? new TypeError('"transport" gave a stream that has ended');
      // By a proxy's library, say: a listener alone would not undo it.
      if (stream.isPaused?.()) stream.resume();
      link.attach(stream, stream.connecting === true ? 'connect' : undefined);
    })
    .catch((error: unknown) => link.fail(asError(error)));
  return link;
}
