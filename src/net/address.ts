// How an address is shown to people. Called wherever the net room writes an error message.
// It must never show anything but the place: no credentials, no TLS material.

import type { Address } from './types.ts';

/** `localhost:6379`, `[::1]:6379` or the path of a Unix socket. */
export function describeAddress(address: Address | undefined): string {
  if (address === undefined) return 'the server';
  if (address.path !== undefined) return address.path;
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}
