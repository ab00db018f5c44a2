// The same scripts to the embedded server and to a real redis-server: their replies must be the same bytes.
// Run by `npm test`; without a real server it says so and compares nothing.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { inspect, isDeepStrictEqual } from 'node:util';
import { NEED_DATA, RespDecoder, RespError } from '../../src/resp/index.ts';
import { createServer } from '../../src/server/index.ts';
import { RawConnection } from '../support/raw-connection.ts';
import { hasRealServer, startReal, type TestServer } from '../support/servers.ts';
import { SeededRandom } from '../support/simulation/random.ts';

type Script = readonly (string | readonly string[])[];

/** Words are split at blanks; arguments that hold some are given as arrays. */
const SCRIPTS: Record<string, Script> = {
  strings: [
    'SET k v',
    'GET k',
    'get K',
    'GET',
    'GET a b',
    'SET k',
    ['SET', 'k', ''],
    'GET k',
    ['SET', 'bin', '\0\xff\r\n'],
    'GET bin',
    'SET k v NX',
    'SET k v XX',
    'SET new v XX',
    'SET k w GET',
    'SET k w NX GET',
    'SET nx v NX GET',
    'SET k v NX XX',
    'SET k v EX',
    'SET k v EX 0',
    'SET k v EX -1',
    'SET k v EX abc',
    'SET k v EX 1.5',
    'SET k v PX 100000 EX 100',
    'SET k v KEEPTTL EX 1',
    'SET k v EX 9223372036854775807',
    'SET k v EX 9223372036854775',
    'SET k v FOO',
    'SET k v PXAT 99999999999999',
    'PEXPIRETIME k',
    'SET k v EXAT 99999999999',
    'EXPIRETIME k',
    'SET k x KEEPTTL',
    'EXPIRETIME k',
    'SET k y',
    'EXPIRETIME k',
    'SETEX k 100 v',
    'TTL k',
    'SETEX k 0 v',
    'SETEX k x v',
    'PSETEX k 100000 v',
    'PSETEX k -5 v',
    'SETNX k v',
    'SETNX k3 v',
    'GETSET k z',
    'GETSET k4 z',
    'GETDEL k4',
    'GETDEL k4',
    'GETEX k',
    'GETEX k PERSIST',
    'TTL k',
    'GETEX k EX 100',
    'TTL k',
    'GETEX k EX 0',
    'GETEX k FOO',
    'GETEX none EX 100',
    'MSET a 1 b 2',
    'MSET a',
    'MSET a 1 b',
    'MGET a b c',
    'MSETNX a 1 d 2',
    'EXISTS d',
    'MSETNX e 1 f 2',
    'MGET e f',
    'MSETNX a',
    'MSETNX a 1 b',
    'APPEND app abc',
    'APPEND app def',
    'GET app',
    'STRLEN app',
    'STRLEN none',
    'GETRANGE app 0 2',
    'GETRANGE app -3 -1',
    'GETRANGE app 5 1',
    'GETRANGE app -1 -3',
    'GETRANGE app 0 100',
    'GETRANGE none 0 1',
    'GETRANGE app a 1',
    'GETRANGE app -100 1',
    'GETRANGE app -100 -50',
    'SETRANGE app 1 XX',
    'GET app',
    'SETRANGE pad 3 x',
    'GET pad',
    'SETRANGE app -1 x',
    'SETRANGE app x y',
    ['SETRANGE', 'nope', '5', ''],
    'EXISTS nope',
    ['SETRANGE', 'app', '0', ''],
    'STRLEN a b',
  ],
  counters: [
    'INCR n',
    'INCR n',
    'DECR n',
    'INCRBY n 10',
    'DECRBY n 3',
    'INCRBY n x',
    'DECRBY n 1.5',
    'SET s abc',
    'INCR s',
    'INCRBY s 1',
    'SET big 9223372036854775807',
    'INCR big',
    'DECR big',
    'SET small -9223372036854775808',
    'DECR small',
    'DECRBY n -9223372036854775808',
    'INCRBY n 9223372036854775808',
    ['SET', 'sp', ' 1'],
    'INCR sp',
    'SET plus +1',
    'INCR plus',
    'SET zero 007',
    'INCR zero',
    'SET e 1e3',
    'INCR e',
    ['SET', 'empty', ''],
    'INCR empty',
    'INCRBYFLOAT f 0.1',
    'INCRBYFLOAT f 0.2',
    'INCRBYFLOAT f 1e2',
    'INCRBYFLOAT f -5',
    'INCRBYFLOAT f x',
    'INCRBYFLOAT f inf',
    'INCRBYFLOAT f -Infinity',
    'INCRBYFLOAT f nan',
    'INCRBYFLOAT hex 0x10',
    'INCRBYFLOAT hex -0xf',
    'INCRBYFLOAT s 1',
    'INCRBYFLOAT n 1.50',
    'GET n',
    'SET fl 3.0',
    'INCRBYFLOAT fl 1',
    'INCRBYFLOAT f2 5.0e3',
    'SET t 1 EXAT 99999999999',
    'INCR t',
    'APPEND t 5',
    'EXPIRETIME t',
    'INCRBYFLOAT t 0.5',
    'EXPIRETIME t',
    'INCR',
    'INCR a b',
  ],
  keys: [
    'SET a 1',
    'SET b 2',
    'DEL a b c a',
    'EXISTS a',
    'DEL',
    'UNLINK a',
    'EXISTS',
    'SET a 1',
    'EXISTS a a b',
    'EXPIRE a 100',
    'TTL a',
    'EXPIRE none 100',
    'PERSIST a',
    'PERSIST a',
    'PERSIST none',
    'TTL a',
    'TTL none',
    'PTTL none',
    'PTTL a',
    'EXPIRE a x',
    'EXPIRE a 1.5',
    'EXPIRE a 9223372036854775807',
    'EXPIRE a 100 FOO',
    'EXPIRE a 100 NX XX',
    'EXPIRE a 100 GT LT',
    'EXPIREAT a 99999999999 XX',
    'EXPIREAT a 99999999999 GT',
    'EXPIREAT a 99999999999 NX',
    'EXPIREAT a 99999999998 NX',
    'EXPIREAT a 99999999998 GT',
    'EXPIREAT a 99999999998 LT',
    'EXPIREAT a 99999999998 LT',
    'EXPIREAT a 99999999998 GT',
    'EXPIRETIME a',
    'PEXPIRETIME a',
    'PEXPIREAT a 99999999999000',
    'PEXPIRE a 100000000',
    'EXPIRE a 0',
    'EXISTS a',
    'SET a 1',
    'EXPIRE a -5',
    'EXISTS a',
    'SET a 1',
    'EXPIREAT a 1',
    'GET a',
    'SET a 1',
    'PEXPIREAT a 9223372036854775807',
    'EXPIREAT a 9223372036854775',
    'EXPIRE a 9223372036854775',
    'PEXPIREAT a 99999999999000',
    'PEXPIREAT a -1',
    'GET a',
    'TYPE a',
    'SET a 1',
    'TYPE a',
    'RENAME a b',
    'GET b',
    'RENAME a c',
    'RENAMENX b c',
    'RENAMENX none c',
    'SET d 1',
    'RENAMENX c d',
    'RENAME c c',
    'KEYS c',
    'KEYS',
    'KEYS x*',
    'DBSIZE',
    'RANDOMKEY extra',
    'FLUSHDB FOO',
    'FLUSHDB ASYNC',
    ...['SELECT 1', 'SET there 1', 'SELECT 0', 'SET here 1', 'FLUSHDB', 'DBSIZE', 'SELECT 1', 'DBSIZE', 'FLUSHALL'],
    ...['DBSIZE', 'SELECT 0'],
    'DBSIZE',
    'RANDOMKEY',
    'SELECT 1',
    'SET a 1',
    'DBSIZE',
    'SELECT 0',
    'DBSIZE',
    'SELECT 16',
    'SELECT -1',
    'SELECT x',
    'SELECT',
    'FLUSHALL',
    'SELECT 1',
    'DBSIZE',
    'SELECT 0',
    'SCAN 0',
    'SCAN x',
    ['SCAN', ''],
    'SCAN -1',
    'SCAN +1',
    'SCAN -',
    'SCAN 18446744073709551615',
    'SCAN 18446744073709551616',
    'SCAN 0 COUNT',
    'SCAN 0 COUNT 0',
    'SCAN 0 COUNT x',
    'SCAN 0 FOO 1',
    'SET only 1',
    'SCAN 0',
    'SCAN 0 MATCH o*',
    'SCAN 0 MATCH x*',
    'SCAN 0 TYPE string',
    'SCAN 0 TYPE hash',
    'SCAN',
    'TOUCH only none',
    'OBJECT ENCODING only',
    'COPY only copy',
    'COPY only copy',
    'COPY only copy REPLACE',
    'COPY only only',
    'COPY only only DB 1',
    'COPY only only DB 1',
    'COPY only x DB 99',
    'COPY only x DB x',
    'COPY only x DB',
    'COPY only x FOO',
    'COPY none x',
    'EXPIREAT copy 99999999999',
    'COPY copy timed',
    'EXPIRETIME timed',
    'MOVE only 0',
    'MOVE only 1',
    'MOVE timed 2',
    'EXISTS timed',
    'MOVE none 1',
    'MOVE only 99',
    'MOVE only x',
    'SELECT 2',
    'EXPIRETIME timed',
    'SWAPDB 0 2',
    'EXPIRETIME timed',
    'GET only',
    'SWAPDB 0 0',
    'SWAPDB x 0',
    'SWAPDB 0 x',
    'SWAPDB 0 99',
    'SWAPDB -1 0',
    'SELECT 0',
    'GET timed',
  ],
  globs: [
    'SET hello 1',
    'KEYS hello',
    'KEYS h?llo',
    'KEYS h*o',
    'KEYS h[ae]llo',
    'KEYS h[^e]llo',
    'KEYS h[a-e]llo',
    'KEYS h[e-a]llo',
    'KEYS h\\ello',
    'KEYS h[',
    'KEYS hell[o',
    'KEYS [',
    'KEYS **',
    'KEYS ?',
    'KEYS *l*l*',
    'KEYS hello\\',
    'KEYS h[\\e]llo',
    'KEYS hell[^]',
    'KEYS hell[]',
    'KEYS hell[a-',
    'KEYS h*x',
    'KEYS ?????*',
    'KEYS ??????*',
    ['KEYS', ''],
    ['SET', '', '1'],
    ['KEYS', ''],
    'DEL hello',
    'KEYS *',
    'SET a]b 1',
    'KEYS a]b',
    'KEYS a[]]b',
    'KEYS a[\\]]b',
  ],
  transactions: [
    'MULTI',
    'SET a 1',
    'INCR a',
    'GET a',
    'EXEC',
    'EXEC',
    'DISCARD',
    'MULTI',
    'MULTI',
    'DISCARD',
    'MULTI',
    'FOO',
    'SET a 5',
    'EXEC',
    'GET a',
    'MULTI',
    'SET a',
    'EXEC',
    'MULTI',
    'INCR a',
    ['SET', 's', 'x y'],
    'INCR s',
    'GET s',
    'EXEC',
    'MULTI',
    'EXEC',
    'WATCH a',
    'MULTI',
    'WATCH a',
    'PING',
    'EXEC',
    'WATCH a',
    'SET a 7',
    'MULTI',
    'GET a',
    'EXEC',
    'WATCH a',
    'SET a 7',
    'UNWATCH',
    'MULTI',
    'GET a',
    'EXEC',
    'WATCH',
    'MULTI',
    'UNWATCH',
    'ECHO hi',
    'SELECT 2',
    'SET two 2',
    'EXEC',
    'GET two',
    'SELECT 0',
    'GET two',
    'MULTI',
    'DISCARD',
    'MULTI',
    'PUBLISH c m',
    'EXEC',
    'MULTI x',
    'EXEC x',
    'MULTI',
    'GET',
    'DISCARD',
    'EXEC',
  ],
  connection: [
    'PING',
    'PING hi',
    'PING a b',
    'ECHO hi',
    'ECHO',
    'ECHO a b',
    'FOO',
    'FOO bar baz',
    ['FOO', 'a\nb'],
    ['foo bar'],
    ['FOO', 'x'.repeat(300)],
    ['X'.repeat(200)],
    'AUTH x',
    'AUTH default x',
    'AUTH other x',
    'AUTH a b c',
    'AUTH',
    'HELLO 4',
    'HELLO x',
    'HELLO 2 FOO',
    'HELLO 2 SETNAME',
    ['HELLO', '2', 'SETNAME', 'a b'],
    'HELLO 2 AUTH a',
    'HELLO 2 AUTH other x',
    'HELLO 2 SETNAME early FOO',
    'CLIENT GETNAME',
    'HELLO 2 AUTH other x FOO',
    'CLIENT',
    'CLIENT FOO',
    'CLIENT SETNAME me',
    'CLIENT GETNAME',
    ['CLIENT', 'SETNAME', 'a b'],
    'CLIENT SETNAME',
    ['CLIENT', 'SETNAME', ''],
    'CLIENT GETNAME',
    'CLIENT KILL',
    'CLIENT KILL 1.2.3.4:5',
    'CLIENT KILL ID x',
    'CLIENT KILL ID 0',
    'CLIENT KILL TYPE foo',
    'CLIENT KILL ID 99999',
    'CLIENT KILL ADDR 1.2.3.4:5',
    'CLIENT KILL SKIPME maybe',
    'CLIENT LIST TYPE foo',
    'CLIENT LIST FOO',
    'CLIENT LIST ID x',
    'CLIENT REPLY FOO',
    'CLIENT NO-EVICT x',
    'CLIENT NO-EVICT on',
    'CLIENT NO-EVICT off',
    'CLIENT REPLY SKIP',
    'PING',
    'PING again',
    'CLIENT REPLY OFF',
    'PING',
    'GET x',
    'CLIENT REPLY ON',
    'CLIENT ID x',
    'CLIENT KILL USER nobody',
    'CLIENT KILL USER nobody ID',
    'CLIENT KILL ID 99999 TYPE',
    'CONFIG',
    'CONFIG FOO',
    'CONFIG GET',
    'CONFIG GET maxmemory',
    'CONFIG GET nosuchthing',
    'CONFIG SET',
    'CONFIG SET nosuchthing 1',
    'CONFIG SET maxmemory x',
    'CONFIG GET save',
    'CONFIG GET databases',
    'CONFIG GET appendonly',
    'COMMAND FOO',
    'COMMAND INFO nosuchthing',
    'COMMAND DOCS nosuchthing',
    'DEBUG',
    'DEBUG FOO',
    'RESET',
    'PING',
    'ROLE',
    'INFO nosuchsection',
    'LATENCY',
    'LATENCY FOO',
    'LATENCY LATEST',
    'MEMORY',
    'MEMORY FOO',
    'MEMORY USAGE none',
    'TIME x',
  ],
  'publish and subscribe': [
    'PUBLISH c m',
    'PUBLISH',
    'PUBLISH c',
    'SPUBLISH c m',
    'PUBSUB',
    'PUBSUB FOO',
    'PUBSUB CHANNELS',
    'PUBSUB CHANNELS a b',
    'PUBSUB NUMSUB',
    'PUBSUB NUMSUB a b',
    'PUBSUB NUMPAT',
    'PUBSUB NUMPAT x',
    'PUBSUB SHARDCHANNELS',
    'PUBSUB SHARDNUMSUB a',
    'UNSUBSCRIBE',
    'UNSUBSCRIBE a',
    'PUNSUBSCRIBE',
    'SUNSUBSCRIBE',
    'SUBSCRIBE a b a',
    'SUBSCRIBE',
    'PING',
    'PING x',
    'GET a',
    'PUBLISH a m',
    'FOO',
    'PSUBSCRIBE p* q*',
    'SSUBSCRIBE s',
    'UNSUBSCRIBE a',
    'UNSUBSCRIBE zz',
    'PUNSUBSCRIBE p*',
    'MULTI',
    'SUBSCRIBE c d',
    'UNSUBSCRIBE',
    'PUNSUBSCRIBE',
    'SUNSUBSCRIBE',
    'GET a',
  ],
  'publishing to oneself in RESP3': [
    'HELLO 3 FOO',
    'SUBSCRIBE a',
    'PSUBSCRIBE a*',
    'PUBLISH a m',
    'SSUBSCRIBE a',
    'SPUBLISH a m',
    'GET x',
    'PUBSUB CHANNELS',
    'PUBSUB NUMSUB a',
    'PUBSUB NUMPAT',
    'PUBSUB SHARDCHANNELS',
    'MULTI',
    'PUBLISH a in',
    'SET x 1',
    'EXEC',
    'UNSUBSCRIBE',
    'PUNSUBSCRIBE',
    'SUNSUBSCRIBE',
    'UNSUBSCRIBE',
    'RESET',
  ],
  'subcommands that are none, where others wait or are refused': [
    'MULTI',
    'CLIENT NOSUCH',
    'CLIENT SETNAME',
    'CONFIG GET',
    'PUBSUB NUMPAT x',
    'LATENCY HISTORY',
    'EXEC',
    'MEMORY USAGE',
    'CLIENT LIST ID 0',
    'SUBSCRIBE a',
    'CLIENT NOSUCH',
    'COMMAND NOSUCH',
    'CONFIG GET',
    'CLIENT GETNAME x',
    'CLIENT GETNAME',
  ],
  'replies switched off, with confirmations and messages': [
    'CLIENT REPLY SKIP',
    'SUBSCRIBE a',
    'CLIENT REPLY OFF',
    'PSUBSCRIBE a*',
    'SSUBSCRIBE s',
    'SUBSCRIBE',
    'UNSUBSCRIBE a',
    'PUNSUBSCRIBE a*',
    'SUNSUBSCRIBE s',
    'CLIENT REPLY ON',
    'CLIENT REPLY SKIP',
    'CLIENT REPLY SKIP',
    'ECHO skipped',
    'ECHO shown',
    'CLIENT REPLY SKIP',
    'RESET',
    'ECHO shown',
  ],
  'how values are kept': [
    ['SET', 'int', '12345'],
    'SET small 9999',
    ['SET', 'text', 'x'.repeat(44)],
    ['SET', 'long', 'x'.repeat(45)],
    'SET plus +1',
    'APPEND added 1',
    'OBJECT ENCODING added',
    'APPEND added 1',
    'SETRANGE ranged 0 1',
    'INCR counted',
    ...['int', 'small', 'text', 'long', 'plus', 'added', 'ranged', 'counted', 'none'].flatMap((key) => [
      `OBJECT ENCODING ${key}`,
      `OBJECT REFCOUNT ${key}`,
    ]),
    'OBJECT IDLETIME none',
    'OBJECT IDLETIME',
    'OBJECT FREQ int',
    'OBJECT FREQ none',
    'OBJECT FREQ',
    'OBJECT FOO int',
    'OBJECT HELP',
    'OBJECT HELP x',
    'OBJECT',
    'SUBSTR long 1 3',
    'SUBSTR long x 3',
    'TOUCH int none',
  ],
  'what consoles ask': [
    'ACL WHOAMI',
    'ACL USERS',
    'ACL LIST',
    'ACL GETUSER default',
    'ACL GETUSER nobody',
    'ACL GETUSER',
    'ACL CAT',
    'ACL CAT nosuch',
    'ACL CAT a b',
    'ACL LOG RESET',
    'ACL LOG',
    'ACL LOG x',
    'ACL FOO',
    'ACL',
    'SLOWLOG RESET',
    'SLOWLOG LEN',
    'SLOWLOG GET',
    'SLOWLOG GET x',
    'SLOWLOG GET -2',
    'SLOWLOG FOO',
    'SLOWLOG HELP',
    'MODULE LIST',
    'CLUSTER INFO',
    'CLUSTER',
    'READONLY',
    'READWRITE',
    'MEMORY PURGE',
    'MEMORY USAGE none SAMPLES 5',
    'MEMORY USAGE none SAMPLES',
    'MEMORY USAGE none SAMPLES -1',
    'MEMORY USAGE none SAMPLES x',
    'MEMORY USAGE none FOO 1',
    'LATENCY HISTOGRAM nosuch',
    'CONFIG REWRITE',
    'CONFIG HELP',
    'CONFIG GET MAXMEMORY maxmemory',
    'CONFIG GET maxmemory-POLICY nosuch',
    'CONFIG SET maxmemory 0 nosuch',
    'CONFIG SET maxmemory 1 maxmemory 0',
    'CONFIG SET nosuch 1 maxmemory 0 maxmemory 0',
    'PUBSUB HELP',
    'PUBSUB HELP x',
    'COMMAND GETKEYS SET a b',
    'COMMAND GETKEYS MSET a 1 b 2',
    'COMMAND GETKEYS DEL a b c',
    'COMMAND GETKEYS RENAME a b',
    'COMMAND GETKEYS SSUBSCRIBE a',
    'COMMAND GETKEYS PING x',
    'COMMAND GETKEYS NOSUCH x',
    'COMMAND GETKEYS GET a b',
    'COMMAND GETKEYS',
    'COMMAND LIST FILTERBY PATTERN setr*',
    'COMMAND LIST FILTERBY PATTERN',
    'COMMAND LIST FILTERBY MODULE x',
    'COMMAND LIST FILTERBY ACLCAT nosuch',
    'COMMAND LIST FILTERBY FOO x',
    'COMMAND LIST x',
    ['NOSUCH', 'a\0b', 'c'],
    ['CLIENT', 'no\0such'],
    'MULTI',
    'MONITOR',
    'MONITOR x',
    'EXEC',
  ],
  'times that just fit, or just not': [
    'SET a 1',
    ...['9223372036854775', '9223372036854776', '-9223372036854775', '-9223372036854776'].flatMap((time) => [
      `EXPIREAT a ${time}`,
      'SET a 1',
      `EXPIRE a ${time}`,
      'SET a 1',
      `SET a 1 EXAT ${time}`,
      `SET a 1 EX ${time}`,
      `GETEX a EXAT ${time}`,
    ]),
    'SET a 1',
    'PEXPIRE a 9223372036854775807',
    'PEXPIRE a -9223372036854775808',
    'EXISTS a',
  ],
  'what breaks a WATCH': [
    ...['SELECT 0', 'SET a 1', 'SET b 2', 'WATCH a c', 'SWAPDB 0 1', 'MULTI', 'PING', 'EXEC', 'UNWATCH'],
    ...['SELECT 0', 'SET a 1', 'SET b 2', 'WATCH a c', 'SWAPDB 1 2', 'MULTI', 'PING', 'EXEC', 'UNWATCH'],
    ...['SELECT 0', 'SET a 1', 'SET b 2', 'WATCH a c', 'MOVE a 3', 'MULTI', 'PING', 'EXEC', 'UNWATCH'],
    ...['SELECT 0', 'SET a 1', 'SET b 2', 'WATCH a c', 'COPY b a REPLACE', 'MULTI', 'PING', 'EXEC', 'UNWATCH'],
    ...['SELECT 0', 'SET a 1', 'SET b 2', 'WATCH a c', 'COPY b c', 'MULTI', 'PING', 'EXEC', 'UNWATCH'],
    ...['SELECT 0', 'SET a 1', 'SET b 2', 'WATCH a c', 'APPEND a x', 'MULTI', 'PING', 'EXEC', 'UNWATCH'],
    ...['SELECT 0', 'SET a 1', 'SET b 2', 'WATCH a c', 'SETRANGE a 0 1', 'MULTI', 'PING', 'EXEC', 'UNWATCH'],
    ...['SELECT 0', 'SET a 1', 'SET b 2', 'WATCH a c', 'APPEND c x', 'MULTI', 'PING', 'EXEC', 'UNWATCH'],
    ...['SELECT 0', 'SET a 1', 'SET b 2', 'WATCH a c', 'FLUSHDB', 'MULTI', 'PING', 'EXEC', 'UNWATCH'],
    ...['SELECT 0', 'SET a 1', 'SET b 2', 'WATCH a c', 'SELECT 1', 'MULTI', 'PING', 'EXEC', 'UNWATCH'],
    ...['SELECT 0', 'SET a 1', 'SET b 2', 'WATCH a c', 'COPY a a DB 1 REPLACE', 'MULTI', 'PING', 'EXEC', 'UNWATCH'],
  ],
  'the key without a name': [
    ['SET', '', '1'],
    'KEYS *',
    'KEYS **',
    ['KEYS', ''],
    'SCAN 0 MATCH ** COUNT 100',
    'SCAN 0 MATCH * COUNT 100',
  ],
  'replies switched off within a transaction': [
    ...['MULTI', 'CLIENT REPLY OFF', 'ECHO hidden', 'SET a 1', 'EXEC', 'ECHO hidden', 'CLIENT REPLY ON', 'GET a'],
  ],
  'memory values': [
    ...['100mb', '1GB', '5000kb', '900m', '2g', '600000000b', '1gx', 'x', '1.5gb', '0'].flatMap((value) => [
      `CONFIG SET maxmemory ${value}`,
      'CONFIG GET maxmemory',
    ]),
  ],
  'the channel without a name': [
    'MULTI',
    ['PSUBSCRIBE', '*', '', '?', '[^a]'],
    ['PUBLISH', '', 'x'],
    ['SUBSCRIBE', ''],
    'PUBSUB CHANNELS *',
    ['PUBLISH', '', 'x'],
    'EXEC',
  ],
  'subscribing inside MULTI': ['MULTI', 'SUBSCRIBE a', 'PSUBSCRIBE b*', 'SSUBSCRIBE s', 'EXEC', 'UNSUBSCRIBE a'],
  'options said twice': [
    'SET k v PX 1000 PX 100000',
    'SET k v EX 100 EX 0',
    'GETEX k EX 100 EX 200',
    'GETEX k EX 100 PX 200',
    'GETEX none EX 0',
    'GETEX none EX x',
    'GETEX none EX',
  ],
};

