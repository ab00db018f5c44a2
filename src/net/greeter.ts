// What a connection knows of its server and says to it first: dialect, HELLO or not, credentials and their renewal.
// Used by the driver. It remembers from link to link; it owns no socket and no time.

import { type AshRedisError, HandshakeError, UsageError } from '../errors/index.ts';
import { authCommand, greetLine, greetResp } from './handshake.ts';
import type { Command, ConnectionOptions, Credentials, Dialect, Platform, ServerFacts } from './types.ts';

/** The share of their life after which credentials are renewed. */
const RENEW_AT = 0.8;
const RETRY_MS = 1000;

/** What the greeter needs of the link that it greets; every call is about that link alone. */
export interface GreetedLink {
  readonly peer: string;
  isCurrent(): boolean;
  /** Written at once, in order. */
  send(commands: readonly Command[]): void;
  succeed(): void;
  fail(error: AshRedisError, fatal: boolean, busy: boolean): void;
}

export class Greeter {
  readonly #options: ConnectionOptions;
  readonly #platform: Platform;
  /** HELLO makes something in between close: found out once, remembered. */
  #withoutHello = false;
  #tryingWithoutHello = false;
  /** Undefined until the server is known. */
  dialect: Dialect | undefined;
  server: ServerFacts | undefined;
  /** When new credentials are due, monotonic ms. */
  renewAt = Infinity;

  constructor(options: ConnectionOptions, platform: Platform) {
    this.#options = options;
    this.#platform = platform;
    this.dialect = options.dialect === 'auto' ? undefined : options.dialect;
  }

  greet(link: GreetedLink): void {
    if (this.#options.credentials === undefined) return this.#say(link, undefined);
    this.#askForCredentials().then(
      (credentials) => {
        if (link.isCurrent()) this.#say(link, credentials);
      },
      (cause: unknown) => {
        const text = cause instanceof Error ? cause.message : String(cause);
        const error = new HandshakeError(`Cannot authenticate at ${link.peer}: "credentials" failed: ${text}`, {
          cause,
        });
        link.fail(error, false, false);
      },
    );
  }

  /** True when the same server is to be asked again without HELLO: it closed without a word. */
  closedInSilence(): boolean {
    if (this.dialect === 'line' || this.#withoutHello || this.#tryingWithoutHello) return false;
    this.#tryingWithoutHello = true;
    return true;
  }

  /** The first line came from a line server. Gives what is wrong with that, or undefined when it is to be dialled anew. */
  foundLineServer(peer: string): AshRedisError | undefined {
    if (this.#options.subscriber) {
      return new UsageError(
        `Cannot subscribe at ${peer}: it is an AshRedis line server, which has no publish/subscribe`,
        { hint: 'use delivery: "latest", which polls, or a server that speaks RESP' },
      );
    }
    if (this.dialect === 'resp') {
      return new HandshakeError(`Cannot connect to ${peer}: found an AshRedis line server, asked for was RESP`, {
        hint: 'use dialect: "auto" or "ashredis"; a line server has no credentials, db or TLS',
      });
    }
    this.dialect = 'line';
    return undefined;
  }

  /** New credentials over the live link. `planned` is called when `renewAt` has changed. */
  renew(link: GreetedLink, planned: () => void): void {
    this.renewAt = Infinity;
    this.#askForCredentials().then(
      (credentials) => {
        if (!link.isCurrent()) return;
        const command = authCommand(credentials, (refused) => {
          if (refused === undefined) return;
          link.fail(new HandshakeError(`Cannot renew credentials at ${link.peer}: ${refused}`), false, false);
        });
        link.send([command]);
        planned();
      },
      () => {
        // The link still works; the next handshake will tell when it does not.
        this.renewAt = this.#platform.now() + RETRY_MS;
        planned();
      },
    );
  }

  #say(link: GreetedLink, credentials: Credentials | undefined): void {
    const { protocol, clientName, db, quoting } = this.#options;
    const withoutHello = this.#withoutHello || this.#tryingWithoutHello;
    const greet = this.dialect === 'line' ? greetLine : greetResp;
    greet({
      peer: link.peer,
      protocol,
      withoutHello,
      serverUnknown: this.dialect === undefined,
      credentials,
      clientName,
      db,
      quoting,
      send: (commands) => link.send(commands),
      succeed: (facts) => {
        this.server = facts;
        this.dialect = facts.dialect;
        if (withoutHello) this.#withoutHello = true;
        this.#tryingWithoutHello = false;
        link.succeed();
      },
      fail: (error, fatal, busy) => link.fail(error, fatal, busy),
    });
  }

  /** A throw of the source is a rejection. */
  async #askForCredentials(): Promise<Credentials> {
    const credentials = await this.#options.credentials?.();
    if (typeof credentials?.password !== 'string') {
      throw new TypeError('"credentials" gave no { password }, allowed is { username?, password, expiresAt? }');
    }
    const { expiresAt } = credentials;
    const lifeMs = expiresAt === undefined ? Infinity : Math.max(0, expiresAt - this.#platform.wallClock());
    this.renewAt = this.#platform.now() + lifeMs * RENEW_AT;
    return credentials;
  }
}
