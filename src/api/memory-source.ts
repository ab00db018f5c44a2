// The messages of `memory://` as a source: the hub of this process behind the door that subscriptions know.
// Used by the memory subscriber. It calls sinks later than the publisher, as every network does.

import type { Platform } from '../net/index.ts';
import type { MessageSource, SourceHandle, SubscribeWish } from '../pubsub/index.ts';
import { listenInMemory } from './memory-hub.ts';

export class MemorySource implements MessageSource {
  readonly #platform: Platform;
  readonly #open = new Set<() => void>();

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  subscribe(wish: SubscribeWish): SourceHandle {
    const { sink } = wish;
    let held = false;
    let cancelled = false;
    const waiting: (() => void)[] = [];
    const hand = () => {
      while (!held && !cancelled && waiting.length > 0) waiting.shift()?.();
    };
    const stops = wish.channels.map((channel) =>
      listenInMemory(channel, (name, payload) => {
        const receivedAt = this.#platform.wallClock();
        waiting.push(() => sink.onMessage(name, undefined, asWanted(payload, wish.bytes), receivedAt));
        if (waiting.length === 1) this.#platform.defer(hand);
      }),
    );
    const cancel = () => {
      cancelled = true;
      for (const stop of stops) stop();
      this.#open.delete(end);
    };
    const end = () => {
      cancel();
      sink.onEnd(undefined);
    };
    this.#open.add(end);
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

  connect(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    for (const end of [...this.#open]) end();
    return Promise.resolve();
  }
}

function asWanted(payload: string | Uint8Array, bytes: boolean): string | Uint8Array {
  if (bytes) return typeof payload === 'string' ? new TextEncoder().encode(payload) : payload.slice();
  return typeof payload === 'string' ? payload : new TextDecoder().decode(payload);
}
