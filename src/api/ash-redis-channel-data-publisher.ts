// The guide's channel publisher: each record goes whole to a channel, by PUBLISH or SPUBLISH, retained and numbered on
// wish; on a line server it is the newest value of the key `channel:<name>`. Made by users.
// One publish is one JSON.stringify, one text, one object and one promise: nothing else may be added to that way.

import { UsageError } from '../errors/index.ts';
import { type Dialect, encodeLine, type Frame, utf8Length } from '../net/index.ts';
import type { RespValue } from '../resp/index.ts';
import { binaryOnLine } from './ash-redis-data-publisher.ts';
import { encodeJson, jsonCodec } from './codec.ts';
import type { PublisherConfig, PublishOptions } from './config-types.ts';
import { epochOf, wrapEnvelope } from './envelope.ts';
import { payloadFrame, publishPrefix, retainFrame } from './frame.ts';
import type { FrameBuilder } from './frame-builder.ts';
import { nameIn } from './names.ts';
import { type PreparedRecord, PUBLISH_REPLIES, PublishCommand, type PublishForm } from './publish-command.ts';
import type { ManyTarget } from './publish-many.ts';
import { regionPrefix } from './region.ts';
import { ServerPublisher, type ServerPublisherStats } from './server-publisher.ts';

/**
 * `new AshRedisChannelDataPublisher('alerts', 'ashredischannel://system_alerts', { host })`. `publish()` resolves with
 * the number of receivers, or undefined on a line server, which can't tell.
 */
export class AshRedisChannelDataPublisher extends ServerPublisher<number | undefined> {
  /** What stands after `ashredischannel://`. */
  readonly channel: string;
  protected override readonly form: PublishForm;
  readonly #lineForm: PublishForm;
  readonly #isJson: boolean;
  readonly #numbered: boolean;
  readonly #retain: boolean;
  /** This publisher's life. */
  readonly #epoch: string;
  readonly #prefixed: string;
  readonly #publishPrefix: string;
  readonly #publishPrefixBytes: number;
  #offset = 0;
  #noReceivers = 0;

  constructor(name: string, destination: string, config?: PublisherConfig) {
    super(name, destination, config);
    const { configuration } = this;
    this.channel = nameIn(destination, 'ashredischannel', 'destination of an AshRedisChannelDataPublisher');
    if (configuration.kind === 'pattern') {
      throw new UsageError('Cannot publish with kind "pattern": a message goes to one channel', {
        hint: 'use kind "channel" or "shard"; patterns are for subscribers',
      });
    }
    const command = configuration.kind === 'shard' ? 'SPUBLISH' : 'PUBLISH';
    this.#prefixed = regionPrefix(configuration.region) + this.channel;
    this.#publishPrefix = publishPrefix(command, this.#prefixed);
    this.#publishPrefixBytes = utf8Length(this.#publishPrefix);
    this.#isJson = configuration.codec === jsonCodec;
    this.#numbered = configuration.numbered;
    this.#retain = configuration.retain;
    this.#epoch = epochOf(this.platform);
    const settings = {
      retry: configuration.retry === 'always',
      failWhenDisconnected: configuration.whenDisconnected === 'fail',
      timeoutMs: configuration.commandTimeoutMs,
    };
    this.form = this.#retain
      ? { name: command, replyCount: 4, replyTypes: PUBLISH_REPLIES.transaction, ...settings }
      : { name: command, replyCount: 1, replyTypes: PUBLISH_REPLIES.publish, ...settings };
    this.#lineForm = { name: 'SET', replyCount: 1, replyTypes: PUBLISH_REPLIES.set, ...settings };
  }

  /** Messages that nobody received. */
  get noReceivers(): number {
    return this.#noReceivers;
  }

  protected override resultOf(reply: RespValue): number | undefined {
    const receivers = this.#receiversOf(reply);
    if (receivers === 0) this.#noReceivers++;
    return receivers;
  }

