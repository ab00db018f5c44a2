// The lane of a client's commands on virtual time: one connection where RESP is spoken, a pool where lines are, and no
// command that overtakes another of its key. Run by `npm test`.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ClosedError, LinkLostError } from '../../../src/errors/index.ts';
import { CommandLane } from '../../../src/net/lane.ts';
import { type ServerEnd, SimulatedNetwork } from '../../support/simulation/network.ts';
import { SeededRandom } from '../../support/simulation/random.ts';
import { VirtualTime } from '../../support/simulation/virtual-time.ts';
import { DEFAULTS, greeting, Sent } from '../../support/virtual-connection.ts';

interface LineEnd {
  readonly lines: string[];
  readonly end: ServerEnd;
}

/** A lane to a line server that answers what `silent` does not name. */
class Bench {
  readonly time = new VirtualTime();
  readonly network = new SimulatedNetwork(this.time, new SeededRandom(8));
  readonly platform = this.network.platform('test', new SeededRandom(9), 1_700_000_000_000);
  readonly ends: LineEnd[] = [];
  readonly lane: CommandLane;
  silent = /^$/;

  constructor(options: Partial<ConstructorParameters<typeof CommandLane>[0]> = {}) {
    this.network.onAccept = (end) => this.#accept(end);
    const line = { ...DEFAULTS, dialect: 'line', quoting: 'none', poolSize: 4 } as const;
    this.lane = new CommandLane({ ...line, ...options }, this.platform);
  }

  /** `SET key value` for the connection of its key. */
  set(
    key: string | undefined,
    value: string,
    changes: { deadline?: number; failWhenDisconnected?: boolean } = {},
  ): Sent {
    const text = `SET ${key} ${value}\n`;
    const frame = { text, ascii: true, parts: undefined, byteLength: text.length };
    const sent = new Sent(['SET'], this.time.now() + 5000, { frame, ...changes });
    Object.assign(sent, { routingKey: key });
    this.lane.send(sent);
    return sent;
  }

  run(ms: number): Promise<void> {
    return this.time.runFor(ms);
  }

  async connect(): Promise<void> {
    const connected = this.lane.connect();
    await this.run(50);
    await connected;
  }

  async close(): Promise<void> {
    const closed = this.lane.close();
    await this.run(2500);
    await closed;
  }

  /** The keys that each link was given, first link first. */
  get keys(): string[][] {
    return this.ends.map(({ lines }) =>
      lines.flatMap((line) => (line.startsWith('SET ') ? [line.split(' ')[1] as string] : [])),
    );
  }

  #accept(end: ServerEnd): void {
    const lines: string[] = [];
    this.ends.push({ lines, end });
    let buffer = '';
    end.onData = (bytes) => {
      const parts = (buffer + Buffer.from(bytes).toString('latin1')).split('\n');
      buffer = parts.pop() as string;
      for (const line of parts) {
        lines.push(line);
        if (!this.silent.test(line)) end.send(Buffer.from(line === 'PING' ? '+PONG\n' : '+OK\n'));
      }
    };
  }
}

const KEYS = Array.from({ length: 40 }, (_, index) => `key${index}`);

