// From the bytes of one link to values, by dialect: what is text, what is bytes, and where reading stops.
// Run by `npm test`. Pure.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HandshakeError, ProtocolError } from '../../../src/errors/index.ts';
import type { ConnectionOptions, Dialect } from '../../../src/net/index.ts';
import { LinkReader } from '../../../src/net/link-reader.ts';
import { RespError, type RespMessage, RespPush, type RespValue } from '../../../src/resp/index.ts';
import { DEFAULTS } from '../../support/virtual-connection.ts';

class Sink {
  readonly peer = 'there:1';
  readonly told: unknown[] = [];
  wantsBytes = false;
  asksKeys = false;
  isReading = true;
  onValue: (value: RespValue) => void = (value) => void this.told.push(value);
  onMessage = ({ channel, payload }: RespMessage): void => void this.told.push([channel, payload]);
  onLineServer = (): void => void this.told.push('a line server');
}

function readerOf(sink: Sink, dialect: Dialect = 'resp', options: Partial<ConnectionOptions> = {}) {
  const reader = new LinkReader(sink, dialect, { ...DEFAULTS, ...options });
  return (text: string) => reader.feed(Buffer.from(text, 'latin1'));
}

const bytes = (text: string) => new Uint8Array(Buffer.from(text));

describe('the first line', () => {
  test('decides at its end, wherever it is cut', () => {
    for (const [text, expected] of [
      ['+OK\r\n', 'OK'],
      ['-ERR unknown command\n', 'a line server'],
    ] as const) {
      for (let cut = 0; cut < text.length; cut++) {
        const sink = new Sink();
        const feed = readerOf(sink);
        if (cut > 0) feed(text.slice(0, cut));
        assert.deepEqual(sink.told, []);
        feed(text.slice(cut));
        assert.deepEqual(sink.told, [expected]);
      }
    }
  });

  test('that is longer than any greeting is RESP, or nothing', () => {
    const sink = new Sink();
    const feed = readerOf(sink);
    feed(`+${'x'.repeat(510)}`);
    feed('x');
    feed('y\r\n');
    assert.deepEqual(sink.told, [`${'x'.repeat(511)}y`]);
  });

  test('of a stranger is refused at its first byte, and quoted no further than 40 characters', () => {
    for (const [text, pattern] of [
      ['\u0016', /found a server that speaks TLS, but the link is plain/],
      ['\u0015\u0003', /speaks TLS/],
      ['\u0016\u0002', /found "\\u0016\\u0002"/],
      ['HTTP/1.1 200 OK', /found an HTTP server/],
      [`S${'x'.repeat(100)}`, /found "Sx{39}", allowed/],
    ] as const) {
      assert.throws(
        () => readerOf(new Sink())(text),
        (error) => error instanceof HandshakeError && pattern.test(error.message),
      );
    }
  });
});

describe('reading RESP', () => {
  test('gives strings as bytes to who wants them so, reply by reply', () => {
    const sink = new Sink();
    sink.onValue = (value) => {
      sink.told.push(value);
      sink.wantsBytes = !sink.wantsBytes;
    };
    readerOf(sink)('$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n');
    assert.deepEqual(sink.told, ['a', bytes('b'), 'c']);
  });

  test('stops where the link is dropped in the middle of a chunk', () => {
    const sink = new Sink();
    sink.onValue = (value) => {
      sink.told.push(value);
      sink.isReading = false;
    };
    readerOf(sink)('+1\r\n+2\r\n');
    assert.deepEqual(sink.told, ['1']);
  });

  test('gives payloads as bytes to a subscriber of bytes, and all else as text', () => {
    const sink = new Sink();
    const feed = readerOf(sink, 'resp', { subscriber: true, subscriberBytes: true });
    feed('%1\r\n$4\r\nrole\r\n*1\r\n$6\r\nmaster\r\n');
    feed('>3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n');
    feed('>3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\n\xff\r\n');
    feed('$4\r\npong\r\n');
    sink.wantsBytes = true;
    feed('$1\r\n\xff\r\n');
    // A push comes between: it is not the reply.
    feed('>2\r\n$10\r\ninvalidate\r\n$1\r\nk\r\n');
    assert.deepEqual(sink.told, [
      new Map([['role', ['master']]]),
      new RespPush('subscribe', ['c', 1]),
      ['c', new Uint8Array([255])],
      'pong',
      new Uint8Array([255]),
      new RespPush('invalidate', ['k']),
    ]);
  });
});

describe('reading lines', () => {
  test('gives text, or its bytes to who wants them', () => {
    const sink = new Sink();
    const feed = readerOf(sink, 'line');
    feed('+OK\n');
    sink.wantsBytes = true;
    feed('+OK\n:5\n');
    assert.deepEqual(sink.told.slice(0, 2), ['OK', bytes('OK')]);
    assert.equal(sink.told.length, 3);
    assert.ok(typeof sink.told[2] === 'number', 'numbers are no text');
  });

  test('ends with the link behind an error that answers KEYS: nobody knows where it ends', () => {
    for (const asksKeys of [false, true]) {
      const sink = new Sink();
      sink.asksKeys = asksKeys;
      const feed = readerOf(sink, 'line');
      const read = () => feed('-ERR bad pattern\n+OK\n');
      if (asksKeys)
        assert.throws(read, (error) => error instanceof ProtocolError && /answers KEYS/.test(error.message));
      else read();
      assert.ok(sink.told[0] instanceof RespError);
      assert.equal(sink.told.length, asksKeys ? 1 : 2, 'what stands behind it belongs to nobody');
    }
  });
});
