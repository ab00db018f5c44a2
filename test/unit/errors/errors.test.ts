// Every error class: its name, its code, whether a retry is safe, its place in the tree, and what its message says.
// Run by `npm test`.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import * as errors from '../../../src/errors/index.ts';

type ErrorClass = new (message: string, details?: errors.ErrorDetails) => errors.AshRedisError;

/** Name, code, whether it is safe to retry where nothing else is said, and the classes above it but the root. */
const CLASSES: readonly (readonly [string, string, boolean, ...string[]])[] = [
  ['UsageError', 'ASHREDIS_USAGE', true],
  ['MissingKeyError', 'ASHREDIS_MISSING_KEY', true, 'UsageError'],
  ['ProtocolError', 'ASHREDIS_PROTOCOL', false],
  ['LimitError', 'ASHREDIS_LIMIT', false, 'ProtocolError'],
  ['ConnectionError', 'ASHREDIS_CONNECTION', false],
  ['ConnectError', 'ASHREDIS_CONNECT', true, 'ConnectionError'],
  ['HandshakeError', 'ASHREDIS_HANDSHAKE', true, 'ConnectionError'],
  ['LinkLostError', 'ASHREDIS_LINK_LOST', false, 'ConnectionError'],
  ['ClosedError', 'ASHREDIS_CLOSED', false, 'ConnectionError'],
  ['TimeoutError', 'ASHREDIS_TIMEOUT', false],
  ['OverflowError', 'ASHREDIS_OVERFLOW', true],
];

const byName = new Map<string, unknown>(Object.entries(errors));
const classOf = (name: string) => byName.get(name) as ErrorClass;

/** As a reader of docs/errors.md is led to a paragraph. */
const anchors = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('## '))
  .map((line) => line.slice(3).toLowerCase().replaceAll(' ', '-'));

const linkOf = ({ message }: Error) => /\(docs\/errors\.md#([\w-]+)\)$/.exec(message)?.[1] ?? 'none';

describe('errors', () => {
  test('are all here', () => {
    const names = CLASSES.map(([name]) => name);
    assert.deepEqual([...names, 'AshRedisError', 'ReplyError'].sort(), [...byName.keys()].sort());
  });

  for (const [name, code, safeToRetry, ...above] of CLASSES) {
    test(`${name} has its name, its code and its place`, () => {
      const Class = classOf(name);
      const error = new Class('Cannot do it');
      assert.deepEqual([error.name, error.code, error.safeToRetry, error.hint], [name, code, safeToRetry, undefined]);
      assert.equal(error.message, `Cannot do it (docs/errors.md#${code.toLowerCase()})`);
      assert.ok(anchors.includes(linkOf(error)), linkOf(error));
      for (const other of ['AshRedisError', ...CLASSES.map(([each]) => each)]) {
        const isA = other === 'AshRedisError' || other === name || above.includes(other);
        assert.equal(error instanceof classOf(other), isA, other);
      }
      // As other errors have it: it is printed once, and can be changed.
      assert.ok(!Object.keys(error).includes('name'));
      error.name = 'Other';
      assert.equal(`${error}`, `Other: ${error.message}`);
      assert.ok(delete (error as { name?: string }).name);
      // What the raiser says counts more than what the class says.
      assert.equal(new Class('x', { safeToRetry: !safeToRetry }).safeToRetry, !safeToRetry);
    });
  }

  test('of the server have its prefix as their code, and lead to the paragraph of them all', () => {
    const error = new errors.ReplyError('Cannot execute GET: WRONGTYPE', { code: 'WRONGTYPE', command: 'GET' });
    assert.deepEqual(
      [error.name, error.code, error.command, error.safeToRetry],
      ['ReplyError', 'WRONGTYPE', 'GET', false],
    );
    assert.equal(linkOf(error), 'codes-of-the-server');
    assert.ok(anchors.includes(linkOf(error)));
    assert.equal(new errors.ReplyError('x', { command: 'GET' }).code, 'ERR');
  });

  test('lead to the paragraph of their own code', () => {
    const error = new errors.UsageError('Cannot publish', { code: 'ASHREDIS_INVALID_MESSAGE' });
    assert.equal(error.code, 'ASHREDIS_INVALID_MESSAGE');
    assert.equal(linkOf(error), 'ashredis_invalid_message');
    assert.ok(anchors.includes(linkOf(error)));
  });

  test('say their hint, and have a cause only where there is one', () => {
    const cause = new Error('below');
    const error = new errors.TimeoutError('Cannot get', { hint: 'wait longer', cause });
    assert.equal(error.message, 'Cannot get; wait longer (docs/errors.md#ashredis_timeout)');
    assert.equal(error.hint, 'wait longer');
    assert.equal(error.cause, cause);
    assert.ok(!('cause' in new errors.TimeoutError('Cannot get')));
    assert.equal(new errors.TimeoutError('Cannot get', { cause: null }).cause, null);
  });

  test('that name errors within them have one link, at the end', () => {
    const inner = new errors.LinkLostError('Lost the link');
    const error = new errors.ClosedError(`Cannot get: ${inner.message}`, { hint: `see ${inner.message}` });
    assert.equal(error.message, 'Cannot get: Lost the link; see Lost the link (docs/errors.md#ashredis_closed)');
  });

  test('of the protocol say where, and show what', () => {
    const error = new errors.LimitError('Cannot parse reply', { offset: 14, excerpt: '$9' });
    assert.deepEqual([error.offset, error.excerpt], [14, '$9']);
    const bare = new errors.ProtocolError('Cannot parse reply');
    assert.deepEqual([bare.offset, bare.excerpt], [0, '']);
  });
});
