// Advanced feature 2 of the guide: each record says how long it lives.
// Run: node --import tsx examples/08-dynamic-ttl.ts [--host localhost] [--port 6379]

import { AshRedisClient, AshRedisDataPublisher } from '../src/index.ts';
import { serverAddress } from './support/address.ts';

const config = serverAddress();
const publisher = new AshRedisDataPublisher('ttl_publisher', 'ashredis://cache', { ...config, ttl_seconds: 300 });

await publisher.publish({ __dagserver_key: 'temp:session', __ttl_seconds: 60, data: 'temporary' });
await publisher.publish({ __dagserver_key: 'config:app', __ttl_seconds: 3600, data: 'configuration' });
await publisher.stop();

const client = new AshRedisClient(config);
console.log(`temp:session lives for ${await client.ttl('temp:session')} s`);
console.log(`config:app lives for ${await client.ttl('config:app')} s`);
await client.close();
