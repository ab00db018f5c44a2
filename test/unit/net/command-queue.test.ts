// The commands of one connection, by the queue alone: limits to the byte, what is sent when, and how each settles, once.
// Run by `npm test`. Pure: time is a number here.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  AshRedisError,
  ClosedError,
  LinkLostError,
  OverflowError,
  ReplyError,
  TimeoutError,
} from '../../../src/errors/index.ts';
import { CommandQueue } from '../../../src/net/command-queue.ts';
import { type Command, type Frame, REPLY } from '../../../src/net/index.ts';
import { RespError } from '../../../src/resp/index.ts';
import { Sent } from '../../support/virtual-connection.ts';

const LIMITS = { offlineMaxCount: 10, offlineMaxBytes: 1000, maxBacklogBytes: 1000, commandTimeoutMs: 5000 };
const lost = new LinkLostError('Lost the link');

/** A frame of this many bytes. */
function frameOf(bytes: number): Frame {
  return { text: 'x'.repeat(bytes), ascii: true, parts: undefined, byteLength: bytes };
}

function command(bytes: number, changes: Partial<Command> = {}): Sent {
  return new Sent(['SET'], 5000, { frame: frameOf(bytes), ...changes });
}

function queueWith(...commands: Sent[]): CommandQueue {
  const queue = new CommandQueue(LIMITS);
  for (const each of commands) assert.equal(queue.add(each, false, 0), true);
  return queue;
}

/** Takes all that waits. */
function takeAll(queue: CommandQueue): number[] {
  return queue.take('resp', Infinity, Infinity).map(({ byteLength }) => byteLength);
}

describe('the limits of the queue', () => {
  test('over a link count what waits in it too, to the byte', () => {
    const queue = new CommandQueue(LIMITS);
    assert.equal(queue.add(command(400), true, 500), true);
    assert.equal(queue.add(command(100), true, 500), true);
    const refused = command(1);
    assert.equal(queue.add(refused, true, 500), false);
    assert.ok(refused.failure instanceof OverflowError);
    assert.equal(
      refused.failure.message.split(';')[0],
      'Cannot queue SET: 1000 bytes wait for the server to read, allowed by "maxBacklogBytes" is 1000',
    );
    assert.equal(refused.failure.safeToRetry, true);
    assert.equal(queue.cancel(refused, new Error('too late')), false);
    assert.deepEqual([queue.unsentCount, queue.unsentBytes, queue.liveCount], [2, 500, 2]);
  });

  test('let a single command pass that is larger than they are, when nothing waits', () => {
    const queue = new CommandQueue(LIMITS);
    assert.equal(queue.add(command(5000), true, 0), true);
    assert.equal(queue.add(command(1), true, 0), false);
    assert.equal(new CommandQueue(LIMITS).add(command(5000), true, 1), false);
    // Between links there is no such exception: the limit is what a lost link may cost.
    const alone = command(1001);
    assert.equal(new CommandQueue(LIMITS).add(alone, false, 0), false);
    assert.match(alone.failure.message, /^Cannot queue SET: 1001 bytes wait .* allowed by "offlineMaxBytes" is 1000/);
  });

  test('between links are by count and by bytes, and the refusal says which', () => {
    const byBytes = queueWith(command(1000));
    const tooLarge = command(1);
    assert.equal(byBytes.add(tooLarge, false, 0), false);
    assert.match(
      tooLarge.failure.message,
      /^Cannot queue SET: 1000 bytes wait for the connection to the server, allowed by "offlineMaxBytes" is 1000/,
    );
    const byCount = queueWith(...Array.from({ length: 10 }, () => command(1)));
    const oneMore = command(1);
    assert.equal(byCount.add(oneMore, false, 0), false);
    assert.match(oneMore.failure.message, /: 10 commands wait .* allowed by "offlineMaxCount" is 10/);
  });

  test('count the estimate of a command whose bytes are not made yet, and 64 without one', () => {
    const encode = () => frameOf(7);
    const queue = queueWith(command(0, { frame: undefined, encode, byteEstimate: 300 }));
    assert.equal(queue.unsentBytes, 300);
    queue.add(command(0, { frame: undefined, encode }), false, 0);
    assert.equal(queue.unsentBytes, 364);
    assert.deepEqual(takeAll(queue), [7, 7]);
    assert.equal(queue.unsentBytes, 0);
  });
});

