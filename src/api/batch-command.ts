// Several requests as one command: one write, one reply each, with MULTI and EXEC around them when atomic.
// Made by batch.ts once the dialect is known to be RESP. It settles as the client's other commands do: once, with all
// replies, or with the error that ended the batch as a whole.

import { commandFrame, REPLY, replyBit, replyError } from '../net/index.ts';
import { RespError, type RespValue } from '../resp/index.ts';
import { ClientCommand, type CommandSettings } from './client-command.ts';
import type { Connections } from './connections.ts';
import { joinFrames } from './frame-builder.ts';
import { Capture } from './publish-command.ts';
import { nameOf, type Request, wordsInRegion } from './request.ts';

export class BatchCommand extends ClientCommand<unknown[]> {
  readonly errorsAsValues = true;
  readonly #requests: readonly Request[];
  readonly #isAtomic: boolean;
  readonly #replies: RespValue[] = [];

  constructor(requests: readonly Request[], isAtomic: boolean, settings: CommandSettings, connections: Connections) {
    const { region } = settings;
    const all = isAtomic ? [{ words: ['MULTI'] }, ...requests, { words: ['EXEC'] }] : requests;
    const whole: Request<unknown[]> = {
      words: [isAtomic ? 'MULTI' : 'BATCH'],
      keys: [],
      replyTypes: REPLY.any,
      frame: () => joinFrames(all.map((request) => commandFrame(wordsInRegion(request, region)))),
      shape: (values) =>
        requests.map((request, index) => {
          const value = (values as RespValue[])[index] as RespValue;
          if (value instanceof RespError) return replyError(value, nameOf(request));
          // Of replies taken together the queue looked at none.
          if ((replyBit(value) & request.replyTypes) === 0) throw new TypeError(nameOf(request));
          return request.shape(value, region);
        }),
    };
    super(whole, settings, connections, new Capture(), undefined);
    this.replyCount = all.length;
    this.#requests = requests;
    this.#isAtomic = isAtomic;
  }

  override onReply(value: RespValue): void {
    const replies = this.#replies;
    replies.push(value);
    if (replies.length < this.replyCount) return;
    if (!this.#isAtomic) return super.onReply(replies);
    if (Array.isArray(value) && value.length === this.#requests.length) return super.onReply(value);
    // The first refusal is the cause (a wrong command in the queue); EXECABORT only repeats that there was one.
    const index = replies.findIndex((reply) => reply instanceof RespError);
    const refused = replies[index] ?? new RespError('EXECABORT the transaction gave no results');
    this.onFailure(replyError(refused as RespError, nameOf(this.#requests[index - 1] ?? { words: ['EXEC'] })));
  }
}
