// Publishing: how much CPU a message costs the publisher's process, in the ways people publish.
// Run by child.mjs in a process of its own. Each run proves first that what is published arrives as it was given.

import { addressOf, contenders, importOurs } from '../contenders.mjs';
import { records, textSum, texts } from '../payloads.mjs';
import { commandCalls, encode, openControl, openSocket } from '../raw.mjs';
import { sample } from '../sampling.mjs';

const CHANNEL = 'bench';
const DISTINCT = 1024;
const TTL_MS = 60_000;

export async function publish(job) {
  const { target, contender, shape, bytes, what = 'text' } = job;
  const control = await openControl(target);
  const sender = await makeSender(contender, target, what, bytes, shape);
  const command = what === 'set' ? 'set' : 'publish';
  await verify(sender, target, what, bytes, shape);
  const before = await commandCalls(control, command);
  const { total, batch } = batcher(sender, shape);
  const fixed = shape === 'at-once';
  const samples = await sample(batch, {
    warmMs: job.warmMs,
    measureMs: job.measureMs,
    batchSize: fixed ? 100_000 : shape === 'awaited' ? 500 : 20_000,
    minSamples: fixed ? job.minSamples : 3,
  });
  const after = await commandCalls(control, command);
  if (before !== undefined && after !== undefined) {
    const executed = after.calls - before.calls;
    const refused = after.refused - before.refused;
    if (executed !== total() || refused !== 0) {
      throw new Error(`the server executed ${executed} of ${total()} commands, and refused ${refused}`);
    }
  }
  const extra = {};
  if (fixed) extra.heapAfterMiB = heapAfter();
  await sender.close();
  control.close();
  return { samples, extra };
}

function heapAfter() {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed / 2 ** 20;
}

/** `send(i)` gives a promise; `many(n)` sends a batch of n without one. */
async function makeSender(contender, target, what, bytes, shape) {
  if (contender === 'raw socket') return rawSender(target, what, bytes);
  const payloads = texts(bytes, DISTINCT);
  const objects = what === 'text' ? [] : records(bytes, DISTINCT);
  if (contender === 'JSON.stringify') {
    let sum = 0;
    return {
      async block(n) {
        for (let i = 0; i < n; i++) sum += JSON.stringify(objects[i % DISTINCT]).length;
      },
      sum: () => sum,
      close() {},
      isBound: true,
    };
  }
  if (contender === 'ashredis' && what !== 'text') return ownClass(target, what, objects, shape);
  // A backlog of 100,000 messages of 1 KiB is more than the 64 MiB that are allowed by default.
  const options = contender === 'ashredis' && shape === 'at-once' ? { maxBacklogBytes: 2 ** 28 } : {};
  const client = await contenders[contender](target, options);
  if (what === 'text') {
    return { send: (i) => client.publish(CHANNEL, payloads[i % DISTINCT]), close: () => client.close() };
  }
  if (what === 'json') {
    return { send: (i) => client.publish(CHANNEL, JSON.stringify(objects[i % DISTINCT])), close: () => client.close() };
  }
  return {
    send: (i) => client.set(`bench:${i % DISTINCT}`, JSON.stringify(objects[i % DISTINCT]), TTL_MS),
    close: () => client.close(),
  };
}

async function ownClass(target, what, objects, shape) {
  const { AshRedisChannelDataPublisher, AshRedisDataPublisher } = await importOurs();
  if (what === 'json') {
    const publisher = new AshRedisChannelDataPublisher('bench', `ashredischannel://${CHANNEL}`, addressOf(target));
    await publisher.connect();
    const endless = function* (n) {
      for (let i = 0; i < n; i++) yield objects[i % DISTINCT];
    };
    return {
      send: (i) => publisher.publish(objects[i % DISTINCT]),
      async many(n) {
        const result = await publisher.publishMany(endless(n));
        if (result.published !== n) throw new Error(`publishMany published ${JSON.stringify(result)} of ${n}`);
      },
      close: () => publisher.stop(),
    };
  }
  const publisher = new AshRedisDataPublisher('bench', 'ashredis://bench', {
    ...addressOf(target),
    ttlSeconds: TTL_MS / 1000,
  });
  await publisher.connect();
  const keyed = objects.map((record, i) => ({ __dagserver_key: `bench:${i}`, ...record }));
  return { send: (i) => publisher.publish(keyed[i % DISTINCT]), shape, close: () => publisher.stop() };
}

