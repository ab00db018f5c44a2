// What is said on a fresh link, and what each answer means: who it is, busy, refused for good, or another kind of server.
// Run by `npm test`. Pure: the link is a fake that answers when the test says so.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type AshRedisError, ProtocolError } from '../../../src/errors/index.ts';
import { greetLine, greetResp } from '../../../src/net/handshake.ts';
import type { Command, ConnectionOptions, ServerFacts } from '../../../src/net/index.ts';
import { RespError, type RespValue } from '../../../src/resp/index.ts';
import { DEFAULTS } from '../../support/virtual-connection.ts';

class FakeLink {
  readonly peer = 'there:1';
  readonly generation = 1;
  readonly isReading = true;
  refusal: AshRedisError | undefined;
  readonly sent: Command[] = [];
  readonly failures: { error: AshRedisError; fatal: boolean | undefined; busy: boolean | undefined }[] = [];
  readonly facts: ServerFacts[] = [];
  #answered = 0;

  sendNow(commands: readonly Command[]): void {
    this.sent.push(...commands);
  }

  fail(error: AshRedisError, fatal = false, busy = false): void {
    this.failures.push({ error, fatal, busy });
  }

  broken(error: AshRedisError): void {
    this.fail(error, true);
  }

  shifted(): void {
    this.fail(new ProtocolError('shifted'), true);
  }

