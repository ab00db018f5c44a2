// The framework's priority queue: records wait for their flush and leave by `_dag_priority`, 1 high to 5 low.
// Run: node --import tsx examples/priority-queue.ts [--host localhost] [--port 6379]

import { AshRedisChannelDataPublisher, AshRedisChannelDataSubscriber } from '../src/index.ts';
import { serverAddress } from './support/address.ts';

const config = serverAddress();
const subscriber = new AshRedisChannelDataSubscriber<{ what: string }>('reader', 'ashredischannel://tasks', config);
const publisher = new AshRedisChannelDataPublisher('writer', 'ashredischannel://tasks', {
  ...config,
  publishInterval: 0.2,
  queueType: 'priority',
});
await subscriber.start();

await Promise.all([
  publisher.publish({ what: 'clean up', _dag_priority: 5 }),
  publisher.publish({ what: 'report' }),
  publisher.publish({ what: 'fire alarm', _dag_priority: 1 }),
]);
for (let n = 0; n < 3; n++) console.log((await subscriber.getData(2))?.what);

await publisher.stop();
await subscriber.stop();
