// What the decoder holds and costs: nothing for what was only declared, little beside a kept value, linear in bytes.
// Memory is measured in processes of their own, where nothing else allocates.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { LimitError, NEED_DATA, RespDecoder, type RespDecoderOptions } from '../../../src/resp/index.ts';
import { toBytes } from '../../support/resp/vectors.ts';
import { root } from '../../support/sources.ts';

const run = promisify(execFile);

interface Measured {
  perMessage: number;
  perBytes: number;
  grown: number;
  large: number;
  held: number;
}

/** All measurements of memory, in one fresh process: what it prints, as JSON. */
async function measure(): Promise<Measured> {
  const script = `
    const { RespDecoder, NEED_DATA } = await import('./src/resp/index.ts');
    const bytes = (text) => new Uint8Array(Buffer.from(text, 'latin1'));
    const used = () => { gc(); gc(); const { heapUsed, arrayBuffers } = process.memoryUsage(); return heapUsed + arrayBuffers; };
    const measured = {};

    // Every hundredth message is kept, which is the worst case: no two of them share a window.
    function keepMessages(channelCount) {
      const channel = (n) => 'a channel of a long name ' + String(n % channelCount).padStart(4, '0');
      const payload = (n) => String(n).padStart(64, 'p');
      const decoder = new RespDecoder({ messages: true });
      decoder.push(bytes('*3\\r\\n$9\\r\\nsubscribe\\r\\n$1\\r\\na\\r\\n:' + channelCount + '\\r\\n'));
      decoder.read();
      const kept = [];
      const before = used();
      for (let n = 0; n < 300_000; n += 500) {
        let chunk = '';
        for (let at = n; at < n + 500; at++) chunk += '*3\\r\\n$7\\r\\nmessage\\r\\n$29\\r\\n' + channel(at) + '\\r\\n$64\\r\\n' + payload(at) + '\\r\\n';
        decoder.push(bytes(chunk));
        let at = n;
        for (let value = decoder.read(); value !== NEED_DATA; value = decoder.read()) if (at++ % 100 === 0) kept.push(value);
      }
      if (kept.length !== 3000 || kept[7].payload !== payload(700) || kept[7].channel !== channel(700)) throw new Error('wrong messages');
      measured.perMessage = Math.max(measured.perMessage ?? 0, (used() - before) / kept.length);
    }

    // Many, so that what the engine takes for itself meanwhile (compiled code) does not count.
    function keepBytes() {
      const decoder = new RespDecoder({ strings: 'bytes' });
      const kept = [];
      const before = used();
      for (let n = 0; n < 1500; n++) {
        decoder.push(bytes('$64\\r\\n' + 'b'.repeat(64) + '\\r\\n$60000\\r\\n' + 'x'.repeat(60000) + '\\r\\n'));
        kept.push(decoder.read());
        while (decoder.read() !== NEED_DATA);
      }
      measured.perBytes = (used() - before) / kept.length;
    }

    function declare() {
      const nested = new RespDecoder();
      const bulk = new RespDecoder();
      const before = used();
      nested.push(bytes('*16000000\\r\\n'.repeat(60)));
      bulk.push(bytes('$536870912\\r\\nabc'));
      if (nested.read() !== NEED_DATA || bulk.read() !== NEED_DATA) throw new Error('a value');
      measured.grown = used() - before;
      bulk.push(new Uint8Array(100_000));
      bulk.read();
      measured.large = used() - before;
      return nested.bytesConsumed + bulk.bytesConsumed;
    }

    function letGo() {
      const decoder = new RespDecoder();
      const before = used();
      const chunk = new Uint8Array(50_000).fill(120);
      decoder.push(bytes('$8000000\\r\\n'));
      decoder.read();
      for (let at = 0; at < 8_000_000; at += chunk.length) { decoder.push(chunk); decoder.read(); }
      decoder.push(bytes('\\r\\n'));
      if (decoder.read().length !== 8_000_000) throw new Error('wrong payload');
      decoder.read();
      measured.held = used() - before;
      return decoder.bytesConsumed;
    }

    keepMessages(100);
    keepMessages(5000);
    keepBytes();
    declare();
    letGo();
    console.log(JSON.stringify(measured));`;
  const args = ['--expose-gc', '--import', 'tsx', '--input-type=module', '-e', script];
  const { stdout } = await run(process.execPath, args, { cwd: root });
  return JSON.parse(stdout) as Measured;
}

/** CPU milliseconds of `action`, the least of seven: a busy machine disturbs many of them. */
function cpu(action: () => void): number {
  let least = Infinity;
  for (let round = 0; round < 7; round++) {
    const before = process.cpuUsage();
    action();
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 1000);
  }
  return least;
}

