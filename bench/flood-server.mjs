// A server of messages for subscribers, in a process of its own: prepared blocks, written as fast as they are read.
// Started by the runner where redis-server would be the limit. `FLOOD` is its one command of its own.
// It must not be taken for a Redis server: it knows what clients say when they connect and subscribe, and no more.

import { createServer } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import Parser from 'redis-parser';
import { random, recordSum, records, textSum, texts } from './payloads.mjs';

const BLOCK_BYTES = 256 * 1024;
const bulk = (text) => `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
const subscribers = new Map();
const floods = new Map();

/** Blocks that hold all messages of one flood once, with their count and sum; made before the clock runs. */
function prepare(protocol, kind, bytes, prefix, channelCount) {
  const key = `${protocol} ${kind} ${bytes} ${prefix} ${channelCount}`;
  const known = floods.get(key);
  if (known !== undefined) return known;
  const distinct = 1021;
  const json = kind === 'json' ? records(bytes, distinct) : [];
  const payloads = kind === 'json' ? json.map((record) => JSON.stringify(record)) : texts(bytes, distinct);
  const sums = kind === 'json' ? json.map(recordSum) : payloads.map(textSum);
  const next = random(channelCount);
  const count = channelCount === 1 ? Math.max(distinct, Math.ceil(BLOCK_BYTES / (bytes + 40))) : channelCount;
  const blocks = [];
  let text = '';
  let blockCount = 0;
  let blockSum = 0;
  const flush = () => {
    blocks.push({ buffer: Buffer.from(text, 'latin1'), count: blockCount, sum: blockSum });
    text = '';
    blockCount = 0;
    blockSum = 0;
  };
  for (let i = 0; i < count; i++) {
    const channel = channelCount === 1 ? prefix : `${prefix}:${Math.floor(next() * channelCount)}`;
    const at = i % distinct;
    text += `${protocol === 3 ? '>' : '*'}3\r\n$7\r\nmessage\r\n${bulk(channel)}${bulk(payloads[at])}`;
    blockCount++;
    blockSum += sums[at];
    if (text.length >= BLOCK_BYTES) flush();
  }
  if (blockCount > 0) flush();
  floods.set(key, blocks);
  return blocks;
}

/** Whole blocks until at least `count` messages were written; tells how many and their sum. */
async function flood(socket, blocks, count) {
  let sent = 0;
  let sum = 0;
  let bytes = 0;
  for (let i = 0; sent < count; i = (i + 1) % blocks.length) {
    const block = blocks[i];
    sent += block.count;
    sum += block.sum;
    bytes += block.buffer.length;
    if (!socket.write(block.buffer)) {
      if (socket.writableLength > 1024 * 1024) await new Promise((resolve) => socket.once('drain', resolve));
    }
    if (socket.destroyed) break;
  }
  return { sent, sum, bytes };
}

const HELLO = [
  ['server', bulk('redis')],
  ['version', bulk('7.0.15')],
  ['proto', ':3\r\n'],
  ['id', ':1\r\n'],
  ['mode', bulk('standalone')],
  ['role', bulk('master')],
  ['modules', '*0\r\n'],
]
  .map(([key, value]) => bulk(key) + value)
  .join('');

function serve(socket) {
  let protocol = 2;
  let subscribed = 0;
  const push = (kind, channel, n) =>
    socket.write(`${protocol === 3 ? '>' : '*'}3\r\n${bulk(kind)}${bulk(channel)}:${n}\r\n`);
  const commands = {
    HELLO(args) {
      protocol = Number(args[0] ?? 2);
      socket.write(`${protocol === 3 ? '%7' : '*14'}\r\n${HELLO}`);
    },
    INFO: () => socket.write(bulk('redis_version:7.0.15\r\nrole:master\r\nloading:0\r\n')),
    PING: (args) => socket.write(args[0] === undefined ? '+PONG\r\n' : bulk(args[0])),
    SUBSCRIBE(args) {
      for (const channel of args) {
        subscribers.set(channel.split(':')[0], { socket, protocol });
        push('subscribe', channel, ++subscribed);
      }
    },
    UNSUBSCRIBE(args) {
      for (const channel of args) push('unsubscribe', channel, --subscribed);
    },
    // FLOOD prefix kind bytes channels count: PREPARE does all but the writing.
    PREPARE([prefix, kind, bytes, channels]) {
      prepare(subscribers.get(prefix).protocol, kind, Number(bytes), prefix, Number(channels));
      socket.write('+OK\r\n');
    },
    async FLOOD([prefix, kind, bytes, channels, count]) {
      const subscriber = subscribers.get(prefix);
      const blocks = prepare(subscriber.protocol, kind, Number(bytes), prefix, Number(channels));
      const { sent, sum, bytes: wireBytes } = await flood(subscriber.socket, blocks, Number(count));
      socket.write(`*3\r\n:${sent}\r\n${bulk(String(sum))}:${wireBytes}\r\n`);
    },
    CLIENT: (args) => socket.write(/^id$/i.test(args[0]) ? ':1\r\n' : '+OK\r\n'),
  };
  const parser = new Parser({
    returnReply([name, ...args]) {
      const command = commands[name.toUpperCase()];
      if (command === undefined) socket.write('+OK\r\n');
      else void command(args);
    },
    returnError: () => socket.destroy(),
    returnFatalError: () => socket.destroy(),
  });
  socket.setNoDelay(true);
  socket.on('data', (chunk) => parser.execute(chunk));
  socket.on('error', () => socket.destroy());
}

const settings = JSON.parse(process.argv[2] ?? '{}');
const server = settings.tls === undefined ? createServer(serve) : createTlsServer(settings.tls, serve);
server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`));
// The runner's end is ours.
process.stdin.on('end', () => process.exit(0)).resume();
