// The embedded server's password is in nothing that shows the server.
// Run by `npm test`.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { createServer } from '../../../src/server/index.ts';

test('neither inspect nor JSON shows the password of a server', async () => {
  await using server = await createServer({ port: 0, password: 'hunter2' });
  assert.doesNotMatch(inspect(server, { depth: 20, showHidden: true }), /hunter2/);
  assert.doesNotMatch(JSON.stringify(server), /hunter2/);
});