describe('the lane to a line server', () => {
  test('spreads keys over the pool, all of one key over one link, in their order', async () => {
    const bench = new Bench();
    await bench.connect();
    const sent = ['1', '2', '3'].flatMap((value) => KEYS.map((key) => bench.set(key, value)));
    await bench.run(500);
    assert.ok(sent.every(({ replies }) => replies[0] === 'OK'));
    assert.equal(bench.ends.length, 4);
    for (const key of KEYS) {
      const links = bench.ends.filter(({ lines }) => lines.some((line) => line.startsWith(`SET ${key} `)));
      assert.equal(links.length, 1, key);
      const values = links[0]?.lines.filter((line) => line.startsWith(`SET ${key} `)).map((line) => line.at(-1));
      assert.deepEqual(values, ['1', '2', '3']);
    }
    // An even hash: no link has most of 40 keys.
    assert.ok(
      bench.keys.every((keys) => keys.length >= 3 * 4 && keys.length <= 3 * 20),
      `${bench.keys.map((keys) => keys.length)}`,
    );
    await bench.close();
    assert.equal(bench.network.links.size, 0);
    assert.equal(bench.platform.timerCount, 0);
  });

  test('lets keys whose link was not made yet wait for a server that is away, as all the others; or refuses at once', async () => {
    const bench = new Bench();
    await bench.connect();
    const { weather, links } = bench.network;
    weather.dial = 'refuse';
    for (const link of [...links]) link.cut();
    await bench.run(1);
    const failing = KEYS.map((key) => bench.set(key, '1', { failWhenDisconnected: true }));
    assert.ok(failing.every(({ failure }) => failure instanceof LinkLostError));
    const sent = KEYS.map((key) => bench.set(key, '2', { deadline: 20_000 }));
    await bench.run(1000);
    assert.ok(sent.every(({ settled }) => !settled));
    weather.dial = 'accept';
    await bench.run(6000);
    assert.ok(sent.every(({ replies }) => replies[0] === 'OK'));
    await bench.close();
  });

  test('keeps what has no key on the first link', async () => {
    const bench = new Bench();
    await bench.connect();
    for (let index = 0; index < 20; index++) bench.set(undefined, String(index));
    await bench.run(200);
    assert.equal(bench.ends.length, 1);
    assert.equal(bench.keys[0]?.length, 20);
    await bench.close();
  });

  test('gives up a command on whichever link it waits', async () => {
    const bench = new Bench();
    await bench.connect();
    bench.silent = /^SET/;
    const sent = KEYS.map((key) => bench.set(key, '1'));
    await bench.run(50);
    const reason = new Error('enough');
    // From the newest: the others wait behind the first of each link, and giving that up makes the link anew.
    for (const command of [...sent].reverse()) bench.lane.cancel(command, reason);
    assert.ok(sent.every(({ failure }) => failure === reason));
    bench.silent = /^$/;
    const later = KEYS.map((key) => bench.set(key, '2'));
    await bench.run(2000);
    assert.ok(later.every(({ replies }) => replies[0] === 'OK'));
    const written = bench.ends.flatMap(({ lines }) => lines.filter((line) => line.endsWith(' 1')));
    assert.equal(written.length, 4, 'what was given up before it was written never is');
    await bench.close();
  });

  test('ends every link when it is told to', async () => {
    const bench = new Bench();
    await bench.connect();
    bench.silent = /^SET/;
    const sent = KEYS.map((key) => bench.set(key, '1'));
    await bench.run(50);
    const cause = new LinkLostError('Lost the link: told to');
    bench.lane.breakLink(cause);
    await bench.run(1);
    const lost = sent.filter(({ failures }) => failures.length > 0);
    assert.equal(lost.length, 4, 'one in flight on each link');
    for (const { failure } of lost) {
      assert.ok(failure instanceof LinkLostError);
      assert.equal(failure.cause, cause);
    }
    bench.silent = /^$/;
    await bench.run(2000);
    assert.ok(sent.every((command) => lost.includes(command) || command.replies[0] === 'OK'));
    await bench.close();
  });

  test('counts the lost links of the first connection and of the one of the key', async () => {
    const bench = new Bench();
    await bench.connect();
    for (const key of KEYS) bench.set(key, '1');
    await bench.run(100);
    const keyOfLast = bench.keys[3]?.[0] as string;
    const keyOfOther = bench.keys[2]?.[0] as string;
    bench.ends[3]?.end.close();
    await bench.run(1000);
    assert.deepEqual([bench.lane.lostCountOf(keyOfLast), bench.lane.lostCountOf(keyOfOther)], [1, 0]);
    bench.ends[0]?.end.close();
    await bench.run(1000);
    assert.deepEqual([bench.lane.lostCountOf(keyOfLast), bench.lane.lostCountOf(keyOfOther)], [2, 1]);
    await bench.close();
  });

  test('refuses what comes after its end, and makes no connection for it', async () => {
    const bench = new Bench();
    await bench.connect();
    await bench.close();
    for (const key of KEYS) assert.ok(bench.set(key, '1').failure instanceof ClosedError);
    await bench.run(100);
    assert.equal(bench.ends.length, 1);
  });
});

