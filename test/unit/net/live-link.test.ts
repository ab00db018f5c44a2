// One link while it lives: when it has proved useful, what a heartbeat is where one command is in flight, and what a
// confirmation is that nobody asked for. Run by `npm test`, on virtual time.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TimeoutError } from '../../../src/errors/index.ts';
import { greeting, VirtualConnection, type VirtualScript } from '../../support/virtual-connection.ts';

const store: VirtualScript = (words) => greeting(words) ?? (words[0] === 'SET' ? '+OK\r\n' : '-ERR no\r\n');
const line: VirtualScript = ([word]) => (word === 'PING' ? '+PONG\n' : undefined);
const frame = { text: 'GET k\n', ascii: true, parts: undefined, byteLength: 6 };

describe('a link that was lost', () => {
  /** The attempts that are told when links are cut after `use`, four times. */
  async function attempts(use: (bench: VirtualConnection) => void | Promise<void>, subscriber = false) {
    const bench = new VirtualConnection({ subscriber }, store);
    await bench.connect();
    for (let round = 0; round < 4; round++) {
      await use(bench);
      await bench.run(5);
      bench.cutAll();
      while (bench.ends.length < round + 2) await bench.run(1);
      await bench.run(10);
    }
    await bench.close();
    return bench.events.filter(({ to }) => to === 'waiting').map(({ attempt }) => attempt);
  }

  test('counts anew after a reply or a message, and not after a refusal, nor because it was greeted', async () => {
    assert.deepEqual(await attempts((bench) => void bench.send(['SET', 'a', '1'])), [1, 1, 1, 1]);
    assert.deepEqual(
      await attempts((bench) => bench.end.reply('>3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n'), true),
      [1, 1, 1, 1],
    );
    assert.deepEqual(await attempts((bench) => void bench.send(['GET', 'a'])), [2, 3, 4, 5]);
    assert.deepEqual(await attempts(() => {}), [2, 3, 4, 5]);
  });

  test('counts anew after a heartbeat that was answered', async () => {
    const bench = new VirtualConnection({ reconnect: { maxAttempts: Infinity, maxDelayMs: 60_000 } }, store);
    await bench.connect();
    for (const quietMs of [0, 0, 11_000]) {
      await bench.run(quietMs);
      const links = bench.ends.length;
      bench.cutAll();
      while (bench.ends.length === links) await bench.run(1);
      await bench.run(10);
    }
    assert.deepEqual(
      bench.events.filter(({ to }) => to === 'waiting').map(({ attempt }) => attempt),
      [2, 3, 1],
    );
    await bench.close();
  });
});

describe('the heartbeat of a line server', () => {
  const options = { dialect: 'line', quoting: 'none' } as const;

  test('is a PING where nothing is in flight', async () => {
    const bench = new VirtualConnection(options, line);
    await bench.connect();
    await bench.run(60_000);
    assert.equal(bench.ends.length, 1);
    const pings = bench.end.commands.filter(([word]) => word === 'PING').length;
    assert.ok(pings >= 6 && pings <= 8, `${pings} in a minute`);
    await bench.close();
  });

  test('is the command in flight, whose answer is the pong; silence ends the link all the same', async () => {
    const bench = new VirtualConnection(options, line);
    await bench.connect();
    const slow = bench.send(['GET', 'k'], { frame, deadline: Infinity });
    await bench.run(12_000);
    assert.equal(bench.end.received, 'PING\nGET k\n', 'no PING behind it');
    bench.end.reply('+OK\n');
    await bench.run(10);
    assert.deepEqual(slow.replies, ['OK']);
    // The next heartbeat is a PING again, and answered.
    await bench.run(20_000);
    assert.equal(bench.ends.length, 1);
    bench.send(['GET', 'k'], { frame, deadline: Infinity });
    await bench.run(26_000);
    const lost = bench.events.find(({ to }) => to === 'waiting');
    assert.ok(lost?.cause instanceof TimeoutError);
    await bench.close();
  });
});

