// What the doctor says of a server: its verdicts at their edges, over a client that answers as it is told to.

import assert from 'node:assert/strict';
import dns from 'node:dns/promises';
import { syncBuiltinESMExports } from 'node:module';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import type { AshRedisClient } from '../../../src/api/index.ts';
import type { Finding } from '../../../src/cli/doctor/finding.ts';
import { checkLimits } from '../../../src/cli/doctor/limits.ts';
import { checkNetwork, type Place } from '../../../src/cli/doctor/network.ts';
import { checkClock, checkHandshake, checkPermissions } from '../../../src/cli/doctor/speech.ts';
import { ConnectError, TimeoutError } from '../../../src/errors/index.ts';

type Check = (client: AshRedisClient, report: (finding: Finding) => void) => Promise<unknown>;

async function findings(check: Check, client: object): Promise<Finding[]> {
  const found: Finding[] = [];
  await check({ server: undefined, ...client } as AshRedisClient, (finding) => found.push(finding));
  return found;
}

const INFO = {
  redis_version: '7.2.4',
  connected_clients: '5',
  maxclients: '100',
  rejected_connections: '0',
  used_memory: '1000',
  maxmemory: '0',
};
const CONFIG = { 'client-output-buffer-limit': 'normal 0 0 0 pubsub 33554432 8388608 60', timeout: '0' };

/** A server that tells these figures. */
function told(info: Record<string, string> = {}, config: Record<string, string> = {}): object {
  const all: Record<string, string> = { ...INFO, ...info };
  const settings: Record<string, string> = { ...CONFIG, ...config };
  return {
    info: async () =>
      `# Server\r\n${Object.entries(all)
        .map(([name, value]) => `${name}:${value}\r\n`)
        .join('')}`,
    command: async (_command: string, _get: string, name: string) => new Map([[name, settings[name]]]),
  };
}

