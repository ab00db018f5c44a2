// The public types of `ashredis/server`: what a program gives and gets. Types only.

declare global {
  // The same as in TypeScript's ESNext.Disposable: consumers with older compilers or libraries don't have it.
  interface SymbolConstructor {
    readonly asyncDispose: unique symbol;
  }
}

/** How connections are read: `auto` looks at their first line. */
export type ServerDialect = 'auto' | 'resp' | 'ashredis';

export interface ServerOptions {
  /** Address to listen on. Default 127.0.0.1; anything else than loopback needs `password` or `unprotected`. */
  host?: string | undefined;
  /** TCP port; 0 takes a free one. Default 0, or no TCP at all when only `unix` is given. */
  port?: number | undefined;
  /** Path of a Unix socket, beside TCP when `port` is given too. The file must not exist. */
  unix?: string | undefined;
  /** Clients must send it by AUTH or HELLO, as the user `default`. The line dialect can't, and is then refused. */
  password?: string | undefined;
  /** Bytes that keys and values may take, with about 128 for each key. Default 512 MiB; 0 for no limit. */
  maxMemoryBytes?: number | undefined;
  /** Allows listening beyond loopback without a password. Default false. */
  unprotected?: boolean | undefined;
  /** `resp` or `ashredis` fixes the dialect for all connections. Default `auto`. */
  dialect?: ServerDialect | undefined;
  /** Number of databases for SELECT. Default 16. */
  databases?: number | undefined;
  /** Limits on what one connection may take; see `docs/server.md`. */
  limits?: { [name in keyof ServerLimits]?: ServerLimits[name] | undefined } | undefined;
}

/** Limits on what connections may take, in bytes, milliseconds and counts. */
export interface ServerLimits {
  /** One argument of a command. Default 64 MiB. */
  maxBulkBytes: number;
  /** All arguments of one command, and all commands waiting in one MULTI. Default 128 MiB. */
  maxRequestBytes: number;
  /** A line of the line dialect, with its LF. Default 1 000 000. */
  maxLineBytes: number;
  /** Unfinished input of all connections, and what names that are kept for them have beyond 1 KiB. Default 256 MiB. */
  maxPendingInputBytes: number;
  /** Unread output of a connection that is not subscribed. Default 64 MiB. */
  maxOutputBytes: number;
  /** Unread output of a subscriber, closed at once above it. Default 32 MiB. */
  maxSubscriberOutputBytes: number;
  /** Unread output of a subscriber, closed when above it for `softOutputMs`. Default 8 MiB. */
  softSubscriberOutputBytes: number;
  /** Default 60 000. */
  softOutputMs: number;
  /** Connections at once. Default 10 000. */
  maxClients: number;
}

/** Which connections a fault concerns; all given conditions must hold. */
export interface ConnectionFilter {
  /** The connection's id, as CLIENT ID gives it. */
  id?: number | undefined;
  /** The name set by CLIENT SETNAME. */
  name?: string | undefined;
  /** True: only connections that hold a subscription; false: only the others. */
  subscriber?: boolean | undefined;
}

/**
 * Faults on demand, so that a program can test how it takes them. All act at once and last until taken back. Arguments
 * that describe none are a `UsageError`.
 */
export interface ServerFaults {
  /** Destroys connections without a word, as a dead network does. Returns how many. */
  cut(filter?: ConnectionFilter): number;
  /** Nothing is read, executed or written any more; connections stay open. */
  freeze(): void;
  /** Goes on after `freeze()`; what was sent meanwhile is executed now. */
  thaw(): void;
  /** Every write waits this long; 0 ends it. Order is kept. */
  delay(delayMs: number): void;
  /** True: new connections are closed at once. */
  refuse(on?: boolean): void;
  /** Inverts the lowest bit of each of the next `byteCount` bytes that go to a client. Default 1. */
  corrupt(byteCount?: number): void;
  /** Answers the next `times` calls of `command` with the error `text` instead of executing them. Default 1. */
  replyError(command: string, text: string, times?: number): void;
  /** The next `count` deliveries of published messages to a subscriber do not happen. Default 1. */
  dropMessages(count?: number): void;
  /** Takes back every fault, and thaws. */
  clear(): void;
}

/** A running server. */
export interface EmbeddedServer {
  /** Address it listens on; empty when it has only a Unix socket. */
  readonly host: string;
  /** TCP port, or 0 when it has only a Unix socket. */
  readonly port: number;
  /** `redis://host:port` or `unix:///path`, without the password. */
  readonly url: string;
  /** `unix:///path` when it listens on a Unix socket, with or without TCP. */
  readonly unixUrl: string | undefined;
  readonly faults: ServerFaults;
  /** Connections open now. */
  readonly connectionCount: number;
  /** Closes the door, flushes what was answered and ends every connection. Twice is harmless. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
