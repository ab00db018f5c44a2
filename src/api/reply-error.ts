// Turns the server's refusal, a value, into the error that a promise rejects with.
// Called where replies are taken as values. It must never put arguments of a command into the message.

import { ReplyError } from '../errors/index.ts';
import type { RespError } from '../resp/index.ts';

export function replyError(refused: RespError, command: string): ReplyError {
  return new ReplyError(`Cannot execute ${command}: ${refused.message}`, { code: refused.code, command });
}