describe('the heartbeat', () => {
  test('finds a link dead one interval and one limit after its last byte, however much came before', async () => {
    const bench = new VirtualConnection({}, store);
    await bench.connect();
    await bench.run(9000);
    bench.send(['SET', 'k', 'v']);
    await bench.run(500);
    bench.freezeAll();
    await bench.run(15_100);
    const lost = bench.events.find(({ to }) => to === 'waiting');
    assert.ok(lost?.cause instanceof TimeoutError);
    await bench.close();
  });

  test('takes any byte for life, also where the pong is late', async () => {
    const late = (words: string[]) => (words[0] === 'PING' && words.length > 1 ? undefined : store(words, bench.end));
    const bench = new VirtualConnection({ subscriber: true }, late);
    await bench.connect();
    for (let index = 0; index < 13; index++) {
      await bench.run(1000);
      bench.end.reply('>3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n');
    }
    await bench.run(3000);
    assert.deepEqual(bench.states, ['connecting', 'ready'], 'a byte came 3 s ago');
    await bench.close();
  });
});

test('a refusal ends nothing, and what was read and written is counted over all links, also between them', async () => {
  const bench = new VirtualConnection({}, store);
  const bytes = () => {
    const { bytesRead, bytesWritten } = bench.connection.stats();
    return [bytesRead, bytesWritten];
  };
  assert.deepEqual(bytes(), [0, 0]);
  await bench.connect();
  const refused = bench.send(['GET', 'k']);
  await bench.run(20);
  assert.match(refused.failure.message, /ERR no/);
  assert.equal(bench.ends.length, 1);
  const before = bytes();
  assert.ok(before.every((count) => count > 0));
  bench.cutAll();
  while (bench.connection.state === 'ready') await bench.run(0.1);
  assert.deepEqual(bytes(), before);
  await bench.close();
  assert.ok(bytes().every((count, index) => count >= before[index]!));
});

test('a stream that is brought by who closes the connection meanwhile is destroyed', async () => {
  const resolver = async () => ({ host: 'localhost', port: 6379, generation: 1 });
  const bench = new VirtualConnection({ resolver }, store);
  const dial = bench.platform.dial.bind(bench.platform);
  let closed: Promise<void> | undefined;
  bench.platform.dial = (address, events) => {
    closed = bench.connection.close();
    return dial(address, events);
  };
  await assert.rejects(bench.connection.connect(), /closed by its user/);
  await closed;
  assert.equal(bench.network.links.size, 0);
});

test('a confirmation that nobody asked for is the handler’s; one that is asked for is the reply', async () => {
  for (const protocol of [2, 3] as const) {
    const told: unknown[] = [];
    const bench = new VirtualConnection({ protocol, subscriber: true }, greeting, {
      onUnsolicitedConfirmation: (kind, channel, count) => told.push([kind, channel, count]),
    });
    await bench.connect();
    const mark = protocol === 3 ? '>' : '*';
    const confirm = (kind: string, channel: string, count: number) =>
      bench.end.reply(`${mark}3\r\n$${kind.length}\r\n${kind}\r\n${channel}:${count}\r\n`);
    const sent = bench.send(['SUBSCRIBE', 'a'], { confirms: { kind: 'subscribe', channel: 'a' } });
    await bench.run(5);
    confirm('unsubscribe', '$1\r\na\r\n', 0);
    confirm('subscribe', '$1\r\nb\r\n', 1);
    confirm('punsubscribe', protocol === 3 ? '_\r\n' : '$-1\r\n', 7);
    await bench.run(5);
    assert.deepEqual([sent.replies, bench.connection.state], [[], 'ready']);
    confirm('subscribe', '$1\r\na\r\n', 2);
    await bench.run(5);
    assert.deepEqual(sent.replies, [['subscribe', 'a', 2]]);
    assert.deepEqual(told, [
      ['unsubscribe', 'a', 0],
      ['subscribe', 'b', 1],
      ['punsubscribe', null, 7],
    ]);
    await bench.close();
  }
});

test('a list on a connection for commands is no confirmation, whatever word it begins with', async () => {
  const bench = new VirtualConnection({}, (words) =>
    words[0] === 'LRANGE' ? '*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n$1\r\n1\r\n' : store(words, bench.end),
  );
  await bench.connect();
  const sent = bench.send(['LRANGE', 'k', '0', '-1']);
  await bench.run(5);
  assert.deepEqual([sent.replies, bench.connection.state], [[['subscribe', 'a', '1']], 'ready']);
  await bench.close();
});
