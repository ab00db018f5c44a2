// Memory that publishing gives back: what was published is forgotten, and of channels only so many are remembered.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { AshRedisChannelDataPublisher } from '../../../src/api/ash-redis-channel-data-publisher.ts';
import { AshRedisClient } from '../../../src/api/ash-redis-client.ts';
import { ClientPublish } from '../../../src/api/client-publish.ts';
import { parseConfiguration } from '../../../src/api/config.ts';
import type { Connections } from '../../../src/api/connections.ts';
import { Capture, type PublishCommand } from '../../../src/api/publish-command.ts';
import { until } from '../../support/events.ts';
import { greeting, startScriptedServer } from '../../support/scripted-server.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Nothing happens by itself for as long as a test waits. */
const LONG = { commandTimeoutMs: 60_000, heartbeatIntervalMs: 60_000 };

describe('memory', () => {
  test('of channels that were published to is bounded, however many there are', () => {
    const publish = new ClientPublish(
      { config: parseConfiguration({}, 'client') } as unknown as Connections,
      new Capture(),
    );
    const used = () => {
      collect();
      return process.memoryUsage().heapUsed;
    };
    const before = used();
    for (let count = 0; count < 10_000; count++) {
      const routingKey = `${count}:`.padEnd(8192, 'x');
      const { text } = publish.encodePublish({ routingKey, payload: 'p' } as PublishCommand);
      assert.ok(text?.startsWith(`*3\r\n$7\r\nPUBLISH\r\n$8192\r\n${count}:`));
    }
    const taken = used() - before;
    assert.ok(taken < 30e6, `${taken} bytes after 10,000 channels of 8 KiB`);
    assert.equal(publish.encodePublish({ routingKey: 'c', payload: 'p' } as PublishCommand).byteLength, 31);
  });

  test('of a record is free once its publish has settled, also where the connections are lent', async (t) => {
    const server = await startScriptedServer(
      (words) => greeting(words) ?? (words[2]?.includes('bad') ? '-ERR no\r\n' : ':1\r\n'),
    );
    const client = new AshRedisClient('127.0.0.1', server.port, LONG);
    t.after(() => client.close().then(() => server.stop()));
    const publisher = new AshRedisChannelDataPublisher('p', 'ashredischannel://c', { client });
    const records: WeakRef<object>[] = [];
    const settled: Promise<unknown>[] = [];
    for (let count = 0; count < 200; count++) {
      const record = { text: count % 2 === 0 ? 'good' : 'bad' };
      records.push(new WeakRef(record));
      settled.push(publisher.publish(record).catch(() => {}));
    }
    await Promise.all(settled);
    settled.length = 0;
    const alive = () => {
      collect();
      return records.filter((record) => record.deref() !== undefined).length;
    };
    // The last one is known until the next.
    await until(() => alive() <= 1, 'the records are free');
    await publisher.stop();
  });

  test('of what a client was given, and gave, is free with its answer, whatever the time limits are', async (t) => {
    const server = await startScriptedServer((words) => greeting(words) ?? `$${2 ** 20}\r\n${'x'.repeat(2 ** 20)}\r\n`);
    const client = new AshRedisClient('127.0.0.1', server.port, LONG);
    t.after(() => client.close().then(() => server.stop()));
    const values: WeakRef<object>[] = [];
    const get = async (timeoutMs: number) => {
      values.push(new WeakRef((await client.get('k', { as: 'bytes', timeoutMs })) as Uint8Array));
    };
    // Those of the shorter limit stand apart.
    await Promise.all([60_000, 50_000, 50_000, 60_000].map(get));
    const alive = () => {
      collect();
      return values.filter((value) => value.deref() !== undefined).length;
    };
    await until(() => alive() <= 1, 'the values are free');
  });
});
