// What is sent before the server was ever reached, so that its dialect is not known: limits in time and bytes, and order.
// Run by `npm test`, on virtual time.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PLATFORM } from '../../../src/api/platform.ts';
import { AshRedisClient, type ClientOptions, OverflowError, TimeoutError } from '../../../src/index.ts';
import { cutCommand, greeting } from '../../support/scripted-server.ts';
import { SimulatedNetwork } from '../../support/simulation/network.ts';
import { SeededRandom } from '../../support/simulation/random.ts';
import { VirtualTime } from '../../support/simulation/virtual-time.ts';

const MIB = 2 ** 20;

class Bench {
  readonly time = new VirtualTime();
  readonly network = new SimulatedNetwork(this.time, new SeededRandom(1));
  readonly client: AshRedisClient;
  /** Users' commands, as the server gets them. */
  readonly got: string[] = [];

  constructor(options: ClientOptions = {}) {
    this.network.weather.dial = 'refuse';
    this.network.onAccept = (end) => {
      let buffer = '';
      end.onData = (bytes) => {
        buffer += Buffer.from(bytes).toString('latin1');
        for (let cut = cutCommand(buffer); cut !== undefined; cut = cutCommand(buffer)) {
          buffer = cut.rest;
          const hello = greeting(cut.words);
          if (hello === undefined) this.got.push(cut.words.join(' '));
          end.send(Buffer.from(hello ?? '+OK\r\n'));
        }
      };
    };
    const platform = this.network.platform('client', new SeededRandom(2), 1_700_000_000_000);
    this.client = new AshRedisClient({ waitOnFirstConnect: true, ...options, [PLATFORM]: platform } as ClientOptions);
  }

  /** Ms until `promise` settles, and how. */
  async timed(promise: Promise<unknown>): Promise<{ ms: number; result: unknown }> {
    const start = this.time.now();
    let ended: { ms: number; result: unknown } | undefined;
    const end = (result: unknown) => {
      ended = { ms: this.time.now() - start, result };
    };
    promise.then(end, end);
    while (ended === undefined && this.time.now() - start < 60_000) await this.time.runFor(1);
    return ended ?? assert.fail('it did not settle within a minute');
  }

  async close(): Promise<void> {
    const closed = this.client.close();
    await this.time.runFor(3000);
    await closed;
  }
}

describe('before the server was ever reached', () => {
  for (const atomic of [false, true]) {
    test(`a batch has the time limit of a command, atomic ${atomic}`, async () => {
      const bench = new Bench();
      const late = await bench.timed(bench.client.batch({ atomic }).get('k').exec());
      assert.ok(late.result instanceof TimeoutError && late.result.safeToRetry, String(late.result));
      assert.ok(late.ms >= 5000 && late.ms < 5010, `${late.ms} ms`);
      const soon = await bench.timed(bench.client.batch({ atomic, timeoutMs: 300 }).get('k').exec());
      assert.ok(soon.result instanceof TimeoutError && /within 300 ms/.test(soon.result.message), String(soon.result));
      assert.ok(soon.ms < 310, `${soon.ms} ms`);
      await bench.close();
    });
  }

  test('a batch leaves in the order of the calls', async () => {
    const bench = new Bench();
    const before = bench.client.set('a', '1');
    const batch = bench.client.batch().set('b', '2').set('c', '3').exec();
    const after = bench.client.set('d', '4');
    await bench.time.runFor(500);
    bench.network.weather.dial = 'accept';
    const all = await bench.timed(Promise.all([before, batch, after]));
    assert.deepEqual(all.result, ['OK', ['OK', 'OK'], 'OK']);
    assert.deepEqual(bench.got, ['SET a 1', 'SET b 2', 'SET c 3', 'SET d 4']);
    await bench.close();
  });

  test('what waits is bounded by its bytes, one by one and in batches', async () => {
    const bench = new Bench({ offlineMaxBytes: 3 * MIB });
    const value = 'x'.repeat(MIB - 1000);
    const bytes = new Uint8Array(MIB - 1000);
    const waiting = bench.client.set('a', value);
    const batch = bench.client.batch().set('b', bytes).set('c', value).exec();
    for (const refused of [
      bench.client.set('d', value),
      bench.client.set('d', bytes),
      bench.client.batch().set('d', value).exec(),
    ]) {
      const { result } = await bench.timed(refused);
      assert.ok(result instanceof OverflowError && result.message.includes('"offlineMaxBytes"'), String(result));
    }
    bench.network.weather.dial = 'accept';
    assert.deepEqual((await bench.timed(Promise.all([waiting, batch]))).result, ['OK', ['OK', 'OK']]);
    await bench.close();
  });
});
