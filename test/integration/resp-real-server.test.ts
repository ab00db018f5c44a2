// The decoder against a real redis-server: DEBUG PROTOCOL of every type under HELLO 2 and 3, and random commands,
// each compared with the reference decoder on the same bytes, in the server's own pieces and cut anew.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { encodeCommand, NEED_DATA, RespDecoder, RespError, RespPush, type RespValue } from '../../src/resp/index.ts';
import { type RunningRedisServer, startRedisServer } from '../support/redis-server.ts';
import { Dice, differ } from '../support/resp/fuzzer.ts';
import { referenceDecode } from '../support/resp/reference-decoder.ts';

/** A link that keeps every byte, so that the same bytes can be decoded in other ways. */
class RecordingLink {
  readonly socket: Socket;
  readonly decoder = new RespDecoder();
  readonly values: RespValue[] = [];
  readonly chunks: Uint8Array[] = [];
  failure: unknown;
  #wake: (() => void) | undefined;

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('data', (chunk: Uint8Array) => {
      this.chunks.push(new Uint8Array(chunk));
      try {
        this.decoder.push(chunk);
        for (let value = this.decoder.read(); value !== NEED_DATA; value = this.decoder.read()) this.values.push(value);
      } catch (error) {
        this.failure = error;
      }
      this.#wake?.();
    });
    this.socket.on('error', (error) => {
      this.failure = error;
      this.#wake?.();
    });
  }

  send(...args: (string | Uint8Array | number)[]): void {
    this.socket.write(encodeCommand(args));
  }

  /** Resolves once `count` values in all have come. */
  async until(count: number): Promise<void> {
    while (this.values.length < count) {
      if (this.failure !== undefined) throw this.failure;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.failure !== undefined) throw this.failure;
  }

  async ask(...args: (string | Uint8Array | number)[]): Promise<RespValue> {
    const count = this.values.length + 1;
    this.send(...args);
    await this.until(count);
    return this.values[count - 1] as RespValue;
  }

  /** All bytes so far again: by the reference, and in pieces that the dice choose. */
  compareWithReference(seed: number): void {
    const bytes = new Uint8Array(Buffer.concat(this.chunks));
    const reference = referenceDecode(bytes);
    assert.equal(reference.outcome, 'end');
    assert.equal(differ(this.values, reference.values, 'values'), undefined);
    const dice = new Dice(seed);
    const decoder = new RespDecoder();
    const values: RespValue[] = [];
    for (let at = 0; at < bytes.length; ) {
      const end = Math.min(bytes.length, at + 1 + dice.below(dice.pick([1, 5, 30, 500])));
      decoder.push(bytes.slice(at, end));
      for (let value = decoder.read(); value !== NEED_DATA; value = decoder.read()) values.push(value);
      at = end;
    }
    assert.equal(differ(values, reference.values, 'values'), undefined);
  }

  close(): void {
    this.socket.destroy();
  }
}

const server: RunningRedisServer | null = await startRedisServer();
const options = { skip: server === null && 'no redis-server found' };

describe('bytes of a real redis-server', options, () => {
  const port = server?.port ?? 0;
  const links: RecordingLink[] = [];
  const link = async (protocol: 2 | 3) => {
    const made = new RecordingLink(port);
    links.push(made);
    await once(made.socket, 'connect');
    await made.ask('HELLO', protocol);
    return made;
  };

  before(() => assert.ok(server !== null));
  after(async () => {
    for (const made of links) made.close();
    await server?.stop();
  });

  // What the server sends, which is not π: the linter would like to write Math.PI. Redis 6 has a number of its own.
  const double = Number(server?.version.split('.')[0]) < 7 ? '3.1415926535900001' : '3.141';
  // https://redis.io/commands/debug: what DEBUG PROTOCOL writes for each word, per protocol.
  const words: [string, RespValue, RespValue][] = [
    ['string', 'Hello World', 'Hello World'],
    ['integer', 12345, 12345],
    ['double', double, Number(double)],
    ['null', null, null],
    ['array', [0, 1, 2], [0, 1, 2]],
    ['set', [0, 1, 2], new Set([0, 1, 2])],
    [
      'map',
      [0, 0, 1, 1, 2, 0],
      new Map<RespValue, RespValue>([
        [0, false],
        [1, true],
        [2, false],
      ]),
    ],
    ['bignum', '1234567999999999999999999999999999999', 1234567999999999999999999999999999999n],
    ['true', 1, true],
    ['false', 0, false],
    ['verbatim', 'This is a verbatim\nstring', 'This is a verbatim\nstring'],
  ];
  for (const [word, inResp2, inResp3] of words) {
    test(`DEBUG PROTOCOL ${word} is the expected value in RESP2 and RESP3`, async () => {
      const two = await link(2);
      assert.deepEqual(await two.ask('DEBUG', 'PROTOCOL', word), inResp2);
      two.compareWithReference(1);
      const three = await link(3);
      assert.deepEqual(await three.ask('DEBUG', 'PROTOCOL', word), inResp3);
      three.compareWithReference(2);
    });
  }

  test('an attribute before a reply is taken away, and an error is a value', async () => {
    const three = await link(3);
    const reply = await three.ask('DEBUG', 'PROTOCOL', 'attrib');
    assert.equal(reply, 'Some real reply following the attribute');
    assert.ok((await three.ask('DEBUG', 'PROTOCOL', 'nothing')) instanceof RespError);
    three.compareWithReference(3);
  });

  test('a push of DEBUG PROTOCOL is out of band', async () => {
    const three = await link(3);
    const count = three.values.length;
    three.send('DEBUG', 'PROTOCOL', 'push');
    three.send('PING');
    await three.until(count + 3);
    const values = three.values.slice(count);
    assert.ok(values.some((value) => value instanceof RespPush && value.kind === 'server-cpu-usage'));
    assert.equal(values.at(-1), 'PONG');
    three.compareWithReference(4);
  });

  test('a message published inside EXEC comes as a push, and EXEC keeps all its replies', async () => {
    const three = await link(3);
    await three.ask('SUBSCRIBE', 'ch');
    const count = three.values.length;
    for (const command of [['MULTI'], ['SET', 'k', 'v'], ['PUBLISH', 'ch', 'hi'], ['GET', 'k'], ['EXEC']]) {
      three.send(...command);
    }
    await three.until(count + 6);
    const values = three.values.slice(count);
    assert.deepEqual(
      values.filter((value) => value instanceof RespPush),
      [new RespPush('message', ['ch', 'hi'])],
    );
    assert.deepEqual(
      values.find((value) => Array.isArray(value)),
      ['OK', 1, 'v'],
    );
    three.compareWithReference(5);
  });

  for (const protocol of [2, 3] as const) {
    test(`600 random commands under HELLO ${protocol} give what the reference gives`, async () => {
      const seed = Date.now() % 2 ** 31;
      const dice = new Dice(seed);
      const made = await link(protocol);
      await made.ask('FLUSHALL');
      const count = made.values.length;
      for (let sent = 0; sent < 600; sent++) made.send(...randomCommand(dice));
      await made.until(count + 600);
      try {
        made.compareWithReference(seed);
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error });
      }
      assert.equal(made.values.length, count + 600);
    });
  }
});

