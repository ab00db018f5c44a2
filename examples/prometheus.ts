// Numbers for Prometheus: `stats()` of a publisher and a subscriber as its text format.
// Run: node --import tsx examples/prometheus.ts [--host localhost] [--port 6379]

import { AshRedisChannelDataPublisher, AshRedisChannelDataSubscriber } from '../src/index.ts';
import { serverAddress } from './support/address.ts';

const config = serverAddress();
const publisher = new AshRedisChannelDataPublisher('orders_out', 'ashredischannel://metrics', config);
const subscriber = new AshRedisChannelDataSubscriber('orders_in', 'ashredischannel://metrics', config);
await subscriber.start();
for (let n = 0; n < 5; n++) await publisher.publish({ n });
for (let n = 0; n < 5; n++) await subscriber.getData(2);

/** Every number of a `stats()` object becomes a line; text and nested objects are left out. */
function prometheusText(name: string, stats: object): string {
  return Object.entries(stats)
    .filter(([, value]) => typeof value === 'number' || typeof value === 'boolean')
    .map(([key, value]) => {
      const metric = `ashredis_${key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`;
      return `${metric}{name="${name}"} ${Number(value)}`;
    })
    .join('\n');
}

console.log(prometheusText('orders_out', publisher.stats()));
console.log(prometheusText('orders_in', subscriber.stats()));
await publisher.stop();
await subscriber.stop();
