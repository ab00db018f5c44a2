// The recorded exchanges with real servers, both ways: the decoder reads what was received, the model says what was received.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ProtocolError } from '../../../src/errors/index.ts';
import { LineDecoder, LineError, type LineValue, NEED_LINE_DATA } from '../../../src/line/index.ts';
import { LineModel, type ModelBuild } from '../../support/line-model.ts';
import { type RecordedExchange, recordedExchanges } from '../../support/line-transcripts.ts';

const exchanges = recordedExchanges();

/** Errors that hold a line break: where they end can't be told, and the client never causes them. */
const BREAKS_FRAMING = new Set([
  'keys-bad-class',
  'keys-bad-group',
  'keys-bad-repetition',
  'keys-dangling-plus',
  'keys-trailing-backslash',
  'expire-number-with-newline',
  'unknown-with-newline',
]);

function decodeAll(bytes: Uint8Array, chunkLength: number): LineValue[] {
  const decoder = new LineDecoder();
  const values: LineValue[] = [];
  for (let at = 0; at < bytes.length; at += chunkLength) {
    // One buffer for all chunks, overwritten after use, as a socket's would be.
    const chunk = Uint8Array.from(bytes.subarray(at, at + chunkLength));
    decoder.push(chunk);
    chunk.fill(0x21);
    for (let value = decoder.read(); value !== NEED_LINE_DATA; value = decoder.read()) values.push(value);
  }
  return values;
}

/** The bytes that the server sends for a value; commands that give arrays are the only ones that nest. */
function bytesOf(value: LineValue, simple: ReadonlySet<string> = new Set(['OK', 'PONG'])): string {
  if (value === null) return '$-1\n';
  if (value instanceof LineError) return `-${value.message}\n`;
  if (Array.isArray(value))
    return `*${value.length}\r\n${value.map((item) => `$${item?.length}\r\n${item}\r\n`).join('')}\n`;
  if (typeof value !== 'string') return `:${value}\n`;
  return simple.has(value) ? `+${value}\n` : `$${value.length}\r\n${value}\n`;
}

describe('recorded replies', () => {
  const whole = exchanges.filter(({ name }) => !BREAKS_FRAMING.has(name));

  test('there are 241, and each is one of the builds known', () => {
    assert.equal(exchanges.length, 241);
    assert.deepEqual([...new Set(exchanges.map(({ server }) => server))], ['head', 'classes', 'b64', 'quoted', 'oct']);
  });

  test('are read to values from which the same bytes can be made', () => {
    for (const { name, received } of whole) {
      const values = decodeAll(received, Math.max(1, received.length));
      assert.equal(values.map((value) => bytesOf(value)).join(''), Buffer.from(received).toString(), name);
    }
  });

  test('are read to the same values in chunks of 1, 2, 3 and 7 bytes', () => {
    for (const { name, received } of whole) {
      const values = decodeAll(received, Math.max(1, received.length));
      for (const length of [1, 2, 3, 7]) assert.deepEqual(decodeAll(received, length), values, `${name}, ${length}`);
    }
  });

  test('are read to the same values with every LF written as CR LF outside of bodies', () => {
    const bodiless = whole.filter(({ received }) => !Buffer.from(received).includes('$'));
    assert.ok(bodiless.length > 100);
    for (const { name, received } of bodiless) {
      const text = Buffer.from(received).toString().replace(/\r?\n/g, '\r\n');
      const values = decodeAll(received, Math.max(1, received.length));
      assert.deepEqual(decodeAll(Buffer.from(text), 3), values, name);
    }
  });

  test('that break the framing end in a ProtocolError and never in a value that looks right', () => {
    for (const { name, received } of exchanges.filter(({ name }) => BREAKS_FRAMING.has(name))) {
      assert.throws(() => decodeAll(received, received.length), ProtocolError, name);
      assert.throws(() => decodeAll(received, 1), ProtocolError, name);
    }
  });
});

describe('the model of the line server', () => {
  const builds = [...new Set(exchanges.map(({ server }) => server))];
  for (const build of builds) {
    test(`answers as the build "${build}" was recorded`, () => {
      for (const { exchange, said, closed } of replayed(build)) {
        assert.equal(closed, exchange.closedByServer, `${exchange.name}: closed`);
        assert.deepEqual(comparable(said, exchange), comparable(exchange.received, exchange), exchange.name);
      }
    });
  }
});

/** Every exchange of a build on one fresh model, in order, 20 ms between packets. */
function* replayed(build: ModelBuild): Generator<{ exchange: RecordedExchange; said: Uint8Array; closed: boolean }> {
  let now = 1_795_000_000_000;
  const model = new LineModel({ build, now: () => now });
  for (const exchange of exchanges.filter(({ server }) => server === build)) {
    if (exchange.setup !== undefined) model.connect().receive(exchange.setup);
    const connection = model.connect();
    let said = '';
    let closed = false;
    for (const packet of exchange.packets) {
      const result = connection.receive(packet);
      said += result.replies.join('');
      closed ||= result.closed;
      now += 20;
    }
    now += 20;
    yield { exchange, said: Buffer.from(said), closed };
  }
}

/** Keys come in Java's hash order there; numbers of volatile replies are not compared. */
function comparable(bytes: Uint8Array, exchange: RecordedExchange): unknown {
  if (exchange.group === 'info')
    return Buffer.from(bytes)
      .toString()
      .replace(/\[.*\]/, '[]')
      .replace(/^\$\d+|\d{9,}/g, 'n');
  const text = Buffer.from(bytes).toString();
  if (exchange.isVolatile) return text.replace(/:\d+/g, ':n');
  if (exchange.group !== 'keys' || BREAKS_FRAMING.has(exchange.name)) return text;
  return decodeAll(bytes, bytes.length).map((value) => (Array.isArray(value) ? [...value].sort() : value));
}
