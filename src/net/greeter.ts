// What a connection knows of its server and says to it first: dialect, HELLO or not, credentials and their renewal.
// Used by the driver. It remembers from link to link; it owns no socket and no time.

import { type AshRedisError, HandshakeError, UsageError } from '../errors/index.ts';
import { RespError } from '../resp/index.ts';
import { asError } from './as-error.ts';
import { refusedError } from './connect-errors.ts';
import { authCommand, type GreetedLink, greetLine, greetResp, withoutSecret } from './handshake.ts';
import type { ConnectionOptions, Credentials, Dialect, Platform, ServerFacts } from './types.ts';

/** The share of their life after which credentials are renewed. */
const RENEW_AT = 0.8;
const RETRY_MS = 1000;

export class Greeter {
  readonly #options: ConnectionOptions;
  readonly #platform: Platform;
  /** Something in between closes on HELLO: found out once, remembered. */
  #withoutHello = false;
  /** The link over which it is tried: a server that goes down closes in silence too. */
  #withoutHelloOn = -1;
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

  greet(link: GreetedLink, succeed: () => void): void {
    if (this.#options.credentials === undefined) this.#say(link, succeed);
    else this.#introduce(link, succeed);
  }

  /** True when the same server is to be asked again without HELLO: it closed without a word. */
  closedInSilence(generation: number): boolean {
    if (this.dialect === 'line' || this.#withoutHello || generation === this.#withoutHelloOn) return false;
    this.#withoutHelloOn = generation + 1;
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
      return refusedError(
        peer,
        'found an AshRedis line server, asked for was RESP',
        'use dialect: "auto" or "ashredis", without credentials, db and TLS: a line server has none',
      );
    }
    this.dialect = 'line';
    return undefined;
  }

  /** New credentials over the live link. `planned` is called when `renewAt` has changed. */
  renew(link: GreetedLink, planned: () => void): void {
    this.renewAt = Infinity;
    void this.#ask(
      link,
      (credentials) => {
        const command = authCommand(credentials, (value) => {
          if (!(value instanceof RespError)) return;
          const text = `Cannot renew credentials at ${link.peer}: ${withoutSecret(value, credentials)}`;
          link.fail(new HandshakeError(text));
        });
        link.sendNow([command]);
        planned();
      },
      () => {
        // The link still works; the next handshake will tell when it does not.
        this.renewAt = this.#platform.now() + RETRY_MS;
        planned();
      },
    );
  }

  /**
   * A password may change between the answer of its source and that of the server: over the same link the source is asked
   * once more, and only the same answer, or a second refusal, is one for good.
   */
  #introduce(link: GreetedLink, succeed: () => void, before?: Credentials): void {
    void this.#ask(
      link,
      ({ username, password }) => {
        if (password === before?.password && username === before.username) {
          return link.fail(link.refusal as AshRedisError, true);
        }
        // A copy: the source may change the object that it gave.
        this.#say(link, succeed, { username, password }, before === undefined);
      },
      (cause) => {
        const { message } = asError(cause);
        const text = `Cannot authenticate at ${link.peer}: "credentials" failed: ${message}`;
        link.fail(new HandshakeError(text, { cause }));
      },
    );
  }

  #say(link: GreetedLink, succeed: () => void, credentials?: Credentials, asksAgain?: boolean): void {
    const greet = this.dialect === 'line' ? greetLine : greetResp;
    const withoutHello = this.#withoutHello || link.generation === this.#withoutHelloOn;
    greet(
      link,
      this.#options,
      (facts) => {
        this.server = facts;
        this.#withoutHello = withoutHello;
        this.dialect = facts.dialect;
        succeed();
      },
      credentials,
      withoutHello ? 'never' : this.dialect === undefined ? 'alone' : 'first',
      (refusal) => {
        link.refusal = refusal;
        if (asksAgain) this.#introduce(link, succeed, credentials);
        else link.fail(refusal, true);
      },
    );
  }

  /** A throw of the source is a rejection. What comes when the link is gone is nothing: the next link asks anew. */
  async #ask(link: GreetedLink, use: (credentials: Credentials) => void, miss: (cause: unknown) => void) {
    let credentials: Credentials | undefined;
    try {
      credentials = await this.#options.credentials?.();
      if (typeof credentials?.password !== 'string' || typeof (credentials.username ?? '') !== 'string') {
        throw new TypeError('"credentials" gave no { password }, allowed is { username?, password, expiresAt? }');
      }
    } catch (cause) {
      if (link.isReading) miss(cause);
      return;
    }
    if (!link.isReading) return;
    const lifeMs = (credentials.expiresAt ?? Infinity) - this.#platform.wallClock();
    // What has expired already, or is in other units, must not be asked for in every turn.
    this.renewAt = this.#platform.now() + (lifeMs > 0 ? lifeMs * RENEW_AT : RETRY_MS);
    use(credentials);
  }
}
