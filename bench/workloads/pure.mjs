// Parts of the client on their own: the parser, the encoder, the time of an import, the size of a bundle.
// Run by child.mjs. The decoder's own suite is bench/parser; this calls its child with one workload at a time.

import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { ours } from '../contenders.mjs';
import { texts } from '../payloads.mjs';
import { openSocket } from '../raw.mjs';
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

/** Commands encoded and written to a socket, 500 a turn, until the server has answered them. */
export async function encoder({ contender, target, command, bytes, warmMs, measureMs }) {
  const payloads = texts(bytes, 1021);
  const words = command === 'set' ? ['SET', 'bench'] : ['PUBLISH', 'bench'];
  const pieces = await encoderOf(contender);
  const encoding = contender === 'raw socket' ? 'latin1' : undefined;
  const expected = `*3\r\n$${words[0].length}\r\n${words[0]}\r\n$5\r\nbench\r\n$${bytes}\r\n${payloads[0]}\r\n`;
  const sent = pieces([[...words, payloads[0]]]);
  const text = sent.map((piece) => (typeof piece === 'string' ? piece : Buffer.from(piece).toString())).join('');
  if (text !== expected) throw new Error('the encoder gave other bytes than RESP asks for');
  let missing = 0;
  let wake;
  const replyBytes = command === 'set' ? 5 : 4;
  const socket = await openSocket(target, (length) => {
    missing -= length;
    if (missing === 0) wake();
  });
  const batch = async (n) => {
    for (let done = 0; done < n; done += 500) {
      missing = 500 * replyBytes;
      const answered = new Promise((resolve) => {
        wake = resolve;
      });
      const commands = [];
      for (let i = 0; i < 500; i++) commands.push([...words, payloads[(done + i) % 1021]]);
      socket.cork();
      for (const piece of pieces(commands)) socket.write(piece, encoding);
      socket.uncork();
      await answered;
    }
    return n;
  };
  const samples = await sample(batch, { warmMs, measureMs, batchSize: 20_000 });
  socket.destroy();
  return { samples, extra: {} };
}

/** How each client encodes what a turn has: pieces of text or bytes, each written, in one corked turn. */
async function encoderOf(contender) {
  if (contender === 'ashredis') {
    const { encodeCommands } = await ourResp();
    return (commands) => [encodeCommands(commands)];
  }
  if (contender === 'ashredis, one by one') {
    const { encodeCommand } = await ourResp();
    return (commands) => commands.map((command) => encodeCommand(command));
  }
  if (contender === 'redis') {
    const encode = createRequire(require.resolve('@redis/client'))('./lib/RESP/encoder.js').default;
    return (commands) => commands.flatMap((command) => encode(command));
  }
  if (contender === 'ioredis') {
    const { Command } = require('ioredis');
    return (commands) => commands.map(([name, ...args]) => new Command(name, args).toWritable());
  }
  // Text that was made before.
  const made = new Map();
  return (commands) =>
    commands.map(([name, key, payload]) => {
      let text = made.get(payload);
      if (text === undefined) {
        text = `*3\r\n$${name.length}\r\n${name}\r\n$5\r\n${key}\r\n$${payload.length}\r\n${payload}\r\n`;
        made.set(payload, text);
      }
      return text;
    });
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
