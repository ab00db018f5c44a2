// The door of the net room: one connection that comes back, the lane of a client's commands, Node's platform.
// Imported by the rooms above; nothing else of this room is.

export { encodeLine, utf8Length } from '../line/index.ts';
export { describeAddress } from './address.ts';
export { asError } from './as-error.ts';
export { commandFrame } from './command-frame.ts';
export { Connection } from './connection.ts';
export { CommandLane } from './lane.ts';
export { nodePlatform, type Transport, type TransportTarget } from './node-platform.ts';
export { replyError } from './reply-error.ts';
export { replyBit } from './reply-types.ts';
export { Ring } from './ring.ts';
export { staticResolver } from './static-resolver.ts';
export * from './types.ts';
export { whenAborted } from './when-aborted.ts';