describe('the doctor on limits', () => {
  const level = async (check: string, ...figures: Parameters<typeof told>) =>
    (await findings(checkLimits, told(...figures)))
      .filter((finding) => finding.check === check)
      .map((finding) => `${finding.level}: ${finding.text}`);

  test('finds nothing wrong with a usual server', async () => {
    assert.deepEqual(
      (await findings(checkLimits, told())).map(({ check, level, text }) => [check, level, text]),
      [
        ['version', 'ok', 'redis 7.2.4'],
        ['clients', 'ok', '5 of 100 connections are taken'],
        ['memory', 'ok', '1000 B used, no limit set'],
        ['output limit', 'ok', 'a subscriber that lags is cut at 32 MiB, or above 8.0 MiB for 60 s'],
        ['idle', 'ok', 'idle connections stay'],
      ],
    );
  });

  test('warns of versions before 6.2, and says what those before 7.0 lack', async () => {
    for (const [version, said] of [
      ['5.0.14', 'warning: redis 5.0.14'],
      ['6.0.20', 'warning: redis 6.0.20'],
      ['6.2.0', 'ok: redis 6.2.0 (shard channels need 7.0)'],
      ['7.0.0', 'ok: redis 7.0.0'],
      ['10.1', 'ok: redis 10.1'],
    ] as const) {
      assert.deepEqual(await level('version', { redis_version: version }), [said]);
    }
    assert.deepEqual(await level('version', { valkey_version: '8.1.0' }), ['ok: valkey 8.1.0']);
    const forbidden = { info: () => Promise.reject(new Error('NOPERM')), command: async () => [] };
    assert.deepEqual(
      (await findings(checkLimits, forbidden)).map(({ check, level }) => [check, level]),
      [
        ['version', 'skipped'],
        ['output limit', 'skipped'],
      ],
    );
  });

  test('warns of connections above four fifths, of refused ones, and of memory above nine tenths', async () => {
    assert.deepEqual(await level('clients', { connected_clients: '80' }), ['ok: 80 of 100 connections are taken']);
    assert.deepEqual(await level('clients', { connected_clients: '81' }), ['warning: 81 of 100 connections are taken']);
    assert.deepEqual(await level('clients', { rejected_connections: '3' }), [
      'ok: 5 of 100 connections are taken',
      'warning: 3 connections were refused since the start',
    ]);
    const memory = (used: string) => ({ used_memory: used, maxmemory: '1000', maxmemory_policy: 'noeviction' });
    assert.deepEqual(await level('memory', memory('900')), ['ok: 900 B of 1000 B used, policy noeviction']);
    assert.deepEqual(await level('memory', memory('901')), ['warning: 901 B of 1000 B used, policy noeviction']);
    for (const [policy, advice] of [
      ['noeviction', /refused with OOM/],
      ['allkeys-lru', /evicted before their TTL/],
    ] as const) {
      const all = await findings(checkLimits, told({ ...memory('999'), maxmemory_policy: policy }));
      assert.match(all.find(({ check }) => check === 'memory')?.advice ?? '', advice);
    }
  });

  test('warns of an output limit below 1 MiB and of idle connections that are closed within 10 s', async () => {
    const output = (value: string) => level('output limit', {}, { 'client-output-buffer-limit': `pubsub ${value}` });
    assert.deepEqual(await output('0 0 0'), ['ok: a subscriber that lags is cut at no limit']);
    assert.deepEqual(await output('1048576 0 0'), ['ok: a subscriber that lags is cut at 1.0 MiB']);
    assert.deepEqual(await output('1048575 0 0'), ['warning: a subscriber that lags is cut at 1024 KiB']);
    assert.deepEqual(await output('nothing'), ['skipped: the server does not tell it']);
    const idle = (timeout: string) => level('idle', {}, { timeout });
    assert.deepEqual(await idle('10'), ['warning: idle connections are closed after 10 s']);
    assert.deepEqual(await idle('11'), ['ok: idle connections are closed after 11 s']);
    assert.deepEqual(await findings(checkLimits, { server: { dialect: 'line' } }), [
      { check: 'limits', level: 'skipped', text: 'a line server does not tell its limits' },
    ]);
  });
});

describe('the doctor on the clock', () => {
  test('warns from one second on, and says which one is behind', async (t) => {
    const now = 1_800_000_000_000;
    t.mock.method(Date, 'now', () => now);
    const clock = async (aheadMs: number) => {
      const there = now + aheadMs;
      const reply = [String(Math.floor(there / 1000)), String((there % 1000) * 1000)];
      const [finding] = await findings(checkClock, { command: async () => reply });
      return `${finding?.level}: ${finding?.text}`;
    };
    assert.equal(await clock(0), 'ok: differs by 0.00 ms');
    assert.equal(await clock(999), 'ok: differs by 999 ms');
    assert.equal(await clock(-999), 'ok: differs by 999 ms');
    assert.equal(await clock(1000), 'warning: the clock of the server is 1.0 s ahead of ours');
    assert.equal(await clock(-1500), 'warning: the clock of the server is 1.5 s behind ours');
    const [denied] = await findings(checkClock, { command: () => Promise.reject(new Error('no')) });
    assert.deepEqual(denied, { check: 'clock', level: 'skipped', text: 'no' });
    // A proxy may answer in its own way; that is no clock which agrees.
    for (const reply of [[], ['soon', '0'], 'OK']) {
      const [odd] = await findings(checkClock, { command: async () => reply });
      assert.deepEqual(odd, { check: 'clock', level: 'skipped', text: 'the server does not tell its time' });
    }
  });
});