/** Prepared bytes and counted replies: nothing can be cheaper with one socket of Node. */
async function rawSender(target, what, bytes) {
  let wanted = 0;
  let wake;
  const socket = await openSocket(target, (length) => {
    wanted -= length;
    if (wanted === 0) wake();
  });
  const payloads =
    what === 'text' ? texts(bytes, DISTINCT) : records(bytes, DISTINCT).map((each) => JSON.stringify(each));
  const commands = payloads.map((payload, i) =>
    what === 'set' ? encode(['SET', `bench:${i}`, payload, 'PX', TTL_MS]) : encode(['PUBLISH', CHANNEL, payload]),
  );
  const replyBytes = what === 'set' ? 5 : 4;
  const blocks = new Map();
  return {
    isBound: true,
    block(n) {
      let text = blocks.get(n);
      if (text === undefined) {
        text = '';
        for (let i = 0; i < n; i++) text += commands[i % DISTINCT];
        text = Buffer.from(text, 'latin1').toString('latin1');
        blocks.set(n, text);
      }
      wanted += n * replyBytes;
      return new Promise((resolve) => {
        wake = resolve;
        socket.write(text, 'latin1');
      });
    },
    close: () => socket.destroy(),
  };
}

function batcher(sender, shape) {
  let total = 0;
  let next = 0;
  const inFlight = async (n, lanes) => {
    let left = n;
    const lane = async () => {
      while (left > 0) {
        left--;
        await sender.send(next++);
      }
    };
    await Promise.all(Array.from({ length: lanes }, lane));
  };
  const raw = async (n, lanes) => {
    let left = n;
    while (left > 0) {
      const size = Math.min(lanes, left);
      await sender.block(size);
      left -= size;
    }
  };
  const shapes = {
    'in-flight': (n) => (sender.isBound ? raw(n, 1000) : inFlight(n, 1000)),
    awaited: (n) => (sender.isBound ? raw(n, 1) : inFlight(n, 1)),
    many: (n) => (sender.isBound ? raw(n, 500) : (sender.many?.(n) ?? inFlight(n, 1000))),
    async 'at-once'(n) {
      if (sender.isBound) return raw(n, n);
      const promises = [];
      for (let i = 0; i < n; i++) promises.push(sender.send(i));
      await Promise.all(promises);
    },
  };
  return {
    total: () => (sender.sum === undefined ? total : 0),
    async batch(size) {
      const n = shape === 'at-once' ? 100_000 : size;
      total += n;
      await shapes[shape](n);
      return n;
    },
  };
}

/** 1,000 messages to a plain subscriber (or back from their keys), compared in number and content. */
async function verify(sender, target, what, bytes, shape) {
  if (sender.sum !== undefined) return;
  const expected =
    what === 'text' ? texts(bytes, DISTINCT) : records(bytes, DISTINCT).map((each) => JSON.stringify(each));
  const n = 1000;
  const want = expected.slice(0, n).reduce((sum, text) => sum + textSum(text), 0);
  const control = await openControl(target);
  let got = 0;
  let count = 0;
  if (what !== 'set') {
    await control.call('SUBSCRIBE', CHANNEL);
    const all = new Promise((resolve) => {
      control.onPush = (message) => {
        got += textSum(message[2]);
        if (++count === n) resolve();
      };
    });
    if (sender.isBound) await sender.block(n);
    else if (shape === 'many' && sender.many !== undefined) await sender.many(n);
    else await Promise.all(Array.from({ length: n }, (_, i) => sender.send(i)));
    await Promise.race([all, new Promise((resolve) => setTimeout(resolve, 5000).unref())]);
  } else {
    if (sender.isBound) await sender.block(n);
    else await Promise.all(Array.from({ length: n }, (_, i) => sender.send(i)));
    for (let i = 0; i < n; i++) {
      const text = await control.call('GET', `bench:${i}`);
      got += textSum(text);
      count++;
    }
    if ((await control.call('PTTL', 'bench:0')) <= 0) throw new Error('the key has no time to live');
  }
  control.close();
  if (count !== n || got !== want)
    throw new Error(`${count} of ${n} messages arrived, checksum ${got}, expected ${want}`);
}
