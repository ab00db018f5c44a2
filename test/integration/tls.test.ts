// TLS and Unix sockets against a real redis-server: verified by default, clear errors for what is wrong, client
// certificates, SNI, `rediss://`. Run by `npm test`; certificates are made when it runs.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  AshRedisChannelDataPublisher,
  AshRedisChannelDataSubscriber,
  AshRedisClient,
  ConnectError,
  HandshakeError,
  type Message,
} from '../../src/index.ts';
import { createServer } from '../../src/server/index.ts';
import { type Certificates, makeCertificates } from '../support/certificates.ts';
import { nextEvent } from '../support/events.ts';
import { freePort, type RunningRedisServer, startRedisServer } from '../support/redis-server.ts';
import { hasRealServer } from '../support/servers.ts';

const certificates = hasRealServer() ? await makeCertificates() : null;
const skip = certificates === null ? 'redis-server or openssl is not here' : false;

describe('TLS', { skip }, () => {
  const servers: RunningRedisServer[] = [];
  const ports = new Map<string, number>();
  const certs = certificates as Certificates;

  async function start(certificate: string, ...args: string[]): Promise<void> {
    const port = await freePort();
    const server = await startRedisServer({
      args: [
        '--tls-port',
        String(port),
        '--tls-cert-file',
        certs.path(`${certificate}.crt`),
        '--tls-key-file',
        certs.path(`${certificate}.key`),
        '--tls-ca-cert-file',
        certs.path('ca.crt'),
        ...(args.length === 0 ? ['--tls-auth-clients', 'no'] : args),
      ],
    });
    assert.ok(server !== null);
    servers.push(server);
    ports.set(args.length === 0 ? certificate : 'mutual', port);
  }

  before(async () => {
    await Promise.all([
      start('server'),
      start('other'),
      start('expired'),
      start('server', '--tls-auth-clients', 'yes'),
    ]);
  });

  after(async () => {
    await Promise.all(servers.map((server) => server.stop()));
    await certs.remove();
  });

  const refused = (client: AshRedisClient, words: RegExp) =>
    assert.rejects(client.connect(), (error: unknown) => {
      assert.ok(error instanceof HandshakeError, String(error));
      assert.match(error.message, words);
      return true;
    });

  test('publishes and subscribes over rediss://', async () => {
    const config = { url: `rediss://localhost:${ports.get('server')}`, tls: { ca: certs.ca } };
    await using subscriber = new AshRedisChannelDataSubscriber('in', 'ashredischannel://c', config);
    const first = nextEvent<Message>(subscriber, 'message');
    await subscriber.start();
    await using publisher = new AshRedisChannelDataPublisher('out', 'ashredischannel://c', config);
    assert.equal(await publisher.publish({ text: 'ü'.repeat(50_000) }), 1);
    assert.equal(String((await first).data.text).length, 50_000);
  });

  test('verifies the authority by default and says how to give one', async () => {
    await refused(
      new AshRedisClient({ host: 'localhost', port: ports.get('server'), tls: true }),
      /certificate is not accepted.*tls: \{ ca \}/,
    );
  });

  test('verifies the name', async () => {
    await refused(
      new AshRedisClient({ host: 'localhost', port: ports.get('other'), tls: { ca: certs.ca } }),
      /ERR_TLS_CERT_ALTNAME_INVALID.*servername/,
    );
    await using client = new AshRedisClient({
      host: 'localhost',
      port: ports.get('other'),
      tls: { ca: certs.ca, servername: 'other.test' },
    });
    assert.equal(await client.ping(), 'PONG');
  });

  test('refuses an expired certificate', async () => {
    await refused(
      new AshRedisClient({ host: 'localhost', port: ports.get('expired'), tls: { ca: certs.ca } }),
      /CERT_HAS_EXPIRED.*new certificate/,
    );
  });

  test('gives a client certificate', async () => {
    const tls = { ca: certs.ca, cert: await certs.read('client.crt'), key: await certs.read('client.key') };
    await using client = new AshRedisClient({ host: '127.0.0.1', port: ports.get('mutual'), tls });
    assert.equal(await client.ping(), 'PONG');
    await assert.rejects(
      new AshRedisClient({ host: '127.0.0.1', port: ports.get('mutual'), tls: { ca: certs.ca } }).connect(),
    );
  });

  test('says so when TLS is spoken to a plain port, and the other way round', async () => {
    const plain = servers[0] as RunningRedisServer;
    await refused(
      new AshRedisClient({ host: '127.0.0.1', port: plain.port, tls: { ca: certs.ca }, connectTimeoutMs: 1000 }),
      /TLS was spoken, but the server did not/,
    );
    const wrong = new AshRedisClient({ host: '127.0.0.1', port: ports.get('server') });
    await assert.rejects(wrong.connect(), (error: unknown) => {
      assert.ok(error instanceof Error);
      assert.match(error.message, /rediss:\/\//);
      return true;
    });
  });

  test('says so when TLS is spoken to the embedded server, which closes on it', async () => {
    await using server = await createServer();
    await using client = new AshRedisClient({ url: server.url.replace('redis:', 'rediss:') });
    await assert.rejects(client.connect(), (error: unknown) => {
      assert.ok(error instanceof ConnectError);
      assert.match(error.message, /while TLS was being agreed; if it speaks no TLS, leave "tls" out \(redis:\/\/\)/);
      return true;
    });
  });

  test('comes back after the link was cut', async () => {
    await using client = new AshRedisClient({ host: 'localhost', port: ports.get('server'), tls: { ca: certs.ca } });
    await client.connect();
    const back = nextEvent<{ to: string }>(client, 'state', ({ to }) => to === 'ready');
    await client.command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'no').catch(() => {});
    await back;
    assert.equal(await client.ping(), 'PONG');
  });
});

test('a Unix socket carries everything', { skip: hasRealServer() ? false : 'redis-server is not here' }, async () => {
  const path = `/tmp/ashredis-test-${process.pid}.sock`;
  const server = await startRedisServer({ args: ['--unixsocket', path] });
  assert.ok(server !== null);
  for (const config of [{ path }, { url: `unix://${path}` }]) {
    await using client = new AshRedisClient(config);
    await client.set('k', 'v');
    assert.equal(await client.get('k'), 'v');
  }
  await server.stop();
  await assert.rejects(new AshRedisClient({ path }).connect(), (error: unknown) => {
    assert.match(String(error), /ashredis-test-\d+\.sock.*path of the Unix socket/);
    return true;
  });
});

test('happy eyeballs: ::1 refused, 127.0.0.1 listening', {
  skip: hasRealServer() ? false : 'redis-server is not here',
}, async () => {
  const server = await startRedisServer();
  assert.ok(server !== null);
  await using client = new AshRedisClient({ host: 'localhost', port: server.port });
  assert.equal(await client.ping(), 'PONG');
  await client.close();
  await server.stop();
});
