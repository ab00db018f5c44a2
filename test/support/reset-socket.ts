// A link that breaks: the peer gets a RST. Used by relays and scripted servers.

import type { Socket } from 'node:net';

/** Node never closes a socket that is reset while its end is on the way, and its process never ends. */
export function resetSocket(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}
