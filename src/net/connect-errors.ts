// What went wrong with a link, in words that say what to check, and whether trying again can help.
// Called by the driver. Pure. It must never show a credential, a key or what came from `tls` options.

import { type AshRedisError, ConnectError, HandshakeError, LinkLostError, TimeoutError } from '../errors/index.ts';

/** An error for the machine: `fatal` when trying again can't help. */
export interface Verdict {
  readonly error: AshRedisError;
  readonly fatal: boolean;
}

interface NodeError extends Error {
  readonly code?: string;
  readonly errors?: readonly NodeError[];
  readonly address?: string;
  readonly port?: number;
}

const CERTIFICATE = /^(CERT_|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED|HOSTNAME_MISMATCH|INVALID_CA|ERR_TLS_|CRL_)/;
const TLS_PROTOCOL = /^(EPROTO$|ERR_SSL_)/;

const HINTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'check that a server runs there and that host and port are right; start one with: npx ashredis-server',
  ENOTFOUND: 'check the spelling of the host name and the DNS',
  EAI_AGAIN: 'the DNS did not answer; check the network',
  ETIMEDOUT: 'check the address, the network and the firewall',
  EHOSTUNREACH: 'check the address and the network',
  ENETUNREACH: 'check the address and the network',
  ENOENT: 'check the path of the Unix socket and that a server runs there',
  EACCES: 'check the permissions of the Unix socket',
};

/** The link could not be opened. */
export function dialVerdict(peer: string, cause: Error | undefined): Verdict {
  const all = (cause as NodeError | undefined)?.errors ?? [];
  const code = (cause as NodeError | undefined)?.code ?? all[0]?.code ?? '';
  if (CERTIFICATE.test(code)) return { error: certificateError(peer, code, cause), fatal: true };
  if (TLS_PROTOCOL.test(code)) {
    const error = new HandshakeError(`Cannot connect to ${peer}: TLS was spoken, but the server did not (${code})`, {
      cause,
      hint: 'use redis:// or leave "tls" out for a plain port, or check the port of the TLS listener',
    });
    return { error, fatal: true };
  }
  const tried = all
    .filter((entry) => entry.address !== undefined)
    .map((entry) => `${entry.address}:${entry.port} ${entry.code}`)
    .join(', ');
  const found =
    tried !== '' ? `every address failed (${tried})` : (cause?.message ?? 'the link closed before it was open');
  const error = new ConnectError(`Cannot connect to ${peer}: ${found}`, {
    cause,
    hint: HINTS[isUnixSocket(cause) ? 'ENOENT' : code] ?? 'check that a server runs there, and the network',
  });
  return { error, fatal: false };
}

function isUnixSocket(cause: Error | undefined): boolean {
  const { address, port } = (cause ?? {}) as NodeError;
  return address !== undefined && port === undefined && address.includes('/');
}

function certificateError(peer: string, code: string, cause: Error | undefined): HandshakeError {
  const hint =
    code === 'ERR_TLS_CERT_ALTNAME_INVALID' || code === 'HOSTNAME_MISMATCH'
      ? 'connect by a name that the certificate holds, or set tls: { servername }'
      : code === 'CERT_HAS_EXPIRED'
        ? 'the server needs a new certificate'
        : 'give the authority that signed it as tls: { ca }';
  return new HandshakeError(
    `Cannot connect to ${peer}: its certificate is not accepted (${code}: ${cause?.message ?? ''})`,
    {
      cause,
      hint,
    },
  );
}

/** The link ended during the handshake, before any refusal. */
export function greetingEndedError(peer: string, cause: Error | undefined): AshRedisError {
  const found = cause === undefined ? 'the server closed the connection' : cause.message;
  return new HandshakeError(`Cannot connect to ${peer}: ${found} during the handshake`, {
    cause,
    hint: "look at the server's log; a proxy without a server behind it does this too",
  });
}

export function linkEndedError(peer: string, cause: Error | undefined, hint?: string): AshRedisError {
  const found = cause === undefined ? 'the server closed it' : cause.message;
  return new LinkLostError(`Lost the link to ${peer}: ${found}`, {
    cause,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** A line server has no error reply for a line over its limit: it closes, and executes what stood behind that line. */
export const LINE_CLOSE_HINT =
  'an AshRedis line server closes without a reply when a line is longer than it reads (1024 bytes before December 2025, see "maxLineBytes"); the command may have been executed all the same';

export function timeoutError(
  what: 'dialing' | 'securing' | 'greeting' | 'heartbeat',
  peer: string,
  { connectTimeoutMs, heartbeatTimeoutMs }: { readonly connectTimeoutMs: number; readonly heartbeatTimeoutMs: number },
): AshRedisError {
  switch (what) {
    case 'heartbeat':
      return new TimeoutError(`Lost the link to ${peer}: no byte came within ${heartbeatTimeoutMs} ms after a PING`, {
        hint: 'the network or the server is gone or too slow; see "heartbeatTimeoutMs"',
      });
    case 'dialing': {
      const cause = new TimeoutError(`Cannot connect to ${peer}: no answer within ${connectTimeoutMs} ms`);
      return new ConnectError(cause.message, {
        cause,
        hint: 'check the address, the network and the firewall, or raise "connectTimeoutMs"',
      });
    }
    case 'securing':
      return new HandshakeError(
        `Cannot connect to ${peer}: TLS was spoken, but the server did not answer it within ${connectTimeoutMs} ms`,
        { hint: 'use redis:// or leave "tls" out for a plain port, or check the port of the TLS listener' },
      );
    case 'greeting':
      return new TimeoutError(
        `Cannot connect to ${peer}: connected, but the handshake was not answered within ${connectTimeoutMs} ms`,
        {
          safeToRetry: true,
          hint: 'check that it is a Redis-compatible server and not overloaded, or raise "connectTimeoutMs"',
        },
      );
  }
}

export function exhaustedError(attempts: number, peer: string, cause: AshRedisError): AshRedisError {
  return new ConnectError(
    `Cannot connect to ${peer}: gave up after ${attempts} attempts; the last one: ${cause.message}`,
    {
      cause,
    },
  );
}

/** For commands that may not wait, and for `connect()` calls whose time is over. */
export function notConnectedError(action: string, peer: string, cause: AshRedisError | undefined): AshRedisError {
  return new LinkLostError(`Cannot ${action}: the link to ${peer} is down`, {
    cause,
    safeToRetry: true,
    hint: 'it is being made again; use whenDisconnected: "queue" to wait for it',
  });
}
