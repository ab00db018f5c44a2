// How fast a client is back: 200 virtual outages, the server's return uniform in the first second.
// Run by `npm test`. It must never look at a real clock.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../../support/simulation/random.ts';
import { VirtualConnection } from '../../support/virtual-connection.ts';

test('half of all clients are ready again within 250 ms of the server, and nearly all within 1.6 s', async () => {
  const random = new SeededRandom(17);
  const delays: number[] = [];
  for (let run = 0; run < 200; run++) {
    const bench = new VirtualConnection({}, undefined, {}, 1000 + run);
    await bench.connect();
    bench.network.weather.dial = 'refuse';
    bench.cutAll();
    await bench.run(random.next() * 1000);
    bench.network.weather.dial = 'accept';
    const returned = bench.time.now();
    while (bench.connection.state !== 'ready') await bench.run(5);
    delays.push(bench.time.now() - returned);
    await bench.connection.close();
  }
  delays.sort((a, b) => a - b);
  const [median, p95] = [delays[100] as number, delays[190] as number];
  assert.ok(median <= 250, `the median is ${median} ms`);
  assert.ok(p95 <= 1600, `95 of 100 are back within ${p95} ms`);
});
