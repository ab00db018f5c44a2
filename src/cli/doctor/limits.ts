// The doctor's third look: what the server's version and settings mean for a subscriber. Called by `commands/doctor.ts`.
// It only asks. Where CONFIG is forbidden (managed servers) it says so and goes on.

import type { AshRedisClient } from '../../api/index.ts';
import { bytes } from '../text.ts';
import { messageOf, ok, type Report, skipped, warning } from './finding.ts';

export async function checkLimits(client: AshRedisClient, report: Report): Promise<void> {
  if (client.server?.dialect === 'line') return report(skipped('limits', 'a line server does not tell its limits'));
  const info = await infoOf(client);
  checkVersion(client, info, report);
  checkClients(info, report);
  checkMemory(info, report);
  await checkOutputBuffer(client, report);
  await checkIdleTimeout(client, report);
}

function checkVersion(client: AshRedisClient, info: Map<string, string>, report: Report): void {
  const version = info.get('valkey_version') ?? info.get('redis_version') ?? client.server?.version;
  const name = info.get('server_name') ?? (info.has('valkey_version') ? 'valkey' : 'redis');
  if (version === undefined) return report(skipped('version', 'the server does not tell its version'));
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < 6) {
    report(warning('version', `${name} ${version}`, 'before 6.0 there is no RESP3 and no ACL; update the server'));
  } else if (major === 6 && minor < 2) {
    report(
      warning('version', `${name} ${version}`, 'before 6.2 CLIENT INFO is missing: deaf subscriptions are found later'),
    );
  } else report(ok('version', `${name} ${version}${major < 7 ? ' (shard channels need 7.0)' : ''}`));
}

function checkClients(info: Map<string, string>, report: Report): void {
  const now = Number(info.get('connected_clients'));
  const max = Number(info.get('maxclients'));
  if (!(now > 0) || !(max > 0)) return;
  if (now > max * 0.8) {
    report(
      warning(
        'clients',
        `${now} of ${max} connections are taken`,
        'lend one AshRedisClient to many publishers and subscribers (config.client); raise maxclients',
      ),
    );
  } else report(ok('clients', `${now} of ${max} connections are taken`));
  const rejected = Number(info.get('rejected_connections'));
  if (rejected > 0) {
    report(warning('clients', `${rejected} connections were refused since the start`, 'maxclients was reached before'));
  }
}

function checkMemory(info: Map<string, string>, report: Report): void {
  const used = Number(info.get('used_memory'));
  const max = Number(info.get('maxmemory'));
  const policy = info.get('maxmemory_policy');
  if (!(used >= 0)) return;
  if (!(max > 0)) return report(ok('memory', `${bytes(used)} used, no limit set`));
  const text = `${bytes(used)} of ${bytes(max)} used, policy ${policy ?? 'unknown'}`;
  if (used > max * 0.9) {
    const advice =
      policy === 'noeviction'
        ? 'writes will be refused with OOM: use TTLs, raise maxmemory'
        : 'keys are evicted before their TTL';
    report(warning('memory', text, advice));
  } else report(ok('memory', text));
}

async function checkOutputBuffer(client: AshRedisClient, report: Report): Promise<void> {
  let value: string | undefined;
  try {
    value = await configOf(client, 'client-output-buffer-limit');
  } catch (error) {
    return report(skipped('output limit', `the server does not tell it (${messageOf(error)})`));
  }
  const found = /pubsub (\S+) (\S+) (\d+)/.exec(value ?? '');
  if (found === null) return report(skipped('output limit', 'the server does not tell it'));
  const [hard, soft, seconds] = [Number(found[1]), Number(found[2]), Number(found[3])];
  const text = `a subscriber that lags is cut at ${hard === 0 ? 'no limit' : bytes(hard)}${soft === 0 ? '' : `, or above ${bytes(soft)} for ${seconds} s`}`;
  if (hard !== 0 && hard < 1024 * 1024) {
    const advice = 'raise client-output-buffer-limit pubsub, or use overflow: drop-oldest instead of block';
    report(warning('output limit', text, advice));
  } else report(ok('output limit', text, { hardBytes: hard, softBytes: soft, softSeconds: seconds }));
}

async function checkIdleTimeout(client: AshRedisClient, report: Report): Promise<void> {
  try {
    const timeout = Number(await configOf(client, 'timeout'));
    if (timeout > 0 && timeout <= 10) {
      report(
        warning(
          'idle',
          `idle connections are closed after ${timeout} s`,
          'set heartbeatIntervalMs below it, or timeout 0 on the server',
        ),
      );
    } else if (timeout >= 0)
      report(ok('idle', timeout === 0 ? 'idle connections stay' : `idle connections are closed after ${timeout} s`));
  } catch {
    // Said once already, by the output limit.
  }
}

async function configOf(client: AshRedisClient, name: string): Promise<string | undefined> {
  const reply = await client.command('CONFIG', 'GET', name, { region: null });
  const flat = reply instanceof Map ? [...reply].flat() : Array.isArray(reply) ? reply : [];
  return flat[1] === undefined ? undefined : String(flat[1]);
}

async function infoOf(client: AshRedisClient): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  try {
    for (const line of (await client.info()).split('\n')) {
      const at = line.indexOf(':');
      if (at > 0 && !line.startsWith('#')) found.set(line.slice(0, at), line.slice(at + 1).trim());
    }
  } catch {
    // Forbidden: what depends on it is silent.
  }
  return found;
}
