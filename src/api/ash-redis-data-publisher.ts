// The guide's key publisher: each record is stored as JSON under its `__dagserver_key`, with a time to live or without.
// Made by users. It must never change the caller's object.

import { type Dialect, type Frame, REPLY } from '../net/index.ts';
import type { RespValue } from '../resp/index.ts';
import { encodeBy, jsonCodec } from './codec.ts';
import { ttlToMs } from './config.ts';
import type { PublisherConfig, PublishOptions } from './config-types.ts';
import { setFrame, ttlTail } from './frame.ts';
import { nameIn } from './names.ts';
import { type PreparedRecord, PublishCommand, type PublishForm } from './publish-command.ts';
import type { ManyTarget } from './publish-many.ts';
import { keyOf, recordJson, recordOf, recordTtlMs, withoutControlFields } from './record.ts';
import { regionPrefix } from './region.ts';
import { lineFrame } from './request.ts';
import { sendingOf } from './sending.ts';
import { ServerPublisher } from './server-publisher.ts';

/** `new AshRedisDataPublisher('sensors', 'ashredis://anything', { host, region, ttlSeconds })`. Resolves with `'OK'`. */
export class AshRedisDataPublisher extends ServerPublisher<'OK'> {
  /** @internal */
  protected override readonly form: PublishForm;
  readonly #prefix: string;
  readonly #ttlMs: number | undefined;
  readonly #ttlTail: string;
  readonly #isJson: boolean;

  constructor(name: string, destination: string, config?: PublisherConfig) {
    super(name, destination, config);
    const { configuration } = this;
    nameIn(destination, 'ashredis', 'destination');
    this.#ttlMs = configuration.ttlSeconds === undefined ? undefined : ttlToMs(configuration.ttlSeconds, 'ttlSeconds');
    this.#ttlTail = this.#ttlMs === undefined ? '' : ttlTail(this.#ttlMs);
    this.#prefix = regionPrefix(configuration.region);
    this.#isJson = configuration.codec === jsonCodec;
    this.form = { name: 'SET', replyCount: 1, replyTypes: REPLY.simple, ...sendingOf(configuration) };
  }

  /** @internal */
  protected override resultOf(_reply: RespValue): 'OK' {
    return 'OK';
  }

  /** @internal */
  protected override encodePublish(command: PublishCommand, dialect: Dialect): Frame {
    return this.#frame(command.routingKey as string, command.payload, command.ttlMs, dialect);
  }

  /** @internal */
  protected override commandOf(
    data: unknown,
    options: PublishOptions | undefined,
    form: PublishForm,
    deadline: number,
  ): PublishCommand {
    return this.commandFrom(this.prepareQueued(data, options), form, deadline);
  }

  /** @internal */
  protected override commandFrom(record: PreparedRecord, form: PublishForm, deadline: number): PublishCommand {
    const { data, payload, key, ttlMs } = record;
    const { dialect } = this.connections;
    const frame = dialect === undefined ? undefined : this.#frame(key as string, payload, ttlMs, dialect);
    return new PublishCommand(this.owner, form, frame, payload, data, deadline, key, ttlMs);
  }

  /** @internal */
  protected override manyTarget(options: PublishOptions): ManyTarget {
    return {
      form: this.form,
      prepare: (data) => this.prepareQueued(data, options),
      append: (prepared, chunk) => {
        const { key, payload, ttlMs } = prepared as PreparedRecord;
        chunk.add(this.#frame(key as string, payload, ttlMs, this.connections.dialect ?? 'resp'));
      },
      onReply: () => {},
    };
  }

  /** @internal */
  protected override prepareQueued(data: unknown, options: PublishOptions | undefined): PreparedRecord {
    const record = recordOf(data) as object;
    const key = keyOf(record);
    const ownTtlMs = recordTtlMs(record);
    // JSON's control fields can be cut from the text.
    const payload = this.#isJson
      ? recordJson(record, key)
      : encodeBy(this.configuration.codec, withoutControlFields(record));
    const given = options?.ttlSeconds ?? undefined;
    return {
      data,
      key,
      payload,
      ttlMs: given === undefined ? (ownTtlMs ?? this.#ttlMs) : ttlToMs(given, 'ttlSeconds'),
    };
  }

  #frame(key: string, payload: string | Uint8Array, ttlMs: number | undefined, dialect: Dialect): Frame {
    if (dialect === 'resp') {
      // What has none of its own has the configured one.
      const tail = ttlMs === this.#ttlMs ? this.#ttlTail : ttlTail(ttlMs as number);
      return setFrame(this.#prefix + key, payload, tail);
    }
    const words = ttlMs === undefined ? ['SET', key, payload] : ['SET', key, payload, 'PX', ttlMs];
    return lineFrame(words, this.configuration.region, this.connections.lineSettings);
  }
}
