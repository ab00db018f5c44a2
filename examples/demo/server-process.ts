// The embedded server in a process of its own. Forked by demo.ts; it ends when its parent does.

import { createServer } from '../../src/server/index.ts';
import type { FromServer } from './messages.ts';

const tell = (message: FromServer) => process.send?.(message);

// Ctrl-C reaches the whole group; the parent decides when it is over.
process.on('SIGINT', () => {});
try {
  const server = await createServer({ port: 0 });
  process.once('disconnect', () => void server.stop().then(() => process.exit(0)));
  tell({ type: 'listening', url: server.url });
} catch (error) {
  tell({ type: 'failed', text: error instanceof Error ? error.message : String(error) });
  process.disconnect?.();
}
