// The streams that parsers are measured with: bytes, how many messages they hold, and which parsers can read them.
// Called by the child process and by the driver. Everything is made from a fixed seed.

/** A small generator of repeatable numbers. */
function dice(seed) {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 4294967296) * limit);
  };
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789 {}":,';

function text(length, roll) {
  let result = '';
  while (result.length < length) result += LETTERS[roll(LETTERS.length)];
  return result;
}

/** Text of about `length` bytes of which a part is not ASCII. */
function wideText(length, roll) {
  let result = '';
  while (Buffer.byteLength(result) < length - 3) result += roll(4) === 0 ? 'äöüß日本語é'[roll(8)] : LETTERS[roll(30)];
  return result;
}

const bulk = (value) => `$${Buffer.byteLength(value)}\r\n${value}\r\n`;

function messages(type, payload) {
  return (roll) => `${type}3\r\n$7\r\nmessage\r\n${bulk(`prices.${roll(20)}.eur`)}${bulk(payload(roll))}`;
}

/** `peers`: who can read it: redis-parser knows RESP2 only. */
export const workloads = {
  'pubsub2-64': { pubsub: true, make: messages('*', (roll) => text(64, roll)), peers: ['redis', 'redis-parser'] },
  'pubsub3-64': { pubsub: true, make: messages('>', (roll) => text(64, roll)), peers: ['redis'] },
  'pubsub2-256': { pubsub: true, make: messages('*', (roll) => text(256, roll)), peers: ['redis', 'redis-parser'] },
  'pubsub3-256': { pubsub: true, make: messages('>', (roll) => text(256, roll)), peers: ['redis'] },
  // As objects, which the option "messages" gives: what the subscriber's connection uses.
  'typed2-64': {
    pubsub: true,
    typed: true,
    make: messages('*', (roll) => text(64, roll)),
    peers: ['redis', 'redis-parser'],
  },
  'typed3-64': { pubsub: true, typed: true, make: messages('>', (roll) => text(64, roll)), peers: ['redis'] },
  ok: { make: () => '+OK\r\n', peers: ['redis', 'redis-parser'] },
  integers: { make: (roll) => `:${roll(10) === 0 ? roll(1e9) : roll(1000)}\r\n`, peers: ['redis', 'redis-parser'] },
  mixed: {
    make: (roll) =>
      [
        () => '+OK\r\n',
        () => `:${roll(5000)}\r\n`,
        () => bulk(text(1 + roll(30), roll)),
        () => '$-1\r\n',
        () => '+QUEUED\r\n',
        () => bulk(text(100, roll)),
        () => '-ERR no such key\r\n',
      ][roll(7)](),
    peers: ['redis', 'redis-parser'],
  },
  nested: {
    make: (roll) =>
      `*3\r\n${bulk(`${1600000000000 + roll(1e9)}-0`)}*4\r\n${bulk('field')}${bulk(text(12, roll))}${bulk('price')}${bulk(String(roll(1e6)))}*2\r\n:${roll(100)}\r\n*2\r\n${bulk('a')}:7\r\n`,
    peers: ['redis', 'redis-parser'],
  },
  'bulk-1k': { make: (roll) => bulk(text(1024, roll)), peers: ['redis', 'redis-parser'] },
  'pubsub2-1k': { pubsub: true, make: messages('*', (roll) => text(1024, roll)), peers: ['redis', 'redis-parser'] },
  'bulk-16k': { make: (roll) => bulk(text(16_384, roll)), peers: ['redis', 'redis-parser'] },
  'bulk-1m': { make: (roll) => bulk(text(1024, roll).repeat(1024)), peers: ['redis', 'redis-parser'], bytes: 2 << 20 },
  'wide-64': { pubsub: true, make: messages('*', (roll) => wideText(64, roll)), peers: ['redis', 'redis-parser'] },
  'wide-256': { pubsub: true, make: messages('*', (roll) => wideText(256, roll)), peers: ['redis', 'redis-parser'] },
  'wide-1k': { make: (roll) => bulk(wideText(1024, roll)), peers: ['redis', 'redis-parser'] },
  'wide-16k': { make: (roll) => bulk(wideText(16_384, roll)), peers: ['redis', 'redis-parser'] },
};

/** The stream in chunks of `chunkBytes`, and how many messages it holds. */
export function makeStream(name, chunkBytes) {
  const { make, bytes = 1 << 20 } = workloads[name];
  const roll = dice(42);
  const parts = [];
  let length = 0;
  while (length < bytes) {
    const part = Buffer.from(make(roll));
    parts.push(part);
    length += part.length;
  }
  const stream = Buffer.concat(parts);
  const chunks = [];
  for (let at = 0; at < stream.length; at += chunkBytes) chunks.push(stream.subarray(at, at + chunkBytes));
  return { chunks, count: parts.length, bytes: stream.length };
}
