// Turns the server's refusal, a value, into the error that a promise rejects with.
// Called by the command queue, and above where replies are taken as values. It must never quote a command's arguments.

import { ReplyError } from '../errors/index.ts';
import type { RespError } from '../resp/index.ts';

/** Not ready yet: worth waiting for. */
export const NOT_READY = /^(LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY)$/;

/** Other refusals that a server gives before it executes anything, and that may pass. */
const REFUSED_FOR_NOW = /^(MISCONF|NOAUTH|NOPERM|NOREPLICAS|OOM|READONLY)$/;

/** `partly`: of several commands others may have been executed. */
export function replyError(refused: RespError, command: string, partly = false): ReplyError {
  const { code } = refused;
  return new ReplyError(`Cannot execute ${command}: ${withoutArguments(refused.message)}`, {
    code,
    command,
    // A script may have done the half of its work before, and chooses its words.
    safeToRetry: !partly && !/^(EVAL|FCALL)/.test(command) && (NOT_READY.test(code) || REFUSED_FOR_NOW.test(code)),
  });
}

/** Redis quotes arguments in two of its texts: values, and in the second one a password. */
function withoutArguments(message: string): string {
  return message
    .replace(/, with args beginning with:[\s\S]*$/, '')
    .replace(/(ACL SETUSER modifier ')[\s\S]*'(?=:)/, "$1…'");
}
