// A command on the subscriber's own link, whose reply comes in step with the messages: GET and PING for snapshots, what
// the audit asks. Made by the latest source and the audit. It is the room's own: `close()` does not wait for it.

import { type Command, commandFrame, REPLY } from '../net/index.ts';

/** `confirms`: its reply is a confirmation of this kind and channel. `onFailure`: refused, late, or the link went away. */
export type InStepInit = Pick<Command, 'deadline' | 'asBytes' | 'confirms' | 'onReply' | 'onFailure'>;

export function inStepCommand(args: readonly string[], init: InStepInit): Command {
  return {
    ...init,
    name: args[0] as string,
    frame: commandFrame(args),
    replyCount: 1,
    // A subscribed RESP2 link answers PING with an array.
    replyTypes: init.confirms === undefined ? REPLY.simple | REPLY.nil | REPLY.array : REPLY.array,
    failWhenDisconnected: true,
    internal: true,
  };
}
