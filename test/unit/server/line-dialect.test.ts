// What the embedded server does with line clients beyond the recorded exchanges: shared data, publishing, JSON, limits.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { encodeLine } from '../../../src/line/index.ts';
import { createServer, type EmbeddedServer } from '../../../src/server/index.ts';
import { RawConnection } from '../../support/raw-connection.ts';

function respCommand(...args: string[]): string {
  return `*${args.length}\r\n${args.map((arg) => `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`).join('')}`;
}

describe('line clients and RESP clients see the same data', () => {
  let server: EmbeddedServer;
  let line: RawConnection;
  let resp: RawConnection;
  before(async () => {
    server = await createServer();
    line = await RawConnection.open(server);
    resp = await RawConnection.open(server);
  });
  after(() => server.stop());

  test('a key of a region is the key with the prefix', async () => {
    assert.equal(await line.ask('SET @r k v\n', '\n'), '+OK\n');
    assert.equal(await resp.ask(respCommand('GET', '@r:k'), 'v\r\n'), '$1\r\nv\r\n');
    assert.equal(await resp.ask(respCommand('SET', '@r:k2', 'w'), '\n'), '+OK\r\n');
    assert.equal(await line.ask('GET @r k2\n', 'w\n'), '$1\r\nw\n');
  });

  test('KEYS without a region never shows another region', async () => {
    assert.equal(await line.ask('SET plain 1\n', '\n'), '+OK\n');
    assert.equal(await line.ask('KEYS *\n', '\n\n'), '*1\r\n$5\r\nplain\r\n\n');
    assert.match(await line.ask('KEYS @r *\n', '\n\n'), /^\*2\r\n\$1\r\nk\r\n\$2\r\nk2\r\n\n$/);
  });

  test('a key that only begins as a region does is one of region0, and INFO names the regions', async () => {
    await using own = await createServer();
    const [line, resp] = [await RawConnection.open(own), await RawConnection.open(own)];
    await resp.ask('MSET @word 1 @eu:k 1 plain 1\r\n', '\n');
    const keys = await line.ask('KEYS *\n', '\n\n');
    assert.deepEqual(keys.match(/^[@a-z]+(?=\r)/gm)?.sort(), ['@word', 'plain']);
    assert.match(
      await line.ask('INFO\n', '1.0.0\r\n\n'),
      /^\$\d+\r\nregions:\[region0, eu\]\r\nuptime_seconds:\d+\r\n/,
    );
    for (const connection of [line, resp]) connection.close();
  });

  test('a region name with a colon is refused, since its keys would be those of another region', async () => {
    assert.match(await line.ask('SET @a:b k v\n', '\n'), /^-ERR Invalid region name/);
  });

  test('bytes that are not UTF-8 reach a line client as U+FFFD', async () => {
    await resp.ask('*3\r\n$3\r\nSET\r\n$3\r\nbin\r\n$2\r\n\xff\x41\r\n', '\n');
    assert.equal(await line.ask('GET bin\n', 'A\n'), '$2\r\n\xef\xbf\xbdA\n');
  });

  test('SET channel:<name> is a publish to <name>, in its region', async () => {
    const live = await RawConnection.open(server);
    await live.ask(respCommand('SUBSCRIBE', 'news', '@r:news'), ':2\r\n');
    await line.ask('SET channel:news {"a": 1}\n', '\n');
    assert.equal(await live.ask('', '{"a": 1}\r\n'), '*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$8\r\n{"a": 1}\r\n');
    await line.ask('B64SET @r channel:news aGk=\n', '\n');
    assert.equal(await live.ask('', 'hi\r\n'), '*3\r\n$7\r\nmessage\r\n$7\r\n@r:news\r\n$2\r\nhi\r\n');
    await resp.ask(respCommand('SET', 'channel:news', 'silent'), '\n');
    await line.ask('SET channel:news last\n', '\n');
    assert.match(await live.ask('', 'last\r\n'), /^\*3\r\n\$7\r\nmessage\r\n\$4\r\nnews\r\n\$4\r\nlast\r\n$/);
    live.close();
  });

  test('bare JSON is stored whole, with its time to live', async () => {
    await line.ask(`SET j {"text": "it's {here}", "list": [1, 2]} EX 100\n`, '\n');
    assert.equal(
      await resp.ask(respCommand('GET', 'j'), '}\r\n'),
      `$39\r\n{"text": "it's {here}", "list": [1, 2]}\r\n`,
    );
    assert.match(await line.ask('TTL j\n', '\n'), /^:(99|100)\n$/);
    await line.ask('SET @r j [1, "EX 5"]\n', '\n');
    assert.equal(await line.ask('GET @r j\n', ']\n'), '$11\r\n[1, "EX 5"]\n');
  });

  test('what only looks like JSON is read as words, as on the real server', async () => {
    await line.ask('SET k {not json here\n', '\n');
    assert.equal(await line.ask('GET k\n', 't\n'), '$4\r\n{not\n');
  });

  test('the lossless quoting of the client arrives unchanged', async () => {
    const value = 'a "b" \\ \n\r\t é 😀 \u2028 {"x": 1}';
    await line.ask(
      encodeLine(['SET', 'a key', value], { region: 'r' }).text.replace(/[\s\S]*/, (text) =>
        Buffer.from(text).toString('latin1'),
      ),
      '\n',
    );
    const expected = Buffer.from(`$${value.length}\r\n${value}\n`).toString('latin1');
    assert.equal(await line.ask('GET @r "a key"\n', '}\n'), expected);
  });

  test('counting by many clients at once loses nothing', async () => {
    const clients = await Promise.all(Array.from({ length: 8 }, () => RawConnection.open(server)));
    await Promise.all(clients.map((client) => client.ask(`${'INCR n\n'.repeat(500)}PING\n`, '+PONG\n')));
    assert.equal(await line.ask('GET n\n', '0\n'), '$4\r\n4000\n');
    for (const client of clients) client.close();
  });
});

