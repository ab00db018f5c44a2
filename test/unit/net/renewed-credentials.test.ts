// Credentials of commands that are renewed on the live link: when, what a refusal costs, and that no password shows.
// Run by `npm test`, on virtual time.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import { HandshakeError } from '../../../src/errors/index.ts';
import { store, VirtualConnection } from '../../support/virtual-connection.ts';

describe('new credentials', () => {
  /** A connection whose credentials live for ten seconds, and what a script says to each AUTH after the first. */
  function renewing(protocol: 2 | 3, answer: (words: string[]) => string | undefined, source?: () => void) {
    let asked = 0;
    const bench: VirtualConnection = new VirtualConnection(
      {
        protocol,
        dialect: 'resp',
        credentials: () => {
          asked++;
          if (asked > 1) source?.();
          const expiresAt = 1_700_000_000_000 + bench.time.now() + 10_000;
          return { username: 'u', password: `secret${asked}`, expiresAt };
        },
      },
      (words, { number }) =>
        words[0] === 'AUTH' && (number > 1 || asked > 1) ? answer(words) : store(words, bench.end),
    );
    return { bench, asked: () => asked };
  }

  for (const protocol of [2, 3] as const) {
    test(`are said on the live link of commands, RESP${protocol}, at four fifths of their life`, async () => {
      const { bench } = renewing(protocol, () => '+OK\r\n');
      await bench.connect();
      await bench.run(7950);
      assert.equal(bench.end.commands.filter(([word]) => word === 'AUTH').length, 1);
      await bench.run(100);
      assert.deepEqual(
        bench.end.commands.filter(([word]) => word === 'AUTH'),
        [
          ['AUTH', 'u', 'secret1'],
          ['AUTH', 'u', 'secret2'],
        ],
      );
      await bench.run(8000);
      assert.equal(bench.end.commands.filter(([word]) => word === 'AUTH').length, 3);
      assert.equal(bench.ends.length, 1);
      await bench.close();
    });
  }

  test('that are refused end the link, and the refusal shows no password', async () => {
    const { bench } = renewing(3, ([, , password]) => `-WRONGPASS not '${password}'\r\n`);
    await bench.connect();
    await bench.run(8100);
    const event = bench.events.find(({ to }) => to === 'waiting');
    assert.ok(event?.cause instanceof HandshakeError);
    assert.match(event.cause.message, /^Cannot renew credentials at localhost:6379: WRONGPASS not '\*\*\*'/);
    assert.doesNotMatch(inspect(bench.events), /secret\d/);
    await bench.close();
  });

  test('that can not be had are asked for again a second later, over the link that still works', async () => {
    let fails = 0;
    const { bench, asked } = renewing(
      3,
      () => '+OK\r\n',
      () => {
        if (fails++ < 2) throw new Error('no answer');
      },
    );
    await bench.connect();
    await bench.run(9500);
    assert.deepEqual([asked(), bench.ends.length], [3, 1]);
    await bench.run(1000);
    assert.deepEqual(bench.end.commands.at(-1), ['AUTH', 'u', 'secret4']);
    await bench.run(5000);
    assert.equal(asked(), 4);
    await bench.close();
  });

  test('that become due while there is no link are asked for by the next handshake alone', async () => {
    const { bench, asked } = renewing(3, () => '+OK\r\n');
    await bench.connect();
    bench.network.weather.dial = 'refuse';
    bench.cutAll();
    await bench.run(30_000);
    assert.equal(asked(), 1);
    bench.network.weather.dial = 'accept';
    await bench.run(6000);
    assert.equal(asked(), 2);
    assert.equal(bench.connection.state, 'ready');
    await bench.close();
  });

  test('that come after their link is gone are not said', async () => {
    let bring: (() => void) | undefined;
    let asked = 0;
    const bench: VirtualConnection = new VirtualConnection(
      {
        dialect: 'resp',
        credentials: async () => {
          if (++asked === 2) await new Promise<void>((resolve) => (bring = resolve));
          return { password: `p${asked}`, expiresAt: 1_700_000_000_000 + bench.time.now() + 10_000 };
        },
      },
      store,
    );
    await bench.connect();
    await bench.run(8100);
    bench.cutAll();
    await bench.run(1000);
    const written = bench.ends.map(({ received }) => received);
    bring?.();
    await bench.run(100);
    assert.deepEqual(
      bench.ends.map(({ received }) => received),
      written,
    );
    assert.equal(bench.connection.state, 'ready');
    // Nor do they wait for an answer: that belongs to the next command.
    const sent = bench.send(['SET', 'a', '1']);
    await bench.run(20);
    assert.deepEqual(sent.replies, ['OK']);
    await bench.close();
  });
});
