// What users' functions throw where nobody expects it, and what can't be made text. Run by `npm test`.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  AshRedisChannelDataPublisher,
  AshRedisChannelDataSubscriber,
  AshRedisClient,
  DataSubscriber,
  HandshakeError,
  type Receiver,
  UsageError,
} from '../../../src/index.ts';
import { createServer } from '../../../src/server/index.ts';
import { startScriptedServer } from '../../support/scripted-server.ts';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
/** `String()` throws for both. */
const UNTOLD = [Object.create(null), { toString: () => assert.fail('text') }];

class Holding extends DataSubscriber<number> {
  receiver: Receiver | undefined;
  hold = (): unknown => undefined;

  protected override doStart(receiver: Receiver): void {
    this.receiver = receiver;
  }

  protected override doPause(): void {
    return this.hold() as undefined;
  }

  protected override doResume(): void {
    return this.hold() as undefined;
  }
}

test('a source that can not be held up, and says so, loses no message', async () => {
  for (const thrown of [new Error('no'), ...UNTOLD]) {
    for (const hold of [
      () => {
        throw thrown;
      },
      () => Promise.reject(thrown),
    ]) {
      const told: string[] = [];
      const quiet = () => {};
      const subscriber = new Holding('own', 'own://x', {
        queueMaxCount: 1,
        logger: { debug: quiet, info: quiet, warn: (text: string) => told.push(text), error: quiet },
      });
      subscriber.hold = hold;
      await subscriber.start();
      for (const text of ['1', '2', '3']) subscriber.receiver?.message('c', text);
      await turn();
      assert.deepEqual(
        [await subscriber.getData(1), await subscriber.getData(1), await subscriber.getData(1)],
        [1, 2, 3],
      );
      await subscriber.stop();
      assert.match(told[0] as string, /^subscriber "own": /);
    }
  }
});

test('a handler or onGap that gives what throws when it is waited for is a handlerError', async () => {
  const thenable = {
    // biome-ignore lint/suspicious/noThenProperty: that is what is tested
    then: () => assert.fail('then'),
  };
  for (const config of [
    { onMessage: () => thenable },
    { onGap: () => thenable },
    { onMessage() {}, onGap: () => thenable },
  ]) {
    const subscriber = new Holding('own', 'own://x', config);
    const errors: string[] = [];
    subscriber.on('handlerError', ({ error }) => errors.push((error as Error).message));
    await subscriber.start();
    const gap = {
      channels: ['c'],
      from: 1,
      to: 2,
      cause: new Error('x'),
      reason: 'link-lost',
      missed: 'unknown',
    } as const;
    subscriber.receiver?.gap(gap);
    subscriber.receiver?.message('c', '1');
    if (!('onMessage' in config)) assert.equal(await subscriber.getData(1), 1);
    await turn();
    assert.deepEqual(errors, ['then']);
    await subscriber.stop();
  }
});

test('what can not be made text is a failure like others: of a codec, of credentials', async () => {
  const server = await startScriptedServer();
  for (const thrown of UNTOLD) {
    const throwing = () => {
      throw thrown;
    };
    const codec = { name: 'own', encode: throwing, decode: throwing };
    await using publisher = new AshRedisChannelDataPublisher('p', 'ashredischannel://c', { port: server.port, codec });
    await assert.rejects(publisher.publish(1), UsageError);
    await using client = new AshRedisClient({ port: server.port, credentials: throwing });
    await assert.rejects(client.get('k'), HandshakeError);
  }
  await server.stop();
});

test('credentials with a user name that is none fail as others do; null is no user name', async () => {
  await using server = await createServer({ password: 'right' });
  const made = (username: unknown) =>
    new AshRedisClient({ port: server.port, credentials: () => ({ username: username as string, password: 'right' }) });
  for (const username of [5, {}, true]) {
    await using client = made(username);
    await assert.rejects(client.get('k'), HandshakeError);
  }
  for (const username of [null, undefined, 'default']) {
    await using client = made(username);
    assert.equal(await client.ping(), 'PONG');
  }
});

test('stop(null) and close(null) settle, and the second call too', async () => {
  const ends = [
    (none: undefined) => new AshRedisChannelDataPublisher('p', 'ashredischannel://c').stop(none),
    (none: undefined) => new AshRedisChannelDataSubscriber('s', 'ashredischannel://c').stop(none),
    (none: undefined) => new AshRedisClient().close(none),
  ];
  for (const end of ends) await end(null as unknown as undefined);
});
