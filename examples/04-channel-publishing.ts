// Example 4 of the guide: publish an alert on a channel. The result is the number of receivers.
// Run: node --import tsx examples/04-channel-publishing.ts [--host localhost] [--port 6379]

import { AshRedisChannelDataPublisher } from '../src/index.ts';
import { serverAddress } from './support/address.ts';

const publisher = new AshRedisChannelDataPublisher(
  'alerts_publisher',
  'ashredischannel://system_alerts',
  serverAddress(),
);

const receivers = await publisher.publish({
  severity: 'high',
  message: 'CPU usage exceeded 90%',
  timestamp: '2025-10-22T10:35:00Z',
  server: 'web-server-01',
});
console.log(`Alert sent to ${receivers} receivers`);
await publisher.stop();
