// The parser of command lines: words, options, numbers, refusals, help.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { type CommandSpec, helpText, nearest, parseArguments } from '../../../src/cli/arguments.ts';
import { COMMANDS } from '../../../src/cli/commands.ts';
import { UsageError } from '../../../src/index.ts';

const SPEC: CommandSpec = {
  name: 'tool do',
  summary: 'Do it',
  usage: 'WORD [options]',
  words: [1, 2],
  options: [
    { name: 'port', short: 'p', value: 'N', kind: 'integer', min: 1, max: 65_535, help: 'a port' },
    { name: 'ttl', value: 'S', kind: 'number', help: 'seconds' },
    { name: 'name', short: 'n', value: 'TEXT', help: 'a name' },
    { name: 'json', help: 'JSON' },
  ],
  examples: [['try it', 'tool do something']],
};

describe('arguments', () => {
  test('words and options may stand in any order, in every spelling', () => {
    for (const line of ['a --port 7 --json b', '--port=7 a b --json', '-p 7 --json -- a b', 'a b --json -p7']) {
      const args = parseArguments(SPEC, line.split(' '));
      assert.deepEqual(args.words, ['a', 'b'], line);
      assert.equal(args.number('port'), 7, line);
      assert.equal(args.flag('json'), true, line);
      assert.equal(args.text('name'), undefined, line);
    }
  });

  test('a negative number is a value, and what follows -- is a word', () => {
    assert.equal(parseArguments(SPEC, ['a', '--ttl', '-1.5']).number('ttl'), -1.5);
    assert.deepEqual(parseArguments(SPEC, ['a', '--ttl', '-1.5', 'b']).words, ['a', 'b']);
    assert.equal(parseArguments(SPEC, ['a', '--ttl', '-1.5']).text('ttl'), '-1.5');
    assert.equal(parseArguments(SPEC, ['a', '--name', '7']).number('name'), undefined, 'it is no number');
    assert.deepEqual(parseArguments(SPEC, ['--', '--port', '-1']).words, ['--port', '-1']);
    assert.deepEqual(parseArguments(SPEC, ['-5', '-1.5e3', '--json']).words, ['-5', '-1.5e3']);
    for (const line of ['a -n -5', 'a --name -5', 'a --name=-5', '-n -5 a']) {
      assert.equal(parseArguments(SPEC, line.split(' ')).text('name'), '-5', line);
    }
    assert.throws(() => parseArguments(SPEC, ['a', '-p', '-5']), /--port '-5' is not an integer/);
  });

  test('docs/command-line.md names every option of every command', () => {
    const page = readFileSync(new URL('../../../docs/command-line.md', import.meta.url), 'utf8');
    const missing = COMMANDS.flatMap(({ spec }) =>
      spec.options.filter(({ name }) => !page.includes(`--${name}`)).map(({ name }) => `${spec.name} --${name}`),
    );
    assert.deepEqual(missing, []);
  });

  test('what is wrong is named, with the way to the help', () => {
    const refused = (line: string, pattern: RegExp) =>
      assert.throws(
        () => parseArguments(SPEC, line.split(' ')),
        (error: unknown) => {
          assert.ok(error instanceof UsageError);
          assert.match(error.message, pattern);
          assert.match(error.message, /see tool do --help/);
          return true;
        },
      );
    refused('a --prot 7', /unknown option '--prot', did you mean --port\?/);
    refused('a --port 0', /--port '0' is not an integer from 1 to 65535/);
    refused('a --port 1.5', /not an integer/);
    refused('a --port abc', /--port 'abc' is not an integer/);
    refused('a --port 65536', /from 1 to 65535/);
    assert.equal(parseArguments(SPEC, ['a', '--port', '1']).number('port'), 1);
    assert.equal(parseArguments(SPEC, ['a', '--port', '65535']).number('port'), 65_535);
    refused('a --ttl=', /--ttl '' is not a number/);
    refused('a --password x', /unknown option '--password': the password comes from ASHREDIS_PASSWORD or the URL/);
    refused('a -a x', /unknown option '-a': the password comes from ASHREDIS_PASSWORD or the URL/);
    refused('a --xyzzyplugh', /unknown option '--xyzzyplugh'(?!, did)/);
    refused('a --ttl x', /--ttl 'x' is not a number/);
    refused('a --name', /--name/);
    refused('--json', /a word is missing; usage: tool do WORD/);
    refused('a b c', /'c' is one too many/);
  });

  test('help and version are never refused for missing words', () => {
    assert.equal(parseArguments(SPEC, ['--help']).flag('help'), true);
    assert.equal(parseArguments(SPEC, ['--version']).flag('version'), true);
  });

  test('the help stands in columns', () => {
    assert.equal(
      helpText({ ...SPEC, notes: ['One note.', 'Another.'] }),
      [
        'Do it',
        '',
        'Usage: tool do WORD [options]',
        '',
        'Options:',
        '  -p, --port N     a port',
        '      --ttl S      seconds',
        '  -n, --name TEXT  a name',
        '      --json       JSON',
        '  -h, --help       show this help',
        '      --version    show the version',
        '',
        'Examples:',
        '  # try it',
        '  tool do something',
        '',
        'One note.',
        '',
        'Another.',
        '',
      ].join('\n'),
    );
    assert.doesNotMatch(helpText({ ...SPEC, examples: [] }), /Examples/);
  });

  test('an option that the table does not have is a bug of ours', () => {
    assert.throws(() => parseArguments(SPEC, ['a']).flag('nosuch'), /^Error: Bug: tool do has no option --nosuch$/);
  });

  test('every command has a help with its usage, all options and at least one example', () => {
    for (const { spec } of COMMANDS) {
      const text = helpText(spec);
      assert.match(text, new RegExp(`Usage: ${spec.name} `));
      for (const { name, help } of spec.options) assert.ok(text.includes(`--${name}`) && text.includes(help), name);
      assert.ok(spec.examples.length > 0, spec.name);
      for (const [, line] of spec.examples) assert.ok(text.includes(line));
      for (const line of text.split('\n')) assert.ok(line.length <= 130, `${spec.name}: ${line}`);
      assert.equal(new Set(spec.options.map(({ name }) => name)).size, spec.options.length, `${spec.name}: twice`);
      const shorts = spec.options.map(({ short }) => short).filter((short) => short !== undefined);
      assert.equal(new Set(shorts).size, shorts.length, `${spec.name}: a letter twice`);
    }
  });

  test('a near word is found, a far one is not', () => {
    assert.equal(nearest('subb', ['sub', 'pub', 'server']), 'sub');
    assert.equal(nearest('severr', ['sub', 'pub', 'server']), 'server');
    assert.equal(nearest('xyzzyx', ['sub', 'pub', 'server']), undefined);
  });
});
