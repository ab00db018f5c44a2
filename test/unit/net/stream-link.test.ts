// What a link makes of a stream: frames become few writes of the same bytes, and each event is told once.
// Run by `npm test`. The stream is a fake that notes what is done to it.

import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { describe, test } from 'node:test';
import { commandFrame, type Frame } from '../../../src/net/index.ts';
import { StreamLink } from '../../../src/net/stream-link.ts';
import { SeededRandom } from '../../support/simulation/random.ts';

class FakeStream extends EventEmitter {
  readonly chunks: Buffer[] = [];
  readonly done: string[] = [];
  readonly encodings: (string | undefined)[] = [];
  corks = 0;
  writableLength = 0;
  write = (chunk: string | Uint8Array, encoding?: 'latin1' | 'utf8'): boolean => {
    assert.ok(chunk.length > 0, 'nothing was written');
    this.encodings.push(encoding);
    this.chunks.push(typeof chunk === 'string' ? Buffer.from(chunk, encoding) : Buffer.from(chunk));
    return true;
  };
  cork = (): void => void this.corks++;
  uncork = (): void => void this.corks--;
  destroy = (): void => void this.done.push('destroy');
  pause = (): void => void this.done.push('pause');
  resume = (): void => void this.done.push('resume');
  unref = (): void => void this.done.push('unref');

  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }
}

/** A link that is open, what it told, and its stream. */
function openLink() {
  const told: string[] = [];
  const stream = new FakeStream();
  const link = new StreamLink({
    onOpen: () => told.push('open'),
    onData: (chunk) => told.push(`data ${Buffer.from(chunk)}`),
    onDrain: () => told.push('drain'),
    onClose: (cause) => told.push(`close ${cause?.message}`),
  });
  link.attach(stream, 'connect');
  stream.emit('connect');
  return { link, stream, told };
}

function bytesOf(frames: readonly Frame[]): Buffer {
  return Buffer.concat(frames.flatMap(({ text, parts }) => (parts ?? [text ?? '']).map((part) => Buffer.from(part))));
}

describe('the frames that are handed to a link', () => {
  const frame = {
    ascii: () => commandFrame(['SET', 'key', 'value']),
    text: () => commandFrame(['SET', 'ключ', 'значение €']),
    largeAscii: () => commandFrame(['SET', 'key', 'x'.repeat(20_000)]),
    largeText: () => commandFrame(['SET', 'key', 'é'.repeat(10_000)]),
    bytes: () => commandFrame(['SET', 'ключ', new Uint8Array([0, 255, 13, 10]), 'é']),
    mostOfAWrite: () => commandFrame(['SET', 'key', 'y'.repeat(16_000)]),
  };
  const makers = Object.values(frame);

  test('are on the wire what they are in memory, in their order, whatever stands beside them', () => {
    const random = new SeededRandom(3);
    for (let round = 0; round < 300; round++) {
      const { link, stream } = openLink();
      const frames = Array.from({ length: random.integer(1, 9) }, () =>
        (makers[random.integer(0, makers.length - 1)] as () => Frame)(),
      );
      link.write(frames);
      const expected = bytesOf(frames);
      assert.ok(stream.bytes.equals(expected), `round ${round}: ${frames.map(({ byteLength }) => byteLength)}`);
      assert.equal(
        frames.reduce((sum, { byteLength }) => sum + byteLength, 0),
        expected.length,
      );
      assert.equal(stream.corks, 0, 'what was corked is uncorked, once');
    }
  });

  test('are one write where they are small, and few where they are many', () => {
    const { link, stream } = openLink();
    link.write(Array.from({ length: 100 }, (_, index) => (index === 50 ? frame.text() : frame.ascii())));
    assert.equal(stream.chunks.length, 1);
    link.write(Array.from({ length: 8 }, frame.mostOfAWrite));
    // Three of them fill a text of 48 KiB.
    assert.equal(stream.chunks.length, 1 + 3);
  });

  test('are written as latin1 where they are ASCII, which needs no counting, and as UTF-8 where one of them is not', () => {
    const { link, stream } = openLink();
    const { ascii, text, largeAscii, largeText, mostOfAWrite } = frame;
    const ends = [mostOfAWrite, mostOfAWrite, mostOfAWrite];
    const frames = [text, ...ends, ...ends, mostOfAWrite, text, largeAscii, ascii, largeText, ascii].map((make) =>
      make(),
    );
    stream.cork = () => assert.fail('text needs no cork');
    link.write(frames);
    assert.ok(stream.bytes.equals(bytesOf(frames)));
    assert.deepEqual(
      stream.encodings.map((encoding, index) => [
        encoding,
        (stream.chunks[index] as Buffer).every((byte) => byte < 128),
      ]),
      ['utf8', 'latin1', 'utf8', 'latin1', 'latin1', 'utf8', 'latin1'].map((encoding) => [
        encoding,
        encoding === 'latin1',
      ]),
    );
  });

  test('that are large go by themselves, between what stands before and behind them', () => {
    const { link, stream } = openLink();
    link.write([frame.ascii(), frame.largeAscii(), frame.ascii(), frame.ascii()]);
    assert.deepEqual(
      stream.chunks.map(({ length }) => length > 16_384),
      [false, true, false],
    );
  });

  test('with bytes are corked with what follows, so that they leave together', () => {
    const { link, stream } = openLink();
    let deepest = 0;
    const { write } = stream;
    stream.write = (chunk, encoding) => {
      deepest = Math.max(deepest, stream.corks);
      return write(chunk, encoding);
    };
    link.write([frame.bytes(), frame.bytes(), frame.ascii()]);
    assert.deepEqual([deepest, stream.corks], [1, 0]);
    // Two payloads of bytes, and the texts around them: the end of one and the head of the next are one.
    assert.equal(stream.chunks.length, 5);
  });
});

