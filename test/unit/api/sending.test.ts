// `retry`, `whenDisconnected` and `timeoutMs`: of the configuration, and of a call before it, for everybody who sends.
// Run by `npm test`, over a scripted server that loses links when it is told to.

import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { AshRedisChannelDataPublisher } from '../../../src/api/ash-redis-channel-data-publisher.ts';
import { AshRedisClient } from '../../../src/api/ash-redis-client.ts';
import { AshRedisDataPublisher } from '../../../src/api/ash-redis-data-publisher.ts';
import type { CommandOptions } from '../../../src/api/config-types.ts';
import { ConnectionError, LinkLostError, TimeoutError } from '../../../src/errors/index.ts';
import { nextEvent } from '../../support/events.ts';
import {
  bulk,
  greeting,
  type Script,
  type ScriptedServer,
  startScriptedServer,
} from '../../support/scripted-server.ts';

const answering: Script = (words) =>
  greeting(words) ?? (words[0] === 'GET' ? bulk('v') : words[0] === 'SET' ? '+OK\r\n' : ':1\r\n');

type Sending = Pick<CommandOptions, 'retry' | 'whenDisconnected' | 'timeoutMs'>;

interface Sender {
  readonly object: AshRedisClient | AshRedisChannelDataPublisher | AshRedisDataPublisher;
  send(options?: Sending): Promise<unknown>;
}

type Settings = Sending & object;

function byClient(send: (client: AshRedisClient, options?: Sending) => Promise<unknown>) {
  return (settings: Settings): Sender => {
    const object = new AshRedisClient(settings);
    return { object, send: (options) => send(object, options) };
  };
}

/** Everybody who sends, by what they send. */
const SENDERS: Record<string, (settings: Settings) => Sender> = {
  'a method of the client': byClient((client, options) => client.get('k', options)),
  'command()': byClient((client, options) => client.command('GET', 'k', options ?? {})),
  'a batch': byClient((client, options) => client.batch(options).get('k').exec()),
  'publish() of the client': byClient((client, options) => client.publish('c', 'x', options)),
  'the channel publisher': (settings) => {
    const object = new AshRedisChannelDataPublisher('p', 'ashredischannel://c', settings);
    return { object, send: (options) => object.publish(1, options) };
  },
  'the key publisher': (settings) => {
    const object = new AshRedisDataPublisher('p', 'ashredis://x', settings);
    return { object, send: (options) => object.publish({ __dagserver_key: 'k' }, options) };
  },
};

describe('how what is sent is sent', () => {
  let server: ScriptedServer;
  let open: Sender['object'] | undefined;

  /** Connected, over the first link of a server of its own. */
  async function connected(make: (settings: Settings) => Sender, config: Sending, script = answering): Promise<Sender> {
    await close();
    server = await startScriptedServer(script);
    const place = { host: '127.0.0.1', port: server.port, reconnect: { maxDelayMs: 1 }, closeTimeoutMs: 1 };
    const sender = make({ ...place, ...config });
    open = sender.object;
    await sender.object.connect();
    return sender;
  }

  async function close(): Promise<void> {
    if (open === undefined) return;
    await open[Symbol.asyncDispose]();
    await server.stop();
    open = undefined;
  }
  afterEach(close);

  /** The first link is lost when a command of a user's comes; the next ones answer. */
  const losing: Script = (words, link) => {
    if (greeting(words) !== undefined || link.number > 1) return answering(words, link);
    link.reset();
    return undefined;
  };

  for (const [title, make] of Object.entries(SENDERS)) {
    test(`${title}: what was written is never sent again, but with retry "always", of the call before the configuration`, async () => {
      const lost = (error: unknown) => error instanceof LinkLostError && error.safeToRetry === false;
      const cases: [Sending, Sending | undefined, boolean][] = [
        [{}, undefined, false],
        [{}, { retry: 'always' }, true],
        [{ retry: 'always' }, undefined, true],
        [{ retry: 'always' }, { retry: 'never' }, false],
        [{ retry: 'always' }, { timeoutMs: 4000 }, true],
      ];
      for (const [config, options, isSentAgain] of cases) {
        const one = await connected(make, config, losing);
        if (isSentAgain) await one.send(options);
        else await assert.rejects(one.send(options), lost);
        const own = server.links.flatMap(({ commands }) => commands.filter((words) => greeting(words) === undefined));
        assert.equal(own.length, isSentAgain ? 2 : 1, JSON.stringify([config, options]));
        if (isSentAgain) assert.deepEqual(own[0], own[1]);
      }
    });

    test(`${title}: without a link it waits, or fails at once with whenDisconnected "fail", of the call before the configuration`, async () => {
      const cases: [Sending, Sending | undefined, boolean][] = [
        [{}, undefined, false],
        [{}, { whenDisconnected: 'fail' }, true],
        [{ whenDisconnected: 'fail' }, undefined, true],
        [{ whenDisconnected: 'fail' }, { whenDisconnected: 'queue' }, false],
      ];
      for (const [config, options, fails] of cases) {
        const one = await connected(make, config);
        const waiting = nextEvent<{ to: string }>(one.object, 'state', ({ to }) => to === 'waiting');
        server.onLink = (link) => link.reset();
        server.links[0]?.reset();
        await waiting;
        const sent = one.send(options);
        sent.catch(() => {});
        if (fails)
          await assert.rejects(sent, (error: unknown) => error instanceof ConnectionError && error.safeToRetry);
        server.onLink = () => {};
        if (!fails) await sent;
      }
    });

    test(`${title}: timeoutMs is the limit of one call`, async () => {
      const one = await connected(make, {});
      server.script = () => undefined;
      await assert.rejects(
        one.send({ timeoutMs: 20 }),
        (error: unknown) => error instanceof TimeoutError && /\b20 ms/.test(error.message),
      );
    });
  }
});
