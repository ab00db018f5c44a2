// The messages that docs/troubleshooting.md quotes are those that are printed, word for word but for places and numbers.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import {
  AshRedisChannelDataSubscriber,
  AshRedisClient,
  AshRedisDataPublisher,
  type JsonObject,
} from '../../src/index.ts';
import { createServer } from '../../src/server/index.ts';
import { startLineModelServer } from '../support/line-model-server.ts';
import { startScriptedServer } from '../support/scripted-server.ts';

const document = readFileSync(new URL('../../docs/troubleshooting.md', import.meta.url), 'utf8');
const quoted = plain(document);
/** The headings of docs/errors.md as links name them. */
const headings = new Set(
  readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8')
    .toLowerCase()
    .replaceAll(/(?<=\w) /g, '-')
    .match(/^## .*$/gm),
);

/** Places and numbers differ from run to run; what is cut in the document is matched up to the cut. */
function plain(text: string): string {
  return text
    .replace(/(localhost|127\.0\.0\.1|redis\.internal|no\.such\.host\.invalid|\bto …)(:\d+)?/g, (place) =>
      place.startsWith('to ') ? 'to PLACE' : 'PLACE',
    )
    .replace(/\b\d+ (ms|bytes|commands)/g, 'N $1')
    .replace(/(allowed by "\w+" is) \d+/g, '$1 N');
}

async function messageOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => assert.fail('it did not reject'),
    (reason: Error) => reason,
  );
  const [, text, paragraph] = /^(.*) \(docs\/errors\.md#(.*)\)$/s.exec(error.message) ?? [];
  assert.ok(text !== undefined && headings.has(`## ${paragraph}`), `no link to a paragraph: ${error.message}`);
  return plain(`${error.name}: ${text}`);
}

/** The whole message with the class's name stands in a block of the document. */
function standsThere(message: string): void {
  assert.ok(quoted.includes(message), `docs/troubleshooting.md does not quote:\n${message}`);
}

/** The table quotes the beginning of a message. */
function beginsThere(message: string, beginning: string): void {
  assert.ok(document.includes(beginning), `docs/troubleshooting.md does not quote:\n${beginning}`);
  assert.ok(message.includes(plain(beginning).replace(/^… | …$/g, '')), `${message}\ndoes not say\n${beginning}`);
}

describe('docs/troubleshooting.md', () => {
  let server: Awaited<ReturnType<typeof createServer>>;
  let at: { host: string; port: number };

  before(async () => {
    server = await createServer({ port: 0 });
    at = { host: server.host, port: server.port };
  });
  after(() => server.stop());

  test('issue 1 quotes the refused connection and the unknown name', async () => {
    const free = await startScriptedServer();
    await free.stop();
    standsThere(await messageOf(new AshRedisClient('localhost', free.port).connect()));
  });

  test('issue 2 quotes the missing key and its other forms', async () => {
    await using publisher = new AshRedisDataPublisher('p', 'ashredis://x', at);
    const of = (record: JsonObject) => messageOf(publisher.publish(record));
    standsThere(await of({ value: 1 }));
    beginsThere(await of({ __dagserver_key: '' }), 'found an empty string');
    beginsThere(await of({ __dagserver_key: 5 }), 'found a value of type number');
  });

  test('issue 3 quotes the refusal of a line server', async () => {
    const line = await startLineModelServer();
    await using subscriber = new AshRedisChannelDataSubscriber('s', 'ashredischannel://c', {
      host: 'localhost',
      port: line.port,
    });
    standsThere(await messageOf(subscriber.start()));
    await line.stop();
  });

  test('issue 4 quotes the full queue and the line that is too long', async () => {
    await using full = new AshRedisClient({ ...at, offlineMaxCount: 1 });
    const first = full.set('k', 'v');
    standsThere(await messageOf(full.set('k', 'v')));
    await first;
    const line = await startLineModelServer();
    await using client = new AshRedisClient('localhost', line.port);
    await client.connect();
    standsThere(await messageOf(client.set('k', 'x'.repeat(1_500_000))));
    await line.stop();
  });

  test('the table quotes what else is printed', async () => {
    const line = await startLineModelServer();
    await using client = new AshRedisClient('localhost', line.port);
    await client.set('k', 'v');
    line.closesAfter = (sent) => sent.startsWith('SET');
    const lost = await messageOf(client.set('k', 'v'));
    beginsThere(lost, 'Cannot tell whether SET was executed: the link to … was lost before its reply');
    beginsThere(lost, '… an AshRedis line server closes without a reply when a line is longer than it reads …');
    line.isDead = () => true;
    await using silent = new AshRedisClient('localhost', line.port, { connectTimeoutMs: 500 });
    beginsThere(
      await messageOf(silent.connect()),
      'Cannot connect to …: connected, but the handshake was not answered within 5000 ms',
    );
    line.isDead = () => false;
    await using resp = new AshRedisClient('localhost', line.port, { dialect: 'resp' });
    beginsThere(
      await messageOf(resp.connect()),
      'Cannot connect to …: found an AshRedis line server, asked for was RESP',
    );
    await line.stop();

    for (const [bytes, beginning] of [
      [
        'HTTP/1.1 400 Bad Request\r\n',
        'Cannot connect to …: found an HTTP server, allowed is a server that speaks RESP',
      ],
      ['\x15\x03\x01', 'Cannot connect to …: found a server that speaks TLS, but the link is plain'],
    ] as const) {
      const stranger = await startScriptedServer(() => bytes);
      await using lost = new AshRedisClient('localhost', stranger.port);
      beginsThere(await messageOf(lost.connect()), beginning);
      await stranger.stop();
    }

    await using subscriber = new AshRedisChannelDataSubscriber('s', 'ashredischannel://c', { ...at, onMessage() {} });
    await subscriber.start();
    beginsThere(
      await messageOf(subscriber.getData()),
      'Cannot read subscriber "s" both ways: it has a message handler',
    );
    await using commands = new AshRedisClient(at);
    beginsThere(
      await messageOf(commands.command('SELECT', 1)),
      'Cannot execute SELECT: it would change the shared connection under others',
    );
    const publisher = new AshRedisDataPublisher('p', 'ashredis://x', at);
    beginsThere(
      await messageOf(publisher.publish({ __dagserver_key: 'k', n: 1n })),
      'Cannot encode data as JSON: data.n is a BigInt; send it as a string',
    );
    beginsThere(
      await messageOf(publisher.publish({ __dagserver_key: 'k', __ttl_seconds: 0 })),
      'Cannot use __ttl_seconds: found 0, allowed is a number of seconds, 0 < ttl ≤ 2147483647',
    );
    await publisher.stop();
    beginsThere(await messageOf(publisher.publish({})), 'Cannot publish: publisher "p" was stopped');
  });

  test('the warning about an unknown key is quoted', () => {
    const warnings: string[] = [];
    const logger = { debug() {}, info() {}, warn: (message: string) => warnings.push(message), error() {} };
    // @ts-expect-error: the key is misspelt on purpose
    new AshRedisClient({ hots: 'localhost', logger });
    assert.deepEqual(warnings.length, 1);
    assert.ok(document.includes(`AshRedisWarning: ${warnings[0]}`), warnings[0]);
  });
});
