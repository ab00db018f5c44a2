// What a sink's owner holds of its wish.
// Made by the subscriber connection for each wish. It holds no state: all of it is the connection's.

import type { Wish } from './standing.ts';
import type { SourceHandle } from './types.ts';

export interface WishOwner {
  cancel(wish: Wish, handle: object): void;
  retry(wish: Wish): void;
  hold(handle: object, name: string): void;
  release(handle: object): void;
}

/** Names in a hint are for people. */
const NAMED = 10;

export class WishHandle implements SourceHandle {
  readonly #owner: WishOwner;
  readonly #wish: Wish;

  constructor(owner: WishOwner, wish: Wish) {
    this.#owner = owner;
    this.#wish = wish;
  }

  cancel(): void {
    this.#owner.cancel(this.#wish, this);
  }

  retry(): void {
    this.#owner.retry(this.#wish);
  }

  hold(): void {
    const { channels } = this.#wish;
    const names = channels.slice(0, NAMED).map((channel) => JSON.stringify(channel));
    if (channels.length > NAMED) names.push('…');
    this.#owner.hold(this, names.join(', '));
  }

  release(): void {
    this.#owner.release(this);
  }
}
