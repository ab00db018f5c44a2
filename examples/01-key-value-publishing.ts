// Example 1 of the guide: publish a record under its `__dagserver_key`.
// Run: node --import tsx examples/01-key-value-publishing.ts [--host localhost] [--port 6379]

import { AshRedisClient, AshRedisDataPublisher } from '../src/index.ts';
import { serverAddress } from './support/address.ts';

const config = serverAddress();

const publisher = new AshRedisDataPublisher('sensor_publisher', 'ashredis://sensor_data', config);

await publisher.publish({
  __dagserver_key: 'sensor:temperature:001',
  value: 23.5,
  unit: 'celsius',
  timestamp: '2025-10-22T10:30:00Z',
});
await publisher.stop();

// What is stored is the record without its key.
const client = new AshRedisClient(config);
console.log(await client.get('sensor:temperature:001'));
await client.close();
