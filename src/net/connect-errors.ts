// What went wrong with a link, in words that say what to check.
// Called by the driver, the greeter and the reader. Pure. It must never show a credential, a key or what came from
// `tls` options. A HandshakeError about a link that did not open says that trying again can't help.

import { type AshRedisError, ConnectError, HandshakeError, LinkLostError, TimeoutError } from '../errors/index.ts';
import type { StateName } from './machine.ts';

interface NodeError extends Error {
  readonly code?: string;
  readonly errors?: readonly NodeError[];
  readonly address?: string;
  readonly port?: number;
}

const CERTIFICATE = /^(CERT|UNABLE|DEPTH|SELF|HOSTNAME|INVALID_CA|ERR_TLS|CRL)/;
const TLS_PROTOCOL = /^(EPROTO$|ERR_SSL_)/;
const PLAIN_PORT_HINT = 'leave "tls" out (redis://), or give the port of the TLS listener';
const CLOSED = 'the server closed the link';
const NETWORK_HINT = 'check the address, the network and the firewall';

const cannotConnect = (peer: string, found: string) => `Cannot connect to ${peer}: ${found}`;

/** Reached, but not what was asked for. */
export function refusedError(peer: string, found: string, hint: string, cause?: unknown): HandshakeError {
  return new HandshakeError(cannotConnect(peer, found), { cause, hint });
}

/** It will be refused again. TLS that broke may have been damaged on the way. */
export function isAboutCertificate({ cause }: HandshakeError): boolean {
  return CERTIFICATE.test((cause as NodeError).code ?? '');
}

/** The link could not be opened. `reached`: TLS was being agreed with somebody. */
export function dialError(
  peer: string,
  cause: NodeError | undefined,
  reached?: boolean,
): ConnectError | HandshakeError {
  const all = cause?.errors ?? [];
  const code = cause?.code ?? all[0]?.code ?? '';
  const text = cause?.message ?? CLOSED;
  if (CERTIFICATE.test(code)) {
    const hint = /ALTNAME|HOSTNAME/.test(code)
      ? 'use a name that it holds, or set tls: { servername }'
      : code === 'CERT_HAS_EXPIRED'
        ? 'the server needs a new certificate'
        : 'give the authority that signed it as tls: { ca }';
    return refusedError(peer, `its certificate is not accepted (${code}: ${text})`, hint, cause);
  }
  if (TLS_PROTOCOL.test(code)) {
    return refusedError(peer, `TLS was spoken, but the server did not (${code})`, PLAIN_PORT_HINT, cause);
  }
  if (reached) {
    // A proxy whose server is away may end it so too: worth another attempt.
    const hint = `if it speaks no TLS, ${PLAIN_PORT_HINT}`;
    return new ConnectError(cannotConnect(peer, `${text} while TLS was being agreed`), { cause, hint });
  }
  const tried = all.flatMap((one) => (one.address === undefined ? [] : `${one.address}:${one.port} ${one.code}`));
  const hint =
    code === 'ENOENT' || cause?.address?.includes('/')
      ? 'check the path of the Unix socket and its permissions'
      : code === 'ECONNREFUSED'
        ? 'check that a server runs there and that host and port are right; start one with: npx ashredis-server'
        : code === 'ENOTFOUND' || code === 'EAI_AGAIN'
          ? 'check the spelling of the host name and the DNS'
          : NETWORK_HINT;
  const found = tried.length > 0 ? `every address failed (${tried.join(', ')})` : text;
  return new ConnectError(cannotConnect(peer, found), { cause, hint });
}

/** The link ended during the handshake, before any refusal. */
export function greetingEndedError(peer: string, cause: Error | undefined, isPlain: boolean): HandshakeError {
  const found = cause?.message ?? CLOSED;
  const hint = `${isPlain ? 'use rediss:// if it speaks TLS, or ' : ''}look at the log of the server, or of a proxy in between`;
  return refusedError(peer, `${found} during the handshake`, hint, cause);
}

export function linkEndedError(peer: string, cause: Error | undefined, hint?: string): LinkLostError {
  const text = `Lost the link to ${peer}: ${cause?.message ?? CLOSED}`;
  return new LinkLostError(text, hint === undefined ? { cause } : { cause, hint });
}

/** A line server has no error reply for a line over its limit: it closes, and executes what stood behind that line. */
export const LINE_CLOSE_HINT =
  'an AshRedis line server closes without a reply when a line is longer than it reads (see "maxLineBytes"); the command may have been executed';

/** A limit passed in `state`. `reached`: TLS is being agreed with somebody. `isSilent`: nothing was said yet. */
export function limitError(
  state: StateName,
  reached: boolean,
  peer: string,
  { connectTimeoutMs, heartbeatTimeoutMs }: { readonly connectTimeoutMs: number; readonly heartbeatTimeoutMs: number },
  isSilent: boolean,
): AshRedisError {
  const within = `within ${connectTimeoutMs} ms`;
  if (state === 'ready') {
    return new TimeoutError(`Lost the link to ${peer}: no byte came within ${heartbeatTimeoutMs} ms after a PING`, {
      hint: 'check the network and the server, or raise "heartbeatTimeoutMs"',
    });
  }
  if (state === 'greeting') {
    const [found, who] = isSilent
      ? ['"credentials" gave nothing', 'their source']
      : ['the handshake was not answered', 'the server'];
    return new TimeoutError(cannotConnect(peer, `connected, but ${found} ${within}`), {
      safeToRetry: true,
      hint: `check ${who}, or raise "connectTimeoutMs"`,
    });
  }
  if (reached) return refusedError(peer, `TLS was spoken, but the server did not answer it ${within}`, PLAIN_PORT_HINT);
  const cause = new TimeoutError(cannotConnect(peer, `no answer ${within}`));
  return new ConnectError(cause.message, { cause, hint: `${NETWORK_HINT}, or raise "connectTimeoutMs"` });
}

export function exhaustedError(attempts: number, peer: string, cause: AshRedisError): ConnectError {
  const found = `gave up after ${attempts} attempts; the last one: ${cause.message}`;
  return new ConnectError(cannotConnect(peer, found), { cause });
}

/** For commands that may not wait. */
export function notConnectedError(command: string, peer: string, cause: AshRedisError | undefined): LinkLostError {
  return new LinkLostError(`Cannot execute ${command}: the link to ${peer} is down`, {
    cause,
    safeToRetry: true,
    hint: 'use whenDisconnected: "queue" to wait for it',
  });
}
