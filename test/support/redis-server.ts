// Starts a real redis-server on a free loopback port, for the integration tests and the benchmarks.
// Found by REDIS_SERVER, then PATH, then the Docker image redis:7-alpine where an engine answers.
// It must never end a process that it did not start, and never listen beyond loopback.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface RedisServerOptions {
  /** Appended to the command line. */
  args?: string[];
  /** Listens here instead of on a free port: for starting a killed server again. */
  port?: number;
  /** Sent as AUTH when the starter waits for the server, where `args` ask for a password. */
  password?: string;
  /** Milliseconds to wait for the first PONG. Default 10 000. */
  startTimeoutMs?: number;
}

export interface RunningRedisServer {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** For example `7.0.15`. */
  readonly version: string;
  readonly pid: number;
  /** Sends a signal (default SIGKILL) and resolves when the process is gone; SIGSTOP and SIGCONT resolve at once. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Ends the process and removes its directory. Twice is harmless. */
  stop(): Promise<void>;
}

export interface FoundServer {
  readonly command: string;
  readonly version: string;
  readonly docker: boolean;
}

/** Resolves with the server, or with null (and says so once on stderr) where there is none. */
export async function startRedisServer(options: RedisServerOptions = {}): Promise<RunningRedisServer | null> {
  const found = await findRedisServer();
  if (found === null) {
    process.stderr.write(
      'redis-server not found (REDIS_SERVER, PATH, Docker image redis:7-alpine): tests on a real server are skipped\n',
    );
    return null;
  }
  // Another process may take the free port between the look and the bind: try again then.
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await freePort());
    try {
      return await launch(found, port, options);
    } catch (error) {
      if (options.port !== undefined || attempt === 3) throw error;
    }
  }
}

/**
 * A port of 127.0.0.1 that was free a moment ago. It is below those that systems give to who asks for any (from 32768 or
 * 49152), so that no other test's server or connection takes it while its own is not there yet, or is away.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 12_000 + Math.floor(Math.random() * 20_000);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(false);
      else reject(error);
    });
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}

/** Which server the tests would start, or null. */
export async function findRedisServer(): Promise<FoundServer | null> {
  for (const command of [process.env.REDIS_SERVER, 'redis-server', 'valkey-server']) {
    if (command === undefined || command === '') continue;
    const version = await versionOf(command, ['--version']);
    if (version !== undefined) return { command, version, docker: false };
  }
  if (await run('docker', ['image', 'inspect', 'redis:7-alpine'])) {
    const version = await versionOf('docker', ['run', '--rm', 'redis:7-alpine', 'redis-server', '--version']);
    if (version !== undefined) return { command: 'docker', version, docker: true };
  }
  return null;
}

async function versionOf(command: string, args: string[]): Promise<string | undefined> {
  const output = await run(command, args);
  return output === undefined ? undefined : /v=(\d+\.\d+\.\d+)/.exec(output)?.[1];
}

function run(command: string, args: string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(command, args, { timeout: 10_000 }, (error, stdout) => resolve(error === null ? stdout : undefined));
  });
}

async function launch(found: FoundServer, port: number, options: RedisServerOptions): Promise<RunningRedisServer> {
  const directory = await mkdtemp(join(tmpdir(), 'ashredis-redis-'));
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  args.push('--dir', found.docker ? '/data' : directory);
  if (Number(found.version.split('.')[0]) >= 7) args.push('--enable-debug-command', 'yes');
  args.push(...(options.args ?? []));
  const child = found.docker
    ? spawn('docker', ['run', '--rm', '--network', 'host', 'redis:7-alpine', 'redis-server', ...args], {
        stdio: 'pipe',
      })
    : spawn(found.command, args, { stdio: 'pipe' });
  let output = '';
  const collect = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-4096);
  };
  child.stdout?.on('data', collect);
  child.stderr?.on('data', collect);
  const gone = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', (error) => {
      output += error.message;
      resolve();
    });
  });
  const onExit = () => child.kill('SIGKILL');
  process.once('exit', onExit);
  // The test runner ends a file that takes too long by SIGTERM, which alone would run no such hook.
  if (!process.listeners('SIGTERM').includes(endOnTerm)) process.on('SIGTERM', endOnTerm);
  try {
    await untilAnswering(child, port, options, () => output);
  } catch (error) {
    process.removeListener('exit', onExit);
    child.kill('SIGKILL');
    await gone;
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
  // Neither the child nor its pipes keep a test file alive; the exit hook ends what a crashed test left behind.
  child.unref();
  for (const stream of [child.stdout, child.stderr]) (stream as { unref?(): void } | null)?.unref?.();
  const ended = () => child.exitCode !== null || child.signalCode !== null;
  const kill = async (signal: NodeJS.Signals = 'SIGKILL') => {
    if (ended()) return;
    child.ref();
    child.kill(signal);
    if (signal === 'SIGSTOP' || signal === 'SIGCONT') return child.unref();
    await gone;
  };
  return {
    url: `redis://127.0.0.1:${port}`,
    host: '127.0.0.1',
    port,
    version: found.version,
    pid: child.pid ?? 0,
    kill,
    async stop() {
      process.removeListener('exit', onExit);
      await kill('SIGKILL');
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function endOnTerm(): void {
  process.exit(143);
}

async function untilAnswering(
  child: ChildProcess,
  port: number,
  options: RedisServerOptions,
  output: () => string,
): Promise<void> {
  const until = Date.now() + (options.startTimeoutMs ?? 10_000);
  for (;;) {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) {
      throw new Error(`Cannot start redis-server on port ${port}: it ended at once: ${output()}`);
    }
    if (await answers(port, options.password)) return;
    if (Date.now() > until) throw new Error(`Cannot start redis-server on port ${port}: no PONG in time: ${output()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** True when the server is there; with a port that only speaks TLS (`--port 0`) being alive has to do. */
function answers(port: number, password: string | undefined): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    const finish = (value: boolean) => {
      socket.destroy();
      resolve(value);
    };
    socket.setTimeout(1000, () => finish(false));
    socket.once('error', () => finish(false));
    socket.once('connect', () => socket.write(`${password === undefined ? '' : `AUTH ${password}\r\n`}PING\r\n`));
    socket.on('data', (data) => finish(/PONG|NOAUTH/.test(data.toString())));
  });
}
