// Without a server: the parser, the encoder, the time of an import, the size of a bundle.
// Run by child.mjs. The decoder's own suite is bench/parser; this calls its child with one workload at a time.

import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { ours } from '../contenders.mjs';
import { texts } from '../payloads.mjs';
import { sample } from '../sampling.mjs';

const require = createRequire(import.meta.url);
const ourResp = () => import(new URL('./resp/index.js', pathToFileURL(ours)).href);

export async function parser(job) {
  const { contender, stream, chunkBytes, warmMs, measureMs } = job;
  if (contender === 'memcpy') return copyStream(job);
  const child = fileURLToPath(new URL('../parser/child.mjs', import.meta.url));
  const env = { ...process.env, BENCH_RESP: new URL('./resp/index.js', pathToFileURL(ours)).pathname };
  const ms = String(Math.round(Math.max(100, warmMs + measureMs)));
  const output = execFileSync(process.execPath, [child, contender, stream, String(chunkBytes), ms], {
    encoding: 'utf8',
    env,
  });
  const { median, best, p90, sum } = JSON.parse(output);
  if (sum !== true) throw new Error('nothing was read');
  return { samples: [{ cpuNs: median, rate: 1e9 / median }], extra: { best, p90 } };
}

/** The stream copied once, chunk by chunk: no parser can read it for less. */
async function copyStream({ stream, chunkBytes, warmMs, measureMs }) {
  const { makeStream } = await import('../parser/workloads.mjs');
  const { chunks, count } = makeStream(stream, chunkBytes);
  const to = new Uint8Array(chunkBytes);
  const batch = async (n) => {
    const times = Math.max(1, Math.round(n / count));
    for (let i = 0; i < times; i++) for (const chunk of chunks) to.set(chunk);
    return times * count;
  };
  const samples = await sample(batch, { warmMs, measureMs, batchSize: count });
  if (to[0] === 0) throw new Error('nothing was copied');
  return { samples, extra: {} };
}

export async function encoder({ contender, bytes, warmMs, measureMs }) {
  const payloads = texts(bytes, 1021);
  const encode = await encoderOf(contender);
  const expected = `*3\r\n$7\r\nPUBLISH\r\n$5\r\nbench\r\n$${bytes}\r\n${payloads[0]}\r\n`;
  if (contender !== 'memcpy' && Buffer.from(encode(['PUBLISH', 'bench', payloads[0]])).toString() !== expected) {
    throw new Error('the encoder gave other bytes than RESP asks for');
  }
  let sum = 0;
  const batch = async (n) => {
    for (let i = 0; i < n; i++) sum += encode(['PUBLISH', 'bench', payloads[i % 1021]]).length;
    return n;
  };
  const samples = await sample(batch, { warmMs, measureMs, batchSize: 20_000 });
  if (!(sum > 0)) throw new Error('nothing was encoded');
  return { samples, extra: {} };
}

/** Each gives bytes: what peers keep as strings is written into bytes here, as their socket would. */
async function encoderOf(contender) {
  if (contender === 'ashredis') return (await ourResp()).encodeCommand;
  if (contender === 'redis') {
    const encode = createRequire(require.resolve('@redis/client'))('./lib/RESP/encoder.js').default;
    return (args) => Buffer.from(encode(args).join(''));
  }
  if (contender === 'ioredis') {
    const { Command } = require('ioredis');
    return ([name, ...args]) => Buffer.from(new Command(name, args).toWritable());
  }
  // The payload alone, copied into bytes.
  return (args) => Buffer.from(args[2], 'latin1');
}

const ENTRIES = {
  redis: 'redis',
  ioredis: 'ioredis',
  iovalkey: 'iovalkey',
  glide: '@valkey/valkey-glide',
};

/** In this fresh process: the first import, with what Node has not loaded yet for it. */
export async function imports({ contender }) {
  const entry = contender === 'ashredis' ? pathToFileURL(ours).href : ENTRIES[contender];
  const cpu = process.cpuUsage();
  const start = performance.now();
  const loaded = contender === 'node:net, node:tls' ? await bareImport() : await import(entry);
  const ms = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  if (Object.keys(loaded).length === 0) throw new Error('nothing was exported');
  return { samples: [{ ms, cpuMs: (user + system) / 1000 }], extra: {} };
}

async function bareImport() {
  await import('node:tls');
  return import('node:net');
}

const USES = {
  ashredis: (path) =>
    `export { AshRedisChannelDataPublisher, AshRedisChannelDataSubscriber } from ${JSON.stringify(path)}`,
  redis: () => `export { createClient } from 'redis'`,
  ioredis: () => `export { Redis } from 'ioredis'`,
  iovalkey: () => `export { Redis } from 'iovalkey'`,
};

export async function bundle({ contender }) {
  const { build } = await import('esbuild');
  const { outputFiles } = await build({
    stdin: { contents: USES[contender](ours), resolveDir: fileURLToPath(new URL('..', import.meta.url)) },
    bundle: true,
    minify: true,
    write: false,
    platform: 'node',
    format: 'esm',
    logLevel: 'silent',
  });
  const { contents } = outputFiles[0];
  return {
    samples: [{ kib: gzipSync(contents, { level: 9 }).length / 1024 }],
    extra: { minifiedKib: contents.length / 1024 },
  };
}