describe('what is taken from the queue', () => {
  test('is in order, up to the room that there is, and one command at least', () => {
    const queue = queueWith(command(100), command(101), command(102));
    const take = (room: number) => queue.take('resp', Infinity, room).map(({ byteLength }) => byteLength);
    assert.deepEqual(take(0), []);
    assert.deepEqual(take(100), [100]);
    assert.deepEqual(take(50), [101]);
    assert.deepEqual([queue.unsentCount, queue.unsentBytes, queue.inFlightCount], [1, 102, 2]);
  });

  test('is no more than the window has room for', () => {
    const queue = queueWith(command(1), command(2), command(3));
    const take = () => queue.take('line', 2, 1000).map(({ byteLength }) => byteLength);
    assert.deepEqual(take(), [1, 2]);
    assert.deepEqual(take(), []);
    queue.reply('OK', false);
    assert.deepEqual(take(), [3]);
  });

  test('is made then, for the dialect that is spoken; what it can not say settles alone', () => {
    const dialects: string[] = [];
    const encode = (dialect: string) => {
      dialects.push(dialect);
      return frameOf(9);
    };
    const reason = new Error('it has no such command');
    const unsaid = command(0, {
      frame: undefined,
      encode: () => {
        throw reason;
      },
    });
    const queue = queueWith(unsaid, command(0, { frame: undefined, encode }));
    assert.deepEqual(
      queue.take('line', 1, 1000).map(({ byteLength }) => byteLength),
      [9],
    );
    assert.deepEqual([dialects, unsaid.failure, queue.liveCount, queue.inFlightCount], [['line'], reason, 1, 1]);
  });

  test('is all that is left where most was given up', () => {
    const queue = new CommandQueue({ ...LIMITS, offlineMaxCount: 5000, offlineMaxBytes: 1e6 });
    const all = Array.from({ length: 4000 }, (_, index) => command(index % 1000 === 0 ? 5 : 1));
    for (const each of all) queue.add(each, false, 0);
    for (const each of all) if (each.frame?.byteLength === 1) queue.cancel(each, new Error('enough'));
    assert.deepEqual([queue.unsentCount, queue.unsentBytes, queue.liveCount], [4, 20, 4]);
    assert.deepEqual(takeAll(queue), [5, 5, 5, 5]);
    assert.ok(all.every(({ failures, frame }) => failures.length === (frame?.byteLength === 1 ? 1 : 0)));
  });

  test('is nothing that was given up', () => {
    const [first, second] = [command(1), command(2)];
    const queue = queueWith(first, second);
    assert.equal(queue.cancel(first, new Error('enough')), true);
    assert.deepEqual([queue.unsentCount, queue.unsentBytes, queue.liveCount], [1, 2, 1]);
    assert.deepEqual(takeAll(queue), [2]);
    assert.equal(queue.cancel(first, new Error('again')), false);
    assert.equal(first.failures.length, 1);
    assert.equal(new CommandQueue(LIMITS).cancel(command(1), new Error('never added')), false);
  });
});

describe('a reply', () => {
  test('belongs to the oldest command, also to one that was given up', () => {
    const [first, second] = [command(1), command(2)];
    const queue = queueWith(first, second);
    takeAll(queue);
    queue.cancel(first, new Error('enough'));
    assert.deepEqual([queue.liveCount, queue.inFlightCount], [1, 2]);
    assert.equal(queue.reply('late', false), undefined);
    assert.equal(queue.reply('own', false), undefined);
    assert.deepEqual([first.replies, second.replies], [[], ['own']]);
    assert.equal(queue.cancel(second, new Error('too late')), false);
    assert.deepEqual([queue.liveCount, queue.inFlightCount], [0, 0]);
    assert.match(String(queue.reply('more', false)), /no command waits for a reply/);
  });

  test('of a type that the command never gets is told, and given to nobody', () => {
    const sent = command(1, { replyTypes: REPLY.integer });
    const queue = queueWith(sent);
    takeAll(queue);
    assert.match(
      String(queue.reply('text', false)),
      /^SET was answered by .+, which it never returns: replies have shifted$/,
    );
    assert.deepEqual([sent.replies, sent.failures, queue.inFlightCount], [[], [], 1]);
  });

  test('to a command that waits for a confirmation is that confirmation or a refusal', () => {
    const sent = command(1, { confirms: { kind: 'subscribe', channel: 'a' } });
    const queue = queueWith(sent);
    takeAll(queue);
    assert.match(String(queue.reply(['message', 'a', 'text'], false)), /which it never returns/);
    assert.equal(queue.reply(['subscribe', 'a', 1], true), undefined);
    assert.equal(sent.replies.length, 1);
  });

  test('that refuses a command settles it, unless it wants refusals as values', () => {
    const [plain, wants] = [command(1, { replyTypes: REPLY.integer }), command(2, { errorsAsValues: true })];
    const queue = queueWith(plain, wants);
    takeAll(queue);
    const refusal = new RespError('ERR no');
    queue.reply(refusal, false);
    queue.reply(refusal, false);
    assert.ok(plain.failure instanceof ReplyError);
    assert.deepEqual(wants.replies, [refusal]);
    assert.equal(queue.liveCount, 0);
  });

  test('that refuses a command of several replies is one of them, and of several confirmations the only one', () => {
    const several = command(1, { replyCount: 2, errorsAsValues: true });
    const channels = command(2, { replyCount: 3, confirms: { kind: 'subscribe', channel: 'a' } });
    const next = command(3);
    const queue = queueWith(several, channels, next);
    takeAll(queue);
    queue.reply(new RespError('ERR first'), false);
    assert.equal(queue.head, several);
    queue.reply('second', false);
    assert.equal(several.replies.length, 2);
    queue.reply(new RespError('NOPERM all of them'), false);
    assert.ok(channels.failure instanceof ReplyError);
    queue.reply('OK', false);
    assert.deepEqual(next.replies, ['OK']);
  });
});

