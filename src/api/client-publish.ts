// The quick way of `client.publish(channel, text or bytes)`: what does not change of a channel is kept, and one object is all that
// is made. Owned by the client. Everything out of the ordinary (options, codecs, line servers) goes the general way.

import { type Frame, REPLY, utf8Length } from '../net/index.ts';
import type { RespValue } from '../resp/index.ts';
import type { Connections } from './connections.ts';
import { commandTrace } from './diagnostics.ts';
import { payloadFrame, publishPrefix } from './frame.ts';
import { type Capture, PublishCommand, type PublishForm, type PublishOwner } from './publish-command.ts';
import { regionPrefix } from './region.ts';
import { sendingOf } from './sending.ts';

interface Prefix {
  readonly text: string;
  readonly byteLength: number;
}

/** Channels whose prefix is kept; when there are more all are made anew. */
const MAX_PREFIXES = 1000;

export class ClientPublish implements PublishOwner {
  readonly capture: Capture;
  readonly #connections: Connections;
  readonly #form: PublishForm;
  #prefixes: Map<string, Prefix> | undefined;
  /** The last one used: programs publish to few channels. */
  #lastName: string | undefined;
  #lastPrefix: Prefix = { text: '', byteLength: 0 };

  constructor(connections: Connections, capture: Capture) {
    this.capture = capture;
    this.#connections = connections;
    this.#form = { name: 'PUBLISH', replyCount: 1, replyTypes: REPLY.integer, ...sendingOf(connections.config) };
  }

  /** Undefined where the general way has to be taken. */
  publish(channel: unknown, data: unknown, region: string | undefined): Promise<number> | undefined {
    const connections = this.#connections;
    if (connections.dialect !== 'resp' || connections.isClosed || commandTrace.hasSubscribers) return undefined;
    if (typeof channel !== 'string' || channel === '') return undefined;
    // Bytes are the caller's to change as soon as we return.
    const payload = typeof data === 'string' ? data : data instanceof Uint8Array ? data.slice() : undefined;
    if (payload === undefined) return undefined;
    const name = region === undefined ? channel : regionPrefix(region) + channel;
    const deadline = connections.platform.now() + this.#form.timeoutMs;
    const command = new PublishCommand(this, this.#form, undefined, payload, undefined, deadline, name, undefined);
    connections.lane.send(command);
    return command.promise as Promise<number>;
  }

  onPublished(_command: PublishCommand, reply: RespValue): number {
    return Number(reply);
  }

  onPublishFailed(): void {}

  /** The dialect is RESP: nothing else goes this way, and a server does not change it while a command waits. */
  encodePublish(command: PublishCommand): Frame {
    const name = command.routingKey as string;
    const prefix = name === this.#lastName ? this.#lastPrefix : this.#prefixOf(name);
    return payloadFrame(prefix.text, prefix.byteLength, command.payload);
  }

  #prefixOf(name: string): Prefix {
    this.#prefixes ??= new Map();
    let prefix = this.#prefixes.get(name);
    if (prefix === undefined) {
      if (this.#prefixes.size >= MAX_PREFIXES) this.#prefixes.clear();
      const text = publishPrefix('PUBLISH', name);
      prefix = { text, byteLength: utf8Length(text) };
      this.#prefixes.set(name, prefix);
    }
    this.#lastName = name;
    this.#lastPrefix = prefix;
    return prefix;
  }
}
