// The door of the server's room, and the entry point `ashredis/server`.

export { createServer } from './create-server.ts';
export type {
  ConnectionFilter,
  EmbeddedServer,
  ServerDialect,
  ServerFaults,
  ServerLimits,
  ServerOptions,
} from './types.ts';
