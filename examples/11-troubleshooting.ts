// The troubleshooting section of the guide: what each of its issues looks like here.
// Run: node --import tsx examples/11-troubleshooting.ts [--host localhost] [--port 6379]

import {
  AshRedisChannelDataPublisher,
  AshRedisChannelDataSubscriber,
  AshRedisDataPublisher,
  ConnectError,
  MissingKeyError,
} from '../src/index.ts';
import { serverAddress } from './support/address.ts';

const config = serverAddress();

// Issue 1: connection refused. The error names host, port, cause and what to check.
const nobody = new AshRedisDataPublisher('nobody', 'ashredis://x', { host: '127.0.0.1', port: 1 });
await nobody.publish({ __dagserver_key: 'k' }).catch((error) => {
  console.log(`1: ${error instanceof ConnectError} ${error.message}`);
});
await nobody.stop();

// Issue 2: no __dagserver_key in the record.
const keyless = new AshRedisDataPublisher('keyless', 'ashredis://x', config);
await keyless.publish({ value: 1 }).catch((error) => {
  console.log(`2: ${error instanceof MissingKeyError} ${error.message}`);
});
await keyless.stop();

// Issue 3: messages not received. publish() tells how many received it: 0 means that the names do not match.
const publisher = new AshRedisChannelDataPublisher('p', 'ashredischannel://alerts', config);
const subscriber = new AshRedisChannelDataSubscriber('s', 'ashredischannel://alert', config);
await subscriber.start();
console.log(`3: ${await publisher.publish({ n: 1 })} receivers on "alerts" while somebody listens on "alert"`);
await subscriber.stop();

// Issue 5: sharing a publisher. One object may be used by everything that runs at once, without a lock.
await Promise.all(Array.from({ length: 100 }, (_, n) => publisher.publish({ n })));
console.log(`5: ${publisher.publishCount} published, ${publisher.failedCount} failed`);
await publisher.stop();