function randomCommand(dice: Dice): (string | Uint8Array | number)[] {
  const key = (type: string) => `${type}${dice.below(4)}`;
  const value = () =>
    dice.pick(['x', 'größe 😀', 'a'.repeat(dice.below(400)), new Uint8Array([255, 0, 13, 10]), dice.below(1e9)]);
  const score = () => dice.pick(['1', '-2.5', 'inf', '-inf', '1e300', '3.0000000000000004', '0.1', '17']);
  return dice.pick<() => (string | Uint8Array | number)[]>([
    () => ['SET', key('s'), value()],
    () => ['GET', key('s')],
    () => ['GET', key('missing')],
    () => ['MGET', key('s'), key('missing'), key('s')],
    () => ['INCRBY', key('n'), dice.pick(['1', '-7', '9007199254740993', '1000000000000'])],
    () => ['INCRBYFLOAT', key('f'), '0.1'],
    () => ['HSET', key('h'), key('field'), value(), key('field'), value()],
    () => ['HGETALL', key('h')],
    () => ['HGETALL', key('missing')],
    () => ['HRANDFIELD', key('h'), 3, 'WITHVALUES'],
    () => ['SADD', key('set'), value(), value()],
    () => ['SMEMBERS', key('set')],
    () => ['ZADD', key('z'), score(), key('m')],
    () => ['ZSCORE', key('z'), key('m')],
    () => ['ZRANGE', key('z'), 0, -1, 'WITHSCORES'],
    () => ['ZPOPMIN', key('z')],
    () => ['RPUSH', key('l'), value()],
    () => ['LRANGE', key('l'), 0, -1],
    () => ['LPOP', key('missing'), 2],
    () => ['XADD', key('x'), '*', 'f', value()],
    () => ['XRANGE', key('x'), '-', '+', 'COUNT', 3],
    () => ['XINFO', 'STREAM', key('x'), 'FULL'],
    () => ['EXISTS', key('s')],
    () => ['TYPE', key('z')],
    () => ['TTL', key('s')],
    () => ['LPUSH', key('s'), 'wrong type'],
    () => ['NOSUCHCOMMAND', key('s')],
    () => ['ECHO', value()],
    () => ['PING'],
    () => ['COMMAND', 'INFO', 'get', 'nosuch'],
    () => ['CONFIG', 'GET', 'max*'],
    () => ['MEMORY', 'STATS'],
    () => ['INFO', 'server'],
    () => ['CLIENT', 'INFO'],
    () => ['LATENCY', 'DOCTOR'],
    () => ['GEOADD', key('g'), '13.361389', '38.115556', key('m')],
    () => ['GEOPOS', key('g'), key('m'), 'missing'],
    () => ['EVAL', "return {1, 'two', false, {3}, redis.error_reply('ERR mine')}", 0],
    () => ['EVAL', 'redis.setresp(3); return {map={a=1.5}, double={double=3.5}}', 0],
    () => ['DEBUG', 'PROTOCOL', dice.pick(['set', 'map', 'bignum', 'verbatim', 'double', 'null', 'true'])],
  ])();
}
