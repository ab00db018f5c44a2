// The shapes around a stream of messages: its options, figures and events.
// Types only. Used by the stream, by subscriptions and by the subscriber class; several are public.

import type { OverflowError } from '../errors/index.ts';
import type { Gap } from '../pubsub/index.ts';
import type { Message, Overflow } from './config-types.ts';
import type { Listener } from './emitter.ts';
import type { ReaderCounts, ReaderOptions } from './message-reader.ts';

/** The queue is full, drops, or nobody has read it for five seconds. Told once an episode. */
export interface SlowEvent {
  readonly policy: Overflow;
  readonly queuedCount: number;
  /** Characters of text, bytes with a binary codec. */
  readonly queuedBytes: number;
  /** Since the start. */
  readonly droppedCount: number;
}

/** A message that the codec or `validate` refused. It is not counted and not handed over. */
export interface InvalidEvent {
  readonly message: Omit<Message<unknown>, 'data'>;
  readonly error: Error;
}

export interface HandlerErrorEvent<T> {
  /** What was thrown, or a `TimeoutError` when `handlerTimeoutMs` has passed. */
  readonly error: unknown;
  /** Undefined when a listener or `onGap` threw. */
  readonly message: Message<T> | undefined;
}

export interface StreamEvents<T> {
  message: Message<T>;
  gap: Gap;
  slow: SlowEvent;
  invalid: InvalidEvent;
  handlerError: HandlerErrorEvent<T>;
}

/** The part of an emitter that a stream uses; its owner's may have more events. */
export interface StreamEmitter<T> {
  has(event: keyof StreamEvents<T>): boolean;
  emit<K extends keyof StreamEvents<T>>(event: K, value: StreamEvents<T>[K]): void;
  listeners(event: 'message'): readonly Listener<Message<T>>[];
  on(event: 'message', listener: Listener<Message<T>>): void;
  once(event: 'message', listener: Listener<Message<T>>): void;
}

export interface StreamOptions<T> {
  /** How people know it, for messages of errors. */
  readonly name: string;
  readonly reader: ReaderOptions;
  readonly maxCount: number;
  readonly maxBytes: number;
  readonly overflow: Overflow;
  readonly conflateKey: ((message: Message<T>) => string) | undefined;
  readonly concurrency: number;
  readonly handlerTimeoutMs: number | undefined;
  readonly onMessage: ((message: Message<T>) => unknown) | undefined;
  readonly onGap: ((gap: Gap) => unknown) | undefined;
}

/** Whose stream it is. */
export interface StreamOwner {
  onGapTold?(gap: Gap): void;
  /** `overflow: 'fail'`: the stream has ended; its source is to be left. Called while a chunk is read. */
  onOverflow(error: OverflowError): void;
}

export interface StreamStats extends ReaderCounts {
  /** Decoded and accepted. */
  readonly messageCount: number;
  /** Handed to handlers, iterators or `getData()`. */
  readonly deliveredCount: number;
  readonly invalidCount: number;
  /** By the policy of a full queue. */
  readonly droppedCount: number;
  readonly gapCount: number;
  readonly queuedCount: number;
  /** Characters of text, bytes with a binary codec. */
  readonly queuedBytes: number;
  readonly handlerErrorCount: number;
}

/** What became of the messages that waited when `stop()` was called. */
export interface StopResult {
  /** Handed over by the stop. */
  readonly delivered: number;
  /** Given up. */
  readonly discarded: number;
}
