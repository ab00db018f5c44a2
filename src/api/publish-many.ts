// `publishMany`: records from an iterable, many in one command, replies counted instead of promised.
// Called by the publishers to a server. Memory is bounded by the chunks that are out; the iterable waits for room.

import type { ReplyError } from '../errors/index.ts';
import { type AbortSignalLike, type Command, type Frame, whenAborted } from '../net/index.ts';
import type { RespValue } from '../resp/index.ts';
import type { PublishManyOptions, PublishManyResult } from './config-types.ts';
import type { Connections } from './connections.ts';
import { tellFailure } from './failures.ts';
import { FrameBuilder } from './frame-builder.ts';
import { FormCommand, type PublishForm, refusalOf } from './publish-command.ts';

/** A chunk is full at so many bytes or records; so many chunks may be out. */
const CHUNK_BYTES = 32 * 1024;
const CHUNK_RECORDS = 512;
const CHUNKS_OUT = 8;

/** What becomes of a record, by publisher. */
export interface ManyTarget {
  /** Of one record and its replies: a line server's differ. */
  readonly form: PublishForm;
  readonly routingKey?: string | undefined;
  /** The bytes must be made when the chunk is handed over (what is refused before has no number). */
  readonly isLate?: boolean;
  /** Throws for what can't be sent. What is late is text or bytes. */
  prepare(data: unknown): unknown;
  append(prepared: unknown, chunk: FrameBuilder): void;
  /** The reply of a record that was published. */
  onReply(reply: RespValue): void;
}

/** What is asked of the publisher while its records leave; protected there, since users extend it. */
export interface ManyPublisher {
  isSuspended(): boolean;
  /** Resolves when it was resumed or stopped. */
  resumed(signal: AbortSignalLike | undefined): Promise<void>;
  /** Throws when it was stopped. */
  checkRunning(action: string): void;
  packed(record: unknown): unknown;
  countMany(publishedCount: number): void;
  /** What `stop()` waits for, or gives up. */
  manySent(command: Command, recordCount: number): void;
  manySettled(command: Command, recordCount: number): void;
  tellFailed(error: unknown, record: unknown): void;
}

export async function publishMany(
  records: Iterable<unknown> | AsyncIterable<unknown>,
  publisher: ManyPublisher,
  target: ManyTarget,
  form: PublishForm,
  { lane, platform, dialect }: Pick<Connections, 'lane' | 'platform' | 'dialect'>,
  { signal, onFailure }: PublishManyOptions,
): Promise<PublishManyResult> {
  const result: PublishManyResult = { published: 0, failed: 0, unknown: 0 };
  const out = new Set<Chunk>();
  let chunk!: Chunk;
  let isFlushScheduled = false;
  /** Of `result.published`: what the publisher was told. */
  let toldCount = 0;
  /** Records refused since others had their turn: they wait for nobody. */
  let refusedCount = 0;
  let onChange: (() => void) | undefined;

  const failed = (error: unknown, record: unknown, isUnknown: boolean) => {
    result[isUnknown ? 'unknown' : 'failed']++;
    publisher.tellFailed(error, record);
    tellFailure(onFailure, error, record);
  };
  const owner: ChunkOwner = {
    published(reply) {
      result.published++;
      target.onReply(reply);
    },
    failed,
    settled(command) {
      out.delete(command);
      publisher.manySettled(command, command.records.length);
      // Once a chunk: each count looks at the clock.
      publisher.countMany(result.published - toldCount);
      toldCount = result.published;
      onChange?.();
    },
  };
  const begin = () => {
    chunk = new Chunk(owner, target, form);
  };
  const flush = () => {
    const full = chunk;
    if (full.records.length === 0) return;
    begin();
    publisher.manySent(full, full.records.length);
    try {
      check();
    } catch (error) {
      // What had not left when it was given up leaves no more.
      return full.onFailure(error);
    }
    full.deadline = platform.now() + form.timeoutMs;
    if (!target.isLate) full.encode();
    out.add(full);
    lane.send(full);
  };
  const add = (record: unknown) => {
    try {
      chunk.add(record, publisher.packed(record));
    } catch (error) {
      refusedCount++;
      return failed(error, record, false);
    }
    // A line server takes one at a time.
    if (chunk.byteEstimate >= CHUNK_BYTES || chunk.records.length >= CHUNK_RECORDS || dialect === 'line') flush();
  };
  /** What a slow source has given so far leaves at the end of the turn. */
  const flushLater = () => {
    if (isFlushScheduled || chunk.records.length === 0) return;
    isFlushScheduled = true;
    platform.defer(() => {
      isFlushScheduled = false;
      flush();
    });
  };
  /** Throws when it must not go on. */
  const check = () => {
    if (signal?.aborted) throw signal.reason;
    publisher.checkRunning('publish');
  };
  const resumed = async () => {
    await publisher.resumed(signal);
    check();
  };
  const mustWait = () => out.size >= CHUNKS_OUT || refusedCount >= CHUNK_RECORDS;
  /** Resolves when at most so many chunks are out. */
  const room = async (most: number) => {
    if (refusedCount >= CHUNK_RECORDS) await new Promise<void>((resolve) => platform.afterRead(resolve));
    refusedCount = 0;
    while (out.size > most) {
      await new Promise<void>((resolve) => {
        onChange = resolve;
      });
    }
  };

  begin();
  const stopWatching = whenAborted(signal, () => {
    for (const command of [...out]) lane.cancel(command, signal?.reason);
  });
  try {
    if (Symbol.asyncIterator in records) {
      for await (const record of records) {
        if (publisher.isSuspended()) await resumed();
        add(record);
        flushLater();
        if (mustWait()) await room(CHUNKS_OUT - 1);
        check();
      }
    } else {
      for (const record of records) {
        if (publisher.isSuspended()) await resumed();
        add(record);
        if (mustWait()) await room(CHUNKS_OUT - 1);
        check();
      }
    }
    check();
  } finally {
    flush();
    await room(0);
    stopWatching();
  }
  if (signal?.aborted) throw signal.reason;
  return result;
}

