// Our own UTF-8 gives what TextDecoder and TextEncoder give, and the decoder gives the same text wherever it runs.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TextReader } from '../../../src/resp/text-reader.ts';
import { findTextDecoders, findTextEncoders } from '../../../src/resp/utf8.ts';
import { Dice } from '../../support/resp/fuzzer.ts';

const { utf8: decodeUtf8 } = findTextDecoders({});
const platform = new TextDecoder('utf-8', { ignoreBOM: true });

/** Bytes in which every kind of broken sequence is likely. */
function randomBytes(dice: Dice): Uint8Array {
  const edges = [0, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xed, 0xef];
  edges.push(0xf0, 0xf1, 0xf4, 0xf5, 0xff);
  return Uint8Array.from({ length: dice.below(12) }, () => (dice.oneIn(3) ? dice.below(256) : dice.pick(edges)));
}

describe('UTF-8', () => {
  test('decoding is that of TextDecoder for every two bytes and for random ones', () => {
    for (let first = 0; first < 256; first++) {
      for (let second = 0; second < 256; second++) {
        const bytes = Uint8Array.of(first, second, 0x80, 0x41);
        assert.equal(decodeUtf8(bytes, 0, 4), platform.decode(bytes));
      }
    }
    const dice = new Dice(7);
    for (let round = 0; round < 20_000; round++) {
      const bytes = randomBytes(dice);
      assert.equal(decodeUtf8(bytes, 0, bytes.length), platform.decode(bytes), String(bytes));
    }
  });

  test('encoding is that of TextEncoder by each way, lone surrogates too', () => {
    const { TextEncoder, process } = globalThis;
    const dice = new Dice(8);
    const units = [0x41, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xd800, 0xdbff, 0xdc00, 0xdfff, 0xe000, 0xffff];
    const ways = [{}, { TextEncoder }, { process }].map((globals) => findTextEncoders(globals as object));
    for (let round = 0; round < 20_000; round++) {
      const length = dice.oneIn(10) ? dice.below(300) : dice.below(6);
      const wide = String.fromCharCode(...Array.from({ length }, () => dice.pick(units)));
      const text = dice.oneIn(4) ? 'a'.repeat(length) : wide;
      const expected = new TextEncoder().encode(text);
      for (const { write, encode } of ways) {
        const bytes = new Uint8Array(expected.length + 1);
        assert.equal(write(text, bytes, 1), expected.length + 1);
        assert.deepEqual(bytes.subarray(1), expected);
        assert.deepEqual(encode(text), expected);
      }
    }
  });

  test('text for which there is no room never ends where ASCII of its length would', () => {
    const { TextEncoder, process } = globalThis;
    const ways = [{}, { TextEncoder }, { process }].map((globals) => findTextEncoders(globals as object));
    for (const unit of ['é', '日', '😀', '\ud800']) {
      for (const length of [1, 5, 19, 20, 21, 30, 127, 128, 129, 500]) {
        for (const before of ['', 'a', 'ab', 'abc']) {
          const text = before + unit.repeat(length);
          for (const { write } of ways) assert.ok(write(text, new Uint8Array(text.length + 4), 0) > text.length);
        }
      }
    }
  });

  test('what a platform has is used, and each way gives the same text', () => {
    const { TextDecoder, process } = globalThis;
    const dice = new Dice(9);
    const ways = [{}, { TextDecoder }, { process }].map((globals) => findTextDecoders(globals as object));
    assert.equal(ways[2]?.isAscii(Uint8Array.of(0x41)), true);
    for (let round = 0; round < 2000; round++) {
      const bytes = randomBytes(dice);
      const expected = platform.decode(bytes.subarray(1));
      for (const { utf8, ascii } of ways) {
        if (bytes.length > 0) assert.equal(utf8(bytes, 1, bytes.length), expected);
        assert.equal(ascii(Uint8Array.of(0x61, 0x62), 0, 2), 'ab');
      }
    }
  });

  test('strings read through windows are those read one by one, ASCII or not', () => {
    const dice = new Dice(10);
    for (let round = 0; round < 300; round++) {
      const pieces: string[] = [];
      for (let count = dice.below(60); count >= 0; count--) {
        pieces.push(dice.pick(['a', 'é😀', '\ufeffb', '\ud7ff', 'word ']).repeat(dice.below(dice.oneIn(9) ? 900 : 20)));
      }
      const bytes = new Uint8Array(Buffer.from(pieces.join('\r\n')));
      const reader = new TextReader();
      reader.move(0, bytes.length);
      let at = 0;
      for (const piece of pieces) {
        const end = at + Buffer.byteLength(piece);
        assert.equal(reader.part(bytes, at, end, bytes.length), piece);
        at = end + 2;
      }
    }
  });
});
