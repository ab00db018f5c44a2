// Receiving: how much CPU a message costs the subscriber's process while a flood server sends all that is read.
// Run by child.mjs in a process of its own. Each flood's count and checksum are compared with what the server sent.

import { addressOf, contenders, importOurs } from '../contenders.mjs';
import { recordSum, records, textSum } from '../payloads.mjs';
import { encode, openControl, openSocket } from '../raw.mjs';
import { sample } from '../sampling.mjs';

const PREFIX = 'bench';

export async function subscribe(job) {
  const { target, contender, bytes, what = 'text', channels = 1 } = job;
  if (contender === 'JSON.parse') return parseAlone(job);
  const tally = { count: 0, sum: 0, want: Infinity, wake: undefined };
  const names = channels === 1 ? [PREFIX] : Array.from({ length: channels }, (_, i) => `${PREFIX}:${i}`);
  const control = await openControl(target);
  const close = await listen(contender, target, what, names, tally);
  await control.call('PREPARE', PREFIX, what, bytes, channels);
  const flood = async (n) => {
    tally.count = 0;
    tally.sum = 0;
    tally.want = Infinity;
    const arrived = new Promise((resolve) => {
      tally.wake = resolve;
    });
    const [sent, sum, wireBytes] = await control.call('FLOOD', PREFIX, what, bytes, channels, n);
    const isRaw = contender === 'raw socket';
    const want = isRaw ? wireBytes : sent;
    tally.want = want;
    if (tally.count < want) await within(arrived, 20_000, () => `${tally.count} of ${want} arrived in 20 s`);
    const expected = Number(sum);
    if (tally.count !== want) throw new Error(`${tally.count} of ${want} arrived`);
    if (!isRaw && Math.abs(tally.sum - expected) > 1e-9 * expected) {
      throw new Error(`checksum ${tally.sum} of what arrived, expected ${expected}`);
    }
    return sent;
  };
  const batchSize = channels === 1 ? 20_000 : channels;
  const samples = await sample(flood, { warmMs: job.warmMs, measureMs: job.measureMs, batchSize });
  await close();
  control.close();
  return { samples, extra: {} };
}

function within(promise, ms, text) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(text())), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

async function listen(contender, target, what, names, tally) {
  const count = () => {
    if (++tally.count === tally.want) tally.wake();
  };
  const onText = (text) => {
    tally.sum += textSum(text);
    count();
  };
  const onRecord = (record) => {
    tally.sum += recordSum(record);
    count();
  };
  if (contender === 'raw socket') return listenRaw(target, names, tally);
  if (contender === 'ashredis' && what === 'json') {
    const { AshRedisChannelDataSubscriber } = await importOurs();
    const subscriber = new AshRedisChannelDataSubscriber('bench', `ashredischannel://${names[0]}`, {
      ...addressOf(target),
      onMessage: (message) => onRecord(message.data),
    });
    await subscriber.start();
    return () => subscriber.stop();
  }
  const client = await contenders[contender](target);
  await client.subscribe(names, what === 'json' ? (text) => onRecord(JSON.parse(text)) : onText);
  return () => client.close();
}

/** Reads and counts bytes, and looks at none of them. */
async function listenRaw(target, names, tally) {
  let confirmed;
  const socket = await openSocket(target, (length) => {
    if (confirmed !== undefined) {
      confirmed();
      confirmed = undefined;
      return;
    }
    tally.count += length;
    if (tally.count === tally.want) tally.wake();
  });
  const ready = new Promise((resolve) => {
    confirmed = resolve;
  });
  socket.write(encode(['SUBSCRIBE', ...names]));
  await ready;
  return () => socket.destroy();
}

/** What decoding alone costs: the same texts, no socket. */
async function parseAlone({ bytes, warmMs, measureMs }) {
  const texts = records(bytes, 1021).map((record) => JSON.stringify(record));
  let sum = 0;
  const batch = async (n) => {
    for (let i = 0; i < n; i++) sum += recordSum(JSON.parse(texts[i % texts.length]));
    return n;
  };
  const samples = await sample(batch, { warmMs, measureMs, batchSize: 20_000 });
  if (!(sum > 0)) throw new Error('nothing was decoded');
  return { samples, extra: {} };
}
