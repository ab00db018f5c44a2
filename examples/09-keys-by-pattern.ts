// Advanced feature 3 of the guide: find keys by pattern. `scan` is the way that does not hold up a large server.
// Run: node --import tsx examples/09-keys-by-pattern.ts [--host localhost] [--port 6379]

import { AshRedisClient } from '../src/index.ts';
import { serverAddress } from './support/address.ts';

const client = new AshRedisClient(serverAddress());
await client.connect();

await client.set('sensor:temperature:001', '{"value":23.5}', { ttlSeconds: 60 });
await client.set('sensor:humidity:001', '{"value":61}', { ttlSeconds: 60 });

console.log(`Found sensors: ${(await client.keys('sensor:*')).sort()}`);
console.log(`Temperature sensors: ${await client.keys('sensor:temperature:*')}`);

const scanned: string[] = [];
for await (const key of client.scan('sensor:humidity:*')) scanned.push(key);
console.log(`Humidity sensors: ${scanned}`);

await client.close();
