// What `command()` refuses, and which commands block for how long.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { blockingLimitMs, refuseAlone, refuseGuarded } from '../../../src/api/guarded-commands.ts';
import { UsageError } from '../../../src/errors/index.ts';

describe('guarded commands', () => {
  const refused = [
    'SELECT HELLO RESET AUTH MONITOR MULTI EXEC DISCARD WATCH UNWATCH QUIT SYNC PSYNC',
    'SUBSCRIBE PSUBSCRIBE SSUBSCRIBE UNSUBSCRIBE PUNSUBSCRIBE SUNSUBSCRIBE',
  ].flatMap((line) => line.split(' '));

  test('what would change the shared connection is refused, in any case of letters, with the way named', () => {
    for (const name of [...refused, ...refused.map((word) => word.toLowerCase())]) {
      assert.throws(
        () => refuseGuarded([name, 'x']),
        (error: unknown) =>
          error instanceof UsageError && error.message.includes(name.toUpperCase()) && error.hint !== undefined,
        name,
      );
    }
  });

  test('CLIENT REPLY and CLIENT TRACKING are refused, other words of CLIENT are not', () => {
    for (const words of [
      ['CLIENT', 'REPLY', 'OFF'],
      ['client', 'tracking', 'on'],
      ['CLIENT', new TextEncoder().encode('Reply'), 'SKIP'],
    ]) {
      assert.throws(() => refuseGuarded(words), UsageError);
    }
    assert.doesNotThrow(() => refuseGuarded(['CLIENT', 'LIST']));
    assert.doesNotThrow(() => refuseGuarded(['GET', 'REPLY']));
    // What is no argument is the encoder's to refuse, which names it.
    assert.doesNotThrow(() => refuseGuarded(['MGET', ['a', 'b'] as never]));
  });

  test('a name with blanks can not carry a refused command past the guard', () => {
    for (const name of ['CLIENT REPLY', 'SELECT\r\n', ' SELECT', '']) {
      assert.throws(() => refuseGuarded([name, 'OFF']), UsageError);
    }
  });

  test('the limit of a blocking command is found where that command keeps it', () => {
    assert.equal(blockingLimitMs(['BLPOP', 'a', 'b', 1.5]), 1500);
    assert.equal(blockingLimitMs(['brpop', 'a', '0']), 0);
    assert.equal(blockingLimitMs(['BLMOVE', 'a', 'b', 'LEFT', 'RIGHT', 2]), 2000);
    assert.equal(blockingLimitMs(['BLMPOP', 3, 1, 'a', 'LEFT']), 3000);
    assert.equal(blockingLimitMs(['BZMPOP', 0, 1, 'a', 'MIN']), 0);
    assert.equal(blockingLimitMs(['XREAD', 'COUNT', 1, 'BLOCK', 250, 'STREAMS', 's', '$']), 250);
    assert.equal(blockingLimitMs(['XREADGROUP', 'GROUP', 'g', 'c', 'BLOCK', 0, 'STREAMS', 's', '>']), 0);
    assert.equal(blockingLimitMs(['WAIT', 1, 100]), 100);
    assert.equal(blockingLimitMs(['WAITAOF', 1, 1, 250]), 250);
    for (const command of ['BRPOPLPUSH', 'BZPOPMIN', 'BZPOPMAX'])
      assert.equal(blockingLimitMs([command, 'a', 2]), 2000);
    assert.equal(blockingLimitMs(['BLPOP', 'a', new TextEncoder().encode('0.5')]), 500);
    // What is no time is the server's to refuse: until then there is no limit of ours.
    for (const none of ['inf', '-1', 'abc', '']) assert.equal(blockingLimitMs(['BLPOP', 'a', none]), 0, none);
    assert.equal(blockingLimitMs(['BLPOP']), 0);
    assert.equal(blockingLimitMs(['XREAD', 'BLOCK']), undefined);
    assert.equal(blockingLimitMs(['XREAD', 'block', '5']), 5);
  });

  test('what does not block has no limit of its own', () => {
    assert.equal(blockingLimitMs(['XREAD', 'STREAMS', 'block', '0']), undefined);
    assert.equal(blockingLimitMs(['LPOP', 'a', 5]), undefined);
    assert.equal(blockingLimitMs(['constructor', 5]), undefined);
  });

  test('WAIT alone is refused: it would wait for a connection that wrote nothing', () => {
    for (const name of ['wait', 'WAITAOF']) {
      assert.throws(() => refuseAlone([name, 1, 100]), {
        message: new RegExp(
          `^Cannot execute ${name.toUpperCase()} alone: it waits for the writes of its own connection`,
        ),
        hint: `put the writes and ${name.toUpperCase()} into one batch()`,
      });
    }
    assert.doesNotThrow(() => refuseAlone(['BLPOP', 'a', 1]));
  });
});
