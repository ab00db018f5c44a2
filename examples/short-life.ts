// A function that lives for one call, as in AWS Lambda: fail fast, publish, leave nothing behind.
// Run: node --import tsx examples/short-life.ts [--host localhost] [--port 6379]

import { AshRedisChannelDataPublisher, type JsonObject } from '../src/index.ts';
import { serverAddress } from './support/address.ts';

async function handler(event: JsonObject): Promise<{ statusCode: number; body: string }> {
  const publisher = new AshRedisChannelDataPublisher('lambda', 'ashredischannel://orders', {
    ...serverAddress(),
    connectTimeoutMs: 1000,
    commandTimeoutMs: 1000,
    reconnect: false,
  });
  try {
    const receivers = await publisher.publish(event);
    return { statusCode: 202, body: `told ${receivers} receivers` };
  } catch (error) {
    return { statusCode: 503, body: (error as Error).message };
  } finally {
    await publisher.stop();
  }
}

console.log(await handler({ order: 17, total: 99.5 }));
// No process.exit(): nothing is left that would keep the process alive.