function decodeIn(stream: Uint8Array, chunkBytes: number, options?: RespDecoderOptions): number {
  const decoder = new RespDecoder(options);
  let count = 0;
  for (let at = 0; at < stream.length; at += chunkBytes) {
    decoder.push(stream.subarray(at, at + chunkBytes));
    for (let value = decoder.read(); value !== NEED_DATA; value = decoder.read()) count++;
  }
  return count;
}

test('a kept value keeps little beside itself, and what was only declared or already given is not held', async () => {
  const { perMessage, perBytes, grown, large, held } = await measure();
  // A window of 4 KiB; the payload, the message, its slot and the channel stand beside it.
  assert.ok(perMessage < 4096 + 400, `found ${perMessage} bytes for each kept message`);
  assert.ok(perBytes < 700, `found ${perBytes} bytes for each kept array of 64 bytes`);
  // Gigabytes if it were allocated; what the engine compiles meanwhile is some 100 KB.
  assert.ok(grown < 1_000_000, `found ${grown} bytes for lengths that were only declared`);
  assert.ok(large < 1_500_000, `found ${large} bytes for 100,000 of 512 MiB`);
  assert.ok(held < 1_000_000, `found ${held} bytes held after a payload of 8 MB was given`);
});

describe('cost', () => {
  test('an 8 MiB bulk in chunks of 1,460 bytes costs as much a byte as in one piece, within a factor', () => {
    const small = toBytes(`$${1 << 20}\r\n${'a'.repeat(1 << 20)}\r\n`);
    const large = toBytes(`$${8 << 20}\r\n${'a'.repeat(8 << 20)}\r\n`);
    assert.equal(decodeIn(large, 1460), 1);
    const perSmall = cpu(() => decodeIn(small, 1460));
    const perLarge = cpu(() => decodeIn(large, 1460)) / 8;
    assert.ok(perLarge < perSmall * 4 + 4, `found ${perLarge} ms a MiB at 8 MiB, ${perSmall} ms at 1 MiB`);
  });

  test('an array of 100,000 elements in chunks of 1,460 bytes costs as much an element as a small one', () => {
    const element = '$10\r\n0123456789\r\n';
    // Not so small that its elements die young: the collector's work for those that live is no cost of the decoder.
    const small = toBytes(`*10000\r\n${element.repeat(10_000)}`.repeat(10));
    const large = toBytes(`*100000\r\n${element.repeat(100_000)}`);
    assert.equal(decodeIn(large, 1460), 1);
    const perSmall = cpu(() => decodeIn(small, 1460));
    const perLarge = cpu(() => decodeIn(large, 1460));
    assert.ok(perLarge < perSmall * 4 + 10, `found ${perLarge} ms, ${perSmall} ms for small ones`);
  });

  test('a line, a payload and a streamed string byte by byte cost no more a byte when they are longer', () => {
    const make = (length: number) => {
      const text = 'l'.repeat(length);
      return toBytes(`+${text}\r\n$${length}\r\n${text}\r\n$?\r\n${`;1\r\nx\r\n`.repeat(length / 8)};0\r\n`);
    };
    const short = make(4000);
    const long = make(64_000);
    assert.equal(decodeIn(long, 1), 3);
    const perShort = cpu(() => decodeIn(short, 1));
    const perLong = cpu(() => decodeIn(long, 1)) / 16;
    assert.ok(perLong < perShort * 4 + 2, `found ${perLong} ms, ${perShort} ms for short ones`);
  });

  test('many chunks pushed before a read cost no more each than few', () => {
    const pushAll = (count: number) => {
      const decoder = new RespDecoder({ limits: { maxLineBytes: 1_000_000 } });
      for (let n = 0; n < count; n++) decoder.push(toBytes('+O'));
      decoder.push(toBytes('\r\n'));
      assert.equal((decoder.read() as string).length, count * 2 - 1);
    };
    const few = cpu(() => pushAll(1000));
    // Enough to show whether each costs the sum of all: those that wait are more than the engine moves at once.
    const many = cpu(() => pushAll(150_000)) / 150;
    assert.ok(many < few * 4 + 2, `found ${many} ms, ${few} ms for few`);
  });

  test('chunks that nobody reads end at the limit, which read() tells', () => {
    const decoder = new RespDecoder({ limits: { maxBufferedBytes: 100 } });
    for (let n = 0; n < 50; n++) decoder.push(toBytes('+OK\r\n'));
    assert.throws(() => decoder.read(), LimitError);
  });
});
