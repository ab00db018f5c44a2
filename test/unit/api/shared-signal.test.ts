// One signal for everything, as programs that stop by one have it: Node warns of more than ten listeners.

import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { AshRedisChannelDataPublisher } from '../../../src/api/ash-redis-channel-data-publisher.ts';
import { AshRedisClient } from '../../../src/api/ash-redis-client.ts';
import { greeting, type ScriptedServer, startScriptedServer } from '../../support/scripted-server.ts';

describe('a signal that many share', () => {
  let server: ScriptedServer;
  before(async () => {
    // Answers no command: all of them wait.
    server = await startScriptedServer((words) => greeting(words) ?? '');
  });
  after(() => server.stop());

  const config = () => ({ host: '127.0.0.1', port: server.port });
  const listenersOf = (signal: AbortSignal) => getEventListeners(signal, 'abort').length;

  test('commands in flight are one listener of it, and end with it', async () => {
    await using client = new AshRedisClient(config());
    await using publisher = new AshRedisChannelDataPublisher('p', 'ashredischannel://c', config());
    await Promise.all([client.connect(), publisher.connect()]);
    const controller = new AbortController();
    const { signal } = controller;
    const waiting = Array.from({ length: 20 }, (_, index) =>
      index % 2 === 0 ? client.get('k', { signal }) : publisher.publish(index, { signal }),
    );
    assert.equal(listenersOf(signal), 1);
    controller.abort(new Error('enough'));
    for (const { status, reason } of (await Promise.allSettled(waiting)) as PromiseRejectedResult[]) {
      assert.equal(status, 'rejected');
      assert.match(String(reason), /enough/);
    }
  });

  test('publishers that stop by it are one listener of it, and none when they have stopped', async () => {
    const { signal } = new AbortController();
    const publishers = Array.from(
      { length: 12 },
      (_, index) => new AshRedisChannelDataPublisher(`p${index}`, 'ashredischannel://c', { ...config(), signal }),
    );
    assert.equal(listenersOf(signal), 1);
    await Promise.all(publishers.map((publisher) => publisher.stop()));
    assert.equal(listenersOf(signal), 0);
  });
});
