// The resolver of a server whose address is configured: always the same. Names are looked up at each dial.
// Called where the connections of an object are made. Sentinel and Cluster would bring resolvers of their own.

import type { Address, Resolver } from './types.ts';

export function staticResolver({ host, port, path, tls }: Omit<Address, 'generation'>): Resolver {
  const fixed: Address = Object.freeze({ host, port, path, tls, generation: 1 });
  return () => fixed;
}
