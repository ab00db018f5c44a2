// The messages of `memory://` as a source: the hub of this process behind the door that subscriptions know.
// Used by the memory subscriber. It calls sinks later than the publisher, as every network does.

import { OverflowError } from '../errors/index.ts';
import { type Platform, Ring } from '../net/index.ts';
import type { MessageSource, SourceHandle, SubscribeWish } from '../pubsub/index.ts';
import { listenInMemory } from './memory-hub.ts';

/** What may wait for a subscriber whose queue is full; a Redis server keeps as much for one. */
const MAX_WAITING_BYTES = 32 * 1024 * 1024;

interface Waiting {
  readonly name: string;
  readonly payload: string | Uint8Array;
  readonly receivedAt: number;
}

export class MemorySource implements MessageSource {
  readonly #platform: Platform;

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  subscribe(wish: SubscribeWish): SourceHandle {
    const { sink } = wish;
    let held = false;
    let cancelled = false;
    const waiting = new Ring<Waiting>();
    let waitingBytes = 0;
    let lostCount = 0;
    let lastAt = 0;
    const tellLost = () => {
      const cause = new OverflowError(
        `Lost ${lostCount} messages of ${wish.channels[0]}: found a subscriber that does not read, allowed are ${MAX_WAITING_BYTES} bytes that wait for it`,
        { hint: 'read faster, or choose an "overflow" that drops' },
      );
      const to = this.#platform.wallClock();
      sink.onGap({ channels: wish.channels, from: lastAt || to, to, cause, reason: 'overrun', missed: lostCount });
      lostCount = 0;
    };
    const hand = () => {
      while (!held && !cancelled && waiting.length > 0) {
        if (lostCount > 0) tellLost();
        const { name, payload, receivedAt } = waiting.shift() as Waiting;
        waitingBytes -= sizeOf(payload);
        lastAt = receivedAt;
        sink.onMessage(name, undefined, asWanted(payload, wish.bytes), receivedAt);
      }
    };
    const stops = wish.channels.map((channel) =>
      listenInMemory(channel, (name, payload) => {
        // As a server does with who does not read: what waits is lost, and told.
        const size = sizeOf(payload);
        if (waitingBytes + size > MAX_WAITING_BYTES) {
          lostCount += waiting.drain().length;
          waitingBytes = 0;
        }
        waiting.push({ name, payload, receivedAt: this.#platform.wallClock() });
        waitingBytes += size;
        if (waiting.length === 1) this.#platform.defer(hand);
      }),
    );
    const cancel = () => {
      cancelled = true;
      for (const stop of stops) stop();
    };
    this.#platform.defer(() => {
      for (const channel of wish.channels) if (!cancelled) sink.onChannelState(channel, 'active', undefined);
    });
    return {
      cancel,
      retry() {},
      hold() {
        held = true;
      },
      release: () => {
        held = false;
        this.#platform.defer(hand);
      },
    };
  }
}

/** With what stands around it: many short ones are much memory too. */
function sizeOf(payload: string | Uint8Array): number {
  return payload.length + 100;
}

function asWanted(payload: string | Uint8Array, bytes: boolean): string | Uint8Array {
  if (bytes) return typeof payload === 'string' ? new TextEncoder().encode(payload) : payload.slice();
  return typeof payload === 'string' ? payload : new TextDecoder().decode(payload);
}