describe('a time limit', () => {
  test('says of what was sent that it may have been executed, and of what was not why', () => {
    const [sent, unsent] = [command(1), command(2, { timeoutMs: 77 })];
    const queue = queueWith(sent);
    takeAll(queue);
    queue.add(unsent, false, 0);
    queue.peer = 'there:1';
    const reason = new LinkLostError('no link', { hint: 'look there' });
    assert.equal(queue.expire(4999, { reason }), false);
    assert.equal(queue.nextDeadline(), 5000);
    assert.equal(queue.expire(5000, { reason }), true);
    assert.ok(sent.failure instanceof TimeoutError);
    assert.match(
      sent.failure.message,
      /^Cannot execute SET: no reply from there:1 within 5000 ms; it may have been executed.*or raise "commandTimeoutMs"/,
    );
    assert.deepEqual([sent.failure.safeToRetry, sent.failure.cause], [false, undefined]);
    assert.match(
      unsent.failure.message,
      /^Cannot execute SET: it could not be sent to there:1 within 77 ms; look there/,
    );
    assert.deepEqual([unsent.failure.safeToRetry, unsent.failure.cause], [true, reason]);
    assert.deepEqual([queue.liveCount, queue.unsentCount, queue.unsentBytes], [0, 0, 0]);
  });

  test('of what was not sent, with no reason known, says what to check', () => {
    const unsent = command(2);
    const queue = queueWith(unsent);
    assert.equal(queue.expire(5000, { reason: undefined }), false, 'nothing in flight was late');
    assert.match(unsent.failure.message, /; it was never sent; check the connection, or raise "commandTimeoutMs"/);
  });

  test('that passes for many at once is one error for all of a name', () => {
    const many = [1, 2, 3].map((bytes) => command(bytes));
    const other = command(4, { name: 'GET' });
    const queue = queueWith(...many, other);
    queue.expire(5000, { reason: undefined });
    assert.equal(new Set(many.map(({ failure }) => failure)).size, 1);
    assert.match(other.failure.message, /GET/);
  });
});

