// Latency from `publish()` to the message in a subscriber of the same process, through redis-server.
// Run by child.mjs. Open loop: a message's clock starts when it should have left, not when it did, so that a stall
// shows in every message that it delayed (no coordinated omission).

import { contenders } from '../contenders.mjs';
import { encode, openSocket } from '../raw.mjs';
import { percentile } from '../sampling.mjs';

const CHANNEL = 'bench-latency';

export async function latency(job) {
  const { target, contender, rate, warmMs, measureMs } = job;
  const link = contender === 'raw socket' ? await rawLink(target) : await clientLink(contender, target);
  const run = rate === undefined ? oneInFlight : openLoop;
  await run(link, warmMs, rate);
  const cpu = process.cpuUsage();
  const times = await run(link, measureMs, rate);
  const { user, system } = process.cpuUsage(cpu);
  await link.close();
  times.sort((a, b) => a - b);
  const micros = (share) => percentile(times, share) * 1000;
  const cpuNs = ((user + system) * 1000) / times.length;
  const sample = {
    count: times.length,
    cpuNs,
    rate: times.length / (measureMs / 1000),
    p50: micros(0.5),
    p99: micros(0.99),
  };
  return { samples: [sample], extra: { p999: micros(0.999), max: micros(1) } };
}

async function clientLink(contender, target) {
  const client = await contenders[contender](target);
  const link = { onMessage: undefined, send: (text) => client.publish(CHANNEL, text), close: () => client.close() };
  await client.subscribe([CHANNEL], (text) => link.onMessage(text));
  return link;
}

async function rawLink(target) {
  const link = { onMessage: undefined };
  let text = '';
  const subscriber = await openSocket(target, (length, buffer) => {
    text += Buffer.from(buffer.buffer, buffer.byteOffset, length).toString('latin1');
    for (;;) {
      const found = /\*3\r\n\$7\r\nmessage\r\n\$\d+\r\n[^\r]*\r\n\$\d+\r\n([^\r]*)\r\n/.exec(text);
      if (found === null) return;
      text = text.slice(found.index + found[0].length);
      link.onMessage?.(found[1]);
    }
  });
  subscriber.write(encode(['SUBSCRIBE', CHANNEL]));
  let replied;
  const publisher = await openSocket(target, () => replied?.());
  await new Promise((resolve) => setTimeout(resolve, 50));
  link.send = (payload) => {
    publisher.write(encode(['PUBLISH', CHANNEL, payload]));
    return new Promise((resolve) => {
      replied = resolve;
    });
  };
  link.close = () => {
    subscriber.destroy();
    publisher.destroy();
  };
  return link;
}

const payloadOf = (id) => String(id).padEnd(64, '.');

async function oneInFlight(link, ms) {
  const times = [];
  const until = performance.now() + ms;
  let arrived;
  let expected = '';
  link.onMessage = (text) => {
    if (text !== expected) throw new Error(`message ${text.slice(0, 20)} arrived, expected ${expected.slice(0, 20)}`);
    arrived();
  };
  for (let id = 0; performance.now() < until; id++) {
    expected = payloadOf(id);
    const message = new Promise((resolve) => {
      arrived = resolve;
    });
    const start = performance.now();
    const published = link.send(expected);
    await message;
    times.push(performance.now() - start);
    await published;
  }
  return times;
}

function openLoop(link, ms, rate) {
  const total = Math.floor((ms / 1000) * rate);
  const gap = 1000 / rate;
  const times = [];
  let next = 0;
  return new Promise((resolve, reject) => {
    const start = performance.now() + 5;
    link.onMessage = (text) => {
      const id = Number.parseInt(text, 10);
      if (id !== times.length) return reject(new Error(`message ${id} arrived, expected ${times.length}`));
      times.push(performance.now() - (start + id * gap));
      if (times.length === total) resolve(times);
    };
    const tick = () => {
      const now = performance.now();
      while (next < total && start + next * gap <= now) {
        link.send(payloadOf(next)).catch(reject);
        next++;
      }
      if (next < total) setImmediate(tick);
    };
    tick();
  });
}