  answer(...values: RespValue[]): void {
    for (const value of values) this.sent[this.#answered++]?.onReply(value);
  }

  get lines(): (string | undefined)[] {
    return this.sent.map(({ frame }) => frame?.text);
  }
}

type Credentials = Parameters<typeof greetResp>[3];

function resp(options: Partial<ConnectionOptions> = {}, credentials?: Credentials) {
  const link = new FakeLink();
  greetResp(
    link,
    { ...DEFAULTS, ...options },
    (facts) => link.facts.push(facts),
    credentials,
    'first',
    (error) => link.fail(error, true),
  );
  return link;
}

function line(options: Partial<ConnectionOptions> = {}) {
  const link = new FakeLink();
  greetLine(link, { ...DEFAULTS, ...options }, (facts) => link.facts.push(facts));
  return link;
}

describe('the facts that HELLO tells', () => {
  test('are taken from a map and from a flat list; what is of another type is not known', () => {
    const entries: [RespValue, RespValue][] = [
      ['server', 'redis'],
      ['version', '7.2.0'],
      ['proto', 3],
      ['id', 12],
      ['role', 'slave'],
    ];
    const known = { dialect: 'resp', role: 'replica', version: '7.2.0', clientId: 12 };
    for (const [value, facts] of [
      [new Map(entries), { ...known, protocol: 3 }],
      [entries.flat(), { ...known, protocol: 3 }],
      [new Map(), { ...known, protocol: 3, role: undefined, version: undefined, clientId: undefined }],
      [[], { ...known, protocol: 2, role: undefined, version: undefined, clientId: undefined }],
      [
        ['proto', 2, 'role', 'master', 'version', 7, 'id', 'x'],
        { ...known, protocol: 2, role: 'master', version: undefined, clientId: undefined },
      ],
      ['OK', { ...known, protocol: 2, role: undefined, version: undefined, clientId: undefined }],
    ] as const) {
      const link = resp();
      link.answer(value as RespValue, 'PONG');
      assert.deepEqual(link.facts, [facts]);
    }
  });
});

describe('a refusal in the handshake', () => {
  for (const [refusal, hint, busy] of [
    ['NOAUTH Authentication required.', /check "username" and "password"/, false],
    ['DENIED Redis is running in protected mode', /see the configuration of the server/, false],
    ['LOADING Redis is loading the dataset in memory', /try again later/, true],
    ['MASTERDOWN Link with MASTER is down', /try again later/, true],
    ['ERR max number of clients reached', /try again later/, true],
    ['ERR maximum number of clients reached', /try again later/, true],
  ] as const) {
    test(`of HELLO or PING, ${refusal.split(' ', 1)}, ends it ${busy ? 'for now' : 'for good'}`, () => {
      for (const at of [0, 1]) {
        const link = resp();
        link.answer(...(at === 0 ? [new RespError(refusal), 'PONG'] : [new Map(), new RespError(refusal)]));
        assert.deepEqual(
          link.failures.map((failure) => [failure.fatal, failure.busy]),
          [[!busy, busy]],
        );
        assert.match(String(link.failures[0]?.error.hint), hint);
        assert.match(String(link.failures[0]?.error.message), /^Cannot connect to there:1: /);
        assert.deepEqual(link.facts, [], 'it is not ready');
      }
    });
  }

  test('of what does not matter is passed over: an unknown HELLO, a name, a PING that is not allowed', () => {
    const link = resp({ clientName: 'me' });
    const no = new RespError('NOPERM User has no permissions');
    link.answer(new RespError("ERR unknown command 'HELLO'"), no, no);
    assert.deepEqual([link.failures.length, link.facts[0]?.protocol], [0, 2]);
  });

  test('of the database or the credentials is for good, told once, and without the password', () => {
    const select = resp({ db: 9 });
    select.answer(new Map(), new RespError('ERR DB index is out of range'), 'PONG');
    assert.match(String(select.failures[0]?.error.message), /DB index is out of range; check "db"/);
    assert.deepEqual([select.failures.length, select.failures[0]?.fatal, select.facts.length], [1, true, 0]);
    for (const [message, hint] of [
      ['ERR AUTH <password> called without any password configured', /the server has no password: leave it out/],
      ['ERR Client sent AUTH, but no password is set', /the server has no password/],
      ["ERR wrong number of arguments for 'auth' command", /leave "username" out/],
      ['WRONGPASS invalid username-password pair s3cret', /check "username" and "password"/],
    ] as const) {
      const link = resp({}, { username: 'u', password: 's3cret' });
      link.answer(new RespError(message), new RespError('NOAUTH HELLO must be called'), new RespError('NOAUTH'));
      assert.equal(link.failures.length, 1);
      assert.match(String(link.failures[0]?.error.hint), hint);
      assert.doesNotMatch(String(link.failures[0]?.error.message), /s3cret/);
    }
  });
});

describe('a greeting in lines', () => {
  test('asks how the server quotes, unless that was said', () => {
    const asks = line();
    assert.deepEqual(asks.lines, ['PING\n']);
    asks.answer('PONG');
    assert.equal(asks.sent.length, 2);
    asks.answer(new RespError('ERR empty command'));
    assert.deepEqual([asks.facts[0]?.dialect, asks.facts[0]?.quoting], ['line', 'quoted']);
    for (const quoting of ['quoted', 'b64', 'none'] as const) {
      const told = line({ quoting });
      told.answer('PONG');
      assert.deepEqual([told.sent.length, told.facts[0]?.quoting], [1, quoting]);
    }
  });

  test('finds a server that speaks RESP, by its words', () => {
    const link = line();
    link.answer('PONG', new RespError("ERR unknown command '', with args beginning with: "));
    assert.deepEqual([link.facts.length, link.failures[0]?.fatal], [0, true]);
    assert.match(
      String(link.failures[0]?.error.message),
      /found a server that speaks RESP, asked for was the line dialect; use dialect: "auto" or "resp"/,
    );
  });

  test('that is answered by no PONG is for good, and says by what', () => {
    for (const [value, found] of [
      [new RespError('ERR what'), /was answered by ERR what;/],
      [5, /was answered by number;/],
    ] as const) {
      const link = line();
      link.answer(value);
      assert.match(String(link.failures[0]?.error.message), found);
      assert.deepEqual([link.failures[0]?.fatal, link.sent.length, link.facts.length], [true, 1, 0]);
    }
  });
});
