// The door of the resp room: RESP2 and RESP3, from bytes to values and back.
// It is also the entry `ashredis/resp`: no I/O, no clock, no module of any runtime.

export { LimitError, ProtocolError, UsageError } from '../errors/index.ts';
export { encodeCommand, encodeCommands } from './encode-command.ts';
export { encodeReply } from './encode-reply.ts';
export type { RespDecoderOptions, RespLimits } from './limits.ts';
export { RespDecoder } from './resp-decoder.ts';
export {
  type CommandArgument,
  NEED_DATA,
  RespError,
  RespMessage,
  RespPush,
  type RespValue,
} from './values.ts';
