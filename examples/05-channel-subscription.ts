// Example 5 of the guide: subscribe to a channel until Ctrl-C, or until --count messages came.
// Run: node --import tsx examples/05-channel-subscription.ts [--host localhost] [--port 6379] [--count 10]

import { AshRedisChannelDataSubscriber } from '../src/index.ts';
import { numberOption, serverAddress } from './support/address.ts';

const subscriber = new AshRedisChannelDataSubscriber(
  'alerts_subscriber',
  'ashredischannel://system_alerts',
  serverAddress(),
);

// The server has confirmed the subscription when start() resolves: nothing published after it is missed.
await subscriber.start();
console.log('Listening on system_alerts, Ctrl-C ends it');
process.once('SIGINT', () => {
  console.log('Stopping subscriber...');
  void subscriber.stop();
});

const count = numberOption('count', Number.POSITIVE_INFINITY);
for await (const message of subscriber) {
  console.log(`${message.channel}: ${JSON.stringify(message.data)}`);
  if (subscriber.getMessageCount() >= count) break;
}
await subscriber.stop();
console.log(`Processed ${subscriber.getMessageCount()} messages`);
