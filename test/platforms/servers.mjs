// Runs the integration tests that need a server against other servers than the machine's: older and newer Redis, Valkey,
// Redict, from packages of other Debian suites, unpacked beside the machine's own and never installed.
// Called by `npm run test:servers`; words narrow it, `--write` puts the table into README.md. `REDIS_SERVERS=a:b` names
// servers of your own instead. What can't be had here is skipped and says so.

import { execFile } from 'node:child_process';
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { removed, root, run, SKIPPED, scratch } from './places.mjs';

const SERVERS = [
  { suite: 'bullseye', package: 'redis-server', what: 'Redis 6.0' },
  { suite: 'bookworm', package: 'redis-server', what: 'Redis 7.0' },
  { suite: 'trixie', package: 'redis-server', what: 'Redis 8.0' },
  { suite: 'trixie', package: 'valkey-server', what: 'Valkey 8.1' },
  { suite: 'sid', package: 'valkey-server', what: 'the newest Valkey' },
  { suite: 'sid', package: 'redict-server', what: 'the newest Redict' },
];
const TESTS = ['classes', 'resp-real-server', 'tls', 'troubleshooting'];
const LIMIT_MS = 120_000;

const execute = promisify(execFile);
const words = process.argv
  .slice(2)
  .filter((word) => !word.startsWith('-'))
  .map((word) => word.toLowerCase());
const rows = [];
const place = await scratch('servers');
let wrongCount = 0;
let okCount = 0;
try {
  for (const server of await wantedServers()) {
    const started = performance.now();
    const { command, skipped } = await obtained(server).catch((error) => ({ skipped: lastLine(error) }));
    const result = skipped === undefined ? await tested(command) : { verdict: 'skip ', detail: `SKIPPED: ${skipped}` };
    if (result.version !== undefined) rows.push(result);
    if (result.verdict === 'ok   ') okCount++;
    if (result.verdict === 'WRONG') wrongCount++;
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    process.stdout.write(
      `${result.verdict} ${server.what} (${seconds} s)\n${result.detail.replace(/^/gm, '      ')}\n`,
    );
  }
} finally {
  await removed(place);
}
if (process.argv.includes('--write')) await writeTable();
process.stdout.write(`${okCount} ok, ${wrongCount} wrong\n`);
process.exit(wrongCount > 0 ? 1 : okCount > 0 ? 0 : SKIPPED);

async function wantedServers() {
  const own = (process.env.REDIS_SERVERS ?? '').split(':').filter((path) => path !== '');
  const all = own.length > 0 ? own.map((path) => ({ what: path, path })) : SERVERS;
  return all.filter(({ what }) => words.length === 0 || words.some((word) => what.toLowerCase().includes(word)));
}

