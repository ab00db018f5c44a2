// `server.faults`: each fault does what it says to the connections it concerns, and is taken back.

import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { createServer, type EmbeddedServer } from '../../../src/server/index.ts';
import { until } from '../../support/events.ts';
import { RawConnection } from '../../support/raw-connection.ts';

describe('server.faults', () => {
  let server: EmbeddedServer;
  let a: RawConnection;
  let b: RawConnection;
  before(async () => {
    server = await createServer();
  });
  beforeEach(async () => {
    a = await RawConnection.open(server);
    b = await RawConnection.open(server);
    await a.ask('CLIENT SETNAME a\r\n', '\n');
    await b.ask('SUBSCRIBE c\r\n', ':1\r\n');
  });
  afterEach(async () => {
    server.faults.clear();
    a.close();
    b.close();
    await until(() => server.connectionCount === 0, 'all connections gone');
  });
  after(() => server.stop());

  test('cut() ends every connection, without a word', async () => {
    assert.equal(server.faults.cut(), 2);
    assert.equal(await a.untilClosed(), '');
    assert.equal(await b.untilClosed(), '');
  });

  test('cut() with a filter ends only those that it describes', async () => {
    assert.equal(server.faults.cut({ name: 'nobody' }), 0);
    assert.equal(server.faults.cut({ name: 'a', subscriber: true }), 0);
    assert.equal(server.faults.cut({ subscriber: true }), 1);
    await b.untilClosed();
    const id = Number((await a.ask('CLIENT ID\r\n', '\n')).slice(1));
    assert.equal(server.faults.cut({ id }), 1);
    await a.untilClosed();
  });

  test('what describes no fault is refused, and changes nothing', async () => {
    const faults = server.faults as unknown as Record<string, (...values: unknown[]) => unknown>;
    const refused: [string, unknown[], RegExp][] = [
      ['cut', [{ subscribers: true }], /^Cannot cut by "subscribers": allowed are an object with id, name, subscriber/],
      ['cut', ['a'], /^Cannot cut by "a"/],
      ['cut', [null], /^Cannot cut by "null"/],
      ['delay', [-1], /^Cannot delay by -1 milliseconds: allowed are numbers from 0/],
      ['delay', [Number.NaN], /^Cannot delay by NaN/],
      ['delay', ['40'], /^Cannot delay by 40 milliseconds/],
      ['delay', [], /^Cannot delay by undefined/],
      ['refuse', ['no'], /^Cannot refuse connections by no: allowed are true and false/],
      ['corrupt', [-1], /^Cannot corrupt -1 bytes/],
      ['dropMessages', [null], /^Cannot drop null messages/],
      ['replyError', ['', 'ERR no'], /^Cannot answer {2}by an error: allowed are the name of a command/],
      ['replyError', [7, 'ERR no'], /^Cannot answer 7 by an error/],
      ['replyError', ['GET', 'ERR no\r\n+OK'], /^Cannot answer by "ERR no\\r\\n\+OK": allowed are one line of text/],
      ['replyError', ['GET', ''], /^Cannot answer by ""/],
      ['replyError', ['GET', 'ERR no', '2'.repeat(2)], /^Cannot answer 22 times/],
    ];
    for (const [name, values, message] of refused) {
      assert.throws(() => faults[name]?.(...values), { name: 'UsageError', message }, `${name}(${values.join()})`);
    }
    assert.equal(await a.ask('GET nothing\r\n', '\n'), '$-1\r\n');
    assert.equal(await a.ask('PUBLISH c kept\r\n', '\n'), ':1\r\n');
    await b.until((received) => received.includes('kept'));
    assert.equal(server.connectionCount, 2);
  });

  test('cut() also ends a connection whose end is on its way', async () => {
    const { sessions } = server as unknown as { sessions: Map<number, { name: string; socket: Socket }> };
    const { socket } = [...sessions.values()].find(({ name }) => name === 'a') as { socket: Socket };
    const end = socket.end.bind(socket);
    const cut = new Promise<number>((resolve) => {
      socket.end = () => {
        end();
        process.nextTick(() => resolve(server.faults.cut()));
        return socket;
      };
    });
    a.write('QUIT\r\n');
    assert.equal(await cut, 2);
    await until(() => server.connectionCount === 0, 'no connection left');
  });

  test('freeze() stops answers and executions; thaw() goes on where it stopped', async () => {
    server.faults.freeze();
    const late = await RawConnection.open(server);
    late.write('PING\r\n');
    a.write('SET frozen 1\r\nGET frozen\r\n');
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.equal(a.received + late.received, '');
    server.faults.thaw();
    assert.equal(await a.until((received) => received.includes('1\r\n1\r\n')), '+OK\r\n$1\r\n1\r\n');
    assert.equal(await late.until((received) => received.includes('\n')), '+PONG\r\n');
    late.close();
  });

  test('freeze() also keeps what is answered and has not left', async (t) => {
    const { clock } = server as unknown as { clock: { now(): number } };
    const { now } = Date;
    type Stats = Record<'commandsProcessed' | 'inputBytes' | 'outputBytes', number>;
    const { stats } = server as unknown as { stats: Stats };
    const before = { ...stats };
    // Asked when the bytes are there, and by timers: it is frozen after their execution, before their answer leaves.
    t.mock.method(clock, 'now', () => {
      if (stats.inputBytes > before.inputBytes) process.nextTick(() => server.faults.freeze());
      return now();
    });
    a.write('SET frozen 2\r\n');
    await until(() => stats.commandsProcessed > before.commandsProcessed, 'the command executed');
    t.mock.restoreAll();
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    assert.equal(stats.outputBytes, before.outputBytes);
    server.faults.thaw();
    assert.equal(await a.until((received) => received.includes('\n')), '+OK\r\n');
  });

  test('what is cut while it is held up executes nothing more', async () => {
    assert.equal(await a.ask('DEBUG SLEEP 0.01\r\nSET late 1\r\n', '\n'), '+OK\r\n');
    server.faults.freeze();
    const other = await RawConnection.open(server);
    other.write('EXISTS late\r\n');
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.equal(server.faults.cut({ name: 'a' }), 1);
    server.faults.thaw();
    assert.equal(await other.until((received) => received.includes('\n')), ':0\r\n');
    other.close();
  });

  test('delay() makes every write late and keeps the order, also when it shrinks', async () => {
    server.faults.delay(40);
    const { stats } = server as unknown as { stats: { commandsProcessed: number } };
    const before = stats.commandsProcessed;
    const start = performance.now();
    a.write('PING 1\r\n');
    await until(() => stats.commandsProcessed > before, 'the command executed');
    server.faults.delay(0);
    a.write('PING 2\r\n');
    assert.equal(await a.until((received) => received.includes('2\r\n')), '$1\r\n1\r\n$1\r\n2\r\n');
    assert.ok(performance.now() - start >= 39);
  });

  test('clear() lets go what a delay held back, and nothing waits behind it', async () => {
    server.faults.delay(600_000);
    const { stats } = server as unknown as { stats: { commandsProcessed: number } };
    const before = stats.commandsProcessed;
    a.write('PING 1\r\n');
    await until(() => stats.commandsProcessed > before, 'the command executed');
    server.faults.clear();
    assert.equal(await a.ask('PING 2\r\n', '2\r\n'), '$1\r\n1\r\n$1\r\n2\r\n');
    assert.equal(await a.ask('PING 3\r\n', '3\r\n'), '$1\r\n3\r\n');
  });

  test('refuse() closes new connections at once; the old ones stay', async () => {
    server.faults.refuse();
    const refused = await RawConnection.open(server);
    assert.equal(await refused.untilClosed(), '');
    assert.equal(await a.ask('PING\r\n', '\n'), '+PONG\r\n');
    server.faults.refuse(false);
    const accepted = await RawConnection.open(server);
    assert.equal(await accepted.ask('PING\r\n', '\n'), '+PONG\r\n');
    accepted.close();
  });

  test('corrupt() damages the next bytes, and only so many', async () => {
    server.faults.corrupt(2);
    assert.equal(await a.ask('PING\r\n', '\n'), '*QONG\r\n');
    assert.equal(await a.ask('PING\r\n', '\n'), '+PONG\r\n');
  });

  test('replyError() answers instead of executing, so many times', async () => {
    server.faults.replyError('INCR', 'LOADING not yet', 2);
    assert.equal(await a.ask('INCR planned\r\n', '\n'), '-LOADING not yet\r\n');
    const answer = await a.ask('MULTI\r\nINCR planned\r\nEXEC\r\n', 'errors.\r\n');
    assert.match(answer, /^\+OK\r\n-LOADING not yet\r\n-EXECABORT /);
    assert.equal(await a.ask('INCR planned\r\n', '\n'), ':1\r\n');
    server.faults.replyError('INCR', 'ERR never', 1);
    server.faults.replyError('INCR', 'ERR never', 0);
    assert.equal(await a.ask('INCR planned\r\n', '\n'), ':2\r\n');
  });

  test('dropMessages() loses deliveries that the publisher believes in', async () => {
    server.faults.dropMessages(1);
    assert.equal(await a.ask('PUBLISH c lost\r\nPUBLISH c kept\r\n', ':1\r\n:1\r\n'), ':1\r\n:1\r\n');
    assert.equal(
      await b.until((received) => received.includes('kept')),
      '*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$4\r\nkept\r\n',
    );
  });

  test('a delay beyond what a timer can hold is a long one', async () => {
    const warnings: string[] = [];
    const listener = (warning: Error) => warnings.push(warning.name);
    process.on('warning', listener);
    server.faults.delay(Number.MAX_SAFE_INTEGER);
    a.write('PING 1\r\n');
    const other = await RawConnection.open(server);
    await until(() => server.connectionCount === 3, 'the connection after the command');
    other.close();
    server.faults.clear();
    await a.until((received) => received.includes('1\r\n'));
    process.off('warning', listener);
    assert.deepEqual(warnings, []);
  });

  test('DEBUG SLEEP holds up every client for its time and then answers all', async () => {
    const other = await RawConnection.open(server);
    await other.ask('PING\r\n', '\n');
    const start = performance.now();
    assert.equal(await a.ask('DEBUG SLEEP 0.05\r\n', '\n'), '+OK\r\n');
    await other.ask('PING\r\n', '\n');
    assert.ok(performance.now() - start >= 45);
    other.close();
  });
});

describe('stop()', () => {
  test('lets the last replies leave, ends all connections and frees the port', async () => {
    const server = await createServer();
    const client = await RawConnection.open(server);
    await client.ask('PING\r\n', '\n');
    client.write('PING last\r\n');
    await until(() => client.received !== '', 'the last reply');
    await Promise.all([server.stop(), server.stop()]);
    assert.equal(await client.untilClosed(), '$4\r\nlast\r\n');
    await using next = await createServer({ port: server.port });
    assert.equal(next.port, server.port);
    client.close();
  });

  test('does not wait for clients that hold their connection open or are frozen', async () => {
    const server = await createServer();
    const client = await RawConnection.open(server);
    await client.ask('PING\r\n', '\n');
    server.faults.freeze();
    const start = performance.now();
    await server.stop();
    assert.ok(performance.now() - start < 4000);
    assert.equal(server.connectionCount, 0);
    await client.untilClosed();
  });
});
