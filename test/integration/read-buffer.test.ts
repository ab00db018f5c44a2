// All sockets of a process are read into one buffer: what one has read in part must not be changed by another.
// Against the embedded server, with values that need many reads each.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AshRedisClient } from '../../src/index.ts';
import { createServer } from '../../src/server/index.ts';

const CLIENTS = 8;
const BYTES = 300_001;

test('sockets that are read by turns keep what is theirs', async () => {
  await using server = await createServer();
  const clients = Array.from({ length: CLIENTS }, () => new AshRedisClient(server.host, server.port));
  try {
    const values = clients.map((_, index) => String.fromCharCode(97 + index).repeat(BYTES));
    await Promise.all(clients.map((client, index) => client.set(`value:${index}`, values[index] as string)));
    for (let round = 0; round < 5; round++) {
      const texts = await Promise.all(clients.map((client, index) => client.get(`value:${index}`)));
      assert.ok(texts.every((text, index) => text === values[index]));
      const kept = await Promise.all(clients.map((client, index) => client.get(`value:${index}`, { as: 'bytes' })));
      for (const [index, bytes] of kept.entries()) {
        assert.ok(Buffer.from(values[index] as string).equals(bytes as Uint8Array), `the bytes of client ${index}`);
      }
    }
  } finally {
    for (const client of clients) await client.close();
  }
});
