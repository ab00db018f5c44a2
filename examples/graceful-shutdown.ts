// Graceful shutdown: on SIGTERM stop taking work, finish what has arrived, send the results, then leave.
// Run: node --import tsx examples/graceful-shutdown.ts [--host localhost] [--port 6379]; it sends the signal to itself

import { setTimeout as pause } from 'node:timers/promises';
import { AshRedisChannelDataPublisher, AshRedisChannelDataSubscriber } from '../src/index.ts';
import { serverAddress } from './support/address.ts';

const config = serverAddress();
const results = new AshRedisChannelDataPublisher('results', 'ashredischannel://results', config);
const orders = new AshRedisChannelDataSubscriber<{ n: number }>('orders', 'ashredischannel://orders-in', {
  ...config,
  onMessage: async ({ data }) => {
    await pause(10); // the work
    await results.publish({ done: data.n });
  },
});
await orders.start();

process.once('SIGTERM', async () => {
  const { delivered, discarded } = await orders.stop({ drain: true, timeoutMs: 5000 });
  await results.stop();
  console.log(`finished ${delivered}, gave up ${discarded}, answered ${results.publishCount}`);
});

const producer = new AshRedisChannelDataPublisher('producer', 'ashredischannel://orders-in', config);
for (let n = 1; n <= 20; n++) await producer.publish({ n });
await producer.stop();
// The 20 are in the queue of the subscriber, or being worked on, when the signal comes.
while (orders.getMessageCount() < 20) await pause(5);
process.kill(process.pid, 'SIGTERM');
