// A command on the subscriber's own link, whose reply comes in step with the messages: GET and PING for snapshots, what
// the audit asks. Made by the latest source and the audit. It is the room's own: `close()` does not wait for it.

import { type Command, commandFrame, type Frame, REPLY } from '../net/index.ts';
import type { RespValue } from '../resp/index.ts';

export interface InStepInit {
  /** Monotonic ms. */
  readonly deadline: number;
  readonly asBytes?: boolean;
  /** Its reply is a confirmation of this kind and channel. */
  readonly confirms?: { readonly kind: string; readonly channel: string };
  onReply(value: RespValue): void;
  /** Refused, late, or the link went away. */
  onFailure(error: unknown): void;
}

export class InStepCommand implements Command {
  readonly name: string;
  frame: Frame | undefined;
  readonly replyCount = 1;
  readonly replyTypes: number;
  readonly asBytes: boolean;
  readonly deadline: number;
  readonly retry = false;
  readonly failWhenDisconnected = true;
  readonly internal = true;
  readonly confirms: InStepInit['confirms'];
  place = 0;
  readonly #init: InStepInit;

  constructor(args: readonly string[], init: InStepInit) {
    this.name = args[0] as string;
    this.frame = commandFrame(args);
    // A subscribed RESP2 link answers PING with an array.
    this.replyTypes = init.confirms === undefined ? REPLY.simple | REPLY.nil | REPLY.array : REPLY.array;
    this.asBytes = init.asBytes === true;
    this.deadline = init.deadline;
    this.confirms = init.confirms;
    this.#init = init;
  }

  onReply(value: RespValue): void {
    this.#init.onReply(value);
  }

  onFailure(error: unknown): void {
    this.#init.onFailure(error);
  }
}
