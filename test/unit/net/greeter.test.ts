// What is said first on a link: credentials that come late or are none, what is remembered of a server.
// Run by `npm test`, on virtual time.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HandshakeError, TimeoutError } from '../../../src/errors/index.ts';
import type { ConnectionOptions, Credentials } from '../../../src/net/index.ts';
import { greeting, store, VirtualConnection } from '../../support/virtual-connection.ts';

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
    const late = assert.rejects(bench.connection.connect(), (error) => {
      assert.ok(error instanceof TimeoutError);
      assert.match(error.message, /connected, but "credentials" gave nothing within 5000 ms; check their source/);
      return true;
    });
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

describe('credentials that are refused', () => {
  /** The server takes `right`, the source gives one after the other and then the last for ever. */
  function rotating(given: string[], right: string, options: Partial<ConnectionOptions> = {}) {
    let asked = 0;
    let authenticated = false;
    const credentials = () => ({ username: 'u', password: given[Math.min(asked++, given.length - 1)] as string });
    const bench = new VirtualConnection({ dialect: 'resp', credentials, db: 2, ...options }, (words, end) => {
      if (words[0] === 'AUTH') {
        authenticated = words[2] === right;
        return authenticated ? '+OK\r\n' : '-WRONGPASS invalid username-password pair\r\n';
      }
      if (!authenticated) return '-NOAUTH Authentication required.\r\n';
      return store(words, end);
    });
    return { bench, asked: () => asked };
  }

  test('are asked for once more over the same link: the password may have changed in that moment', async () => {
    for (const protocol of [2, 3] as const) {
      const { bench, asked } = rotating(['old', 'new'], 'new', { protocol });
      await bench.connect();
      assert.deepEqual([asked(), bench.ends.length], [2, 1]);
      assert.deepEqual(
        bench.end.commands.map(([name, , password]) => (name === 'AUTH' ? password : name)),
        ['old', 'HELLO', 'SELECT', 'PING', 'new', 'HELLO', 'SELECT', 'PING'],
      );
      assert.equal(bench.connection.server?.protocol, protocol);
      const sent = bench.send(['SET', 'a', '1']);
      await bench.run(20);
      assert.deepEqual(sent.replies, ['OK'], 'no reply of the first greeting is taken for it');
      await bench.close();
    }
  });

  test('are told from newer ones also where the source gives one object that it changes', async () => {
    const own = { username: 'u', password: '' };
    let asked = 0;
    const credentials = () => Object.assign(own, { password: `p${++asked}` });
    const { bench } = rotating([], 'p2', { credentials });
    await bench.connect();
    assert.equal(asked, 2);
    await bench.close();
  });

  test('are over where the source gives the same again: it is not said twice', async () => {
    const { bench, asked } = rotating(['old'], 'new');
    await assert.rejects(bench.connect(), /WRONGPASS.*check "username" and "password"/);
    assert.deepEqual([asked(), bench.ends.length, bench.connection.state], [2, 1, 'idle']);
    assert.equal(bench.end.commands.filter(([name]) => name === 'AUTH').length, 1);
    await bench.close();
  });

  test('are over where the second are refused as well, also where a connection was ready before', async () => {
    const { bench, asked } = rotating(['right', 'wrong1', 'wrong2', 'wrong3'], 'right');
    await bench.connect();
    bench.cutAll();
    await bench.run(1000);
    assert.deepEqual([asked(), bench.ends.length, bench.connection.state], [3, 2, 'idle']);
    await bench.close();
  });

  test('by a server that closes then end with its refusal, however late the source is', async () => {
    let bring = () => {};
    let asked = 0;
    const bench = new VirtualConnection(
      {
        dialect: 'resp',
        credentials: async () => {
          if (++asked === 2) await new Promise<void>((resolve) => (bring = resolve));
          return { password: `p${asked}` };
        },
      },
      (words, end) => {
        if (words[0] !== 'AUTH') return undefined;
        bench.time.schedule(1, () => end.close());
        return '-WRONGPASS no\r\n';
      },
    );
    await assert.rejects(bench.connect(), /WRONGPASS no/);
    bring();
    await bench.run(100);
    assert.deepEqual([bench.ends.length, bench.connection.state], [1, 'idle']);
    await bench.close();
  });

  test('and can not be had again are no refusal for good where a connection was ready before', async () => {
    let asked = 0;
    const bench = new VirtualConnection(
      {
        dialect: 'resp',
        credentials: () => {
          if (++asked === 3) throw new Error('the vault is shut');
          return { password: asked === 2 ? 'wrong' : 'right' };
        },
      },
      (words, end) => (words[1] === 'wrong' ? '-WRONGPASS no\r\n' : store(words, end)),
    );
    await bench.connect();
    bench.cutAll();
    await bench.run(1000);
    assert.deepEqual([asked, bench.ends.length, bench.connection.state], [4, 3, 'ready']);
    await bench.close();
  });
});

test('credentials that come late for a link that is gone do not move the renewal of a newer one', async () => {
  for (const late of [{ password: 'p', expiresAt: undefined }, undefined]) {
    let bring = () => {};
    let asked = 0;
    const bench: VirtualConnection = new VirtualConnection(
      {
        dialect: 'resp',
        credentials: async () => {
          if (++asked === 2) {
            await new Promise<void>((resolve) => (bring = resolve));
            return late as unknown as Credentials;
          }
          return { password: `p${asked}`, expiresAt: 1_700_000_000_000 + bench.time.now() + 10_000 };
        },
      },
      store,
    );
    await bench.connect();
    await bench.run(8100);
    bench.cutAll();
    await bench.run(500);
    assert.deepEqual([asked, bench.connection.state], [3, 'ready']);
    bring();
    await bench.run(7000);
    assert.equal(asked, 3, 'not earlier');
    await bench.run(1000);
    assert.equal(asked, 4, 'and not never');
    assert.deepEqual(bench.end.commands.at(-1), ['AUTH', 'p4']);
    await bench.close();
  }
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
