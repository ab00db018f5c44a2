// What one connection tells, and to whom: to the replacement that brings it up, to the subscriber connection, or to nobody.
// Made by the subscriber connection for each of its connections. It decides nothing: its target is changed from outside.

import type { AshRedisError } from '../errors/index.ts';
import type { ConnectionHandler, StateEvent } from '../net/index.ts';
import type { RespMessage, RespValue } from '../resp/index.ts';

/** What a link that was replaced still says goes nowhere. */
const NOWHERE: ConnectionHandler = Object.freeze({});

export class PortListener implements ConnectionHandler {
  #target: ConnectionHandler;

  constructor(target: ConnectionHandler) {
    this.#target = target;
  }

  tell(target: ConnectionHandler): void {
    this.#target = target;
  }

  tellNobody(): void {
    this.#target = NOWHERE;
  }

  onState(event: StateEvent): void {
    this.#target.onState?.(event);
  }

  onRestore(done: () => void): void {
    this.#target.onRestore?.(done);
  }

  onMessage(message: RespMessage): void {
    this.#target.onMessage?.(message);
  }

  onPush(kind: string, values: readonly RespValue[]): void {
    this.#target.onPush?.(kind, values);
  }

  onUnsolicitedConfirmation(kind: string, channel: string | null, count: number): void {
    this.#target.onUnsolicitedConfirmation?.(kind, channel, count);
  }

  onChunkEnd(): void {
    this.#target.onChunkEnd?.();
  }

  onLinkLost(cause: AshRedisError): void {
    this.#target.onLinkLost?.(cause);
  }

  onCredentialsDue(): void {
    this.#target.onCredentialsDue?.();
  }
}
