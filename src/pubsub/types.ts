// The doors of the pub/sub room, as types: a source of messages, and what its users hand to it.
// Types only. `api` writes queues and iterators on these; `net` knows nothing of them.

import type { AshRedisError } from '../errors/index.ts';

export type ChannelKind = 'channel' | 'pattern' | 'shard';
export type SubscriptionStateName = 'pending' | 'active' | 'denied' | 'closed';

/** A hole in what a subscription has seen. Times are epoch ms. */
export interface Gap {
  /** Without the region's prefix. */
  readonly channels: readonly string[];
  /** Last message received, else the first confirmation. */
  readonly from: number;
  /** The confirmation after which messages flow again. */
  readonly to: number;
  readonly cause: Error;
  /** An open set of words: `link-lost`, `overrun`, `unsubscribed-by-server`, `audit`, `counted`, … */
  readonly reason: string;
  readonly missed: number | 'unknown';
}

/** Who wants messages. Called synchronously while a chunk is being read: it must only put things into queues. */
export interface MessageSink {
  /** `payload` is text, or bytes when the sink asked for bytes. Names are as on the wire (with the prefix). */
  onMessage(channel: string, pattern: string | undefined, payload: string | Uint8Array, receivedAt: number): void;
  /** Before any newer message and after all older ones. Names are as on the wire. */
  onGap(gap: Gap): void;
  /** The state of one channel of the wish, with the server's refusal when it is denied. */
  onChannelState(channel: string, state: SubscriptionStateName, error: AshRedisError | undefined): void;
  /** The source has ended for good (closed, credentials refused, …). No call follows. */
  onEnd(error: AshRedisError | undefined): void;
}

export interface SubscribeWish {
  readonly kind: ChannelKind;
  /** As on the wire, with the region's prefix. */
  readonly channels: readonly string[];
  /** True: payloads are wanted as bytes. */
  readonly bytes: boolean;
  readonly sink: MessageSink;
}

/** A wish that was accepted. */
export interface SourceHandle {
  /** Local and immediate: no message reaches the sink after it. The server is told in the background. */
  cancel(): void;
  /** Tries denied channels again now. */
  retry(): void;
  /** A full `block` queue holds the source; several holds count. While held, silence of the peer proves nothing. */
  hold(): void;
  release(): void;
}

/** Where messages come from: Redis pub/sub today; polling, streams or memory behind the same door. */
export interface MessageSource {
  /** It ends with its `cancel()`, or when its sink is told so. */
  subscribe(wish: SubscribeWish): SourceHandle;
}
