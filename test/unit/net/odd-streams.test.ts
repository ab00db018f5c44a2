// Streams that users bring by `transport` and that behave as Node's own never do: they throw, or give text.
// Run by `npm test`.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Duplex, type DuplexOptions, PassThrough } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { AshRedisClient, ConnectError, HandshakeError, LinkLostError } from '../../../src/index.ts';
import { greeting, type ScriptedServer, startScriptedServer } from '../../support/scripted-server.ts';

describe('a stream of a user’s own', () => {
  let server: ScriptedServer;
  before(async () => {
    server = await startScriptedServer((words) => greeting(words) ?? '+OK\r\n');
  });
  after(() => server.stop());

  /** A client whose streams are changed by `change`. */
  const clientOver = (change: (socket: Socket) => void) =>
    new AshRedisClient({
      transport: () => {
        const socket = connect(server.port, '127.0.0.1');
        change(socket);
        return socket;
      },
    });

  test('whose write throws in the handshake fails the attempt', async () => {
    await using client = clientOver((socket) => {
      socket.write = () => assert.fail('not open yet');
    });
    await assert.rejects(client.connect(), (error: Error) => {
      assert.ok(error instanceof HandshakeError);
      assert.match(error.message, /not open yet/);
      return true;
    });
    assert.equal(client.state, 'idle');
  });

  test('whose write throws later is a link that is lost, and the next one works', async () => {
    const sockets: Socket[] = [];
    await using client = clientOver((socket) => sockets.push(socket));
    await client.connect();
    (sockets[0] as Socket).write = () => assert.fail('no more');
    await assert.rejects(client.set('k', 'v'), LinkLostError);
    assert.equal(await client.set('k', 'v'), 'OK');
    assert.equal(sockets.length, 2);
  });

  test('whose destroy throws is closed all the same', async () => {
    const client = clientOver((socket) => {
      const { destroy } = socket;
      socket.destroy = (...args) => {
        destroy.apply(socket, args);
        return assert.fail('destroy');
      };
    });
    await client.connect();
    await client.close();
    assert.equal(client.state, 'closed');
  });

  /** A stream of its own around a socket. */
  const around = (options: DuplexOptions, isStalled = () => false) => {
    const socket = connect(server.port, '127.0.0.1');
    const stream = new Duplex({
      ...options,
      read() {},
      write(chunk, encoding, callback) {
        if (!isStalled()) socket.write(chunk, encoding, () => callback());
      },
      destroy(error, callback) {
        socket.destroy();
        callback(error);
      },
    });
    socket.on('data', (chunk) => stream.push(chunk));
    socket.on('close', () => stream.destroy());
    return stream;
  };

  for (const event of ['data', 'drain']) {
    test(`that tells ${event} while it is written to is given everything in order`, async () => {
      const sockets: Socket[] = [];
      await using client = clientOver((socket) => sockets.push(socket));
      await client.connect();
      const [first] = sockets as [Socket];
      const keys: string[] = [];
      first.write = (chunk: Uint8Array | string) => {
        for (const [key] of String(chunk).matchAll(/key\d+/g)) {
          keys.push(key);
          if (event === 'data') first.emit('data', Buffer.from('+OK\r\n'));
          else first.emit('drain');
        }
        if (keys.length === 12 && event === 'drain') first.emit('data', Buffer.from('+OK\r\n'.repeat(12)));
        return true;
      };
      const value = 'v'.repeat(60_000);
      await Promise.all(Array.from({ length: 12 }, (_, index) => client.set(`key${index}`, value)));
      assert.deepEqual(
        keys,
        Array.from({ length: 12 }, (_, index) => `key${index}`),
      );
    });
  }

  test('that holds more than 256 KiB before it is full is given more when replies come', async () => {
    await using client = new AshRedisClient({ transport: () => around({ writableHighWaterMark: 1024 * 1024 }) });
    await client.connect();
    const value = 'v'.repeat(60_000);
    const replies = await Promise.all(Array.from({ length: 12 }, () => client.set('k', value)));
    assert.ok(replies.every((reply) => reply === 'OK'));
  });

  test('that counts chunks and no bytes is given no more than others', async () => {
    let isStalled = false;
    await using client = new AshRedisClient({
      transport: () => around({ objectMode: true }, () => isStalled),
      commandTimeoutMs: 100,
      closeTimeoutMs: 1,
    });
    await client.connect();
    isStalled = true;
    const value = 'v'.repeat(60_000);
    const results = await Promise.allSettled(Array.from({ length: 12 }, () => client.set('k', value)));
    const handedOver = results.filter((result) => result.status === 'rejected' && !result.reason.safeToRetry);
    assert.equal(handedOver.length, 5);
  });

  test('that comes paused is read all the same', async () => {
    await using client = clientOver((socket) => socket.pause());
    await client.connect();
    assert.equal(await client.set('k', 'v'), 'OK');
  });

  test('that has ended before it comes fails the attempt at once, by name', async () => {
    const open = async () => {
      const socket = connect(server.port, '127.0.0.1');
      await once(socket, 'connect');
      return socket;
    };
    const closed = await open();
    closed.destroy();
    await once(closed, 'close');
    const ended = new PassThrough({ autoDestroy: false });
    ended.resume().end();
    await once(ended, 'end');
    for (const stream of [closed, ended]) {
      await using client = new AshRedisClient({ transport: () => stream, connectTimeoutMs: 2 ** 31 - 1 });
      await assert.rejects(client.connect(), (error: Error) => {
        assert.ok(error instanceof ConnectError);
        assert.match(error.message, /"transport" gave a stream that has ended/);
        return true;
      });
      assert.equal(client.state, 'idle');
    }
  });

  test('that gives text is refused by name', async () => {
    await using client = clientOver((socket) => socket.setEncoding('utf8'));
    await assert.rejects(client.connect(), /"transport" gave a stream of strings, allowed is one of bytes/);
  });

  test('that gives objects is refused by name', async () => {
    await using client = clientOver((socket) => socket.once('connect', () => socket.emit('data', new ArrayBuffer(8))));
    await assert.rejects(client.connect(), /"transport" gave a stream of objects, allowed is one of bytes/);
  });

  test('that gives chunks of no bytes is read all the same', async () => {
    await using client = clientOver((socket) => {
      socket.once('connect', () => socket.emit('data', Buffer.alloc(0)));
      socket.prependListener('data', (chunk: Buffer) => {
        if (chunk.length > 0) socket.emit('data', Buffer.alloc(0));
      });
    });
    await client.connect();
    assert.equal(await client.set('k', 'v'), 'OK');
  });

  test('that broke before it comes, and tells so later, fails the attempt by its own words', async () => {
    const told: Socket[] = [];
    await using client = clientOver((socket) => {
      socket.on('close', () => told.push(socket));
      socket.destroy(new Error('no proxy'));
    });
    await assert.rejects(client.connect(), (error: Error) => {
      assert.ok(error instanceof ConnectError);
      assert.match(error.message, /no proxy/);
      return true;
    });
    // Its error has found a listener, or this test had ended with it.
    while (told.length === 0) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(client.state, 'idle');
  });

  for (const event of ['error', 'end', 'close', 'data']) {
    test(`that tells ${event} while it is written to leaves what was not handed over for the next one`, async () => {
      const sockets: Socket[] = [];
      await using client = clientOver((socket) => sockets.push(socket));
      await client.connect();
      const [first] = sockets as [Socket];
      first.write = () => first.emit(event, event === 'error' ? new Error('gone') : Buffer.from('?'));
      // 256 KiB go at once, which are some of these.
      const value = 'v'.repeat(60_000);
      const results = await Promise.allSettled(Array.from({ length: 12 }, () => client.set('k', value)));
      const lost = results.filter((result) => result.status === 'rejected').map(({ reason }) => reason as Error);
      assert.equal(lost.length, 5);
      for (const error of lost) assert.ok(error instanceof LinkLostError && !error.safeToRetry, String(error));
      assert.equal(sockets.length, 2);
    });
  }
});
