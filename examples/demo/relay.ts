// A link that can be cut: a TCP relay on loopback between the demo's subscriber and its server.
// Called by the demo alone. `cut()` destroys every socket and refuses new ones for a while, as a broken network does.

import { connect, createServer, type Server, type Socket } from 'node:net';

export interface Relay {
  readonly port: number;
  /** Resolves when connections are accepted again. */
  cut(durationMs: number): Promise<void>;
  stop(): Promise<void>;
}

/** `target` is what `net.connect` takes: host and port, or a path. */
export async function startRelay(target: { host: string; port: number } | { path: string }): Promise<Relay> {
  const sockets = new Set<Socket>();
  let isCut = false;
  const server = createServer((near) => {
    if (isCut) {
      near.resetAndDestroy();
      return;
    }
    const far = connect(target);
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.setNoDelay(true);
      // The end of one side is the end of the other; an error is told by the close that follows it.
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  });
  await listening(server);
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('Cannot start the relay: it has no port');
  return {
    port: address.port,
    async cut(durationMs) {
      isCut = true;
      // Node never closes a socket that is reset while its end is on the way.
      for (const socket of sockets) socket.writableEnded ? socket.destroy() : socket.resetAndDestroy();
      await new Promise((resolve) => setTimeout(resolve, durationMs));
      isCut = false;
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function listening(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
}
