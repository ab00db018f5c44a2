// Example 2 of the guide: a default time to live, and a record that overrides it.
// Run: node --import tsx examples/02-ttl.ts [--host localhost] [--port 6379]

import { AshRedisClient, AshRedisDataPublisher } from '../src/index.ts';
import { serverAddress } from './support/address.ts';

const config = serverAddress();

// `ttl_seconds`, as in the Python configuration, means the same.
const publisher = new AshRedisDataPublisher('cache_publisher', 'ashredis://cache', { ...config, ttlSeconds: 300 });

await publisher.publish({
  __dagserver_key: 'cache:session:abc123',
  __ttl_seconds: 600,
  user_id: 'user_001',
  session_data: { theme: 'dark', language: 'en' },
});
await publisher.publish({ __dagserver_key: 'cache:session:def456', user_id: 'user_002' });
await publisher.stop();

const client = new AshRedisClient(config);
console.log(`abc123 lives for ${await client.ttl('cache:session:abc123')} s`);
console.log(`def456 lives for ${await client.ttl('cache:session:def456')} s`);
await client.close();
