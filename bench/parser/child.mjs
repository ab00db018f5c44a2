// One measurement in a fresh process: `node child.mjs <parser> <workload> <chunk bytes> <ms>` prints one line of JSON.
// Called by run.mjs. Every value is consumed: characters are read (which flattens ropes), channels are looked up.

import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { makeStream, workloads } from './workloads.mjs';

const [parser, workload, chunkBytes, budgetMs] = [process.argv[2], process.argv[3], +process.argv[4], +process.argv[5]];
const peers = createRequire(process.env.BENCH_PEERS ?? fileURLToPath(new URL('../package.json', import.meta.url)));
const ours = process.env.BENCH_RESP ?? fileURLToPath(new URL('../../dist/esm/resp/index.js', import.meta.url));

const seen = new Map();
let sum = 0;

/** All sums are 32-bit: beyond that each sum would be a new heap number, which costs as much as a short reply. */
function consumeText(value) {
  const { length } = value;
  if (length > 0) {
    const units = value.charCodeAt(0) + value.charCodeAt(length >> 1) + value.charCodeAt(length - 1);
    sum = (sum + length + units) | 0;
  }
}

function consumeMessage(channel, payload) {
  seen.set(channel, (seen.get(channel) ?? 0) + 1);
  consumeText(payload);
}

function consume(value) {
  if (typeof value === 'string') consumeText(value);
  else if (typeof value === 'number') sum = (sum + value) | 0;
  else if (Array.isArray(value)) for (let at = 0; at < value.length; at++) consume(value[at]);
  else if (value !== null) consumeText(value.message);
}

const { pubsub: isPubsub = false, typed: isTyped = false } = workloads[workload];
const makers = {
  async ashredis() {
    const { RespDecoder, NEED_DATA } = await import(pathToFileURL(ours).href);
    return () => {
      const decoder = new RespDecoder({ messages: isTyped });
      return (chunk) => {
        decoder.push(chunk);
        for (let value = decoder.read(); value !== NEED_DATA; value = decoder.read()) {
          if (isTyped) consumeMessage(value.channel, value.payload);
          else if (isPubsub && Array.isArray(value)) consumeMessage(value[1], value[2]);
          else if (isPubsub) consumeMessage(value.values[0], value.values[1]);
          else consume(value);
        }
      };
    };
  },
  async redis() {
    const client = peers.resolve('@redis/client');
    const { Decoder } = createRequire(client)('./lib/RESP/decoder.js');
    return () => {
      const onReply = isPubsub ? (reply) => consumeMessage(reply[1], reply[2]) : consume;
      // Pushes come as buffers in there; the client turns them into text.
      const onPush = (reply) => consumeMessage(reply[1].toString(), reply[2].toString());
      const typeMapping = {};
      const decoder = new Decoder({ onReply, onErrorReply: onReply, onPush, getTypeMapping: () => typeMapping });
      return (chunk) => decoder.write(chunk);
    };
  },
  async 'redis-parser'() {
    const Parser = peers('redis-parser');
    return () => {
      const returnReply = isPubsub ? (reply) => consumeMessage(reply[1], reply[2]) : consume;
      const decoder = new Parser({
        returnReply,
        returnError: returnReply,
        returnFatalError(error) {
          throw error;
        },
      });
      return (chunk) => decoder.execute(chunk);
    };
  },
};

const { chunks, count } = makeStream(workload, chunkBytes);
const makeParser = await makers[parser]();

/** CPU microseconds of reading the stream once, with a fresh parser. */
function round() {
  const parse = makeParser();
  const before = process.cpuUsage();
  for (const chunk of chunks) parse(chunk);
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

/** True until `ms` of CPU time are used (a busy machine then measures warm code too), or ten times that on the wall. */
function budget(ms) {
  const cpu = process.cpuUsage();
  const started = performance.now();
  return () => {
    const { user, system } = process.cpuUsage(cpu);
    return (user + system) / 1000 < ms && performance.now() - started < ms * 10;
  };
}

let rounds = 0;
for (const more = budget(budgetMs * 0.5); more() || rounds < 3; rounds++) round();
// Rounds are joined into samples of 4 ms at least. Many short ones: on a busy machine some are undisturbed.
const samples = [];
for (const more = budget(budgetMs); more() || samples.length < 3; ) {
  let micros = 0;
  let read = 0;
  while (micros < 4000) {
    micros += round();
    read += count;
  }
  samples.push((micros * 1000) / read);
}
samples.sort((a, b) => a - b);
const at = (share) => samples[Math.min(samples.length - 1, Math.floor(samples.length * share))];
process.stdout.write(
  `${JSON.stringify({ parser, workload, chunkBytes, best: samples[0], median: at(0.5), p90: at(0.9), samples: samples.length, sum: sum !== 0 })}\n`,
);
