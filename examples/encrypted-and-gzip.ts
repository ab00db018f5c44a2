// Issue 4 of the guide's troubleshooting, and its advice to encrypt: payloads that are compressed, and that only key holders read.
// Run: node --import tsx examples/encrypted-and-gzip.ts [--host localhost] [--port 6379]

import { randomBytes } from 'node:crypto';
import { encryptedCodec, gzipCodec } from '../src/codecs/index.ts';
import { AshRedisChannelDataPublisher, AshRedisChannelDataSubscriber, type Codec } from '../src/index.ts';
import { serverAddress } from './support/address.ts';

// The id travels in the clear, so that keys can be changed while messages travel.
const key = { id: 'first', key: randomBytes(32) };
const codecs: Record<string, Codec> = { gzip: gzipCodec(), encrypted: encryptedCodec({ key: () => key }) };

for (const [name, codec] of Object.entries(codecs)) {
  const config = { ...serverAddress(), codec };
  const source = `ashredischannel://${name}`;
  const subscriber = new AshRedisChannelDataSubscriber<{ text: string }>('reader', source, config);
  const publisher = new AshRedisChannelDataPublisher('writer', source, config);
  await subscriber.start();
  await publisher.publish({ text: 'hello '.repeat(1000) });
  for await (const { data, raw } of subscriber) {
    console.log(`${name}: ${data.text.length} characters came as ${raw.length} bytes`);
    break;
  }
  await publisher.stop();
  await subscriber.stop();
}
