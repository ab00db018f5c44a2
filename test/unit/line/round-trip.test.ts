// Keys and values go to the line server and come back unchanged: encoder, model of the server, decoder, in one circle.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type EncodeLineOptions,
  encodeLine,
  type LineArgument,
  LineDecoder,
  type LineValue,
  NEED_LINE_DATA,
} from '../../../src/line/index.ts';
import { LineModel, type ModelBuild } from '../../support/line-model.ts';
import { SeededRandom } from '../../support/simulation/random.ts';

const COUNT = 5000;

/** What texts are made of: everything that the dialect treats in its own way, and much that it does not. */
const PIECES = [
  ...'aZ09_:-./@*?[]{}()|^$+\\"\'`!#%&=~,;<> ',
  ...[
    '\n',
    '\r',
    '\r\n',
    '\t',
    '\0',
    '\x01',
    '\v',
    '\f',
    '\x1c',
    '\x1f',
    '\x7f',
    '\x85',
    '\xa0',
    '\u1680',
    '\u2003',
    '\u2007',
  ],
  ...['\u2028', '\u2029', '\u202f', '\u3000', '\ufeff', 'é', '日本', '😀', '👨‍👩‍👧', '\uffff', '\u{10ffff}'],
  ...['EX', 'SET', '@r ', '\\n', '\\u0041', '\\x41', '+OK', '$3', '-ERR ', '*1', ':1', '{"a": 1}'],
];

type Random = () => number;

function randomOf(seed: number): Random {
  const generator = new SeededRandom(seed);
  return () => generator.next();
}

function textOf(random: Random): string {
  const count = 1 + Math.floor(random() * random() * 40);
  let text = '';
  for (let index = 0; index < count; index++) text += PIECES[Math.floor(random() * PIECES.length)];
  return text;
}

function jsonOf(random: Random, depth = 0): unknown {
  const kind = Math.floor(random() * (depth > 3 ? 5 : 7));
  if (kind === 0) return textOf(random);
  if (kind === 1) return (random() - 0.5) * 10 ** Math.floor(random() * 40 - 10);
  if (kind === 2) return Math.floor(random() * 2 ** 53);
  if (kind === 3) return random() < 0.5;
  if (kind === 4) return null;
  const count = Math.floor(random() * 5);
  if (kind === 5) return Array.from({ length: count }, () => jsonOf(random, depth + 1));
  return Object.fromEntries(Array.from({ length: count }, () => [textOf(random), jsonOf(random, depth + 1)]));
}

/** A client on a model server: encoded as it would be sent, answered in packets cut at random. */
function circle(build: ModelBuild, options: EncodeLineOptions, random: Random) {
  const model = new LineModel({ build });
  const connection = model.connect();
  const decoder = new LineDecoder();
  return {
    model,
    say(...command: LineArgument[]): LineValue {
      const frame = encodeLine(command, options);
      const sent = Buffer.from(frame.text);
      assert.equal(frame.byteLength, sent.length);
      assert.equal(frame.ascii, sent.length === frame.text.length);
      assert.equal(sent.indexOf(10), sent.length - 1, 'one line, whatever it holds');
      const { replies, closed } = connection.receive(sent);
      assert.equal(closed, false);
      assert.equal(replies.length, 1);
      const bytes = Buffer.from(replies[0] as string);
      for (let at = 0; at < bytes.length; ) {
        const length = 1 + Math.floor(random() * bytes.length);
        decoder.push(bytes.subarray(at, at + length));
        at += length;
        const value = decoder.read();
        if (value === NEED_LINE_DATA) continue;
        assert.ok(at >= bytes.length - 1, 'a value came before its last byte');
        decoder.push(bytes.subarray(at));
        assert.equal(decoder.read(), NEED_LINE_DATA);
        return value;
      }
      throw new Error('no reply');
    },
  };
}

describe('round trip', () => {
  const ways: [ModelBuild, EncodeLineOptions][] = [
    ['head', { quoting: 'quoted' }],
    ['head', { quoting: 'b64', region: 'eu-west_1.a' }],
    ['quoted', { quoting: 'auto', maxLineBytes: 1024 }],
  ];
  for (const [build, options] of ways) {
    test(`${COUNT} random keys and texts survive on "${build}" with quoting "${options.quoting}"`, () => {
      const random = randomOf(1);
      const { say } = circle(build, options, random);
      for (let index = 0; index < COUNT; index++) {
        const key = textOf(random);
        const value = textOf(random);
        assert.equal(say('SET', key, value), 'OK');
        assert.equal(say('GET', key), value, JSON.stringify({ key, value }));
      }
    });
  }

  for (const [build, quoting] of [
    ['head', 'quoted'],
    ['head', 'b64'],
    ['oct', 'none'],
  ] as const) {
    test(`${COUNT} random JSON values stay readable and keep their TTL on "${build}" with quoting "${quoting}"`, () => {
      const random = randomOf(2);
      const { say } = circle(build, { quoting, maxLineBytes: 1_000_000 }, random);
      for (let index = 0; index < COUNT; index++) {
        const value = jsonOf(random);
        const json = JSON.stringify(value, null, random() < 0.2 ? 2 : 0);
        // The build of October has 1024 bytes a line.
        if (build === 'oct' && json.length > 150) continue;
        assert.equal(say('SET', 'k', json, 'EX', 100), 'OK');
        const stored = say('GET', 'k');
        if (quoting !== 'none') assert.equal(stored, json);
        assert.deepEqual(JSON.parse(stored as string), JSON.parse(json), json);
        assert.ok((say('TTL', 'k') as number) >= 98, json);
      }
    });
  }

  test('APPEND puts texts together, counted in UTF-16 units, and KEYS gives names back as they were', () => {
    const random = randomOf(3);
    const { say, model } = circle('head', { region: 'r' }, random);
    let whole = '';
    for (let index = 0; index < 200; index++) {
      const tail = textOf(random);
      whole += tail;
      assert.equal(say('APPEND', 'text', tail), whole.length);
    }
    assert.equal(model.peek('text', 'r'), whole);
    const names = new Set<string>();
    for (let index = 0; index < 200; index++) {
      const name = textOf(random);
      say('SET', name, 'v');
      names.add(name);
    }
    for (const name of names) {
      // Every character meant literally: the glob's own escape.
      const glob = [...name].map((character) => `\\${character}`).join('');
      assert.deepEqual(say('KEYS', glob), [name]);
    }
  });

  test('keys that begin with @ need no region of the caller, and are not taken for one', () => {
    const { say, model } = circle('head', {}, randomOf(4));
    assert.equal(say('SET', '@eu', 'v'), 'OK');
    assert.equal(model.peek('@eu'), 'v');
    assert.equal(say('GET', '@eu'), 'v');
    assert.equal(say('EXISTS', '@eu', '@eu', 'x'), 2);
    assert.deepEqual(say('KEYS', '@*'), ['@eu']);
    assert.equal(say('SET', 'k', '@v'), 'OK');
    assert.equal(say('GET', 'k'), '@v');
  });
});