describe('the doctor on what is allowed', () => {
  const commands = (changes: object = {}) => ({
    set: async () => 'OK',
    get: async () => 'x',
    ttl: async () => 10,
    del: async () => 1,
    publish: async () => 0,
    ...changes,
  });

  test('names each command that is refused, once', async () => {
    const asked = async (client: AshRedisClient, report: (finding: Finding) => void) => {
      assert.equal(await checkPermissions(client, report), true);
    };
    assert.deepEqual(
      (await findings(asked, commands())).map(({ check, level }) => [check, level]),
      [['permissions', 'ok']],
    );
    const [denied, ...others] = await findings(
      checkPermissions,
      commands({
        get: () => Promise.reject(new Error('no GET')),
        publish: () => Promise.reject(new Error('no PUBLISH')),
      }),
    );
    assert.deepEqual([denied?.level, others], ['wrong', []]);
    assert.equal(denied?.text, 'GET (no GET); PUBLISH (no PUBLISH)');
    assert.equal(denied?.advice, 'look at the log of the server');
  });

  test('finds times to live that are not kept, and stops where nothing is answered', async () => {
    for (const [ttl, wanted] of [
      [1, []],
      [10, []],
      [11, ['ttl']],
      [0, ['ttl']],
      [-1, ['ttl']],
    ] as const) {
      const all = await findings(checkPermissions, commands({ ttl: async () => ttl }));
      assert.deepEqual(
        all.filter(({ level }) => level === 'wrong').map(({ check }) => check),
        wanted,
        String(ttl),
      );
    }
    let asked = 0;
    const silent = commands({
      get: () => Promise.reject(new TimeoutError('Not answered: GET')),
      ttl: async () => ++asked,
      publish: async () => ++asked,
    });
    const all = await findings(async (client, report) => {
      assert.equal(await checkPermissions(client, report), false);
    }, silent);
    assert.deepEqual([all.map(({ check, level }) => [check, level]), asked], [[['answers', 'wrong']], 0]);
  });
});

describe('the doctor on the handshake', () => {
  test('says what to do about each refusal', async () => {
    for (const [said, advice] of [
      ['NOAUTH Authentication required', /set ASHREDIS_PASSWORD/],
      ['WRONGPASS invalid username-password pair', /user or password are wrong/],
      ['ERR invalid password', /user or password are wrong/],
      ['NOPERM no permissions', /\+@connection/],
      ['ERR DB index is out of range', /use db 0/],
      ['DENIED Redis is running in protected mode', /protected mode: set a password/],
      ['LOADING Redis is loading', /wait$/],
      ['ERR max number of clients reached', /raise maxclients/],
      ['whatever', /^check that this port belongs to a Redis-compatible server$/],
    ] as const) {
      const client = { connect: () => Promise.reject(new ConnectError(said)) };
      const [finding, ...others] = await findings(async (asked, report) => {
        assert.equal(await checkHandshake(asked, report), false);
      }, client);
      assert.deepEqual([finding?.check, finding?.level, others], ['handshake', 'wrong', []]);
      assert.match(finding?.advice ?? '', advice, said);
    }
  });

  test('warns of RESP2, of replicas and of line servers', async () => {
    const goesOn: Check = async (client, report) => {
      assert.equal(await checkHandshake(client, report), true);
    };
    const levels = async (server: object) =>
      (await findings(goesOn, { server, connect: async () => {}, ping: async () => 'PONG' })).map(
        ({ check, level }) => `${check} ${level}`,
      );
    assert.deepEqual(await levels({ dialect: 'resp', protocol: 3, role: 'master' }), ['dialect ok']);
    assert.deepEqual(await levels({ dialect: 'resp', protocol: 2, role: 'master' }), ['dialect ok', 'dialect warning']);
    assert.deepEqual(await levels({ dialect: 'resp', protocol: 3, role: 'replica' }), ['dialect ok', 'role warning']);
    assert.deepEqual(await levels({ dialect: 'line' }), ['dialect ok', 'dialect warning']);
  });
});