describe('commands from before the server was known', () => {
  test('are not overtaken by later ones of their keys, which others may do', async () => {
    const bench = new Bench();
    const [early, late] = [KEYS.slice(0, 20), KEYS.slice(20)];
    for (const key of early) bench.set(key, '1');
    await bench.run(3);
    assert.equal(bench.lane.state, 'ready');
    assert.ok(bench.lane.stats().unsentCount > 0, 'some of them still wait');
    for (const key of early) bench.set(key, '2');
    for (const key of late) bench.set(key, '2');
    await bench.run(500);
    for (const key of early) {
      assert.deepEqual(
        bench.ends.flatMap(({ lines }) => lines.filter((line) => line.startsWith(`SET ${key} `))),
        [`SET ${key} 1`, `SET ${key} 2`],
      );
      assert.ok(bench.keys[0]?.includes(key));
    }
    assert.ok(
      late.some((key) => !bench.keys[0]?.includes(key)),
      'other keys have the pool',
    );
    // All are answered: the pool is for these keys as well.
    for (const key of early) bench.set(key, '3');
    await bench.run(500);
    assert.ok(bench.ends.slice(1).some(({ lines }) => lines.some((line) => / 3$/.test(line))));
    await bench.close();
  });

  test('of more keys than can be noted hold up all', async () => {
    const bench = new Bench({ offlineMaxCount: 10 });
    const sent = KEYS.slice(0, 12).map((key) => bench.set(key, '1'));
    assert.equal(sent.filter(({ failures }) => failures.length > 0).length, 2);
    await bench.run(3);
    assert.ok(bench.lane.stats().unsentCount > 0);
    for (const key of KEYS.slice(20)) bench.set(key, '2');
    await bench.run(500);
    assert.equal(bench.ends.length, 1);
    for (const key of KEYS) bench.set(key, '3');
    await bench.run(500);
    assert.equal(bench.ends.length, 4, 'until they are answered');
    await bench.close();
  });
});

test('what the pool counts is of all its connections', async () => {
  const bench = new Bench();
  bench.silent = /SET/;
  await bench.connect();
  const before = bench.lane.stats();
  for (const key of KEYS) for (const value of ['1', '2']) bench.set(key, value);
  await bench.run(100);
  const after = bench.lane.stats();
  assert.equal(after.state, 'ready');
  assert.equal(after.readyCount, bench.ends.length);
  assert.equal(after.inFlightCount, bench.ends.length);
  assert.equal(after.unsentCount, 2 * KEYS.length - bench.ends.length);
  assert.ok(after.unsentBytes > before.unsentBytes);
  const received = bench.ends.reduce((sum, { lines }) => sum + lines.join('').length + lines.length, 0);
  assert.equal(after.bytesWritten, received);
  bench.network.weather.dial = 'refuse';
  for (const { end } of bench.ends) end.close();
  await bench.run(100);
  assert.equal(bench.lane.stats().lostCount, bench.ends.length);
  await bench.close();
});

test('the lane to a server that speaks RESP is one connection', async () => {
  const bench = new Bench({ dialect: 'auto' });
  let buffer = '';
  bench.network.onAccept = (end) => {
    bench.ends.push({ lines: [], end });
    end.onData = (bytes) => {
      buffer += Buffer.from(bytes).toString('latin1');
      for (let at = buffer.indexOf('PING\r\n'); at >= 0; at = buffer.indexOf('PING\r\n')) {
        buffer = buffer.slice(at + 6);
        end.send(Buffer.from(greeting(['PING']) as string));
      }
      if (buffer.includes('HELLO')) end.send(Buffer.from(greeting(['HELLO', '3']) as string));
      if (buffer.includes('HELLO')) buffer = '';
    };
  };
  await bench.connect();
  const sent = KEYS.map((key) => bench.set(key, '1', { deadline: Infinity }));
  await bench.run(100);
  assert.equal(bench.ends.length, 1);
  assert.equal(bench.lane.stats().inFlightCount, sent.length);
  await bench.close();
});
