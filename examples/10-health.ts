// Advanced feature 4 of the guide: what a publisher and a subscriber know about themselves.
// Run: node --import tsx examples/10-health.ts [--host localhost] [--port 6379]

import { AshRedisChannelDataPublisher, AshRedisChannelDataSubscriber } from '../src/index.ts';
import { serverAddress } from './support/address.ts';

const config = serverAddress();
const publisher = new AshRedisChannelDataPublisher('health_publisher', 'ashredischannel://health', config);
const subscriber = new AshRedisChannelDataSubscriber('health_subscriber', 'ashredischannel://health', config);

await subscriber.start();
await publisher.publish({ beat: 1 });
await subscriber.getData(2);

console.log('Publisher stats:', {
  publish_count: publisher.publishCount,
  failed_count: publisher.failedCount,
  last_publish: publisher.lastPublish,
  is_running: publisher.isRunning(),
});
console.log('Subscriber stats:', {
  message_count: subscriber.getMessageCount(),
  queue_size: subscriber.getQueueSize(),
  is_running: subscriber.isRunning(),
});

await publisher.stop();
await subscriber.stop();
