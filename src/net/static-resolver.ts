// The resolver of a server whose address is configured: always the same. Names are looked up at each dial.
// Called by the client. Sentinel and Cluster bring resolvers of their own.

import type { Address, Resolver } from './types.ts';

export function staticResolver(address: Omit<Address, 'generation'>): Resolver {
  const fixed: Address = Object.freeze({ ...address, generation: 1 });
  return () => fixed;
}
