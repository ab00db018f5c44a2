// Where the objects of this room get time, chance and the network from.
// Called once by each constructor. Tests pass a virtual platform under a symbol that users do not have.

import { nodePlatform, type Platform } from '../net/index.ts';
import type { Configuration } from './config.ts';

/** A key of a configuration that holds the platform to use. Not exported to users. */
export const PLATFORM: unique symbol = Symbol('platform');

export function platformOf(input: unknown, config: Configuration): Platform {
  const given = (input as { [PLATFORM]?: Platform } | null | undefined)?.[PLATFORM];
  if (given !== undefined) return given;
  return nodePlatform({ transport: config.transport });
}