  protected override encodePublish(command: PublishCommand, dialect: Dialect): Frame {
    if (dialect === 'line') {
      const { retry, failWhenDisconnected, timeoutMs } = command.form;
      command.form = { ...this.#lineForm, retry, failWhenDisconnected, timeoutMs };
    }
    return this.#frame(this.#numberedPayload(command.payload), dialect);
  }

  protected override commandOf(
    data: unknown,
    _options: PublishOptions | undefined,
    form: PublishForm,
    deadline: number,
  ): PublishCommand {
    return this.#command(this.#encode(data), data, form, deadline);
  }

  protected override commandFrom(record: PreparedRecord, form: PublishForm, deadline: number): PublishCommand {
    return this.#command(record.payload, record.data, form, deadline);
  }

  protected override prepareQueued(data: unknown): PreparedRecord {
    return { data, payload: this.#encode(data), key: undefined, ttlMs: undefined };
  }

  protected override manyTarget(): Omit<ManyTarget, 'send' | 'cancel' | 'defer'> {
    const dialect = this.connections.dialect ?? 'resp';
    const form = dialect === 'line' ? this.#lineForm : this.form;
    return {
      name: form.name,
      repliesPerRecord: form.replyCount,
      replyTypes: form.replyTypes,
      routingKey: this.#prefixed,
      append: (data, chunk) => this.#append(this.#encode(data), dialect, chunk),
      ...(this.#numbered
        ? {
            late: {
              payload: (data: unknown) => this.#encode(data),
              append: (payload: string | Uint8Array, chunk: FrameBuilder) =>
                this.#append(this.#numberedPayload(payload), dialect, chunk),
            },
          }
        : {}),
      onReply: (reply) => {
        if (this.#receiversOf(reply) === 0) this.#noReceivers++;
      },
    };
  }

  override stats(): ChannelPublisherStats {
    return { ...super.stats(), channel: this.channel, noReceivers: this.#noReceivers };
  }

  #encode(data: unknown): string | Uint8Array {
    return this.#isJson ? encodeJson(data) : this.configuration.codec.encode(data);
  }

  #append(payload: string | Uint8Array, dialect: Dialect, chunk: FrameBuilder): void {
    if (typeof payload !== 'string' || this.#retain || dialect === 'line') {
      return chunk.add(this.#frame(payload, dialect));
    }
    // The common case, without an object for each record.
    const bytes = utf8Length(payload);
    const text = `${this.#publishPrefix}$${bytes}\r\n${payload}\r\n`;
    chunk.addText(text, text.length - payload.length - this.#publishPrefix.length + bytes + this.#publishPrefixBytes);
  }

  #command(payload: string | Uint8Array, data: unknown, form: PublishForm, deadline: number): PublishCommand {
    // The frame comes late, and so do numbers: what is refused before leaves no hole.
    // One key for all: on a line server the order of a channel is the order of its connection.
    return new PublishCommand(this.owner, form, undefined, payload, data, deadline, this.#prefixed, undefined);
  }

  #numberedPayload(payload: string | Uint8Array): string | Uint8Array {
    if (!this.#numbered || typeof payload !== 'string') return payload;
    return wrapEnvelope(this.#epoch, ++this.#offset, payload, this.#isJson);
  }

  #frame(payload: string | Uint8Array, dialect: Dialect): Frame {
    if (dialect === 'line') return this.#lineFrame(payload);
    if (this.#retain) return retainFrame(this.#retainedKey, this.#publishPrefix, payload);
    return payloadFrame(this.#publishPrefix, this.#publishPrefixBytes, payload);
  }

  #lineFrame(payload: string | Uint8Array): Frame {
    if (typeof payload !== 'string') throw binaryOnLine();
    const words = ['SET', `channel:${this.channel}`, payload];
    return encodeLine(words, { region: this.configuration.region, ...this.connections.lineSettings });
  }

  get #retainedKey(): string {
    return `${regionPrefix(this.configuration.region)}channel:${this.channel}`;
  }

  #receiversOf(reply: RespValue): number | undefined {
    // EXEC's array: SET, then PUBLISH. A line server's SET tells nothing.
    const count = Array.isArray(reply) ? reply[1] : reply;
    return typeof count === 'number' ? count : undefined;
  }
}

export interface ChannelPublisherStats extends ServerPublisherStats {
  channel: string;
  noReceivers: number;
}