async function tested(command) {
  const files = TESTS.map((name) => join('test', 'integration', `${name}.test.ts`));
  const args = ['--import', 'tsx', '--test', '--test-reporter=tap', ...files];
  const version = await run(command, ['--version']);
  const [, number] = /v=(\d+\.\d+\.\d+)/.exec(version.output) ?? [];
  if (number === undefined) return { verdict: 'skip ', detail: `SKIPPED: ${version.output.trim()}` };
  const { code, output } = await run(process.execPath, args, {
    cwd: root,
    env: { REDIS_SERVER: command },
    limitMs: LIMIT_MS,
  });
  const counts = output.match(/^# (pass|fail|skipped) \d+$/gm) ?? [];
  const detail = `${version.output.trim().split(' sha=')[0]}: ${counts.join(', ').replaceAll('# ', '')}`;
  // Where its server does not start, a test takes the one of PATH.
  const isOk = code === 0 && output.includes(`redis-server ${number}`);
  const row = { version: version.output.split(' v=')[0].replace(/ server$/, ''), number, counts: countsOf(output) };
  if (isOk) return { verdict: 'ok   ', detail, ...row };
  const wrong = output.match(/^ *not ok .*$/gm) ?? [output.slice(-1500)];
  return { verdict: 'WRONG', detail: `${detail}\n${wrong.join('\n')}`, ...row };
}

function countsOf(output) {
  const count = (word) => Number(new RegExp(`^# ${word} (\\d+)$`, 'm').exec(output)?.[1] ?? 0);
  return { pass: count('pass'), fail: count('fail'), skipped: count('skipped') };
}

async function writeTable() {
  const lines = rows.map(
    ({ version, number, counts }) => `| ${version} | ${number} | ${counts.pass} | ${counts.fail} | ${counts.skipped} |`,
  );
  const table = [
    '| server | version | tests passed | failed | skipped |',
    '| --- | --- | ---: | ---: | ---: |',
    ...lines,
  ];
  const path = join(root, 'README.md');
  const text = await readFile(path, 'utf8');
  const pattern = /(<!-- servers -->\n)[\s\S]*?(<!-- \/servers -->)/;
  await writeFile(path, text.replace(pattern, `$1${table.join('\n')}\n$2`));
}

/** A program that starts the server with the libraries of its own suite. */
async function obtained({ path, suite, package: name }) {
  if (path !== undefined) return { command: path };
  const mirror = await mirrorOfThisMachine();
  const apt = await suitesApt(suite, mirror);
  const folder = join(place, `${suite}-${name}`);
  await mkdir(folder, { recursive: true });
  // The machine counts as empty: all that the server needs comes along.
  await execute('apt-get', [...apt.options, 'install', '-y', '--download-only', '--no-install-recommends', name]);
  for (const file of await readdir(apt.archives)) {
    if (file.endsWith('.deb')) await execute('dpkg', ['-x', join(apt.archives, file), folder]);
  }
  const files = (await readdir(folder, { recursive: true })).map((file) => join(folder, file));
  const loader = files.find((file) => /-linux-gnu\/ld-linux[^/]*\.so\.\d$/.test(file));
  const program = files.find((file) => /\/bin\/(redis|valkey|redict)-check-rdb$/.test(file));
  if (loader === undefined || program === undefined) throw new Error(`no server in the package ${name} of ${suite}`);
  // One program under many names: which one it is it reads from its own.
  const server = join(folder, name);
  await copyFile(program, server);
  const libraries = files.filter((file) => /\/lib\/[^/]+-linux-gnu$/.test(file)).join(':');
  const command = join(place, `${suite}-${name}.sh`);
  await writeFile(command, `#!/bin/sh\nexec '${loader}' --library-path '${libraries}' '${server}' "$@"\n`, {
    mode: 0o755,
  });
  return { command };
}

/** apt with lists, archives and a status of its own. */
async function suitesApt(suite, mirror) {
  const base = join(place, suite);
  const archives = join(base, 'cache', 'archives');
  const options = [
    ['Dir::Etc::sourcelist', join(base, 'sources.list')],
    ['Dir::Etc::sourceparts', '/dev/null'],
    ['Dir::State', join(base, 'state')],
    ['Dir::State::status', join(base, 'status')],
    ['Dir::Cache', join(base, 'cache')],
    ['APT::Sandbox::User', 'root'],
  ].flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  if ((await readFile(join(base, 'status')).catch(() => undefined)) === undefined) {
    await mkdir(join(archives, 'partial'), { recursive: true });
    await mkdir(join(base, 'state', 'lists', 'partial'), { recursive: true });
    const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
    await writeFile(join(base, 'sources.list'), `deb [signed-by=${keyring}] ${mirror} ${suite} main\n`);
    await execute('apt-get', [...options, '-q', 'update']);
    await writeFile(join(base, 'status'), '');
  }
  for (const file of await readdir(archives)) if (file.endsWith('.deb')) await removed(join(archives, file));
  return { options, archives };
}

async function mirrorOfThisMachine() {
  const { stdout } = await execute('apt-get', [
    'indextargets',
    '--format',
    '$(REPO_URI) $(CODENAME)',
    'Created-By: Packages',
  ]);
  const mirror = stdout.split('\n').find((line) => /debian\/? [a-z]+$/.test(line));
  if (mirror === undefined) throw new Error('apt-get names no mirror of Debian: is this Debian, and was it updated?');
  return mirror.split(' ')[0];
}

function lastLine(error) {
  const text = String(error?.stderr || error?.message || error).trim();
  return `${basename(String(error?.path ?? ''))} ${text.slice(text.lastIndexOf('\n') + 1)}`.trim();
}
