// Credentials of one connection: asked at each handshake, asked again before they expire.
// Used by the driver. It must never keep a password longer than it takes to write it.

import { HandshakeError } from '../errors/index.ts';
import { authCommand } from './handshake.ts';
import type { Command, ConnectionOptions, Credentials, Platform } from './types.ts';

/** The share of their life after which credentials are renewed. */
const RENEW_AT = 0.8;
const RETRY_MS = 1000;

export class Credentialed {
  readonly #source: ConnectionOptions['credentials'];
  readonly #platform: Platform;
  /** Monotonic ms at which new ones are due. */
  dueAt = Infinity;

  constructor(source: ConnectionOptions['credentials'], platform: Platform) {
    this.#source = source;
    this.#platform = platform;
  }

  /** Undefined without credentials. A throw of the source is a rejection. */
  ask(): undefined | Promise<Credentials> {
    const source = this.#source;
    if (source === undefined) return undefined;
    return new Promise<Credentials>((resolve) => resolve(source())).then((credentials) => {
      if (typeof credentials?.password !== 'string') {
        throw new TypeError('"credentials" gave no { password }, allowed is { username?, password, expiresAt? }');
      }
      this.#plan(credentials);
      return credentials;
    });
  }

  forget(): void {
    this.dueAt = Infinity;
  }

  postpone(): void {
    this.dueAt = Infinity;
  }

  failure(peer: string, cause: unknown): HandshakeError {
    const text = cause instanceof Error ? cause.message : String(cause);
    return new HandshakeError(`Cannot authenticate at ${peer}: "credentials" failed: ${text}`, { cause });
  }

  /** New ones over a live link. */
  renew(
    send: (command: Command) => void,
    refused: (error: HandshakeError) => void,
    planned: () => void,
    peer: string,
  ): void {
    this.dueAt = Infinity;
    this.ask()?.then(
      (credentials) => {
        send(
          authCommand(credentials, (text) => {
            if (text !== undefined) refused(new HandshakeError(`Cannot renew credentials at ${peer}: ${text}`));
          }),
        );
        planned();
      },
      () => {
        // The link still works; the next handshake will tell if it does not.
        this.dueAt = this.#platform.now() + RETRY_MS;
        planned();
      },
    );
  }

  #plan(credentials: Credentials): void {
    const { expiresAt } = credentials;
    if (expiresAt === undefined) this.dueAt = Infinity;
    else {
      const life = Math.max(0, expiresAt - this.#platform.wallClock());
      this.dueAt = this.#platform.now() + life * RENEW_AT;
    }
  }
}
