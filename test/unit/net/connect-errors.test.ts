// Holds the words for what goes wrong with a link: what failed, what was found, what to do, and whether to try again.
// Run by `npm test`.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ConnectError, HandshakeError } from '../../../src/errors/index.ts';
import { dialError, greetingEndedError } from '../../../src/net/connect-errors.ts';
import { VirtualConnection } from '../../support/virtual-connection.ts';

const withCode = (code: string, message = code) => Object.assign(new Error(message), { code });

describe('the verdict about a link that could not be opened', () => {
  for (const [code, hint] of [
    ['ECONNREFUSED', /check that a server runs there/],
    ['ENOTFOUND', /spelling of the host name/],
    ['ETIMEDOUT', /firewall/],
    ['ENOENT', /path of the Unix socket/],
  ] as const) {
    test(`${code} may pass and says what to check`, () => {
      const error = dialError('h:1', withCode(code));
      assert.ok(error instanceof ConnectError);
      assert.match(error.message, /^Cannot connect to h:1: /);
      assert.match(error.hint ?? '', hint);
      assert.equal(error.safeToRetry, true);
    });
  }

  for (const [code, hint] of [
    ['DEPTH_ZERO_SELF_SIGNED_CERT', /tls: \{ ca \}/],
    ['CERT_HAS_EXPIRED', /needs a new certificate/],
    ['ERR_TLS_CERT_ALTNAME_INVALID', /servername/],
    ['ERR_SSL_WRONG_VERSION_NUMBER', /leave "tls" out/],
    ['EPROTO', /leave "tls" out/],
  ] as const) {
    test(`${code} can't be mended by trying again`, () => {
      const error = dialError('h:1', withCode(code));
      assert.ok(error instanceof HandshakeError);
      assert.match(error.hint ?? '', hint);
    });
  }

  test('the end of a link while TLS was being agreed may pass, and says that the port may be a plain one', () => {
    for (const cause of [undefined, withCode('ECONNRESET', 'read ECONNRESET')]) {
      const error = dialError('h:1', cause, true);
      assert.ok(error instanceof ConnectError);
      assert.match(error.message, /h:1: (the server closed the link|read ECONNRESET) while TLS was being agreed; if/);
      assert.match(error.hint ?? '', /^if it speaks no TLS, leave "tls" out/);
    }
    assert.doesNotMatch(dialError('h:1', undefined).message, /TLS/);
    assert.match(dialError('h:1', withCode('CERT_HAS_EXPIRED'), true).hint ?? '', /needs a new certificate/);
  });

  test('the end of a greeting asks whether that port speaks TLS, where it was not spoken', () => {
    assert.match(greetingEndedError('h:1', undefined, true).hint ?? '', /^use rediss:\/\/ if it speaks TLS, or look/);
    assert.match(greetingEndedError('h:1', undefined, false).hint ?? '', /^look at the log/);
  });

  test('names every address that was tried', () => {
    const tried = [
      Object.assign(withCode('ECONNREFUSED'), { address: '::1', port: 1 }),
      Object.assign(withCode('ECONNREFUSED'), { address: '127.0.0.1', port: 1 }),
    ];
    const error = dialError('localhost:1', Object.assign(new AggregateError(tried), { code: 'ECONNREFUSED' }));
    assert.match(error.message, /every address failed \(::1:1 ECONNREFUSED, 127.0.0.1:1 ECONNREFUSED\)/);
  });
});

test('connect() to a server that says nothing tells what was found, also when its own limit passes a moment before', async () => {
  const virtual = new VirtualConnection({ dialect: 'resp', connectTimeoutMs: 100 }, () => undefined);
  // Between the first two looks at the clock time goes on: the limit of connect() comes before that of the attempt.
  const now = virtual.platform.now.bind(virtual.platform);
  let looks = 0;
  virtual.platform.now = () => now() + (looks++ === 0 ? 0 : 5);
  const rejected = assert.rejects(
    virtual.connection.connect(),
    /connected, but the handshake was not answered within 100 ms/,
  );
  await virtual.run(200);
  await rejected;
});

test('a command that was not sent in time says why there was no session', async () => {
  const silent = new VirtualConnection({ dialect: 'resp', connectTimeoutMs: 100 }, () => undefined);
  const first = silent.send(['GET', 'k'], { deadline: silent.time.now() + 99 });
  await silent.run(99);
  assert.match(String(first.failure.cause), /connected, but the handshake was not answered within 100 ms/);
  assert.match(first.failure.message, /it could not be sent to .*; check the server, or raise "connectTimeoutMs"/);
  assert.equal(first.failure.safeToRetry, true);

  const away = new VirtualConnection();
  await away.connect();
  away.network.onAccept = (end) => end.close();
  away.cutAll();
  await away.run(5);
  const second = away.send(['GET', 'k'], { deadline: away.time.now() + 3000 });
  await away.run(3001);
  assert.match(second.failure.message, /it could not be sent to/);
  assert.ok(second.failure.cause instanceof Error, 'the reason of the last attempt');
});

for (const [refusal, hint] of [
  ['ERR max number of clients reached', /try again later/],
  ['DENIED Redis is running in protected mode', /configuration of the server/],
  ["ERR wrong number of arguments for 'auth' command", /leave "username" out/],
  ['WRONGPASS invalid username-password pair', /check "username" and "password"/],
] as const) {
  test(`what is to be done about AUTH answered by ${refusal}`, async () => {
    const virtual = new VirtualConnection(
      { dialect: 'resp', credentials: () => ({ username: 'u', password: 'hunter2' }), reconnect: false },
      (words) => (words[0] === 'AUTH' ? `-${refusal}\r\n` : '+OK\r\n'),
    );
    const rejected = assert.rejects(
      virtual.connection.connect(),
      (error: unknown) =>
        error instanceof HandshakeError && hint.test(error.hint ?? '') && error.message.includes(refusal),
    );
    await virtual.run(100);
    await rejected;
  });
}
