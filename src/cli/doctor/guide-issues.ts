// The five troubleshooting issues of the guide, tried on the server at hand. Called by `commands/doctor.ts`.
// The first, "connection refused", is the network's check; the other four are here.

import {
  AshRedisChannelDataPublisher,
  AshRedisChannelDataSubscriber,
  type AshRedisClient,
  AshRedisDataPublisher,
} from '../../api/index.ts';
import { MissingKeyError } from '../../errors/index.ts';
import { bytes, duration } from '../text.ts';
import { adviceFor, messageOf, ok, type Report, skipped, warning, wrong } from './finding.ts';

const LARGE_BYTES = 1024 * 1024;
const SLOW_LARGE_MS = 1000;
const CALLERS = 50;

export async function checkGuideIssues(client: AshRedisClient, report: Report): Promise<void> {
  const name = `ashredis:doctor:${Math.random().toString(36).slice(2)}`;
  const { region } = client;
  const publisher = new AshRedisDataPublisher('ashredis-doctor', 'ashredis://doctor', {
    client,
    region,
    ttlSeconds: 10,
  });
  try {
    await missingKey(publisher, report);
    await notReceived(client, name, report);
    await largeData(publisher, client, name, report);
    await manyCallers(publisher, client, name, report);
  } finally {
    await publisher.stop();
  }
}

async function missingKey(publisher: AshRedisDataPublisher, report: Report): Promise<void> {
  const check = 'issue 2: no __dagserver_key';
  try {
    await publisher.publish({ other: 'data' });
    report(wrong(check, 'a record without a key was accepted', 'this is a bug of ashredis: please report it'));
  } catch (error) {
    if (error instanceof MissingKeyError) report(ok(check, 'a record without a key is refused before a byte is sent'));
    else report(wrong(check, messageOf(error), 'this is a bug of ashredis: please report it'));
  }
}

async function notReceived(client: AshRedisClient, name: string, report: Report): Promise<void> {
  const check = 'issue 3: messages not received';
  if (client.server?.dialect === 'line') {
    return report(skipped(check, "a line server has no publish/subscribe; delivery: 'latest' is the way there"));
  }
  const channel = `ashredischannel://${name}`;
  const config = { client, region: client.region };
  const subscriber = new AshRedisChannelDataSubscriber('ashredis-doctor', channel, config);
  const publisher = new AshRedisChannelDataPublisher('ashredis-doctor', channel, config);
  try {
    await subscriber.start();
    const receivers = await publisher.publish({ probe: 1 });
    const data = await subscriber.getData(5);
    if (data !== null) report(ok(check, `a message after start() arrives (${receivers} receiver)`));
    else {
      const advice = 'compare the names of the channel and the regions on both sides, letter by letter';
      report(wrong(check, 'a message published after start() did not arrive within 5 s', advice));
    }
  } catch (error) {
    report(wrong(check, messageOf(error), 'see the check of pubsub above'));
  } finally {
    await Promise.all([subscriber.stop(), publisher.stop()]);
  }
}

async function largeData(
  publisher: AshRedisDataPublisher,
  client: AshRedisClient,
  name: string,
  report: Report,
): Promise<void> {
  const check = 'issue 4: large data';
  const size = client.server?.dialect === 'line' ? LARGE_BYTES / 4 : LARGE_BYTES;
  const key = `${name}:large`;
  try {
    const started = performance.now();
    await publisher.publish({ __dagserver_key: key, text: 'x'.repeat(size) });
    const found = await client.get(key);
    await client.del(key);
    const tookMs = performance.now() - started;
    if ((found?.length ?? 0) < size) {
      return report(wrong(check, `${bytes(size)} came back shorter`, 'look for a proxy between that limits sizes'));
    }
    const text = `${bytes(size)} there and back in ${duration(tookMs)}`;
    if (tookMs < SLOW_LARGE_MS) report(ok(check, text));
    else report(warning(check, text, 'compress with gzipCodec of ashredis/codecs, and set ttlSeconds'));
  } catch (error) {
    const advice = adviceFor(error, 'compress with gzipCodec of ashredis/codecs; look at the limits of the server');
    report(wrong(check, messageOf(error), advice));
  }
}

async function manyCallers(
  publisher: AshRedisDataPublisher,
  client: AshRedisClient,
  name: string,
  report: Report,
): Promise<void> {
  const check = 'issue 5: one publisher, many callers';
  const keys = Array.from({ length: CALLERS }, (_, index) => `${name}:${index}`);
  try {
    await Promise.all(keys.map((key, index) => publisher.publish({ __dagserver_key: key, index })));
    const values = await Promise.all(keys.map((key) => client.get(key)));
    await client.del(keys);
    const mixed = values.filter((value, index) => value === null || JSON.parse(value).index !== index).length;
    if (mixed === 0) report(ok(check, `${CALLERS} publishes at once, each value under its own key`));
    else
      report(wrong(check, `${mixed} of ${CALLERS} values are not what was stored`, 'a proxy between mixes up replies'));
  } catch (error) {
    report(wrong(check, messageOf(error), 'see the check of permissions above'));
  }
}