describe('the doctor on the network', () => {
  const looked = async (place: Partial<Place>) => {
    const found: string[] = [];
    const whole = { host: '127.0.0.1', port: 1, path: undefined, tls: undefined, timeoutMs: 5000, ...place };
    const isReached = await checkNetwork(whole, ({ check, level, text, advice = '' }) => {
      found.push(`${level} ${check}: ${text} -> ${advice}`.replaceAll(/\(\d+(\.\d+)? (ms|s)\)/g, '(some time)'));
    });
    return { isReached, found };
  };

  /** A server that takes connections, and does this with each. */
  async function listening(t: TestContext, use: (socket: Socket) => void): Promise<number> {
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      sockets.push(socket.on('error', () => {}));
      use(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => {
      server.close();
      for (const socket of sockets) socket.destroy();
    });
    return (server.address() as AddressInfo).port;
  }

  /** Names are these addresses, until the test is over. */
  function named(t: TestContext, lookup: () => Promise<{ address: string; family: number }[]>): void {
    t.mock.method(dns, 'lookup', lookup);
    syncBuiltinESMExports();
    t.after(() => {
      t.mock.restoreAll();
      syncBuiltinESMExports();
    });
  }

  test('asks every address of a name, and warns of those where nobody listens', async (t) => {
    const port = await listening(t, () => {});
    named(t, async () => [
      { address: '::1', family: 6 },
      { address: '127.0.0.1', family: 4 },
    ]);
    const { isReached, found } = await looked({ host: 'redis.test', port });
    assert.equal(isReached, true);
    assert.deepEqual(found.slice(0, 2), [
      'ok resolve: redis.test is ::1, 127.0.0.1 (some time) -> ',
      `ok connect: 127.0.0.1:${port} accepts connections (some time) -> `,
    ]);
    assert.match(found[2]!, new RegExp(`^warning connect: \\[::1\\]:${port}: .* -> .*take away the one`));
    assert.equal(found.length, 3);
  });

  test('goes no further where a name is not known, a file is not there or nobody listens', async (t) => {
    named(t, () => Promise.reject(new Error('getaddrinfo ENOTFOUND redis.test')));
    assert.deepEqual(await looked({ host: 'redis.test' }), {
      isReached: false,
      found: [
        "wrong resolve: getaddrinfo ENOTFOUND redis.test -> check the spelling of 'redis.test', and the name server of this machine",
      ],
    });
    const path = await looked({ host: '', path: '/nowhere/at/all.sock', tls: {} });
    assert.equal(path.isReached, false);
    assert.equal(path.found.length, 2);
    assert.equal(path.found[0], 'skipped resolve: Unix socket /nowhere/at/all.sock -> ');
    assert.match(
      path.found[1]!,
      /^wrong connect: \/nowhere\/at\/all.sock: .*ENOENT.* -> the socket file does not exist/,
    );
    const nobody = await looked({ port: 1, tls: {} });
    assert.equal(nobody.isReached, false);
    assert.equal(nobody.found[0], 'ok resolve: 127.0.0.1 is an address -> ');
    assert.match(nobody.found[1]!, /^wrong connect: 127.0.0.1:1: .*ECONNREFUSED.* -> nobody listens there/);
    assert.equal(nobody.found.length, 2);
  });

  test('tells a port that does not speak TLS from one that says nothing', async (t) => {
    const plain = await listening(t, (socket) => socket.once('data', () => socket.write('-ERR unknown command\r\n')));
    const spoken = await looked({ port: plain, tls: {} });
    assert.equal(spoken.isReached, false);
    assert.match(spoken.found[2]!, /^wrong tls: [\s\S]* -> the server does not speak TLS on this port/);
    const silent = await listening(t, () => {});
    const { isReached, found } = await looked({ port: silent, tls: {}, timeoutMs: 30 });
    assert.equal(isReached, false);
    assert.equal(
      found[2],
      'wrong tls: no answer within 30.0 ms -> the server may not speak TLS on this port: use redis:// or its TLS port',
    );
  });
});
