// Runs one suite against the embedded server and against a real redis-server where there is one.
// Used by the integration tests. Without a real server it says so, once a file, and tests the embedded one alone.

import { describe } from 'node:test';
import { createServer } from '../../src/server/index.ts';
import { findRedisServer, startRedisServer } from './redis-server.ts';

export interface TestServer {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  stop(): Promise<void>;
}

export type ServerName = 'the embedded server' | 'redis-server';

const real = await findRedisServer();

/** `start` gives a fresh server of its kind; whoever starts it stops it. */
export function forEachServer(
  title: string,
  suite: (start: () => Promise<TestServer>, name: ServerName) => void,
): void {
  describe(`${title} (the embedded server)`, () => suite(() => createServer({ port: 0 }), 'the embedded server'));
  if (real === null) {
    process.stderr.write(`${title}: no redis-server here, tested on the embedded server alone\n`);
    return;
  }
  describe(`${title} (redis-server ${real.version})`, () => suite(startReal, 'redis-server'));
}

/** A real server; only where {@link hasRealServer} says so. */
export async function startReal(): Promise<TestServer> {
  const server = await startRedisServer();
  if (server === null) throw new Error('Cannot start redis-server: it was found before and is gone');
  return server;
}

export function hasRealServer(): boolean {
  return real !== null;
}
