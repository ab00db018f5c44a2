// The servers of a run: redis-server on free ports (plain and TLS), the flood server, the embedded server.
// Started by the runner when the first row asks for one; all end with it. A server that is missing is said, not skipped silently.

import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

export class Servers {
  #started = new Map();
  #children = [];
  #directory;
  #tls;

  /** The path of our build, for the embedded server. */
  constructor(ours) {
    this.ours = ours;
  }

  /** Version of redis-server, or undefined where there is none. */
  static async redisVersion() {
    try {
      const { stdout } = await run(command(), ['--version']);
      return /v=(\d+\.\d+\.\d+)/.exec(stdout)?.[1];
    } catch {
      return undefined;
    }
  }

  /** `{ host, port, tls? }` of a server that is up. */
  target(kind, withTls) {
    const key = `${kind}${withTls ? ' tls' : ''}`;
    if (!this.#started.has(key)) this.#started.set(key, this.#start(kind, withTls));
    return this.#started.get(key);
  }

  async stop() {
    for (const child of this.#children) child.kill('SIGKILL');
    if (this.#directory !== undefined) await rm(this.#directory, { recursive: true, force: true });
  }

  async #start(kind, withTls) {
    this.#directory ??= await mkdtemp(join(tmpdir(), 'ashredis-bench-'));
    if (kind === 'redis') return this.#startRedis(withTls);
    const tls = withTls ? await this.#certificate() : undefined;
    if (kind === 'flood') {
      const settings = tls === undefined ? {} : { tls: { cert: tls.cert, key: tls.key } };
      const port = await this.#spawnNode([
        new URL('./flood-server.mjs', import.meta.url).pathname,
        JSON.stringify(settings),
      ]);
      return targetOf(port, tls);
    }
    const entry = pathToFileURL(join(this.ours, '..', 'server', 'index.js')).href;
    const program = `import { createServer } from ${JSON.stringify(entry)};
      const server = await createServer({ port: 0 });
      console.log(server.port);
      process.stdin.on('end', () => process.exit(0)).resume();`;
    return targetOf(await this.#spawnNode(['--input-type=module', '--eval', program]), undefined);
  }

  async #startRedis(withTls) {
    const port = await freePort();
    const args = ['--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', this.#directory];
    const tls = withTls ? await this.#certificate() : undefined;
    if (tls === undefined) args.push('--port', String(port));
    else {
      args.push('--port', '0', '--tls-port', String(port), '--tls-auth-clients', 'no');
      args.push('--tls-cert-file', tls.certFile, '--tls-key-file', tls.keyFile, '--tls-ca-cert-file', tls.certFile);
    }
    const child = spawn(command(), args, { stdio: 'ignore' });
    this.#children.push(child);
    await untilListening(port, child);
    return targetOf(port, tls);
  }

  /** A certificate for localhost, made for this run. */
  async #certificate() {
    this.#tls ??= (async () => {
      const keyFile = join(this.#directory, 'key.pem');
      const certFile = join(this.#directory, 'cert.pem');
      const configuration = join(this.#directory, 'openssl.cnf');
      await writeFile(
        configuration,
        '[req]\ndistinguished_name=dn\nx509_extensions=ext\nprompt=no\n[dn]\nCN=localhost\n[ext]\nsubjectAltName=DNS:localhost,IP:127.0.0.1\n',
      );
      const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
      const files = ['-keyout', keyFile, '-out', certFile, '-days', '2', '-config', configuration];
      await run('openssl', ['req', '-x509', ...key, ...files]);
      const [cert, privateKey] = await Promise.all([readFile(certFile, 'utf8'), readFile(keyFile, 'utf8')]);
      return { cert, key: privateKey, certFile, keyFile };
    })();
    return this.#tls;
  }

  #spawnNode(args) {
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#children.push(child);
    return new Promise((resolve, reject) => {
      createInterface({ input: child.stdout }).once('line', (line) => resolve(Number(line)));
      child.once('exit', (code) => reject(new Error(`a server of the benchmark ended with ${code}`)));
    });
  }
}

function targetOf(port, tls) {
  return tls === undefined ? { host: '127.0.0.1', port } : { host: 'localhost', port, tls: { ca: tls.cert } };
}

function command() {
  return process.env.REDIS_SERVER ?? 'redis-server';
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

async function untilListening(port, child) {
  for (const until = Date.now() + 10_000; ; ) {
    if (child.exitCode !== null) throw new Error(`redis-server ended with ${child.exitCode}`);
    const open = await new Promise((resolve) => {
      const socket = connect({ host: '127.0.0.1', port });
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (open) return;
    if (Date.now() > until) throw new Error('redis-server does not listen after 10 s');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