/** Raw bytes, for what is wrong or unusual on the way to a command. `closes`: the server ends the connection. */
const RAW: Record<string, { bytes: string; closes?: boolean }> = {
  'inline with quotes': { bytes: 'SET "a b" \'c d\'\r\nGET "a b"\r\nGET "\\x61 b"\r\nECHO "\\n\\t\\\\"\r\n' },
  'inline ended by CR LF and then by LF': { bytes: 'PING\r\nPING\nECHO x\n' },
  'inline then an array': { bytes: 'PING\r\n*1\r\n$4\r\nPING\r\nPING\r\n' },
  'inline with rare blanks': { bytes: 'ECHO a\x0bb\r\n\x0b\x0cECHO\t\x0ca\x0c\r\nECHO "a"\x0b\r\nECHO "a"\x0bb\r\n' },
  'empty lines': { bytes: '\r\n\r\n  \r\nPING\r\n' },
  'empty arrays': { bytes: '*0\r\n*-1\r\n*1\r\n$4\r\nPING\r\n' },
  'unbalanced quotes': { bytes: 'PING\r\nSET a "b\r\n', closes: true },
  'a quote in the middle': { bytes: 'PING\r\nSET a "b"c\r\n', closes: true },
  'a count that is no number': { bytes: '*x\r\n', closes: true },
  'a count beyond the limit': { bytes: '*99999999999\r\n', closes: true },
  'a bulk without its dollar': { bytes: '*1\r\n:4\r\n', closes: true },
  'a count with a zero in front': { bytes: '*01\r\n$4\r\nPING\r\n', closes: true },
  'a length with a zero in front': { bytes: '*1\r\n$04\r\nPING\r\n', closes: true },
  'a negative bulk': { bytes: '*1\r\n$-1\r\n', closes: true },
  'a bulk length that is no number': { bytes: '*1\r\n$x\r\n', closes: true },
  'a bulk beyond 512 MB': { bytes: '*1\r\n$600000000\r\n', closes: true },
  'a long inline line': { bytes: `*1\r\n$4\r\nPING\r\n${'x'.repeat(70_000)}`, closes: true },
  'a long count': { bytes: `*${'1'.repeat(70_000)}`, closes: true },
  'RESET where replies are off': { bytes: 'CLIENT REPLY OFF\r\nPING\r\nRESET\r\nPING\r\n' },
  'RESET where the next reply is skipped': { bytes: 'CLIENT REPLY SKIP\r\nRESET\r\nPING\r\n' },
  QUIT: { bytes: '*1\r\n$4\r\nQUIT\r\n', closes: true },
  'QUIT with words after it': { bytes: '*2\r\n$4\r\nQUIT\r\n$1\r\nx\r\n', closes: true },
  'a web page that posts': { bytes: 'POST / HTTP/1.1\r\nHost: x\r\n\r\nSET a b\r\n', closes: true },
  'HTTP GET with a host': { bytes: 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', closes: true },
};

function frame(command: string | readonly string[]): string {
  const words = typeof command === 'string' ? command.split(' ') : command;
  return `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`;
}

/** The reply to each command of a script: a PING with a word of its own marks where the next one begins. */
async function run(server: TestServer, script: Script, hello: 2 | 3): Promise<string[]> {
  const connection = await RawConnection.open(server);
  try {
    await connection.ask(frame('FLUSHALL'), '\n');
    if (hello === 3) await connection.ask(`${frame('HELLO 3')}${frame('PING ready')}`, 'ready\r\n');
    const replies: string[] = [];
    let isSilent = false;
    let isQueueing = false;
    for (const [index, command] of script.entries()) {
      const words = typeof command === 'string' ? command : command.join(' ');
      connection.write(frame(command));
      isQueueing = words === 'MULTI' || (isQueueing && !/^(EXEC|DISCARD|RESET)$/.test(words));
      if (words === 'CLIENT REPLY OFF') isSilent = true;
      if (words === 'CLIENT REPLY ON') isSilent = false;
      // What is answered by nothing, or is queued together with its mark, shows in the answer to what follows.
      if (isSilent || isQueueing || words === 'CLIENT REPLY SKIP') {
        replies.push('');
        continue;
      }
      connection.write(frame(`PING mark-${index}`));
      await connection.until((text) => text.includes(`mark-${index}\r\n`));
      replies.push(connection.take().replace(`mark-${index}`, 'mark'));
    }
    return replies;
  } finally {
    connection.close();
  }
}

const WORDS = [
  ...['a', 'b', 'c', '0', '1', '-1', '10', '3.5', 'x', '', 'NX', 'XX', 'GET', 'KEEPTTL', 'EXAT', 'PERSIST', 'GT'],
  ...['99999999999', 'hello world', '9223372036854775807'],
];
const NAMES = [
  ...['GET', 'SET', 'SETNX', 'GETSET', 'GETDEL', 'GETEX', 'MGET', 'MSET', 'MSETNX', 'INCR', 'DECR', 'INCRBY', 'DECRBY'],
  ...['INCRBYFLOAT', 'APPEND', 'STRLEN', 'GETRANGE', 'SETRANGE', 'DEL', 'UNLINK', 'EXISTS', 'TOUCH', 'EXPIREAT'],
  ...['EXPIRETIME', 'PERSIST', 'TYPE', 'RENAME', 'RENAMENX', 'DBSIZE', 'WATCH', 'MULTI', 'EXEC', 'DISCARD', 'SELECT'],
  ...['PING', 'ECHO', 'NOSUCH'],
];

/** Commands of few words out of few, so that they meet. */
function randomScript(seed: number, count: number): string[][] {
  const random = new SeededRandom(seed);
  return Array.from({ length: count }, () => {
    const name = random.pick(NAMES);
    return [name, ...Array.from({ length: random.integer(0, 4) }, () => random.pick(WORDS))];
  });
}

/** Whole replies, one by one. */
async function replies(server: TestServer, script: readonly string[][]): Promise<unknown[]> {
  const connection = await RawConnection.open(server);
  try {
    await connection.ask(frame('FLUSHALL'), '\n');
    connection.write(script.map(frame).join(''));
    connection.write(`${frame('DISCARD')}${frame('ECHO the-end')}`);
    const text = await connection.until((received) => received.includes('the-end\r\n'));
    const decoder = new RespDecoder();
    decoder.push(Buffer.from(text, 'latin1'));
    const all: unknown[] = [];
    for (let value = decoder.read(); value !== NEED_DATA; value = decoder.read()) {
      all.push(value instanceof RespError ? `-${value.message}` : value);
    }
    return all;
  } finally {
    connection.close();
  }
}

describe('the embedded server answers as redis-server', {
  skip: hasRealServer() ? false : 'no redis-server here',
}, () => {
  let embedded: TestServer;
  let real: TestServer;
  before(async () => {
    embedded = await createServer({ maxMemoryBytes: 0 });
    real = await startReal();
  });
  after(async () => {
    await embedded.stop();
    await real.stop();
  });

  for (const [name, script] of Object.entries(SCRIPTS)) {
    for (const protocol of [2, 3] as const) {
      test(`${name}, RESP${protocol}`, async () => {
        const [ours, theirs] = await Promise.all([run(embedded, script, protocol), run(real, script, protocol)]);
        const differences = script.flatMap((command, index) =>
          ours[index] === theirs[index]
            ? []
            : [
                `${String(command)}\n  ours   ${JSON.stringify(ours[index])}\n  theirs ${JSON.stringify(theirs[index])}`,
              ],
        );
        assert.deepEqual(differences, [], `\n${differences.join('\n')}`);
      });
    }
  }

  test('CLIENT INFO tells the same of a connection', async () => {
    const fields = / (name|flags|db|sub|psub|ssub|multi|cmd|user|redir|resp)=\S*/g;
    const states = [
      'PING\r\nCLIENT INFO\r\n',
      'CLIENT SETNAME x\r\nSELECT 3\r\nCLIENT INFO\r\n',
      'HELLO 3\r\nSUBSCRIBE a\r\nPSUBSCRIBE b* c*\r\nSSUBSCRIBE d\r\nGET a\r\nCLIENT INFO\r\n',
      'HELLO 3\r\nSSUBSCRIBE d\r\nCLIENT INFO\r\n',
      'MULTI\r\nPING\r\nCLIENT INFO\r\nPING\r\nEXEC\r\nCLIENT INFO\r\n',
      'HELLO 3\r\nSUBSCRIBE a\r\nSSUBSCRIBE d\r\nUNSUBSCRIBE\r\nCLIENT INFO\r\nSUNSUBSCRIBE\r\nCLIENT INFO\r\n',
    ];
    for (const state of states) {
      const told = [embedded, real].map(async (server) => {
        const connection = await RawConnection.open(server);
        connection.write(`${state}PING the-end\r\n`);
        const text = await connection.until((received) => received.includes('the-end\r\n'));
        connection.close();
        return text.match(fields);
      });
      const [ours, theirs] = await Promise.all(told);
      assert.deepEqual(ours, theirs, state);
    }
  });

  test('CLIENT LIST and CLIENT KILL find the same connections', async () => {
    const told = [embedded, real].map(async (server) => {
      const open: RawConnection[] = [];
      for (const ask of ['PING', 'PING', 'SUBSCRIBE a', 'PSUBSCRIBE a*', 'SSUBSCRIBE a', 'PING', 'PING']) {
        const connection = await RawConnection.open(server);
        await connection.ask(`CLIENT SETNAME w${open.length}\r\nHELLO 3\r\n${ask}\r\nPING ready\r\n`, 'ready\r\n');
        open.push(connection);
      }
      const [asking] = open as [RawConnection];
      const list = async (words: string) => {
        const text = await asking.ask(`CLIENT LIST ${words}\r\nPING the-end\r\n`, 'the-end\r\n');
        const names = text.match(/(?<= name=)w\d+|^-.*/gm);
        // A server that has time looks at some of its clients, and turns its list by them.
        return words.startsWith('ID ') ? names : names?.sort();
      };
      const all = await asking.ask('CLIENT LIST\r\nPING the-end\r\n', 'the-end\r\n');
      const field = (name: string, index: number) =>
        new RegExp(`^.*\\b${name}=(\\S+) .*name=w${index} .*$`, 'm').exec(all)?.[1];
      const id = (index: number) => field('id', index);
      const answers: unknown[] = [];
      for (const type of ['normal', 'PUBSUB', 'master', 'replica', 'slave']) answers.push(await list(`TYPE ${type}`));
      answers.push(await list(`ID ${id(3)} ${id(1)} 99999 ${id(3)}`), await list('ID'), await list('TYPE'));
      for (const words of [
        `ID ${id(1)} TYPE pubsub`,
        'TYPE replica',
        `ADDR ${field('addr', 1)}`,
        field('addr', 6),
        `ID ${id(2)} LADDR 1.2.3.4:5`,
        `ID ${id(2)} LADDR ${field('laddr', 2)} USER default`,
        'TYPE pubsub SKIPME no',
        `ID ${id(0)}`,
        `ID ${id(0)} SKIPME no`,
      ]) {
        answers.push(await asking.ask(`CLIENT KILL ${words}\r\n`, '\r\n'), asking.ended ? [] : await list(''));
      }
      answers.push(await asking.untilClosed());
      for (const connection of open) connection.close();
      return answers;
    });
    const [ours, theirs] = await Promise.all(told);
    assert.deepEqual(ours, theirs);
    assert.deepEqual(ours?.[5], ['w3', 'w1', 'w3']);
  });

  test('COMMAND INFO tells the same of a command', async () => {
    const describe = async (server: TestServer, name: string) => {
      const connection = await RawConnection.open(server);
      connection.write(`COMMAND INFO ${name}\r\nECHO the-end\r\n`);
      const text = await connection.until((received) => received.includes('the-end'));
      connection.close();
      const decoder = new RespDecoder();
      decoder.push(Buffer.from(text, 'latin1'));
      const [[, arity, flags, first, last, step, categories, , keys]] = decoder.read() as unknown as [unknown[]];
      const places = (keys as unknown[][]).map((specification) =>
        specification.slice(specification.indexOf('begin_search')),
      );
      return [arity, new Set(flags as string[]), first, last, step, new Set(categories as string[]), places];
    };
    const names = ['get', 'set', 'setex', 'getex', 'mget', 'mset', 'del', 'exists', 'expire', 'scan', 'keys', 'move'];
    for (const name of [...names, 'swapdb', 'ping', 'substr', 'lolwut', 'dbsize', 'flushall', 'incrbyfloat']) {
      assert.deepEqual(await describe(embedded, name), await describe(real, name), name);
    }
  });

  test('MONITOR tells the same of what others do, and no secret', async () => {
    const commands = [
      ...[
        'SET "a b" "x\\"\\\\\\n\\t\\x00\\xff"',
        'MULTI',
        'SET b 1',
        'NOSUCH',
        'EXEC',
        'MULTI',
        'SET b 2',
        'GET b',
        'EXEC',
      ],
      ...['AUTH default secret', 'HELLO 3 AUTH default secret SETNAME x', 'SELECT 2', 'CONFIG GET save', 'CLIENT LIST'],
      ...['CLIENT GETNAME', 'get', 'INFO nosuch', 'SUBSCRIBE c', 'PING the-end'],
    ];
    const told = [embedded, real].map(async (server) => {
      const [monitor, other] = [await RawConnection.open(server), await RawConnection.open(server)];
      await monitor.ask('MONITOR\r\n', '+OK\r\n');
      other.write(`${commands.join('\r\n')}\r\n`);
      const text = await monitor.until((received) => received.includes('the-end'));
      // Until RESET, after which it is told nothing and may be used as any other.
      await monitor.ask('PING own\r\nRESET\r\n', '+RESET\r\n');
      await other.ask('SET c 3\r\nPING after\r\n', 'after\r\n');
      const own = await monitor.ask('ECHO quiet\r\n', 'quiet\r\n');
      for (const connection of [monitor, other]) connection.close();
      return [...text.replaceAll(/^\+[\d.]+ \[(\d+) [^\]]+\]/gm, '$1').split('\r\n'), own];
    });
    const [ours, theirs] = await Promise.all(told);
    assert.deepEqual(ours, theirs);
    assert.ok(ours?.includes('0 "AUTH" "(redacted)" "(redacted)"'));
    assert.doesNotMatch(String(ours), /secret/);
  });

  for (let seed = 1; seed <= 8; seed++) {
    test(`1,000 random commands, seed ${seed}`, async () => {
      const script = randomScript(seed, 1000);
      const [ours, theirs] = await Promise.all([replies(embedded, script), replies(real, script)]);
      const differences = script.flatMap((command, index) =>
        isDeepStrictEqual(ours[index], theirs[index])
          ? []
          : [`${index} ${command.join(' ')}\n  ours   ${inspect(ours[index])}\n  theirs ${inspect(theirs[index])}`],
      );
      assert.deepEqual(differences.slice(0, 10), [], `\n${differences.slice(0, 10).join('\n')}`);
      assert.equal(ours.length, theirs.length);
    });
  }

  for (const [name, { bytes, closes }] of Object.entries(RAW)) {
    test(`on the wire: ${name}`, async () => {
      const answers = await Promise.all(
        [embedded, real].map(async (server) => {
          const connection = await RawConnection.open(server);
          connection.write(bytes);
          if (closes !== true) connection.socket.end(Buffer.from(frame('ECHO done')));
          return connection.untilClosed();
        }),
      );
      assert.equal(answers[0], answers[1]);
    });
  }
});
