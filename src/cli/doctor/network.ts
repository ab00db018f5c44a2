// The doctor's first look, below the protocol: name, TCP, TLS. Called by `commands/doctor.ts`.
// It opens short connections of its own and sends no byte on them but TLS's.

import { lookup } from 'node:dns/promises';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { duration } from '../text.ts';
import { messageOf, ok, type Report, skipped, warning, wrong } from './finding.ts';

/** Where to look. */
export interface Place {
  readonly host: string;
  readonly port: number;
  readonly path: string | undefined;
  readonly tls: object | undefined;
  readonly timeoutMs: number;
}

const DAY_MS = 86_400_000;
const TLS_PROBE_MS = 1000;

/** Resolves with false when nothing can be reached, so that no later check makes sense. */
export async function checkNetwork(place: Place, report: Report): Promise<boolean> {
  const addresses = await checkName(place, report);
  if (addresses === undefined) return false;
  if (!(await checkTcp(place, addresses, report))) return false;
  return place.tls === undefined ? true : checkTls(place, place.tls, report);
}

async function checkName({ host, path }: Place, report: Report): Promise<string[] | undefined> {
  if (path !== undefined) {
    report(skipped('resolve', `Unix socket ${path}`));
    return [path];
  }
  if (isIP(host) !== 0) {
    report(ok('resolve', `${host} is an address`));
    return [host];
  }
  try {
    const started = performance.now();
    const found = (await lookup(host, { all: true })).map(({ address }) => address);
    report(ok('resolve', `${host} is ${found.join(', ')} (${duration(performance.now() - started)})`));
    return found;
  } catch (error) {
    report(wrong('resolve', messageOf(error), `check the spelling of '${host}', and the name server of this machine`));
    return undefined;
  }
}

async function checkTcp(place: Place, addresses: readonly string[], report: Report): Promise<boolean> {
  const failures: string[] = [];
  let reached = 0;
  for (const host of addresses) {
    const started = performance.now();
    const target = place.path === undefined ? { host, port: place.port } : { path: place.path };
    const name = place.path ?? (host.includes(':') ? `[${host}]:${place.port}` : `${host}:${place.port}`);
    try {
      const socket = connectTcp(target);
      await opened(socket, 'connect', place.timeoutMs);
      socket.destroy();
      reached++;
      report(ok('connect', `${name} accepts connections (${duration(performance.now() - started)})`));
    } catch (error) {
      failures.push(`${name}: ${messageOf(error)}`);
    }
  }
  if (reached > 0) {
    if (failures.length > 0) {
      report(
        warning(
          'connect',
          failures.join('; '),
          'connecting tries every address; take away the one that nobody listens on',
        ),
      );
    }
    return true;
  }
  const text = failures.join('; ');
  const advice = /ECONNREFUSED/.test(text)
    ? 'nobody listens there: start the server (`ashredis server` starts one), check host and port'
    : /ENOENT/.test(text)
      ? 'the socket file does not exist: start the server, check its `unixsocket` setting'
      : /EACCES/.test(text)
        ? 'this user may not open the socket: check its owner and `unixsocketperm`'
        : 'packets do not come back: check address, firewall, security group, `bind` and `protected-mode` of the server';
  report(wrong('connect', text, advice));
  return false;
}

async function checkTls(place: Place, options: object, report: Report): Promise<boolean> {
  const started = performance.now();
  const target = place.path === undefined ? { host: place.host, port: place.port } : { path: place.path };
  const servername = isIP(place.host) === 0 ? { servername: place.host } : {};
  try {
    const socket = connectTls({ ...target, ...servername, ...options });
    await opened(socket, 'secureConnect', place.timeoutMs);
    const certificate = socket.getPeerCertificate();
    const protocol = socket.getProtocol();
    socket.destroy();
    const tookMs = performance.now() - started;
    const endsAt = Date.parse(certificate.valid_to ?? '');
    report(ok('tls', `${protocol}, certificate valid until ${certificate.valid_to} (${duration(tookMs)})`));
    const days = Math.floor((endsAt - Date.now()) / DAY_MS);
    if (days < 14) report(warning('tls', `the certificate ends in ${days} days`, 'renew it'));
    return true;
  } catch (error) {
    const code = String((error as { code?: unknown } | null)?.code ?? '');
    const advice = /ALTNAME/.test(code)
      ? `the certificate is for other names: use one of them as host, or set tls.servername`
      : /SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|ISSUER/.test(code)
        ? 'the authority is not trusted here: give it with --cacert FILE (tls.ca in a program)'
        : /EXPIRED/.test(code)
          ? 'renew the certificate of the server'
          : /WRONG_VERSION|EPROTO|ECONNRESET/.test(code)
            ? 'the server does not speak TLS on this port: use redis:// or its TLS port'
            : 'the server may not speak TLS on this port: use redis:// or its TLS port';
    report(wrong('tls', messageOf(error), advice));
    return false;
  }
}

/** Whether the port, which did not answer us in plain, answers TLS. What its certificate is worth does not matter here. */
export async function speaksTls({ host, port, path, timeoutMs }: Place): Promise<boolean> {
  const target = path === undefined ? { host, port } : { path };
  const socket = connectTls({ ...target, rejectUnauthorized: false });
  try {
    await opened(socket, 'secureConnect', Math.min(timeoutMs, TLS_PROBE_MS));
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

function opened(socket: Socket | TLSSocket, event: string, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`no answer within ${duration(timeoutMs)}`));
    }, timeoutMs);
    socket.once(event, () => {
      clearTimeout(timer);
      resolve();
    });
    // Stays: a socket that fails later, while it is being destroyed, must not end the process.
    socket.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
  });
}
