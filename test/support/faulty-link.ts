// A TCP relay that breaks on purpose: cuts, freezes, delays, fragments, corrupts, refuses. For tests and the soak.
// It stands between a client and a real server; it listens on a free loopback port and ends with `stop()`.

import { connect, createServer, type Socket } from 'node:net';
import { resetSocket } from './reset-socket.ts';

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
  /** Each link gets a fresh connection to the server behind it, as some proxies do: the client sees nothing of it. */
  replaceBehind(): Promise<void>;
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
  server: Socket;
  /** The protocol that the client chose, as its HELLO: a fresh connection must speak it too. */
  hello: Buffer | undefined;
}

export async function startFaultyLink(target: { host?: string; port: number }): Promise<FaultyLink> {
  const pairs = new Set<Pair>();
  const waiting: (() => void)[] = [];
  const recorded: Buffer[] = [];
  let accepted = 0;
  let refusing = false;
  let fragmentBytes = 0;
  let change: ((chunk: Buffer) => Buffer) | undefined;
  const frozen = { toServer: false, toClient: false };

  const write = (to: Socket, bytes: Buffer): boolean => {
    if (to.destroyed) return true;
    if (fragmentBytes === 0) return to.write(bytes);
    let flowing = true;
    for (let at = 0; at < bytes.length; at += fragmentBytes) flowing = to.write(bytes.subarray(at, at + fragmentBytes));
    return flowing;
  };

  /** Reading goes on when the other side has taken what it was given. */
  const waitFor = (to: Socket, from: Socket, direction: Direction): void => {
    from.pause();
    to.once('drain', () => {
      if (!frozen[direction]) from.resume();
    });
  };

  const passFromServer = (pair: Pair, server: Socket): void => {
    server.on('data', (chunk: Buffer) => {
      const bytes = change === undefined ? chunk : change(chunk);
      if (!write(pair.client, bytes)) waitFor(pair.client, server, 'toClient');
    });
    server.on('error', () => {});
    server.on('close', () => {
      if (pair.server === server) pair.client.destroy();
    });
    if (frozen.toClient) server.pause();
  };

  const dialServer = () => connect({ host: target.host ?? '127.0.0.1', port: target.port, noDelay: true });

  /** The answer to the repeated HELLO is kept from the client. */
  const replace = async (pair: Pair): Promise<void> => {
    const fresh = dialServer();
    fresh.on('error', () => {});
    const endedOr = (event: string) =>
      new Promise<void>((resolve) => fresh.once(event, () => resolve()).once('close', () => resolve()));
    await endedOr('connect');
    if (pair.hello !== undefined) {
      fresh.write(pair.hello);
      await endedOr('data');
    }
    // The client may have gone meanwhile: nobody else would close this one.
    if (!pairs.has(pair)) return void fresh.destroy();
    const old = pair.server;
    pair.server = fresh;
    // What is on its way is answered first: a command whose reply went away would tell of the change.
    pair.client.pause();
    if (!old.isPaused() && !old.destroyed) {
      pair.client.once('close', () => old.destroy());
      await new Promise<void>((resolve) => old.once('close', () => resolve()).end());
    } else old.destroy();
    passFromServer(pair, fresh);
    if (!frozen.toServer) pair.client.resume();
  };

  const server = createServer({ noDelay: true }, (client) => {
    client.on('error', () => {});
    if (refusing) return void resetSocket(client);
    accepted++;
    const pair: Pair = { client, server: dialServer(), hello: undefined };
    pairs.add(pair);
    passFromServer(pair, pair.server);
    client.on('data', (chunk: Buffer) => {
      if (link.record) recorded.push(Buffer.from(chunk));
      // Alone: a second reply to what stood behind it would reach the client, whose replies would shift.
      const hello = /\*2\r\n\$5\r\nHELLO\r\n\$1\r\n\d\r\n/.exec(chunk.toString('latin1'))?.[0];
      if (hello !== undefined) pair.hello ??= Buffer.from(hello);
      const { server: behind } = pair;
      if (!write(behind, chunk)) waitFor(behind, client, 'toServer');
    });
    if (frozen.toServer) client.pause();
    client.on('close', () => {
      pairs.delete(pair);
      pair.server.destroy();
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
      for (const pair of [...pairs]) {
        pairs.delete(pair);
        resetSocket(pair.client);
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
    async replaceBehind() {
      await Promise.all([...pairs].map((pair) => replace(pair)));
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
