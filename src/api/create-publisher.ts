// Chooses a publisher's class by the scheme of its destination.
// Called by users whose configurations are data. It must never guess: an unknown scheme is refused with those there are.

import { UsageError } from '../errors/index.ts';
import { AshRedisChannelDataPublisher } from './ash-redis-channel-data-publisher.ts';
import { AshRedisDataPublisher } from './ash-redis-data-publisher.ts';
import { notAllowed, quoteValue } from './config-schema.ts';
import type { PublisherConfig } from './config-types.ts';
import { DataPublisher } from './data-publisher.ts';
import { MemoryDataPublisher } from './memory-publisher.ts';
import { checkText, schemeOf } from './names.ts';

type PublisherClass = new (name: string, destination: string, config?: PublisherConfig) => DataPublisher;
type PublisherFactory = (name: string, destination: string, config: PublisherConfig) => DataPublisher;

export interface CreatePublisherOptions {
  /** By scheme, without `://`: a class that extends `DataPublisher`, or a function that makes one. They come first. */
  schemes?: Readonly<Record<string, PublisherClass | PublisherFactory>> | undefined;
}

const BUILT_IN: Readonly<Record<string, PublisherClass>> = Object.freeze({
  ashredis: AshRedisDataPublisher,
  ashredischannel: AshRedisChannelDataPublisher,
  memory: MemoryDataPublisher,
});

/** `createPublisher('alerts', { destination: 'ashredischannel://alerts', host })`. */
export function createPublisher(
  name: string,
  config: PublisherConfig,
  options?: CreatePublisherOptions,
): DataPublisher {
  const destination = checkText(config?.destination, `"destination" of publisher "${name}"`);
  const made = chosen(destination, 'destination', BUILT_IN, options?.schemes ?? {});
  return isClassOf(made, DataPublisher) ? new made(name, destination, config) : made(name, destination, config);
}

/** The maker for the URL's scheme; a user's own before ours. */
export function chosen<M, O>(url: string, key: string, builtIn: Record<string, M>, own: Record<string, O>): M | O {
  const scheme = schemeOf(url);
  if (scheme !== undefined) {
    for (const name of [scheme, `${scheme}://`]) {
      const made = Object.hasOwn(own, name) ? own[name] : undefined;
      if (typeof made === 'function') return made as O;
      if (made !== undefined) notAllowed(`scheme "${name}"`, quoteValue(made), 'a class or a function');
    }
    if (Object.hasOwn(builtIn, scheme)) return builtIn[scheme] as M;
  }
  const known = [...Object.keys(own), ...Object.keys(builtIn)].map((name) => `${name}://`).join(', ');
  const found = scheme === undefined ? 'no scheme' : `the scheme "${scheme}://"`;
  throw new UsageError(`Cannot use "${key}": found ${found}, allowed are ${known}`, {
    hint: 'add your own by the option "schemes"',
  });
}

/** `maker` is a function. */
export function isClassOf<C extends abstract new (...args: never[]) => unknown>(
  maker: unknown,
  base: C,
): maker is new (
  ...args: ConstructorParameters<C>
) => InstanceType<C> {
  // A class on another copy of this package (`require` beside `import`) is a class all the same.
  return (maker as C).prototype instanceof base || /^class\b/.test(Function.prototype.toString.call(maker));
}
