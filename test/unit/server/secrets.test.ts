// The embedded server's password is in nothing that shows the server.
// Run by `npm test`.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { createServer } from '../../../src/server/index.ts';
import { RawConnection } from '../../support/raw-connection.ts';

test('neither inspect nor JSON shows the password of a server', async () => {
  await using server = await createServer({ port: 0, password: 'hunter2' });
  assert.doesNotMatch(inspect(server, { depth: 20, showHidden: true }), /hunter2/);
  assert.doesNotMatch(JSON.stringify(server), /hunter2/);
});

test('nothing that a client may ask shows the password, not even its hash', async () => {
  const password = 'hunter2';
  await using server = await createServer({ port: 0, password });
  const client = await RawConnection.open(server);
  const hash = createHash('sha256').update(password).digest('hex');
  const questions = ['ACL LIST', 'ACL GETUSER default', 'CONFIG GET *', 'INFO', 'CLIENT LIST', 'COMMAND'];
  client.write(`AUTH ${password}\r\n${questions.join('\r\n')}\r\nECHO the-end\r\n`);
  const answers = await client.until((received) => received.includes('the-end\r\n'));
  assert.ok(answers.includes('user default on ~* &* +@all'));
  assert.ok(!answers.includes(password) && !answers.includes(hash));
  client.close();
});
