// What a refusal of MULTI … EXEC says about sending it again: never that it is safe where a part may have been executed.
// Run by `npm test`.

import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { AshRedisChannelDataPublisher, AshRedisClient, ReplyError } from '../../../src/index.ts';
import { greeting, type ScriptedServer, startScriptedServer } from '../../support/scripted-server.ts';

type Replies = readonly [multi: string, set: string, publish: string, exec: string];

const [OK, QUEUED, NOPERM] = ['+OK\r\n', '+QUEUED\r\n', '-NOPERM User has no permissions to run the command\r\n'];
const ABORTED = '-EXECABORT Transaction discarded because of previous errors.\r\n';

/** What the server answers, whether sending again is safe, and the command that is named by a batch. */
const CASES: Record<string, { replies: Replies; isSafe: boolean; names: string }> = {
  'MULTI, so that the rest is executed by itself': {
    replies: [NOPERM, OK, ':1\r\n', '-ERR EXEC without MULTI\r\n'],
    isSafe: false,
    names: 'MULTI',
  },
  'a command on its way into the queue': { replies: [OK, NOPERM, QUEUED, ABORTED], isSafe: true, names: 'SET' },
  'the second command on its way into the queue': {
    replies: [OK, QUEUED, '-OOM command not allowed\r\n', ABORTED],
    isSafe: true,
    names: 'PUBLISH',
  },
  'EXEC, for a reason that may pass': {
    replies: [OK, QUEUED, QUEUED, '-BUSY a script\r\n'],
    isSafe: true,
    names: 'EXEC',
  },
};

describe('a transaction of which is refused', () => {
  let server: ScriptedServer;
  let replies: Replies;

  before(async () => {
    const order = ['MULTI', 'SET', 'PUBLISH', 'EXEC'];
    server = await startScriptedServer((words) => {
      const index = order.indexOf(words[0] as string);
      return index < 0 ? greeting(words) : replies[index];
    });
  });
  after(() => server.stop());

  const options = () => ({ host: '127.0.0.1', port: server.port, protocol: 3 }) as const;

  async function refusal(promise: Promise<unknown>): Promise<ReplyError> {
    const error = await promise.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    return error instanceof ReplyError ? error : assert.fail(`found ${error}`);
  }

  for (const [what, { replies: given, isSafe, names }] of Object.entries(CASES)) {
    describe(what, () => {
      beforeEach(() => {
        replies = given;
      });

      test(`a retained publish is ${isSafe ? '' : 'not '}safe to retry, one by one and of many`, async () => {
        const publisher = new AshRedisChannelDataPublisher('p', 'ashredischannel://c', { ...options(), retain: true });
        const error = await refusal(publisher.publish({ a: 1 }));
        assert.equal(error.safeToRetry, isSafe);
        const failures: unknown[] = [];
        const result = await publisher.publishMany([{ a: 1 }, { a: 2 }], {
          onFailure: (thrown) => failures.push(thrown),
        });
        assert.deepEqual(result, { published: 0, failed: 2, unknown: 0 });
        assert.deepEqual(
          failures.map((thrown) => [(thrown as ReplyError).code, (thrown as ReplyError).safeToRetry]),
          Array(2).fill([error.code, isSafe]),
        );
        await publisher.stop();
      });

      test(`an atomic batch is ${isSafe ? '' : 'not '}safe to retry`, async () => {
        const client = new AshRedisClient(options());
        const error = await refusal(client.batch({ atomic: true }).set('k', 'v').publish('c', 'm').exec());
        assert.deepEqual([error.command, error.safeToRetry], [names, isSafe]);
        await client.close();
      });
    });
  }

  test('one of two commands in EXEC: the other was executed', async () => {
    replies = [OK, QUEUED, QUEUED, `*2\r\n+OK\r\n${NOPERM}`];
    const publisher = new AshRedisChannelDataPublisher('p', 'ashredischannel://c', { ...options(), retain: true });
    const error = await refusal(publisher.publish({ a: 1 }));
    assert.deepEqual([error.code, error.safeToRetry], ['NOPERM', false]);
    await publisher.stop();
  });
});
