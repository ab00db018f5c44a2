// What the line encoder writes, and what it refuses before a byte is sent.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { UsageError } from '../../../src/errors/index.ts';
import {
  type EncodeLineOptions,
  encodeLine,
  LINE_COMMANDS,
  type LineArgument,
  quotingFromProbe,
} from '../../../src/line/index.ts';

function line(command: LineArgument[], options?: EncodeLineOptions): string {
  return encodeLine(command, options).text;
}

function refused(command: unknown[], expected: RegExp, options?: EncodeLineOptions): void {
  const encode = () => encodeLine(command as LineArgument[], options);
  assert.throws(encode, (error: unknown) => {
    assert.ok(error instanceof UsageError, String(error));
    assert.match(error.message, expected);
    assert.doesNotMatch(error.message, /\.$/);
    return true;
  });
}

describe('what is written', () => {
  test('plain words stand bare, everything else in quotes', () => {
    assert.equal(line(['get', 'a:b-c_d.1']), 'GET a:b-c_d.1\n');
    assert.equal(line(['SET', 'a key', 'say "hi"\\\r\n']), 'SET "a key" "say \\"hi\\"\\\\\\r\\n"\n');
    assert.equal(line(['SET', 'k', "it's"]), 'SET k "it\'s"\n');
    assert.equal(line(['SET', 'k', 'a\u2003b']), 'SET k "a\u2003b"\n');
    assert.equal(line(['SET', 'k', 'a\tb\0']), 'SET k "a\tb\0"\n');
    assert.equal(line(['SET', 'k', 7]), 'SET k 7\n');
    assert.equal(line(['SET', 'k', 2n ** 60n]), 'SET k 1152921504606846976\n');
  });

  test('the region stands after the command, region0 is none, and a key with @ gets one', () => {
    assert.equal(line(['GET', 'k'], { region: 'eu-west-1' }), 'GET @eu-west-1 k\n');
    assert.equal(line(['GET', 'k'], { region: 'region0' }), 'GET k\n');
    assert.equal(line(['GET', 'k'], { region: null }), 'GET k\n');
    assert.equal(line(['GET', '@k']), 'GET @region0 @k\n');
    assert.equal(line(['GET', '@k'], { region: 'region0' }), 'GET @region0 @k\n');
    assert.equal(line(['GET', '@k'], { region: 'r' }), 'GET @r @k\n');
    assert.equal(line(['PING'], { region: 'r' }), 'PING\n');
  });

  test('times to live are whole seconds, rounded up', () => {
    assert.equal(line(['SET', 'k', 'v', 'PX', 1]), 'SET k v EX 1\n');
    assert.equal(line(['SET', 'k', 'v', 'px', 1001]), 'SET k v EX 2\n');
    assert.equal(line(['SET', 'k', 'v', 'ex', '1.5']), 'SET k v EX 2\n');
    assert.equal(line(['EXPIRE', 'k', 2 ** 31 - 1]), 'EXPIRE k 2147483647\n');
    assert.equal(line(['PEXPIRE', 'k', 2500]), 'EXPIRE k 3\n');
    assert.equal(line(['PEXPIRE', 'k', (2 ** 31 - 1) * 1000]), 'EXPIRE k 2147483647\n');
  });

  test('a name given in full is that of its region', () => {
    assert.equal(line(['SET', '@eu:a b', '@eu:v', 'EX', 5]), 'SET @eu "a b" @eu:v EX 5\n');
    assert.equal(line(['GET', '@eu:k'], { region: 'region0' }), 'GET @eu k\n');
    assert.equal(line(['DEL', '@eu:a', '@eu:@b']), 'DEL @eu a @b\n');
    assert.equal(line(['GET', '@eu:k'], { region: 'us' }), 'GET @us @eu:k\n');
    for (const key of ['@eu', '@eu:', '@:k', '@..:k', '@region0:k', '@a/b:k']) {
      assert.equal(line(['GET', key]), `GET @region0 ${key}\n`);
    }
    refused(['DEL', '@eu:a', 'b'], /its keys are of several regions/);
    refused(['EXISTS', 'a', '@eu:b'], /its keys are of several regions/);
  });

  test('B64SET itself is one of the fourteen', () => {
    assert.equal(line(['b64set', 'k', 'aGk=']), 'B64SET k aGk=\n');
    assert.equal(
      line(['B64SET', 'a b', 'aGk=', 'px', 1500], { region: 'r', quoting: 'b64' }),
      'B64SET @r "a b" aGk= EX 2\n',
    );
    refused(['B64SET', 'k'], /1 arguments, needed are 2/);
    refused(['B64SET', 'k', 'aGk=', 'NX'], /ignores the options "NX"/);
  });

  test('with quoting "b64" the value goes as B64SET, and nothing else changes', () => {
    const options: EncodeLineOptions = { quoting: 'b64' };
    assert.equal(line(['SET', 'a b', 'é "x"', 'EX', 5], options), 'B64SET "a b" w6kgIngi EX 5\n');
    assert.equal(line(['APPEND', 'a b', 'x y'], options), 'APPEND "a b" "x y"\n');
    for (const value of ['a', 'ab', 'abc', 'abcd', '😀', '\0\uffff']) {
      assert.equal(line(['SET', 'k', value], options), `B64SET k ${Buffer.from(value).toString('base64')}\n`);
    }
  });

  test('with quoting "none" the blanks of JSON are written as escapes', () => {
    const options: EncodeLineOptions = { quoting: 'none' };
    assert.equal(line(['SET', 'k', '{ "a b": [1, "\\" x"] }'], options), 'SET k {"a\\u0020b":[1,"\\"\\u0020x"]}\n');
    assert.equal(line(['SET', 'k', '"two words"'], options), 'SET k "two\\u0020words"\n');
    assert.equal(line(['SET', 'k', "it's"], options), "SET k it's\n");
    assert.equal(line(['GET', 'k"x'], options), 'GET k"x\n');
  });

  test('every frame tells its length in bytes and whether it is ASCII', () => {
    assert.deepEqual(encodeLine(['SET', 'k', 'é😀']), {
      text: 'SET k é😀\n',
      ascii: false,
      parts: undefined,
      byteLength: 13,
    });
    assert.equal(encodeLine(['PING']).ascii, true);
  });
});

