// A command as words: its name, the region's prefix on keys, the connection of a key, and what a line can't hold.
// Run by `npm test`. Pure.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as table from '../../../src/api/command-table.ts';
import { rawRequest, splitOptions } from '../../../src/api/raw-command.ts';
import { lineFrame, nameOf, notOnLine, routingKeyOf, wordsInRegion } from '../../../src/api/request.ts';
import { UsageError } from '../../../src/errors/index.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

test('keys take the prefix, text and bytes alike; other words and the request itself stay', () => {
  const words = ['MIX', 'k', 'value', bytes('é'), 7];
  const request = rawRequest(words, { keys: [0, 2, 3] }, 'r');
  assert.deepEqual(wordsInRegion(request, 'r'), ['MIX', '@r:k', 'value', bytes('@r:é'), '@r:7']);
  assert.deepEqual(request.words, words);
  assert.equal(wordsInRegion(request, undefined), words);
  const without = rawRequest(words, { keys: [] }, 'r');
  assert.equal(wordsInRegion(without, 'r'), words);
  assert.equal(wordsInRegion({ words: ['MULTI'] }, 'r').length, 1);
});

test('the name is upper case, also of bytes that are none', () => {
  assert.equal(nameOf({ words: ['get', 'k'] }), 'GET');
  assert.equal(nameOf({ words: [5] }), '5');
});

test('one key has one connection in a pool, whatever is done with it; what has no key, or bytes, has none', () => {
  const cases: [Parameters<typeof routingKeyOf>[0], string | undefined][] = [
    [table.getRequest('k'), 'k'],
    [table.setRequest('k', 'v', {}, undefined), 'k'],
    [table.publishRequest('PUBLISH', 'c', 'x', undefined as never), 'channel:c'],
    [table.getRequest('channel:c'), 'channel:c'],
    [rawRequest(['INCRBY', 'k', 1], {}, undefined), 'k'],
    [rawRequest(['OP', 'a', 'b'], { keys: [1] }, undefined), 'b'],
    [rawRequest(['OP', bytes('a')], { keys: [0] }, undefined), undefined],
    [table.infoRequest(), undefined],
    [table.pingRequest(), undefined],
  ];
  for (const [request, key] of cases) {
    assert.equal(routingKeyOf(request, undefined), key);
    assert.equal(routingKeyOf(request, 'r'), key === undefined ? undefined : `@r:${key}`);
  }
});

test('a line holds text alone: bytes are refused by the name of the command', () => {
  const settings = { quoting: 'none', maxLineBytes: 30 } as const;
  assert.equal(lineFrame(['SET', 'k', 5], 'r', settings).text, 'SET @r k 5\n');
  assert.equal(lineFrame(['SET', 'k', 'v w'], undefined, { ...settings, quoting: 'quoted' }).text, 'SET k "v w"\n');
  assert.throws(() => lineFrame(['SET', 'k', 'v'.repeat(30)], undefined, settings), UsageError);
  assert.throws(
    () => lineFrame(['SET', 'k', bytes('v')], undefined, settings),
    (error: UsageError) =>
      error.message.startsWith('Cannot send bytes with SET on an AshRedis line server: it takes text only') &&
      error.hint === 'send text or use a text codec, or connect to a server that speaks RESP',
  );
  assert.equal(notOnLine('x', 'y').hint, 'connect to a server that speaks RESP');
});

test('options stand last, and are no argument; bytes are copied', () => {
  const value = bytes('v');
  const split = splitOptions('SET', ['k', value, { keys: [0] }]);
  value.fill(0);
  assert.deepEqual(split, { words: ['SET', 'k', bytes('v')], options: { keys: [0] } });
  assert.deepEqual(splitOptions('GET', ['k']).options, {});
  assert.deepEqual(splitOptions('SET', ['k', value]).words.length, 3);
  // Not given as options: the encoder refuses it by its place.
  assert.deepEqual(splitOptions('MGET', [['a'] as never]).words, ['MGET', ['a']]);
  assert.throws(() => splitOptions(5 as never, []), /Cannot execute a command: its name is 5, allowed is a string/);
});

test('"keys" are indexes of arguments, and needed in a region', () => {
  for (const keys of [[2], [-1], [0.5], ['0'], 0, 'k'] as never[]) {
    assert.throws(
      () => rawRequest(['GET', 'k', 'x'], { keys }, undefined),
      /"keys" must hold indexes into its 2 arguments/,
    );
  }
  assert.deepEqual(rawRequest(['GET', 'k', 'x'], { keys: [1, 0] }, undefined).keys, [2, 1]);
  assert.throws(() => rawRequest(['GET', 'k'], {}, 'r'), /in region "r": which arguments are keys is not known/);
  assert.deepEqual(rawRequest(['PING'], { keys: [] }, 'r').keys, []);
});

test('what a value is not is named by its type, never by its text', () => {
  for (const [value, type] of [
    [null, 'null'],
    [undefined, 'undefined'],
    [{ password: 'secret' }, 'object'],
    [5, 'number'],
  ] as const) {
    for (const [command, build] of [
      ['SET', () => table.setRequest('k', value as never, {}, undefined)],
      ['APPEND', () => table.appendRequest('k', value as never)],
    ] as const) {
      assert.throws(
        build,
        (error: UsageError) =>
          error.message.startsWith(
            `Cannot execute ${command}: the value is ${type}, allowed is a string or a Uint8Array`,
          ) && error.hint === 'use JSON.stringify() for objects and String() for numbers',
      );
    }
  }
});

test('SCAN names what it looks for only where that is not all', () => {
  const words = (...given: Parameters<typeof table.scanRequest>) => table.scanRequest(...given).words.join(' ');
  assert.equal(words('0', '*', undefined, {}), 'SCAN 0');
  assert.equal(words('0', '*', 'r', {}), 'SCAN 0 MATCH @r:*');
  assert.equal(words('7', 'a*', undefined, { count: 5, type: 'list' }), 'SCAN 7 MATCH a* COUNT 5 TYPE list');
});
