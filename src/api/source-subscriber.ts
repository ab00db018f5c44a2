// A subscriber whose messages come through a `MessageSource`: waits for its confirmation, passes everything on.
// Extended by the subscribers of this package. It knows no server: subclasses open the source.

import { TimeoutError } from '../errors/index.ts';
import type { AbortSignalLike, TimerHandle } from '../net/index.ts';
import type { MessageSource, SourceHandle, SubscriptionStateName } from '../pubsub/index.ts';
import type { JsonObject } from './config-types.ts';
import { DataSubscriber, type Receiver } from './data-subscriber.ts';
import { endedError } from './ended-error.ts';
import { log } from './log.ts';
import { regionPrefix } from './region.ts';

export abstract class SourceSubscriber<T = JsonObject> extends DataSubscriber<T> {
  #handle: SourceHandle | undefined;
  /** The start that goes on: one that was given up must not subscribe any more. */
  #attempt: object | undefined;
  /** Ends its waiting for a confirmation. */
  #settle: (() => void) | undefined;

  /** Where the messages come from, connected or connecting. @internal */
  protected abstract openSource(signal: AbortSignalLike | undefined): MessageSource | Promise<MessageSource>;

  /** `denied`: rights changed while it ran; tried again by a slow backoff. */
  protected channelState: SubscriptionStateName = 'pending';

  /** What stands after the scheme. */
  protected abstract readonly channel: string;

  protected override get channelPrefix(): string {
    return regionPrefix(this.configuration.region);
  }

  protected override async doStart(receiver: Receiver, signal: AbortSignalLike | undefined): Promise<void> {
    const attempt = {};
    this.#attempt = attempt;
    const source = await this.openSource(signal);
    if (attempt !== this.#attempt) return;
    const { kind, codec, connectTimeoutMs, commandTimeoutMs, waitOnFirstConnect } = this.configuration;
    // The connection has limits of its own; this one is for a link that comes and goes without a confirmation.
    const limitMs = connectTimeoutMs + commandTimeoutMs;
    const { length } = this.channelPrefix;
    let timer: TimerHandle | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        this.#settle = resolve;
        if (!waitOnFirstConnect) {
          timer = this.platform.setTimer(limitMs, () => reject(lateError(this.name, limitMs)), false);
        }
        this.#handle?.cancel();
        this.#handle = source.subscribe({
          kind,
          channels: [this.channelPrefix + this.channel],
          bytes: codec.binary === true,
          sink: {
            onMessage: (channel, pattern, payload, receivedAt) =>
              receiver.message(channel, payload, pattern, receivedAt),
            onGap: (gap) => receiver.gap({ ...gap, channels: gap.channels.map((channel) => channel.slice(length)) }),
            onChannelState: (_channel, state, error) => {
              this.channelState = state;
              if (state === 'active') return resolve();
              if (error === undefined) return;
              // Pending with an error: not confirmed in time.
              reject(error);
              log(this.configuration.logger, 'warn', `subscriber "${this.name}" is ${state}: ${error.message}`);
            },
            onEnd: (error) => {
              const ended = error ?? endedError(`subscriber "${this.name}"`);
              reject(ended);
              receiver.end(ended);
            },
          },
        });
      });
    } finally {
      if (timer) this.platform.clearTimer(timer);
    }
  }

  protected override doStop(_timeoutMs: number): Promise<void> | void {
    this.#attempt = undefined;
    this.#settle?.();
    this.channelState = 'closed';
    this.#handle?.cancel();
    this.#handle = undefined;
  }

  protected override doPause(): void {
    this.#handle?.hold();
  }

  protected override doResume(): void {
    this.#handle?.release();
  }
}

function lateError(name: string, limitMs: number): TimeoutError {
  return new TimeoutError(`Cannot start subscriber "${name}": no confirmation within ${limitMs} ms`, {
    safeToRetry: true,
    hint: 'check the server, or raise "connectTimeoutMs" and "commandTimeoutMs"',
  });
}