describe('what is refused before sending', () => {
  test('empty keys and values, which the server would drop', () => {
    refused(['GET', ''], /the key is empty/);
    refused(['SET', 'k', ''], /the value is empty/);
    refused(['APPEND', 'k', ''], /the value is empty/);
    refused(['DEL', 'a', ''], /the key is empty/);
    refused(['KEYS', ''], /the pattern is empty/);
  });

  test('lone surrogates, which the server answers by closing', () => {
    refused(['SET', 'k', 'a\ud800'], /surrogate/);
    refused(['SET', '\udc00', 'v'], /surrogate/);
    refused(['SET', 'k', '\ude00\ud83d'], /surrogate/, { quoting: 'b64' });
  });

  test('a line longer than the limit, counted in bytes with its end', () => {
    const fits = 'x'.repeat(1024 - 'SET k \n'.length);
    assert.equal(encodeLine(['SET', 'k', fits], { maxLineBytes: 1024 }).byteLength, 1024);
    refused(['SET', 'k', `${fits}x`], /the line has 1025 bytes, the limit of the server is 1024/, {
      maxLineBytes: 1024,
    });
    refused(['SET', 'k', `${fits.slice(1)}é`], /1025 bytes/, { maxLineBytes: 1024 });
    refused(['SET', 'k', 'x'.repeat(1_000_000)], /the limit of the server is 1000000/);
    assert.equal(encodeLine(['SET', 'k', 'x'.repeat(999_993)]).byteLength, 1_000_000);
  });

  test('the build of October reads 1024 bytes a line, unless another limit is configured', () => {
    const value = 'x'.repeat(2000);
    refused(['SET', 'k', value], /the limit of the server is 1024/, { quoting: 'none' });
    refused(['SET', 'k', value], /the limit of the server is 1024/, { quoting: 'none', maxLineBytes: 1_000_000 });
    assert.equal(encodeLine(['SET', 'k', value], { quoting: 'none', maxLineBytes: 5000 }).byteLength, 2007);
  });

  test('times to live outside 0 < ttl <= 2^31-1 s, and numbers with a line break', () => {
    for (const ttl of [
      0,
      -1,
      2 ** 31,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      '1\n2',
      '',
      ' 5',
      '5 ',
      '0x5',
      '1e3',
      '+5',
      '0.0',
    ]) {
      refused(['SET', 'k', 'v', 'EX', ttl], /Cannot set a TTL/);
      refused(['EXPIRE', 'k', ttl], /Cannot set a TTL/);
    }
    refused(['PEXPIRE', 'k', (2 ** 31 - 1) * 1000 + 1], /Cannot set a TTL/);
    refused(['SET', 'k', 'v', 'PX', 2 ** 31 * 1000], /Cannot set a TTL/);
  });

  test('options that the server accepts and ignores', () => {
    for (const options of [['NX'], ['XX'], ['KEEPTTL'], ['GET'], ['EX'], ['EX', 5, 'NX'], ['NX', 'EX', 5]]) {
      refused(['SET', 'k', 'v', ...options], /ignores the options/);
    }
  });

  test('bytes, missing and surplus arguments', () => {
    refused(['SET', 'k', new Uint8Array([1])], /the value is not text/);
    refused(['SET', 'k', null], /the value is not text/);
    refused(['SET', 'k'], /Cannot encode SET/);
    refused(['GET'], /0 arguments, needed are 1/);
    refused(['GET', 'a', 'b'], /2 arguments, needed are 1/);
    refused(['DEL'], /Cannot encode DEL/);
    refused(['EXPIRE', 'k'], /Cannot encode EXPIRE/);
  });

  test('every command but its fourteen, also with a line break in its name', () => {
    assert.equal(LINE_COMMANDS.size, 14);
    for (const name of [
      'HELLO',
      'AUTH',
      'SELECT',
      'QUIT',
      'SUBSCRIBE',
      'MGET',
      'SCAN',
      'MULTI',
      'A\nB',
      '',
      '*1',
      'toString',
    ]) {
      refused([name, 'x'], /it knows only PING SET B64SET GET/);
    }
    refused([], /^Cannot send "" to .* knows only/);
    assert.throws(() => encodeLine(['LPUSH', 'x']), { hint: 'connect to a server that speaks RESP' });
  });

  test('a value or key with blanks where quotes are not read, unless it is JSON', () => {
    refused(['SET', 'k', 'two words'], /the value holds blanks/, { quoting: 'none' });
    refused(['SET', 'a key', 'v'], /the key holds blanks/, { quoting: 'none' });
    refused(['SET', 'k', 'a\tb'], /the value holds blanks/, { quoting: 'none' });
    refused(['APPEND', 'k', 'a\nb'], /the value holds blanks/, { quoting: 'none' });
    refused(['SET', 'k', '{"a": 1'], /the value holds blanks/, { quoting: 'none' });
  });
});

describe('builds', () => {
  test('are told apart by the answer to a harmless line', () => {
    assert.equal(quotingFromProbe('ERR empty command'), 'quoted');
    assert.equal(quotingFromProbe('-ERR unknown command \'""\''), 'none');
  });
});