describe('a link over a stream', () => {
  test('tells that it is open once, and not before its stream says so', () => {
    const { stream, told } = openLink();
    stream.emit('connect');
    assert.deepEqual(told, ['open']);
    const later = new FakeStream();
    const heard: string[] = [];
    const none = () => {};
    const link = new StreamLink({ onOpen: () => heard.push('open'), onData: none, onDrain: none, onClose: none });
    link.attach(later, 'connect');
    assert.deepEqual(heard, []);
    link.destroy();
    later.emit('connect');
    assert.deepEqual(heard, [], 'nor after it was destroyed');
  });

  test('is open at once where its stream is', () => {
    const heard: string[] = [];
    const none = () => {};
    const link = new StreamLink({ onOpen: () => heard.push('open'), onData: none, onDrain: none, onClose: none });
    link.attach(new FakeStream(), undefined);
    assert.deepEqual(heard, ['open']);
  });

  test('destroys a stream that comes after its end, whose error ends nobody', () => {
    const heard: string[] = [];
    const tell = (what: string) => () => heard.push(what);
    const link = new StreamLink({
      onOpen: tell('open'),
      onData: tell('data'),
      onDrain: tell('drain'),
      onClose: tell('close'),
    });
    link.destroy();
    const late = new FakeStream();
    link.attach(late, undefined);
    late.emit('error', new Error('too late'));
    assert.deepEqual([heard, late.done, link.pendingBytes], [[], ['destroy'], 0]);
  });

  test('tells its end once, with the first cause, and nothing after it', () => {
    const { link, stream, told } = openLink();
    stream.emit('data', Buffer.from('a'));
    stream.emit('drain');
    stream.emit('error', new Error('first'));
    for (const event of ['data', 'drain', 'end', 'close', 'connect']) stream.emit(event, Buffer.from('b'));
    stream.emit('error', new Error('second'));
    link.write([commandFrame(['PING'])]);
    link.resumeReading();
    assert.deepEqual(told, ['open', 'data a', 'drain', 'close first']);
    assert.deepEqual(stream.done, ['destroy']);
    assert.equal(stream.chunks.length, 0);
  });

  for (const event of ['end', 'close']) {
    test(`ends with its stream, also where that tells only "${event}"`, () => {
      const { stream, told } = openLink();
      stream.emit(event);
      assert.deepEqual([told, stream.done], [['open', 'close undefined'], ['destroy']]);
    });
  }

  test('tells no end that its owner made', () => {
    const { link, stream, told } = openLink();
    link.destroy();
    stream.emit('close');
    assert.deepEqual([told, stream.done], [['open'], ['destroy']]);
  });

  test('pauses and resumes its stream, and knows what waits in it', () => {
    const { link, stream } = openLink();
    link.pauseReading();
    link.resumeReading();
    stream.writableLength = 77;
    assert.deepEqual([stream.done, link.pendingBytes], [['pause', 'resume'], 77]);
  });

  test('lets the process end, also where the stream comes after it was asked to', () => {
    const { link, stream } = openLink();
    link.unref();
    assert.deepEqual(stream.done, ['unref']);
    const none = () => {};
    const early = new StreamLink({ onOpen: none, onData: none, onDrain: none, onClose: none });
    assert.equal(early.pendingBytes, 0);
    const late = new FakeStream();
    early.unref();
    early.attach(late, undefined);
    assert.deepEqual(late.done, ['unref']);
    const other = new StreamLink({ onOpen: none, onData: none, onDrain: none, onClose: none });
    const kept = new FakeStream();
    other.attach(kept, undefined);
    assert.deepEqual(kept.done, [], 'who was not asked keeps it alive');
  });
});
