// Example 3 of the guide: publish into a region. Other regions, and no region, do not see the key.
// Run: node --import tsx examples/03-multi-region.ts [--host localhost] [--port 6379]

import { AshRedisClient, AshRedisDataPublisher } from '../src/index.ts';
import { serverAddress } from './support/address.ts';

const config = serverAddress();

const publisher = new AshRedisDataPublisher('us_user_publisher', 'ashredis://users', {
  ...config,
  region: 'us-east-1',
});

await publisher.publish({
  __dagserver_key: 'user:profile:12345',
  name: 'John Doe',
  email: 'john@example.com',
  region: 'US',
});
await publisher.stop();

const client = new AshRedisClient(config);
console.log(`us-east-1: ${await client.get('user:profile:12345', { region: 'us-east-1' })}`);
console.log(`eu-west-1: ${await client.get('user:profile:12345', { region: 'eu-west-1' })}`);
await client.close();
