// Traces across the channel: the publisher's `traceparent` travels in the record; the commands show on diagnostics_channel.
// Run: node --import tsx examples/traceparent.ts [--host localhost] [--port 6379]

import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import { subscribe } from 'node:diagnostics_channel';
import { AshRedisChannelDataPublisher, AshRedisChannelDataSubscriber } from '../src/index.ts';
import { serverAddress } from './support/address.ts';

const config = serverAddress();
const current = new AsyncLocalStorage<string>();
const newTraceparent = () => `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-01`;

// What a tracing tool does: it listens; nothing in the program changes, and without a listener it costs nothing.
subscribe('tracing:ashredis:command:start', (context) => {
  console.log(`span ${(context as { command: string }).command}, trace ${current.getStore()?.slice(3, 35) ?? 'none'}`);
});

const source = 'ashredischannel://traced';
const subscriber = new AshRedisChannelDataSubscriber<{ n: number; traceparent: string }>('reader', source, config);
const publisher = new AshRedisChannelDataPublisher('writer', source, config);
await subscriber.start();

const traceparent = newTraceparent();
await current.run(traceparent, () => publisher.publish({ n: 1, traceparent }));

for await (const { data } of subscriber) {
  current.run(data.traceparent, () => console.log(`handled in trace ${current.getStore()?.slice(3, 35)}`));
  console.log(`the same trace: ${data.traceparent === traceparent}`);
  break;
}
await publisher.stop();
await subscriber.stop();