describe('a lost link', () => {
  test('settles what was in flight, keeps what was not, and what may go again goes first', () => {
    const [once, again, waits] = [command(1), command(2, { retry: true }), command(3)];
    const later = command(5, { retry: true });
    const queue = queueWith(once, again, later);
    takeAll(queue);
    queue.add(waits, false, 0);
    queue.lost(lost, true);
    assert.ok(once.failure instanceof LinkLostError);
    assert.deepEqual([once.failure.cause, once.failure.safeToRetry], [lost, false]);
    assert.deepEqual([queue.unsentCount, queue.unsentBytes, queue.liveCount], [3, 10, 3]);
    assert.deepEqual(takeAll(queue), [2, 5, 3]);
  });

  test('does not send again what was answered in part', () => {
    const batch = command(1, { retry: true, replyCount: 2 });
    const next = command(2);
    const queue = queueWith(batch, next);
    takeAll(queue);
    queue.reply('first', false);
    queue.lost(lost, true);
    assert.ok(batch.failure instanceof LinkLostError);
    // The count of replies begins anew with the next link.
    const fresh = command(3, { replyCount: 2 });
    queue.add(fresh, false, 0);
    takeAll(queue);
    queue.reply('own', false);
    assert.equal(queue.head, fresh);
    queue.reply('own', false);
    assert.deepEqual(fresh.replies, ['own', 'own']);
    assert.equal(queue.inFlightCount, 0);
  });

  test('settles what may not wait, unless there was none before, and what was handed over before waits', () => {
    const hasty = () => command(1, { failWhenDisconnected: true });
    const first = hasty();
    const queue = queueWith(first);
    queue.lost(lost, false);
    assert.deepEqual([first.failures.length, queue.unsentCount], [0, 1]);
    queue.lost(lost, true);
    assert.equal(first.failure.safeToRetry, true);
    assert.deepEqual([queue.unsentCount, queue.liveCount], [0, 0]);
    const sentBefore = command(2, { failWhenDisconnected: true, retry: true });
    queue.add(sentBefore, false, 0);
    takeAll(queue);
    queue.lost(lost, true);
    queue.lost(lost, true);
    assert.deepEqual([sentBefore.failures.length, queue.unsentCount], [0, 1]);
  });

  test('and the end leave alone what was given up before', () => {
    const reason = new Error('enough');
    for (const end of [
      (queue: CommandQueue) => queue.lost(lost, true),
      (queue: CommandQueue) => queue.rejectAll(lost),
    ]) {
      const [inFlight, waits] = [command(1), command(2)];
      const queue = queueWith(inFlight);
      takeAll(queue);
      queue.add(waits, false, 0);
      for (const each of [inFlight, waits]) queue.cancel(each, reason);
      end(queue);
      assert.deepEqual([inFlight.failure, waits.failure], [reason, reason]);
      assert.deepEqual([queue.liveCount, queue.unsentCount, queue.unsentBytes], [0, 0, 0]);
    }
  });

  test('settles each once, also where those that learn of it give the others up', () => {
    const reason = new Error('given up');
    const hasty = [1, 2, 3].map((bytes) => command(bytes, { failWhenDisconnected: true }));
    const queue = queueWith(...hasty);
    const [first, second] = hasty as [Sent, Sent, Sent];
    const told = first.onFailure.bind(first);
    first.onFailure = (error) => {
      told(error);
      queue.cancel(second, reason);
    };
    queue.lost(lost, true);
    assert.deepEqual(
      hasty.map(({ failure }) => failure === reason),
      [false, true, false],
    );
    assert.deepEqual([queue.unsentCount, queue.unsentBytes, queue.liveCount], [0, 0, 0]);
  });

  for (const [limit, limits] of [
    ['count', { offlineMaxCount: 2, offlineMaxBytes: 1000 }],
    ['bytes', { offlineMaxCount: 10, offlineMaxBytes: 200 }],
  ] as const) {
    test(`keeps the oldest of what waits, up to the ${limit} that may`, () => {
      const queue = new CommandQueue({ ...LIMITS, ...limits });
      const sent = [1, 2, 3, 4].map(() => command(100));
      for (const each of sent) queue.add(each, true, 0);
      const [, , third, given] = sent as [Sent, Sent, Sent, Sent];
      const reason = new Error('enough');
      queue.cancel(given, reason);
      queue.lost(lost, true);
      assert.deepEqual(
        sent.map(({ failures }) => failures.length),
        [0, 0, 1, 1],
      );
      assert.equal(given.failure, reason);
      assert.ok(third.failure instanceof OverflowError);
      assert.equal(third.failure.safeToRetry, true);
      assert.match(third.failure.message, limit === 'count' ? /offlineMaxCount/ : /offlineMaxBytes/);
      assert.deepEqual([queue.unsentCount, queue.unsentBytes], [2, 200]);
    });
  }
});

describe('the end of a connection', () => {
  test('settles everything with words for what was sent and what was not', () => {
    const [sent, unsent] = [command(1), command(2)];
    const queue = queueWith(sent);
    takeAll(queue);
    queue.add(unsent, false, 0);
    queue.rejectAll(undefined);
    assert.ok(sent.failure instanceof ClosedError && unsent.failure instanceof ClosedError);
    assert.match(sent.failure.message, /^Cannot execute SET: the connection was closed before its reply/);
    assert.match(unsent.failure.message, /^Cannot execute SET: the connection was closed before it was sent/);
    assert.deepEqual([sent.failure.safeToRetry, unsent.failure.safeToRetry], [false, true]);
    assert.deepEqual([queue.liveCount, queue.unsentCount, queue.unsentBytes, queue.inFlightCount], [0, 0, 0, 0]);
  });

  test('for a cause is that cause for what was not sent', () => {
    const [sent, unsent] = [command(1), command(2)];
    const queue = queueWith(sent);
    takeAll(queue);
    queue.add(unsent, false, 0);
    queue.rejectAll(lost);
    assert.equal(unsent.failure, lost);
    assert.ok(sent.failure instanceof AshRedisError && sent.failure.cause === lost);
  });

  test('does not count the connection’s own commands, which nobody waits for', () => {
    const [own, user] = [command(1, { internal: true }), command(2)];
    const queue = queueWith(own, user);
    assert.equal(queue.liveCount, 1);
    const givenUp = command(3, { internal: true });
    queue.add(givenUp, false, 0);
    queue.cancel(givenUp, new Error('enough'));
    assert.equal(queue.liveCount, 1);
    takeAll(queue);
    queue.reply('PONG', false);
    assert.equal(queue.liveCount, 1);
    queue.addSent(command(3, { internal: true }));
    queue.reply('OK', false);
    assert.deepEqual([queue.liveCount, queue.inFlightCount], [0, 1]);
    queue.forgetSent();
    assert.equal(queue.inFlightCount, 0);
  });
});
