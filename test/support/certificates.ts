// Certificates for the TLS tests, made by openssl when the test runs: an authority, a server, a client, and bad ones.
// Used by the integration tests. Gives null, and says why, where there is no openssl.

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Certificates {
  readonly folder: string;
  readonly ca: string;
  readonly path: (name: string) => string;
  readonly read: (name: string) => Promise<string>;
  remove(): Promise<void>;
}

export async function makeCertificates(): Promise<Certificates | null> {
  const folder = await mkdtemp(join(tmpdir(), 'ashredis-tls-'));
  const path = (name: string) => join(folder, name);
  const openssl = (...args: string[]) => run('openssl', args, { cwd: folder });
  try {
    await openssl(
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '2',
      '-subj',
      '/CN=Test CA',
      '-keyout',
      'ca.key',
      '-out',
      'ca.crt',
    );
    await sign(openssl, path, 'server', 'subjectAltName=DNS:localhost,IP:127.0.0.1', 2);
    await sign(openssl, path, 'other', 'subjectAltName=DNS:other.test', 2);
    await sign(openssl, path, 'client', 'extendedKeyUsage=clientAuth', 2);
    await sign(openssl, path, 'expired', 'subjectAltName=DNS:localhost,IP:127.0.0.1', -1);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    process.stderr.write('openssl not found: the TLS tests are skipped\n');
    return null;
  }
  return {
    folder,
    ca: await readFile(path('ca.crt'), 'utf8'),
    path,
    read: (name) => readFile(path(name), 'utf8'),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

async function sign(
  openssl: (...args: string[]) => Promise<unknown>,
  path: (name: string) => string,
  name: string,
  extension: string,
  days: number,
): Promise<void> {
  await openssl(
    'req',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-subj',
    `/CN=${name}`,
    '-keyout',
    `${name}.key`,
    '-out',
    `${name}.csr`,
  );
  await writeFile(path(`${name}.ext`), `${extension}\n`);
  // A negative number of days is a certificate that was never valid for long: it has expired.
  await openssl(
    'x509',
    '-req',
    '-in',
    `${name}.csr`,
    '-CA',
    'ca.crt',
    '-CAkey',
    'ca.key',
    '-CAcreateserial',
    '-days',
    String(days),
    '-extfile',
    `${name}.ext`,
    '-out',
    `${name}.crt`,
  );
}
