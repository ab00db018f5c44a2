// Raises each error code of ours through what users hold, so that docs/errors.md tells of nothing that can't happen.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { AshRedisChannelDataPublisher } from '../../../src/api/ash-redis-channel-data-publisher.ts';
import { AshRedisClient } from '../../../src/api/ash-redis-client.ts';
import { AshRedisDataPublisher } from '../../../src/api/ash-redis-data-publisher.ts';
import { AshRedisError, ConnectionError } from '../../../src/errors/index.ts';
import { greeting, type ScriptedServer, startScriptedServer } from '../../support/scripted-server.ts';

describe('each code', () => {
  let server: ScriptedServer;
  before(async () => {
    server = await startScriptedServer();
  });
  after(() => server.stop());

  const hasCode = (code: string, safeToRetry: boolean) => (error: unknown) => {
    assert.ok(error instanceof AshRedisError, String(error));
    assert.equal(error.code, code);
    assert.ok(error.message.endsWith(` (docs/errors.md#${code.toLowerCase()})`), error.message);
    assert.equal(error.safeToRetry, safeToRetry, error.message);
    assert.doesNotMatch(error.message, /\.$/, 'no full stop');
    return true;
  };
  const client = (options = {}) => new AshRedisClient('127.0.0.1', server.port, options);

  test('ASHREDIS_USAGE: an argument that can not work', async () => {
    assert.throws(() => new AshRedisClient({ port: 0 }), hasCode('ASHREDIS_USAGE', true));
  });

  test('ASHREDIS_MISSING_KEY: a record without its key', async () => {
    await using publisher = new AshRedisDataPublisher('p', 'ashredis://x');
    await assert.rejects(publisher.publish({}), hasCode('ASHREDIS_MISSING_KEY', true));
  });

  /** The reply to GET ends the link: what the command rejects with, and what the state event names as the cause. */
  async function brokenBy(reply: string): Promise<AshRedisError> {
    server.script = (words) => greeting(words) ?? reply;
    await using broken = client({ reconnect: false });
    const cause = new Promise<AshRedisError | undefined>((resolve) => {
      broken.on('state', (event) => {
        if (event.from === 'ready') resolve(event.cause);
      });
    });
    await assert.rejects(broken.get('k', { timeoutMs: 1000 }), hasCode('ASHREDIS_LINK_LOST', false));
    return (await cause) as AshRedisError;
  }

  test('ASHREDIS_PROTOCOL: bytes that are no RESP, as the cause of the lost link', async () => {
    hasCode('ASHREDIS_PROTOCOL', false)(await brokenBy(':12x\r\n'));
    hasCode('ASHREDIS_PROTOCOL', false)(await brokenBy('*1\r\n+shifted\r\n'));
  });

  test('ASHREDIS_LIMIT: a reply that declares more than the limit, as the cause of the lost link', async () => {
    hasCode('ASHREDIS_LIMIT', false)(await brokenBy('$9999999999\r\n'));
  });

  test('ASHREDIS_CONNECT: nobody listens', async () => {
    await using nobody = new AshRedisClient('127.0.0.1', 1);
    await assert.rejects(nobody.get('k'), hasCode('ASHREDIS_CONNECT', true));
    await assert.rejects(nobody.get('k'), ConnectionError);
  });

  test('ASHREDIS_HANDSHAKE: the server refuses the credentials', async () => {
    server.script = () => '-WRONGPASS invalid username-password pair\r\n';
    await using stranger = client({ password: 'wrong' });
    await assert.rejects(stranger.get('k'), (error: unknown) => {
      assert.doesNotMatch(String(error), /wrong"/);
      return hasCode('ASHREDIS_HANDSHAKE', true)(error);
    });
  });

  test('ASHREDIS_LINK_LOST: the link goes away under a command', async () => {
    server.script = (words, link) => {
      if (words[0] === 'GET') link.reset();
      return greeting(words);
    };
    await using cut = client({ reconnect: false });
    await assert.rejects(cut.get('k'), hasCode('ASHREDIS_LINK_LOST', false));
  });

  test('ASHREDIS_CLOSED: it was closed before', async () => {
    const closed = client();
    await closed.close();
    await assert.rejects(closed.get('k'), hasCode('ASHREDIS_CLOSED', true));
  });

  test('ASHREDIS_TIMEOUT: no reply in time', async () => {
    server.script = (words) => greeting(words);
    await using slow = client();
    await slow.connect();
    await assert.rejects(slow.get('k', { timeoutMs: 30 }), hasCode('ASHREDIS_TIMEOUT', false));
  });

  test('ASHREDIS_OVERFLOW: more waits than may', async () => {
    await using publisher = new AshRedisChannelDataPublisher('p', 'ashredischannel://c', {
      host: '127.0.0.1',
      port: server.port,
      offlineMaxCount: 1,
    });
    server.script = (words) => greeting(words) ?? ':0\r\n';
    const first = publisher.publish(1);
    await assert.rejects(publisher.publish(2), hasCode('ASHREDIS_OVERFLOW', true));
    assert.equal(await first, 0);
  });
});
