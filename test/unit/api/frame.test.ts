// Wire forms of publishes, and the framework's queue.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { payloadFrame, publishPrefix, retainFrame, setFrame, ttlTail } from '../../../src/api/frame.ts';
import { FrameBuilder, joinFrames } from '../../../src/api/frame-builder.ts';
import { PublishQueue } from '../../../src/api/publish-queue.ts';
import { OverflowError } from '../../../src/errors/index.ts';
import { countUtf8 } from '../../../src/line/text.ts';
import { type Frame, utf8Length } from '../../../src/net/index.ts';

const bytes = (frame: Frame) =>
  frame.text === undefined
    ? Buffer.concat((frame.parts ?? []).map((part) => Buffer.from(part as string)))
    : Buffer.from(frame.text, frame.ascii ? 'latin1' : 'utf8');

function check(frame: Frame, expected: string): void {
  assert.equal(bytes(frame).toString('latin1'), Buffer.from(expected).toString('latin1'));
  assert.equal(frame.byteLength, bytes(frame).length);
}

test('lengths are those of UTF-8, with lone surrogates as U+FFFD', () => {
  for (const text of ['', 'a', 'é', '€', '😀', 'a😀b', '\ud800', '\udc00x', '\ud800\ud800\udc00', '\ud83d\ud83d']) {
    const expected = new TextEncoder().encode(text).length;
    assert.equal(utf8Length(text), expected, JSON.stringify(text));
    assert.equal(countUtf8(text), expected, JSON.stringify(text));
  }
});

test('PUBLISH is its prepared prefix and the payload', () => {
  for (const channel of ['alerts', 'é']) {
    for (const payload of ['{"a":1}', '😀']) {
      const prefix = publishPrefix('PUBLISH', channel);
      const frame = payloadFrame(prefix, utf8Length(prefix), payload);
      const length = (text: string) => Buffer.byteLength(text);
      check(frame, `*3\r\n$7\r\nPUBLISH\r\n$${length(channel)}\r\n${channel}\r\n$${length(payload)}\r\n${payload}\r\n`);
      assert.equal(frame.ascii, channel === 'alerts' && payload !== '😀');
    }
  }
});

test('SET carries the time to live in milliseconds, for text and bytes', () => {
  const expected = '*5\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n$2\r\nPX\r\n$4\r\n1500\r\n';
  check(setFrame('k', 'v', ttlTail(1500)), expected);
  check(setFrame('k', new Uint8Array([118]), ttlTail(1500)), expected);
  check(setFrame('é', 'v', ''), '*3\r\n$3\r\nSET\r\n$2\r\né\r\n$1\r\nv\r\n');
});

test('a retained publish is MULTI, SET, PUBLISH, EXEC in one frame', () => {
  const expected =
    '*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$9\r\nchannel:c\r\n$1\r\nv\r\n*3\r\n$7\r\nPUBLISH\r\n$1\r\nc\r\n$1\r\nv\r\n*1\r\n$4\r\nEXEC\r\n';
  check(retainFrame('channel:c', publishPrefix('PUBLISH', 'c'), 'v'), expected);
  check(retainFrame('channel:c', publishPrefix('PUBLISH', 'c'), new Uint8Array([118])), expected);
});

test('the queue keeps order, and order within a priority', () => {
  const fifo = new PublishQueue<number>({ queueType: 'fifo', maxQueueDepth: 10 });
  for (let i = 0; i < 5; i++) fifo.push(i, { _dag_priority: 5 - i });
  assert.deepEqual([...fifo.take(2), ...fifo.take(9)], [0, 1, 2, 3, 4]);
  const urgent = new PublishQueue<string>({ queueType: 'priority', maxQueueDepth: 10 });
  for (const [name, priority] of [
    ['a', 5],
    ['b', 1],
    ['c', undefined],
    ['d', 1],
    ['e', 9],
  ] as const) {
    urgent.push(name, { _dag_priority: priority });
  }
  assert.equal([...urgent.take(1), ...urgent.take(9)].join(''), 'bdace');
  assert.equal(urgent.size, 0);
});

test('a full queue refuses with an OverflowError', () => {
  const queue = new PublishQueue<number>({ queueType: 'fifo', maxQueueDepth: 1 });
  queue.push(1, {});
  assert.throws(() => queue.checkRoom(), OverflowError);
});

test('a frame of many is text while all of it is, pieces once there are bytes, and ASCII only if each is', () => {
  const text = (value: string): Frame => ({
    text: value,
    ascii: utf8Length(value) === value.length,
    parts: undefined,
    byteLength: utf8Length(value),
  });
  const pieces: Frame = { text: undefined, ascii: false, parts: ['<', new Uint8Array([0xff]), '>'], byteLength: 3 };
  const plain = joinFrames([text('ab'), text('c')]);
  assert.deepEqual(plain, { text: 'abc', ascii: true, parts: undefined, byteLength: 3 });
  for (const frames of [
    [text('é'), text('a')],
    [text('a'), text('é')],
  ]) {
    assert.deepEqual([joinFrames(frames).ascii, joinFrames(frames).byteLength], [false, 3]);
  }
  const mixed = joinFrames([text('é'), pieces, text('a'), pieces]);
  assert.deepEqual([mixed.text, mixed.ascii, mixed.byteLength], [undefined, false, 9]);
  assert.deepEqual(
    bytes(mixed),
    Buffer.concat([Buffer.from('é<'), Buffer.from([255]), Buffer.from('>a<'), Buffer.from([255]), Buffer.from('>')]),
  );
  const built = new FrameBuilder();
  built.addText('a', 1);
  assert.equal(built.frame().ascii, true);
  built.addText('é', 2);
  built.addText('b', 1);
  check(built.frame(), 'aéb');
  assert.equal(built.frame().ascii, false);
});
