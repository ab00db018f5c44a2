// A TCP relay that breaks on purpose: cuts, freezes, delays, fragments, corrupts, refuses. For tests and the soak.
// It stands between a client and a real server; it listens on a free loopback port and ends with `stop()`.

import { connect, createServer, type Socket } from 'node:net';

type Direction = 'toServer' | 'toClient';

export interface FaultyLink {
  readonly port: number;
  readonly url: string;
  readonly openCount: number;
  /** Links accepted so far. */
  readonly acceptedCount: number;
  /** RST on both sides of every link. */
  cut(): void;
  /** Nothing passes, nothing closes: a half-open link. `direction` limits it. */
  freeze(direction?: Direction): void;
  thaw(): void;
  /** New links are reset at once until `accept()`. */
  refuse(): void;
  accept(): void;
  /** Only the server's side of every link ends: the client is left with a proxy that keeps the front open. */
  dropBehind(): void;
  /** Chunks are cut into pieces of at most this many bytes; 0 leaves them. */
  fragment(bytes: number): void;
  /** Changes bytes on their way to the client. */
  corrupt(change: ((chunk: Buffer) => Buffer) | undefined): void;
  /** Resolves with the next accepted link. */
  accepted(): Promise<void>;
  /** Everything that went to the server, when recording. */
  readonly recorded: Buffer[];
  record: boolean;
  stop(): Promise<void>;
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
}

export async function startFaultyLink(target: { host?: string; port: number }): Promise<FaultyLink> {
  const pairs = new Set<Pair>();
  const waiting: (() => void)[] = [];
  const recorded: Buffer[] = [];
  let accepted = 0;
  let refusing = false;
  let keepsFront = false;
  let fragmentBytes = 0;
  let change: ((chunk: Buffer) => Buffer) | undefined;
  const frozen = { toServer: false, toClient: false };

  const pass = (from: Socket, to: Socket, direction: Direction): void => {
    from.on('data', (chunk: Buffer) => {
      if (direction === 'toServer' && link.record) recorded.push(Buffer.from(chunk));
      const bytes = direction === 'toClient' && change !== undefined ? change(chunk) : chunk;
      if (to.destroyed) return;
      let flowing = true;
      if (fragmentBytes === 0) flowing = to.write(bytes);
      else
        for (let at = 0; at < bytes.length; at += fragmentBytes)
          flowing = to.write(bytes.subarray(at, at + fragmentBytes));
      if (!flowing) {
        from.pause();
        to.once('drain', () => {
          if (!frozen[direction]) from.resume();
        });
      }
    });
    if (frozen[direction]) from.pause();
  };

  const server = createServer({ noDelay: true }, (client) => {
    client.on('error', () => {});
    if (refusing) return void client.resetAndDestroy();
    accepted++;
    const behind = connect({ host: target.host ?? '127.0.0.1', port: target.port, noDelay: true });
    const pair: Pair = { client, server: behind };
    pairs.add(pair);
    behind.on('error', () => {});
    pass(client, behind, 'toServer');
    pass(behind, client, 'toClient');
    client.on('close', () => {
      pairs.delete(pair);
      behind.destroy();
    });
    behind.on('close', () => {
      if (!keepsFront) client.destroy();
    });
    for (const resolve of waiting.splice(0)) resolve();
  });

  const setFrozen = (direction: Direction | undefined, on: boolean) => {
    for (const way of ['toServer', 'toClient'] as const) {
      if (direction !== undefined && direction !== way) continue;
      frozen[way] = on;
      for (const pair of pairs) {
        const from = way === 'toServer' ? pair.client : pair.server;
        if (on) from.pause();
        else from.resume();
      }
    }
  };

  const link = {
    port: 0,
    url: '',
    recorded,
    record: false,
    get openCount() {
      return pairs.size;
    },
    get acceptedCount() {
      return accepted;
    },
    cut() {
      keepsFront = false;
      for (const pair of [...pairs]) {
        pairs.delete(pair);
        pair.client.resetAndDestroy();
        pair.server.destroy();
      }
    },
    freeze: (direction?: Direction) => setFrozen(direction, true),
    thaw: () => setFrozen(undefined, false),
    refuse() {
      refusing = true;
    },
    accept() {
      refusing = false;
    },
    dropBehind() {
      keepsFront = true;
      for (const pair of pairs) pair.server.destroy();
    },
    fragment(bytes: number) {
      fragmentBytes = bytes;
    },
    corrupt(next: ((chunk: Buffer) => Buffer) | undefined) {
      change = next;
    },
    accepted: () => new Promise<void>((resolve) => waiting.push(resolve)),
    async stop() {
      for (const pair of pairs) {
        pair.client.destroy();
        pair.server.destroy();
      }
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('Cannot listen on a port');
  return Object.assign(link, { port: address.port, url: `redis://127.0.0.1:${address.port}` });
}
