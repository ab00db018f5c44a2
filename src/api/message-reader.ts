// From what arrived to the message that users see: region prefix, codec, validation, envelope and its numbers.
// Used by the message stream, outside of the parser: codecs and `validate` are users' code.

import { UsageError } from '../errors/index.ts';
import { asError } from '../net/index.ts';
import type { Gap } from '../pubsub/index.ts';
import { jsonCodec } from './codec.ts';
import type { Codec, Message } from './config-types.ts';
import { openEnvelope } from './envelope.ts';
import { present } from './handled.ts';
import { Numbering } from './numbering.ts';
import { nameInRegion } from './region.ts';

/** "@", with which a region's prefix begins. */
const AT = 64;

export interface ReaderOptions {
  readonly region: string | undefined;
  /** Of the region, `@r:` or empty. */
  readonly prefix: string;
  /** Undefined: `data` is `raw`. */
  readonly codec: Codec | undefined;
  readonly validate: ((data: unknown) => unknown) | undefined;
  readonly numbered: boolean;
  /** Holes are skips, not losses: newest values only. */
  readonly latest: boolean;
}

/** What the numbers of messages have shown; all 0 without `numbered`. */
export interface ReaderCounts {
  /** Still missing: one that comes late is not any more. */
  missedCount: number;
  /** Came twice. */
  duplicateCount: number;
  /** Came late. */
  reorderedCount: number;
  /** Left out by `delivery: 'latest'`, which is no loss. */
  skippedCount: number;
}

const NONE: ReaderCounts = Object.freeze({ missedCount: 0, duplicateCount: 0, reorderedCount: 0, skippedCount: 0 });

export class MessageReader<T> {
  readonly #options: ReaderOptions;
  #numbering: Numbering | undefined;
  readonly #prefixLength: number;
  readonly #isJson: boolean;
  #counts: ReaderCounts = NONE;
  /** Epoch ms of the subscription's first confirmation. */
  startedAt = Infinity;
  /** What the message that was decoded last showed: to be told before it. */
  gap: Gap | undefined;
  #lastReceivedAt = 0;

  constructor(options: ReaderOptions) {
    this.#options = options;
    this.#prefixLength = options.prefix.length;
    this.#isJson = options.codec === jsonCodec;
  }

  get counts(): Readonly<ReaderCounts> {
    return this.#counts;
  }

  /** True when a message is what arrived: nothing of a user's has to run. */
  get isPlain(): boolean {
    const { codec, validate, numbered } = this.#options;
    return codec === undefined && validate === undefined && !numbered;
  }

  /** Without a region, a pattern finds no region's channels, unless it begins with a region's prefix itself. */
  isForeign(channel: string, pattern: string): boolean {
    if (this.#prefixLength > 0 || channel.charCodeAt(0) !== AT) return false;
    return nameInRegion(undefined, channel) === undefined && nameInRegion(undefined, pattern) !== undefined;
  }

  /** The message as it arrived; its `data` is found by {@link decode}. Names are as on the wire. */
  plain(channel: string, pattern: string | undefined, raw: string | Uint8Array, receivedAt: number): Message<T> {
    const name = this.#prefixLength === 0 ? channel : channel.slice(this.#prefixLength);
    const { region } = this.#options;
    const data = raw as T;
    if (pattern === undefined) {
      if (region === undefined) return { channel: name, data, raw, receivedAt };
      return { channel: name, data, raw, region, receivedAt };
    }
    const stripped = pattern.slice(this.#prefixLength);
    if (region === undefined) return { channel: name, pattern: stripped, data, raw, receivedAt };
    return { channel: name, pattern: stripped, data, raw, region, receivedAt };
  }

  /** Puts the decoded data into the message. Gives the error that makes it `invalid`, or undefined. */
  decode(plain: Message<T>): Error | undefined {
    const message = plain as Mutable<T>;
    const { numbered, codec, validate } = this.#options;
    const { raw } = message;
    try {
      let data: unknown = raw;
      if (numbered) data = this.#dataInside(message);
      else if (this.#isJson && typeof raw === 'string') data = JSON.parse(raw);
      else if (codec) data = decode(codec, raw);
      message.data = (validate ? present(validate(data)) : data) as T;
      return undefined;
    } catch (cause) {
      return invalidError(message.channel, cause);
    }
  }

  /** What the envelope holds; its numbers are counted, and become the message's position. */
  #dataInside(message: Mutable<T>): unknown {
    const { codec } = this.#options;
    this.gap = undefined;
    const envelope = typeof message.raw === 'string' ? openEnvelope(message.raw, this.#isJson) : undefined;
    if (!envelope) throw new Error('it has no envelope { epoch, offset, data }');
    const { epoch, offset, raw, data } = envelope;
    this.gap = this.#count(message.channel, epoch, offset, message.receivedAt);
    message.raw = raw;
    message.position = { epoch, offset };
    return this.#isJson || !codec ? data : decode(codec, raw);
  }

  #count(channel: string, epoch: string, offset: number, receivedAt: number): Gap | undefined {
    // The publisher's epoch begins with the time of its birth, in base 36.
    const bornAt = Number.parseInt(epoch.slice(0, epoch.indexOf('-')), 36);
    this.#numbering ??= new Numbering();
    const found = this.#numbering.note(channel, epoch, offset, bornAt >= this.startedAt);
    const from = this.#lastReceivedAt === 0 ? Math.min(this.startedAt, receivedAt) : this.#lastReceivedAt;
    this.#lastReceivedAt = receivedAt;
    if (found === undefined) return undefined;
    const missed = Math.max(0, found);
    const counts = { ...this.#counts };
    this.#counts = counts;
    if (this.#options.latest) {
      counts.skippedCount += missed;
      return undefined;
    }
    // One that comes late is not missing any more.
    counts.missedCount += found;
    const name = `of channel ${JSON.stringify(channel)}`;
    let text = `Missed ${missed} messages ${name} before number ${offset}`;
    let reason = 'counted';
    if (missed === 0) {
      reason = found < 0 ? 'reordered' : 'duplicate';
      counts[`${reason as 'reordered' | 'duplicate'}Count`]++;
      text = `Message number ${offset} ${name} came ${found < 0 ? 'late' : 'twice'}`;
    }
    return { channels: [channel], from, to: receivedAt, cause: new Error(text), reason, missed };
  }
}

type Mutable<T> = { -readonly [K in keyof Message<T>]: Message<T>[K] };

function decode(codec: Codec, raw: string | Uint8Array): unknown {
  const limit = codec.maxDecodedBytes;
  if (limit !== undefined && raw.length > limit) {
    throw new Error(`its ${raw.length} bytes exceed "maxDecodedBytes" of ${limit}`);
  }
  return present(codec.decode(raw));
}

function invalidError(channel: string, cause: unknown): UsageError {
  return new UsageError(`Cannot read message of channel ${JSON.stringify(channel)}: ${asError(cause).message}`, {
    cause,
    code: 'ASHREDIS_INVALID_MESSAGE',
    safeToRetry: false,
    hint: 'check the publisher, the codec and "validate"',
  });
}
