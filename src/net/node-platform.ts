// Node's clock, timers and sockets as a `Platform`; the one file that imports `node:net` and `node:tls`.
// Called by the classes that users hold. It must decide nothing: no retries, no limits, no states.

import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions as TlsOptions } from 'node:tls';
import { type ByteStream, StreamLink } from './stream-link.ts';
import type { Address, Link, LinkEvents, Platform, TimerHandle } from './types.ts';

/** Where a stream that users bring shall lead. */
export interface TransportTarget {
  readonly host: string;
  readonly port: number;
  readonly path?: string | undefined;
  readonly tls?: object | undefined;
}

/** Brings a stream of bytes to the address, connected or connecting. */
export type Transport = (address: TransportTarget) => unknown;

/** The kernel asks a peer that has been silent for this long; blocking commands have no other heartbeat. */
const KEEP_ALIVE_AFTER_MS = 30_000;

/** Bytes that a socket reads at once. Four times as much doubled the cost of a message (measured: 256 B messages). */
const READ_BUFFER_BYTES = 64 * 1024;

interface Host {
  readonly process?: { nextTick?(callback: () => void): void };
  readonly setImmediate?: (callback: () => void) => unknown;
  readonly navigator?: { readonly userAgent?: string };
}

/** Fake clocks of test frameworks mark their functions; a socket must go on under them. */
function isReal(candidate: unknown): boolean {
  return typeof candidate === 'function' && !Object.hasOwn(candidate, 'clock');
}

const resolved = Promise.resolve();

/** Looks at the runtime once, so that clocks faked later don't stop connections made before. */
export function nodePlatform(options: { transport?: Transport | undefined } = {}): Platform {
  const { process, setImmediate } = globalThis as Host;
  const { setTimeout, clearTimeout, performance } = globalThis;
  const wallClock = globalThis.Date.now;
  const nextTick = process?.nextTick;
  const afterPromises = (callback: () => void) => void resolved.then(callback);
  const defer = isReal(nextTick) ? (nextTick as (callback: () => void) => void) : afterPromises;
  const afterRead = isReal(setImmediate) ? (setImmediate as (callback: () => void) => void) : afterPromises;
  return {
    now: () => performance.now(),
    wallClock: () => wallClock(),
    random: () => Math.random(),
    setTimer(delayMs, callback, keepProcessAlive) {
      const timer = setTimeout(callback, Math.min(delayMs, 2 ** 31 - 1));
      if (!keepProcessAlive) (timer as { unref?(): void }).unref?.();
      return timer;
    },
    clearTimer: (handle: TimerHandle) => clearTimeout(handle as Parameters<typeof clearTimeout>[0]),
    defer: (callback) => defer(callback),
    afterRead: (callback) => void afterRead(callback),
    dial(address, _options, events) {
      if (options.transport !== undefined) return dialTransport(options.transport, address, events);
      return address.tls === undefined ? dialTcp(address, events) : dialTls(address, events);
    },
  };
}

function dialTcp(address: Address, events: LinkEvents): Link {
  const link = new StreamLink(events);
  const buffer = new Uint8Array(READ_BUFFER_BYTES);
  const onread = {
    buffer,
    callback(length: number) {
      link.received(buffer.subarray(0, length));
      return true;
    },
  };
  const socket = connectTcp({
    ...placeOf(address),
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_AFTER_MS,
    // One buffer for all reads; runtimes that don't know `onread` emit `data`, which the link listens to as well.
    ...(fillsBuffers() ? { onread } : {}),
  });
  return link.attach(socket as unknown as ByteStream, 'connect');
}

/** workerd fills the buffer of `onread` once and is silent from then on; there `data` has to do. */
function fillsBuffers(): boolean {
  return (globalThis as Host).navigator?.userAgent !== 'Cloudflare-Workers';
}

function dialTls(address: Address, events: LinkEvents): Link {
  const given = address.tls as TlsOptions;
  // A name in the certificate is asked for by SNI; an IP address can't be one.
  const name = address.path === undefined && isIP(address.host) === 0 ? { servername: address.host } : {};
  const socket: Socket = connectTls({ ...name, ...given, ...placeOf(address) });
  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_AFTER_MS);
  socket.on('connect', () => events.onReached?.());
  return new StreamLink(events).attach(socket as unknown as ByteStream, 'secureConnect');
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
      const stream = brought as (ByteStream & { connecting?: boolean }) | null | undefined;
      if (typeof stream?.write !== 'function') {
        throw new TypeError(`"transport" gave ${stream === null ? 'null' : typeof stream}, allowed is a Duplex stream`);
      }
      link.attach(stream, stream.connecting === true ? 'connect' : undefined);
    })
    .catch((error: unknown) => link.fail(error instanceof Error ? error : new Error(String(error))));
  return link;
}
