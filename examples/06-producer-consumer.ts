// Example 6 of the guide: a producer and a consumer on one channel. JavaScript needs no threads for it.
// Run: node --import tsx examples/06-producer-consumer.ts [--host localhost] [--port 6379] [--pause-ms 1000]

import { setTimeout as pause } from 'node:timers/promises';
import { AshRedisChannelDataPublisher, AshRedisChannelDataSubscriber } from '../src/index.ts';
import { numberOption, serverAddress } from './support/address.ts';

const config = serverAddress();
const pauseMs = numberOption('pause-ms', 1000);

const publisher = new AshRedisChannelDataPublisher('data_producer', 'ashredischannel://data_stream', config);
const subscriber = new AshRedisChannelDataSubscriber<{ id: number; value: string; timestamp: number }>(
  'data_consumer',
  'ashredischannel://data_stream',
  { ...config, onMessage: ({ data }) => console.log(`received ${data.value}`) },
);

await subscriber.start();

for (let id = 0; id < 10; id++) {
  await publisher.publish({ id, value: `message_${id}`, timestamp: Date.now() / 1000 });
  await pause(pauseMs);
}
await publisher.stop();

// `drain` hands over what has arrived before it closes, so nothing is guessed with a sleep.
await subscriber.stop({ drain: true });
console.log(`Total messages processed: ${subscriber.getMessageCount()}`);
