// `ashredis doctor` over TLS, against a real server: what it says of certificates that are right, unknown or for others.
// Skipped, with the reason, where there is no redis-server or no openssl.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { COMMANDS } from '../../src/cli/commands.ts';
import { runProgram } from '../../src/cli/main.ts';
import { makeCertificates } from '../support/certificates.ts';
import { fakeContext } from '../support/cli-context.ts';
import { freePort, type RunningRedisServer, startRedisServer } from '../support/redis-server.ts';
import { hasRealServer } from '../support/servers.ts';

const certificates = hasRealServer() ? await makeCertificates() : null;
const skip = certificates === null ? 'redis-server or openssl is not here' : false;

describe('the doctor over TLS', { skip }, () => {
  const servers: RunningRedisServer[] = [];
  const start = async (name: string): Promise<number> => {
    const port = await freePort();
    const path = certificates!.path;
    const files = ['--tls-cert-file', path(`${name}.crt`), '--tls-key-file', path(`${name}.key`)];
    const trust = ['--tls-ca-cert-file', path('ca.crt'), '--tls-auth-clients', 'no'];
    const server = await startRedisServer({ args: ['--tls-port', String(port), ...files, ...trust] });
    assert.ok(server !== null);
    servers.push(server);
    return port;
  };
  let right: number;
  let other: number;

  before(async () => {
    [right, other] = await Promise.all([start('server'), start('other')]);
  });
  after(async () => {
    await Promise.all(servers.map((server) => server.stop()));
    await certificates?.remove();
  });

  async function doctor(port: number, ...argv: string[]): Promise<{ code: number; out: string }> {
    const context = fakeContext();
    const url = `rediss://localhost:${port}`;
    const code = await runProgram(COMMANDS, ['doctor', '--url', url, ...argv], context);
    return { code, out: context.stdout() };
  }

  test('with the authority it is ok, and warns of a certificate that ends soon', async () => {
    const { code, out } = await doctor(right, '--cacert', certificates!.path('ca.crt'));
    assert.equal(code, 0, out);
    assert.match(out, /^ok +tls: TLSv1\.\d, certificate valid until /m);
    assert.match(out, /^warning tls: the certificate ends in \d days\n +-> renew it/m);
    assert.match(out, /^ok +dialect: RESP3/m);
  });

  test('a port that speaks TLS and is asked in plain is named as that', async () => {
    const context = fakeContext();
    assert.equal(await runProgram(COMMANDS, ['doctor', '--url', `redis://localhost:${right}`], context), 1);
    assert.match(context.stdout(), /^wrong +tls: the server speaks TLS on this port\n +-> use --tls/m);
  });

  test('without the authority it says how to give one', async () => {
    const { code, out } = await doctor(right);
    assert.equal(code, 3, out);
    assert.match(out, /^wrong +tls: .*\n +-> the authority is not trusted here: give it with --cacert FILE/m);
  });

  test('a certificate for another name is named as that', async () => {
    const { code, out } = await doctor(other, '--cacert', certificates!.path('ca.crt'));
    assert.equal(code, 3, out);
    assert.match(out, /^wrong +tls: .*\n +-> the certificate is for other names/m);
  });
});
