// The guide's channel publisher: each record goes whole to a channel, by PUBLISH or SPUBLISH, retained and numbered on
// wish; on a line server it is the newest value of the key `channel:<name>`. Made by users.
// One publish is one JSON.stringify, one text, one object and one promise: nothing else may be added to that way.

import { UsageError } from '../errors/index.ts';
import { encodeJson } from '../json/index.ts';
import { type Dialect, type Frame, REPLY, utf8Length } from '../net/index.ts';
import type { RespValue } from '../resp/index.ts';
import { encodeBy, jsonCodec } from './codec.ts';
import type { PublisherConfig, PublishOptions } from './config-types.ts';
import { epochOf, wrapEnvelope } from './envelope.ts';
import { payloadFrame, publishPrefix, retainFrame } from './frame.ts';
import type { FrameBuilder } from './frame-builder.ts';
import { nameIn } from './names.ts';
import { type PreparedRecord, PublishCommand, type PublishForm } from './publish-command.ts';
import type { ManyTarget } from './publish-many.ts';
import { regionPrefix } from './region.ts';
import { lineFrame } from './request.ts';
import { sendingOf } from './sending.ts';
import { ServerPublisher, type ServerPublisherStats } from './server-publisher.ts';

/**
 * `new AshRedisChannelDataPublisher('alerts', 'ashredischannel://system_alerts', { host })`. `publish()` resolves with
 * the number of receivers, or undefined on a line server, which can't tell.
 */
export class AshRedisChannelDataPublisher extends ServerPublisher<number | undefined> {
  /** What stands after `ashredischannel://`. */
  readonly channel: string;
  /** @internal */
  protected override readonly form: PublishForm;
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
    this.channel = nameIn(destination, 'ashredischannel', 'destination');
    if (configuration.kind === 'pattern') {
      throw new UsageError('Cannot publish with kind "pattern": a message goes to one channel', {
        hint: 'use kind "channel" or "shard"',
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
    const reply = this.#retain
      ? { replyCount: 4, replyTypes: REPLY.any }
      : { replyCount: 1, replyTypes: REPLY.integer };
    this.form = { name: command, ...reply, ...sendingOf(configuration) };
  }

  /** Messages that nobody received. */
  get noReceivers(): number {
    return this.#noReceivers;
  }

  /** @internal */
  protected override resultOf(reply: RespValue): number | undefined {
    // EXEC's array: SET, then PUBLISH. A line server's SET tells nothing.
    const count = Array.isArray(reply) ? reply[1] : reply;
    if (count === 0) this.#noReceivers++;
    return Number.isInteger(count) ? (count as number) : undefined;
  }

  /** @internal */
  protected override encodePublish(command: PublishCommand, dialect: Dialect): Frame {
    if (dialect === 'line') command.form = lineForm(command.form);
    return this.#frame(this.#numberedPayload(command.payload), dialect);
  }

  /** @internal */
  protected override commandOf(
    data: unknown,
    _options: PublishOptions | undefined,
    form: PublishForm,
    deadline: number,
  ): PublishCommand {
    return this.#command(this.#encode(data), data, form, deadline);
  }

  /** @internal */
  protected override commandFrom(record: PreparedRecord, form: PublishForm, deadline: number): PublishCommand {
    return this.#command(record.payload, record.data, form, deadline);
  }

  /** @internal */
  protected override prepareQueued(data: unknown): PreparedRecord {
    return { data, payload: this.#encode(data), key: undefined, ttlMs: undefined };
  }

  /** @internal */
  protected override manyTarget(): ManyTarget {
    const dialect = this.connections.dialect ?? 'resp';
    return {
      form: dialect === 'line' ? lineForm(this.form) : this.form,
      routingKey: this.#prefixed,
      isLate: this.#numbered,
      prepare: (data) => this.#encode(data),
      append: (payload, chunk) => this.#append(this.#numberedPayload(payload as string), dialect, chunk),
      onReply: (reply) => void this.resultOf(reply),
    };
  }

  override stats(): ChannelPublisherStats {
    return { ...super.stats(), channel: this.channel, noReceivers: this.#noReceivers };
  }

  #encode(data: unknown): string | Uint8Array {
    return this.#isJson ? encodeJson(data) : encodeBy(this.configuration.codec, data);
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
    const { region } = this.configuration;
    const key = `channel:${this.channel}`;
    if (dialect === 'line') return lineFrame(['SET', key, payload], region, this.connections.lineSettings);
    if (this.#retain) return retainFrame(regionPrefix(region) + key, this.#publishPrefix, payload);
    return payloadFrame(this.#publishPrefix, this.#publishPrefixBytes, payload);
  }
}

/** A line server keeps the newest value. */
function lineForm(form: PublishForm): PublishForm {
  return { ...form, name: 'SET', replyCount: 1, replyTypes: REPLY.simple };
}

export interface ChannelPublisherStats extends ServerPublisherStats {
  channel: string;
  noReceivers: number;
}
