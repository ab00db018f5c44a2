// Several requests as one command: one write, one reply each, with MULTI and EXEC around them when atomic.
// Made by batch.ts; on a line server it fails before it is sent. It settles as the client's other commands do: once, with all
// replies, or with the error that ended the batch as a whole.

import { commandFrame, type Dialect, type Frame, REPLY, replyBit, replyError } from '../net/index.ts';
import { RespError, type RespValue } from '../resp/index.ts';
import { ClientCommand, type CommandSettings } from './client-command.ts';
import type { Connections } from './connections.ts';
import { joinFrames } from './frame-builder.ts';
import { Capture } from './publish-command.ts';
import { byteEstimateOf, nameOf, type Request, wordsInRegion } from './request.ts';

/** What it fails with where one command after the other must be sent. */
export const ON_LINE_SERVER: unique symbol = Symbol();

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
          if (!(replyBit(value) & request.replyTypes)) throw new TypeError();
          return request.shape(value, region);
        }),
    };
    super(whole, settings, connections, new Capture(), undefined);
    this.replyCount = all.length;
    this.#requests = requests;
    this.#isAtomic = isAtomic;
  }

  override get byteEstimate(): number {
    return this.#requests.reduce((sum, request) => sum + byteEstimateOf(request), 0);
  }

  override encode(dialect: Dialect): Frame {
    if (dialect === 'line') throw ON_LINE_SERVER;
    return super.encode(dialect);
  }

  override onReply(value: RespValue): void {
    const replies = this.#replies;
    replies.push(value);
    if (replies.length < this.replyCount) return;
    const results = this.#isAtomic ? value : replies;
    if (Array.isArray(results) && results.length === this.#requests.length) return super.onReply(results);
    // The first refusal is the cause (a wrong command in the queue); EXECABORT only repeats that there was one.
    const index = replies.findIndex((reply) => reply instanceof RespError);
    const refused = replies[index] ?? new RespError('EXECABORT the transaction gave no results');
    // Where MULTI itself is refused, all the rest is executed.
    const isMulti = index === 0;
    const request = this.#requests[index - 1] ?? { words: [isMulti ? 'MULTI' : 'EXEC'] };
    this.onFailure(replyError(refused as RespError, nameOf(request), isMulti));
  }
}