describe('limits of line clients', () => {
  test('with a password a line client is refused by name, whatever it sends', async () => {
    await using server = await createServer({ password: 'secret' });
    const line = await RawConnection.open(server);
    assert.equal(await line.ask('GET k\n', '\n'), '-NOAUTH Authentication required.\n');
    assert.equal(await line.ask('AUTH secret\n', '\n'), '-NOAUTH Authentication required.\n');
    line.close();
  });

  test('full memory refuses what would store, and still answers what reads', async () => {
    await using server = await createServer({ maxMemoryBytes: 1000 });
    const line = await RawConnection.open(server);
    await line.ask('SET k small\n', '\n');
    const much = 'x'.repeat(2000);
    for (const command of [
      `SET big ${much}`,
      `B64SET big ${much}`,
      `APPEND k ${much}`,
      `INCR ${much}`,
      `DECR ${much}`,
    ]) {
      assert.match(await line.ask(`${command}\n`, '\n'), /^-OOM command not allowed/);
    }
    assert.equal(await line.ask('GET k\n', 'small\n'), '$5\r\nsmall\n');
    line.close();
  });

  test('what a line client does is told by MONITOR and counted by INFO', async () => {
    await using server = await createServer();
    const [line, monitor] = [await RawConnection.open(server), await RawConnection.open(server)];
    await monitor.ask('MONITOR\r\n', '+OK\r\n');
    await line.ask(Buffer.from('SET @eu k "a é"\n'), '+OK\n');
    await line.ask('GET\n', '\n');
    await line.ask('PING\n', '+PONG\n');
    const told = await monitor.until((received) => received.includes('"PING"'));
    assert.deepEqual(told.match(/(?<=\] ).*(?=\r)/g), ['"SET" "@eu" "k" "a \\xc3\\xa9"', '"PING"']);
    monitor.take();
    await monitor.ask('RESET\r\n', '+RESET\r\n');
    assert.match(await monitor.ask('INFO stats\r\n', '\n\r\n'), /total_commands_processed:6\r\n/);
    for (const connection of [line, monitor]) connection.close();
  });

  test('a planned error answers a line client in its own dialect', async () => {
    await using server = await createServer();
    server.faults.replyError('get', 'ERR no luck');
    const line = await RawConnection.open(server);
    assert.equal(await line.ask('GET k\n', '\n'), '-ERR no luck\n');
    assert.equal(await line.ask('GET k\n', '\n'), '$-1\n');
    line.close();
  });
});
