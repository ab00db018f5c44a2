// What is said first on a link: credentials that come late or are none, what is remembered of a server.
// Run by `npm test`, on virtual time.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HandshakeError, TimeoutError } from '../../../src/errors/index.ts';
import type { Credentials } from '../../../src/net/index.ts';
import { greeting, VirtualConnection } from '../../support/virtual-connection.ts';

describe('credentials at a handshake', () => {
  test('that can not be had fail the attempt with why, and nothing is said to the server', async () => {
    const cause = new Error('the vault is shut');
    for (const credentials of [() => Promise.reject(cause), () => assert.fail(cause)]) {
      const bench = new VirtualConnection({ dialect: 'resp', credentials });
      await assert.rejects(bench.connect(), (error) => {
        assert.ok(error instanceof HandshakeError);
        assert.match(error.message, /^Cannot authenticate at localhost:6379: "credentials" failed: the vault is shut/);
        assert.equal(error.cause, cause);
        return true;
      });
      assert.equal(bench.end.received, '');
      await bench.close();
    }
  });

  test('that are none are refused by their shape, and never shown', async () => {
    for (const given of [
      undefined,
      null,
      {},
      { password: 7 },
      { password: 'p', username: 7 },
      { username: 'hunter2' },
    ]) {
      const bench = new VirtualConnection({ dialect: 'resp', credentials: () => given as unknown as Credentials });
      await assert.rejects(bench.connect(), (error: Error) => {
        assert.match(
          error.message,
          /"credentials" gave no { password }, allowed is { username\?, password, expiresAt\? }/,
        );
        assert.doesNotMatch(error.message, /hunter2/);
        return true;
      });
      await bench.close();
    }
    const bench = new VirtualConnection({
      dialect: 'resp',
      credentials: () => ({ username: null, password: '' }) as unknown as Credentials,
    });
    await bench.connect();
    assert.deepEqual(bench.end.commands[0], ['AUTH', ''], 'no name, and an empty password, are some');
    await bench.close();
  });

  test('that come when the attempt is over are said to nobody', async () => {
    const bring: (() => void)[] = [];
    const bench = new VirtualConnection({
      dialect: 'resp',
      credentials: async () => {
        await new Promise<void>((resolve) => bring.push(resolve));
        return { password: 'p' };
      },
    });
    const late = assert.rejects(bench.connection.connect(), TimeoutError);
    await bench.run(5001);
    await late;
    const second = bench.connection.connect();
    await bench.run(20);
    bring[0]?.();
    await bench.run(20);
    assert.deepEqual(
      bench.ends.map(({ received }) => received),
      ['', ''],
    );
    bring[1]?.();
    await bench.run(20);
    await second;
    assert.deepEqual(bench.end.commands[0], ['AUTH', 'p']);
    await bench.close();
  });

  test('that take long to be renewed are asked for once', async () => {
    let asked = 0;
    const bench: VirtualConnection = new VirtualConnection({
      dialect: 'resp',
      credentials: async () => {
        if (++asked === 2) await new Promise<void>((resolve) => bench.time.schedule(1500, resolve));
        return { password: `p${asked}`, expiresAt: 1_700_000_000_000 + bench.time.now() + 10_000 };
      },
    });
    await bench.connect();
    await bench.run(9900);
    assert.equal(asked, 2);
    assert.deepEqual(bench.end.commands.at(-1), ['AUTH', 'p2']);
    await bench.close();
  });
});

describe('what is remembered of a server', () => {
  test('that speaks RESP is told all at once the next time', async () => {
    const bench = new VirtualConnection({ clientName: 'me' });
    const writes: string[] = [];
    bench.onLink = () => writes.push('');
    await bench.connect();
    bench.script = () => undefined;
    bench.cutAll();
    await bench.run(1000);
    assert.deepEqual(
      bench.ends[1]?.commands.map(([name]) => name),
      ['HELLO', 'CLIENT', 'PING'],
      'before any answer',
    );
    bench.script = greeting;
    await bench.close();
  });

  test('that closes on PING as well is refused, by one more link and not by links for ever', async () => {
    const bench = new VirtualConnection({}, (_words, link) => void link.close());
    await assert.rejects(
      bench.connect(),
      (error) => error instanceof HandshakeError && /closed the link/.test(error.message),
    );
    assert.equal(bench.ends.length, 2);
    await bench.close();
  });

  test('that speaks lines and closes in silence is not asked for HELLO', async () => {
    const bench = new VirtualConnection({ dialect: 'line', quoting: 'none' }, (_words, link) => void link.close());
    await assert.rejects(bench.connect(), HandshakeError);
    assert.deepEqual(
      bench.ends.map(({ received }) => received),
      ['PING\n'],
    );
    await bench.close();
  });

  test('that answered before it closed is asked the same way again', async () => {
    const bench = new VirtualConnection({}, (words, link) => {
      if (words[0] !== 'PING') return greeting(words);
      return void link.close();
    });
    await assert.rejects(bench.connect(), HandshakeError);
    await assert.rejects(bench.connect(), HandshakeError);
    assert.deepEqual(
      bench.ends.map(({ commands }) => commands[0]?.[0]),
      ['HELLO', 'HELLO'],
    );
    await bench.close();
  });
});
