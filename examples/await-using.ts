// `await using`: what the guide calls a context manager. Leaving the block stops everything, also after a throw.
// Run: node --import tsx examples/await-using.ts [--host localhost] [--port 6379]

import { AshRedisChannelDataPublisher, AshRedisChannelDataSubscriber } from '../src/index.ts';
import { serverAddress } from './support/address.ts';

const config = serverAddress();
{
  await using subscriber = new AshRedisChannelDataSubscriber('reader', 'ashredischannel://scoped', config);
  await using publisher = new AshRedisChannelDataPublisher('writer', 'ashredischannel://scoped', config);
  await subscriber.start();
  await publisher.publish({ hello: 'world' });
  console.log(await subscriber.getData(2));
}
console.log('both are stopped');