interface ChunkOwner {
  published(reply: RespValue): void;
  failed(error: unknown, record: unknown, isUnknown: boolean): void;
  settled(chunk: Chunk): void;
}

/** Records that leave together: one command, with a reply, or four, for each of them. */
class Chunk extends FormCommand implements Command {
  frame: Frame | undefined = undefined;
  readonly errorsAsValues = true;
  readonly routingKey: string | undefined;
  deadline = 0;
  place = 0;
  readonly form: PublishForm;
  readonly records: unknown[] = [];
  readonly #owner: ChunkOwner;
  readonly #target: ManyTarget;
  readonly #builder = new FrameBuilder();
  /** What is late waits here. */
  readonly #payloads: (string | Uint8Array)[] = [];
  #payloadBytes = 0;
  #replies = 0;
  #refused: ReplyError | undefined = undefined;

  constructor(owner: ChunkOwner, target: ManyTarget, form: PublishForm) {
    super();
    this.#owner = owner;
    this.#target = target;
    this.form = form;
    this.routingKey = target.routingKey;
  }

  get replyCount(): number {
    return this.form.replyCount * this.records.length;
  }

  /** About; what is made late is counted by its length. */
  get byteEstimate(): number {
    return this.#builder.byteLength + this.#payloadBytes;
  }

  /** Throws, before it adds anything, for what can't be sent. */
  add(record: unknown, data: unknown): void {
    const prepared = this.#target.prepare(data);
    if (this.#target.isLate) {
      this.#payloads.push(prepared as string);
      this.#payloadBytes += (prepared as string).length + 64;
    } else this.#target.append(prepared, this.#builder);
    this.records.push(record);
  }

  encode(): Frame {
    for (const payload of this.#payloads.splice(0)) this.#target.append(payload, this.#builder);
    this.frame = this.#builder.frame();
    return this.frame;
  }

  onReply(value: RespValue): void {
    const { replyCount } = this.form;
    this.#replies++;
    this.#refused ??= refusalOf(value, this.name, this.#replies % replyCount === 1);
    if (this.#replies % replyCount !== 0) return;
    const refused = this.#refused;
    this.#refused = undefined;
    if (refused === undefined) this.#owner.published(value);
    else this.#owner.failed(refused, this.records[this.#replies / replyCount - 1], false);
    if (this.#replies === this.replyCount) this.#owner.settled(this);
  }

  onFailure(error: unknown): void {
    const unknown = (error as { safeToRetry?: unknown } | null | undefined)?.safeToRetry !== true;
    const answered = Math.floor(this.#replies / this.form.replyCount);
    for (const record of this.records.slice(answered)) this.#owner.failed(error, record, unknown);
    this.#owner.settled(this);
  }
}
