// Advanced feature 1 of the guide: the same kind of record in three regions, isolated from each other.
// Run: node --import tsx examples/07-regions.ts [--host localhost] [--port 6379]

import { AshRedisClient, AshRedisDataPublisher } from '../src/index.ts';
import { serverAddress } from './support/address.ts';

// One client lends its connections, so that any number of publishers needs one socket.
const client = new AshRedisClient(serverAddress());
const regions = ['us-east-1', 'eu-west-1', 'ap-south-1'];

for (const region of regions) {
  const publisher = new AshRedisDataPublisher(`${region}_publisher`, `ashredis://${region}_data`, { client, region });
  await publisher.publish({ __dagserver_key: `user:${region}:123`, name: 'User 123', region });
  await publisher.stop();
}

for (const region of regions) console.log(`${region}: ${await client.keys('user:*', { region })}`);
await client.close();
