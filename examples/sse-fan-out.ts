// Server-sent events over node:http, without a framework: one subscription feeds every browser that is connected.
// Run: node --import tsx examples/sse-fan-out.ts [--host localhost] [--port 6379] [--http-port 8080]; then curl -N localhost:8080

import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AshRedisChannelDataSubscriber } from '../src/index.ts';
import { numberOption, serverAddress } from './support/address.ts';

const browsers = new Set<ServerResponse>();
const send = (event: string, data: unknown) => {
  for (const browser of browsers) {
    // A browser that does not read must not fill our memory: it is cut and comes back by itself.
    if (browser.writableLength > 1_000_000) browser.destroy();
    else browser.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }
};

const subscriber = new AshRedisChannelDataSubscriber('sse', 'ashredischannel://prices', {
  ...serverAddress(),
  onMessage: ({ data }) => send('price', data),
  // Whoever shows prices must know that some are missing.
  onGap: ({ from, to, missed }) => send('gap', { from, to, missed }),
});
await subscriber.start();

const server = createServer((_request, response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  response.write(': connected\n\n');
  browsers.add(response);
  response.once('close', () => browsers.delete(response));
});
server.listen(numberOption('http-port', 8080), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    server.close();
    for (const browser of browsers) browser.end();
    await subscriber.stop();
  });
}
