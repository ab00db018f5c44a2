// How an address is shown to people. Called wherever the net room writes an error message.
// It must never show anything but the place: no credentials, no TLS material.

import type { Address } from './types.ts';

/** `localhost:6379`, `[::1]:6379` or the path of a Unix socket. */
export function describeAddress({ host, port, path }: Address): string {
  return path ?? `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
