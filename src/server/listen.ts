// Opens the server's doors: TCP, a Unix socket, or both. Called by the server alone.

import type { Server } from 'node:net';
import type { ServerOptions } from './types.ts';

export interface BoundAddress {
  readonly host: string;
  readonly port: number;
  readonly url: string;
  readonly unixUrl: string | undefined;
}

/** True for what only this machine can reach. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^(::ffff:)?127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

/** The URL of a Unix socket, from which every client finds the same file. */
function unixUrl(path: string): string {
  // A relative path would be read as a host; pipes and abstract sockets begin in their own ways.
  const absolute = /^[/\\\0]/.test(path) ? path : `${process.cwd()}/${path}`;
  return `unix://${absolute.replace(/[%?#\s]/g, encodeURIComponent)}`;
}

/** Listens as the options say; each listener goes into `listeners`. Closes all of them when one can't listen. */
export async function listenAll(
  options: ServerOptions,
  make: () => Server,
  listeners: Server[],
): Promise<BoundAddress> {
  let host = '';
  let port = 0;
  try {
    if (options.unix === undefined || options.port !== undefined) {
      const listener = make();
      await listening(listener, { host: options.host ?? '127.0.0.1', port: options.port ?? 0 });
      listeners.push(listener);
      const address = listener.address();
      if (typeof address === 'object' && address !== null) {
        host = address.address;
        port = address.port;
      }
    }
    if (options.unix !== undefined) {
      const listener = make();
      await listening(listener, { path: options.unix });
      listeners.push(listener);
    }
  } catch (error) {
    for (const listener of listeners) listener.close();
    throw error;
  }
  const name = host.includes(':') ? `[${host}]` : host;
  const unix = options.unix === undefined ? undefined : unixUrl(options.unix);
  return { host, port, url: host === '' && unix !== undefined ? unix : `redis://${name}:${port}`, unixUrl: unix };
}

/**
 * Connections that wait to be accepted. With Node's 511 a thousand clients that come at once lose their first packet,
 * and stand for the second until they send it again (measured: 1,000 connections in 1,000 ms, so in 100).
 */
const BACKLOG = 4096;

function listening(listener: Server, where: { host: string; port: number } | { path: string }): Promise<void> {
  return new Promise((resolve, reject) => {
    listener.once('error', reject);
    listener.listen({ ...where, backlog: BACKLOG }, () => {
      listener.removeListener('error', reject);
      resolve();
    });
  });
}
