// What the server remembers of a connection: who it is, what waits while it is held up, what it does not want to hear.

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { createServer, type EmbeddedServer } from '../../../src/server/index.ts';
import { until } from '../../support/events.ts';
import { RawConnection } from '../../support/raw-connection.ts';
import { resetSocket } from '../../support/reset-socket.ts';

const MIB = 1024 * 1024;

describe('a connection', () => {
  let server: EmbeddedServer;
  let a: RawConnection;
  before(async () => {
    server = await createServer();
  });
  after(() => server.stop());
  beforeEach(async () => {
    a = await RawConnection.open(server);
  });
  afterEach(() => a.close());

  test('is listed with its addresses, its age and how long it has been idle', async (t) => {
    let now = Date.now();
    t.mock.method((server as unknown as { clock: { now(): number } }).clock, 'now', () => now);
    const [c, b] = [await RawConnection.open(server), await RawConnection.open(server)];
    const id = (await c.ask('CLIENT ID\r\n', '\n')).slice(1).trim();
    now += 70_500;
    const line = async () => {
      const all = await b.ask('CLIENT LIST\r\n', '\n\r\n');
      return all.split('\n').find((each) => each.includes(`id=${id} `)) as string;
    };
    const idle = await line();
    const { localPort } = c.socket;
    assert.match(idle, new RegExp(` addr=127\\.0\\.0\\.1:${localPort} laddr=127\\.0\\.0\\.1:${server.port} `));
    assert.match(idle, / age=70 idle=70 /);
    await c.ask('PING\r\n', '\n');
    assert.match(await line(), / age=70 idle=0 /);
    // Also of one that never said a word.
    const silent = await RawConnection.open(server);
    await b.until(() => server.connectionCount === 4);
    now += 2000;
    assert.match(await b.ask(`CLIENT LIST ID ${Number(id) + 2}\r\n`, '\n\r\n'), / age=2 idle=2 /);
    for (const connection of [c, b, silent]) connection.close();
  });

  test('that sends its end with its commands is answered and ended', async () => {
    const half = new RawConnection(connect({ port: server.port, host: server.host, allowHalfOpen: true }));
    half.socket.end('PING 1\r\nPING 2\r\n');
    assert.equal(await half.untilClosed(), '$1\r\n1\r\n$1\r\n2\r\n');
    half.close();
    // Held up in between, the end is seen before the second answer has left.
    const held = new RawConnection(connect({ port: server.port, host: server.host, allowHalfOpen: true }));
    held.socket.end('DEBUG SLEEP 0.01\r\nPING 2\r\n');
    assert.equal(await held.untilClosed(), '+OK\r\n$1\r\n2\r\n');
    held.close();
  });

  test('that is killed is gone for what comes next in the same turn', async () => {
    const victim = await RawConnection.open(server);
    const id = (await victim.ask('CLIENT ID\r\n', '\n')).slice(1).trim();
    await victim.ask('SUBSCRIBE c\r\n', ':1\r\n');
    const kill = `CLIENT KILL ID ${id}\r\n`;
    const answer = await a.ask(`${kill}PUBLISH c x\r\nPUBSUB CHANNELS\r\n${kill}PING end\r\n`, 'end\r\n');
    assert.equal(answer, ':1\r\n:0\r\n*0\r\n:0\r\n$3\r\nend\r\n');
    assert.equal(server.connectionCount, 1);
    assert.equal(await victim.untilClosed(), '');
    victim.close();
  });

  test('that its client resets ends alone', async () => {
    const rude = await RawConnection.open(server);
    await rude.ask('SUBSCRIBE c\r\n', ':1\r\n');
    resetSocket(rude.socket);
    await until(() => server.connectionCount === 1, 'the end of it');
    assert.equal(await a.ask('PUBLISH c x\r\n', '\n'), ':0\r\n');
  });

  test('that has ended executes nothing of what it sent after that', async () => {
    assert.equal(await a.ask('QUIT\r\nSET late 1\r\n', 'until it is closed'), '+OK\r\n');
    await using small = await createServer({ limits: { maxPendingInputBytes: 10_000 } });
    const greedy = await RawConnection.open(small);
    greedy.write(`CLIENT SETNAME ${'n'.repeat(20_000)}\r\nSET late 1\r\n`);
    assert.equal(await greedy.untilClosed(), '');
    for (const at of [server, small]) {
      const other = await RawConnection.open(at);
      assert.equal(await other.ask('EXISTS late\r\n', '\n'), ':0\r\n');
      other.close();
    }
    greedy.close();
  });

  test('keeps names of a usual length for nothing', async () => {
    await using small = await createServer({ limits: { maxPendingInputBytes: 10_000 } });
    const client = await RawConnection.open(small);
    for (let i = 0; i < 50; i++) await client.ask(`SUBSCRIBE ${'c'.repeat(900)}${i}\r\n`, `:${i + 1}\r\n`);
    assert.equal(small.connectionCount, 1);
    // Nor for a long one twice, until it is given up.
    for (const [word, name] of [
      ['SUBSCRIBE', 'c'],
      ['PSUBSCRIBE', 'p'],
      ['SSUBSCRIBE', 's'],
    ]) {
      const long = String(name).repeat(word === 'PSUBSCRIBE' ? 1324 : 7000);
      const ask = (what: string) => client.ask(`${what} ${long}\r\n`, `${long}\r\n`);
      for (const what of [word, word, word?.replace('SUB', 'UNSUB'), word]) await ask(String(what));
      const other = await RawConnection.open(small);
      other.write(`SUBSCRIBE ${'o'.repeat(6100)}\r\n`);
      assert.equal(await other.untilClosed(), '', word);
      await ask(String(word?.replace('SUB', 'UNSUB')));
      other.close();
    }
    assert.equal(small.connectionCount, 1);
    client.close();
  });

  test('that is held up in the middle of what it sent goes on there, and once', async () => {
    for (const count of [1, 2, 3]) {
      const answer = await a.ask('DEBUG SLEEP 0.01\r\nINCR held\r\nPING x\r\n', 'x\r\n');
      assert.equal(answer, `+OK\r\n:${count}\r\n$1\r\nx\r\n`);
    }
    // Not before.
    await using sleeping = await createServer();
    const { stats } = sleeping as unknown as { stats: { commandsProcessed: number } };
    const sleeper = await RawConnection.open(sleeping);
    assert.equal(await sleeper.ask('DEBUG SLEEP 600\r\nPING x\r\n', '\n'), '+OK\r\n');
    assert.equal(stats.commandsProcessed, 1);
    sleeper.close();
    // Held up by two at once it goes on when both have ended.
    a.write('DEBUG SLEEP 0.01\r\nINCR held\r\n');
    await a.until((received) => received.includes('+OK'));
    server.faults.freeze();
    server.faults.thaw();
    await a.until((received) => received.includes(':4\r\n'));
    assert.equal(a.take(), '+OK\r\n:4\r\n');
    assert.equal(await a.ask('GET held\r\n', '4\r\n'), '$1\r\n4\r\n');
  });

  test('that wants no replies still gets its messages, its own too', async () => {
    await a.ask('HELLO 3\r\nSUBSCRIBE c\r\nECHO end\r\n', 'end\r\n');
    const message = (text: string) => `>3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$${text.length}\r\n${text}\r\n`;
    assert.equal(
      await a.ask('CLIENT REPLY OFF\r\nPUBLISH c one\r\nPING\r\nPUBLISH c two\r\nCLIENT REPLY ON\r\n', '+OK\r\n'),
      `${message('one')}${message('two')}+OK\r\n`,
    );
    assert.equal(
      await a.ask('CLIENT REPLY SKIP\r\nPUBLISH c three\r\nPING\r\n', 'PONG\r\n'),
      `${message('three')}+PONG\r\n`,
    );
    // In a transaction too, whose reply alone is taken back.
    assert.equal(
      await a.ask('CLIENT REPLY OFF\r\nMULTI\r\nPUBLISH c four\r\nEXEC\r\nCLIENT REPLY ON\r\n', '+OK\r\n'),
      `${message('four')}+OK\r\n`,
    );
  });

  test('whose name is long gives its memory back when it renames itself or goes', async () => {
    await using small = await createServer({ limits: { maxPendingInputBytes: 100_000 } });
    const name = 'n'.repeat(60_000);
    const set = (text: string) => `*3\r\n$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n$${text.length}\r\n${text}\r\n`;
    for (let round = 0; round < 3; round++) {
      const long = await RawConnection.open(small);
      assert.equal(await long.ask(set(name), '\n'), '+OK\r\n');
      assert.equal(await long.ask(set('short'), '\n'), '+OK\r\n');
      assert.equal(await long.ask(set(name), '\n'), '+OK\r\n');
      const surplus = await RawConnection.open(small);
      surplus.write(set(name));
      assert.equal(await surplus.untilClosed(), '');
      surplus.close();
      long.socket.end();
      await long.untilClosed();
    }
  });

  test('may get one reply beyond the limit of output, since nothing waited before it', async () => {
    await using small = await createServer({ limits: { maxOutputBytes: 1000, softSubscriberOutputBytes: 500 } });
    const client = await RawConnection.open(small);
    const value = 'v'.repeat(60_000);
    assert.equal(await client.ask(`SET k ${value}\r\n`, '\n'), '+OK\r\n');
    assert.equal(await client.ask('GET k\r\nPING\r\n', 'PONG\r\n'), `$60000\r\n${value}\r\n+PONG\r\n`);
    client.close();
  });

  test('that is no subscriber is not held to the limits of those', async () => {
    const limits = {
      softSubscriberOutputBytes: 1,
      softOutputMs: 1,
      maxSubscriberOutputBytes: 1000,
      maxBulkBytes: 70_000,
    };
    await using strict = await createServer({ limits });
    const client = await RawConnection.open(strict);
    assert.equal(await client.ask(`SET k ${'v'.repeat(60_000)}\r\n`, '\n'), '+OK\r\n');
    client.socket.pause();
    client.write('GET k\r\n'.repeat(280));
    const { stats } = strict as unknown as { stats: { outputBytes: number } };
    await until(() => stats.outputBytes > 16_000_000, 'all to be answered');
    client.write('PING end\r\n');
    await until(() => stats.outputBytes > 280 * 60_010 + 5, 'the last to be answered');
    client.socket.resume();
    // By its length: to look at the end of a text that grows so large is slow.
    const whole = 280 * `$60000\r\n${'v'.repeat(60_000)}\r\n`.length + '$3\r\nend\r\n'.length;
    assert.ok((await client.until((received) => received.length >= whole)).endsWith('\r\n$3\r\nend\r\n'));
    client.close();
  });

  test('that is a subscriber may stay behind for a time, and again after it has caught up', async (t) => {
    let now = Date.now();
    t.mock.method(Date, 'now', () => now);
    const limits = { softSubscriberOutputBytes: 100_000, softOutputMs: 60_000, maxSubscriberOutputBytes: 64 * MIB };
    await using patient = await createServer({ limits });
    const { stats } = patient as unknown as { stats: { outputLimitDisconnections: number } };
    const [slow, publisher] = [await RawConnection.open(patient), await RawConnection.open(patient)];
    await slow.ask('SUBSCRIBE c\r\n', ':1\r\n');
    const publish = (text: string) =>
      publisher.ask(`*3\r\n$7\r\nPUBLISH\r\n$1\r\nc\r\n$${text.length}\r\n${text}\r\n`, '\n');
    for (const word of ['first', 'second']) {
      slow.socket.pause();
      await publish('m'.repeat(16 * MIB));
      now += 59_000;
      assert.equal(await publish('more'), ':1\r\n');
      assert.equal(patient.connectionCount, 2);
      if (word === 'second') break;
      slow.socket.resume();
      const told = (length: number) => `*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$${length}\r\n\r\n`.length + length;
      await slow.until((received) => received.length === told(16 * MIB) + told('more'.length));
      await publish('now it is told that it has caught up');
    }
    now += 2000;
    await publish('too late');
    await until(() => patient.connectionCount === 1, 'the slow subscriber to be closed');
    assert.equal(stats.outputLimitDisconnections, 1);
    for (const connection of [slow, publisher]) connection.close();
  });

  for (const dialect of ['auto', 'ashredis'] as const) {
    test(`whose line has no end is counted with all others' (${dialect}), until it goes`, async () => {
      await using small = await createServer({ dialect, limits: { maxPendingInputBytes: 10_000 } });
      const { stats } = small as unknown as { stats: { inputBytes: number } };
      for (let round = 0; round < 3; round++) {
        const [first, second] = [await RawConnection.open(small), await RawConnection.open(small)];
        const before = stats.inputBytes;
        first.write('x'.repeat(6000));
        await until(() => stats.inputBytes === before + 6000, 'the first is read');
        second.write('x'.repeat(6000));
        assert.equal(await second.untilClosed(), '');
        assert.equal(first.ended, false);
        first.close();
        second.close();
        await until(() => small.connectionCount === 0, 'both are gone');
      }
    });
  }
});
