// `publishMany`: records from an iterable, many in one command, replies counted instead of promised.
// Called by the publishers to a server. Memory is bounded by the chunks that are out; the iterable waits for room.

import type { AbortSignalLike, Command, CommandLane, Frame, Platform } from '../net/index.ts';
import { replyError } from '../net/index.ts';
import { RespError, type RespValue } from '../resp/index.ts';
import type { PublishManyOptions, PublishManyResult } from './config-types.ts';
import { tellFailure } from './failures.ts';
import { FrameBuilder } from './frame-builder.ts';
import type { PublishForm } from './publish-command.ts';
import { whenAborted } from './when-aborted.ts';

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

export interface ManySettings {
  readonly form: PublishForm;
  readonly lane: CommandLane;
  readonly platform: Platform;
  /** One record a command: such a server takes one at a time. */
  readonly isLine: boolean;
  readonly signal: AbortSignalLike | undefined;
  readonly onFailure: PublishManyOptions['onFailure'];
  isSuspended(): boolean;
  /** Resolves when the publisher was resumed or stopped. */
  resumed(): Promise<void>;
  /** Throws when the publisher was stopped. */
  checkRunning(): void;
  pack(record: unknown): unknown;
  onPublished(count: number): void;
  onFailed(error: unknown, record: unknown): void;
}

export async function publishMany(
  records: Iterable<unknown> | AsyncIterable<unknown>,
  target: ManyTarget,
  settings: ManySettings,
): Promise<PublishManyResult> {
  const run = new ManyRun(target, settings);
  const { signal } = settings;
  const stopWatching = whenAborted(signal, () => run.abort(signal?.reason));
  try {
    if (Symbol.asyncIterator in records) {
      for await (const record of records) {
        if (settings.isSuspended()) await run.resumed();
        run.add(record);
        // What a slow source has given so far leaves at the end of the turn.
        run.flushLater();
        if (run.isFull) await run.room();
        run.check();
      }
    } else {
      for (const record of records) {
        if (settings.isSuspended()) await run.resumed();
        run.add(record);
        if (run.isFull) {
          await run.room();
          run.check();
        }
      }
    }
    run.check();
  } finally {
    stopWatching();
    run.flush();
    await run.room(0);
  }
  if (signal?.aborted) throw signal.reason;
  return run.result;
}

/** Records that leave together: one command, with a reply, or four, for each of them. */
class Chunk implements Command {
  frame: Frame | undefined = undefined;
  readonly asBytes = false;
  readonly errorsAsValues = true;
  readonly routingKey: string | undefined;
  deadline = 0;
  place = 0;
  readonly form: PublishForm;
  readonly records: unknown[] = [];
  readonly #run: ManyRun;
  readonly #target: ManyTarget;
  readonly #builder = new FrameBuilder();
  /** What is late waits here. */
  readonly #payloads: (string | Uint8Array)[] = [];
  #payloadBytes = 0;
  #replies = 0;
  #refused: RespError | undefined = undefined;

  constructor(run: ManyRun, target: ManyTarget, form: PublishForm) {
    this.#run = run;
    this.#target = target;
    this.form = form;
    this.routingKey = target.routingKey;
  }

  get name(): string {
    return this.form.name;
  }

  get replyCount(): number {
    return this.form.replyCount * this.records.length;
  }

  get replyTypes(): number {
    return this.form.replyTypes;
  }

  get retry(): boolean {
    return this.form.retry;
  }

  get failWhenDisconnected(): boolean {
    return this.form.failWhenDisconnected;
  }

  get timeoutMs(): number {
    return this.form.timeoutMs;
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
    if (value instanceof RespError) this.#refused ??= value;
    if (replyCount > 1) {
      if (this.#replies % replyCount !== 0) return;
      if (Array.isArray(value)) this.#refused ??= value.find((entry) => entry instanceof RespError);
    }
    const refused = this.#refused;
    this.#refused = undefined;
    if (refused === undefined) this.#run.onRecordPublished(value);
    else this.#run.onRecordFailed(replyError(refused, this.name), this.records[this.#replies / replyCount - 1], false);
    if (this.#replies === this.replyCount) this.#run.onChunkSettled(this);
  }

  onFailure(error: unknown): void {
    const unknown = (error as { safeToRetry?: unknown } | null | undefined)?.safeToRetry !== true;
    const answered = Math.floor(this.#replies / this.form.replyCount);
    for (const record of this.records.slice(answered)) this.#run.onRecordFailed(error, record, unknown);
    this.#run.onChunkSettled(this);
  }
}

class ManyRun {
  readonly result: PublishManyResult = { published: 0, failed: 0, unknown: 0 };
  readonly #target: ManyTarget;
  readonly #settings: ManySettings;
  readonly #out = new Set<Chunk>();
  #chunk: Chunk;
  #flushScheduled = false;
  /** Of `result.published`: what the publisher was told. */
  #toldCount = 0;
  #onChange: (() => void) | undefined;

  constructor(target: ManyTarget, settings: ManySettings) {
    this.#target = target;
    this.#settings = settings;
    this.#chunk = this.#newChunk();
  }

  get isFull(): boolean {
    return this.#out.size >= CHUNKS_OUT;
  }

  add(record: unknown): void {
    const chunk = this.#chunk;
    try {
      chunk.add(record, this.#settings.pack(record));
    } catch (error) {
      return this.onRecordFailed(error, record, false);
    }
    if (chunk.byteEstimate >= CHUNK_BYTES || chunk.records.length >= CHUNK_RECORDS || this.#settings.isLine) {
      this.flush();
    }
  }

  flush(): void {
    const chunk = this.#chunk;
    const { lane, platform, form } = this.#settings;
    if (chunk.records.length === 0) return;
    this.#chunk = this.#newChunk();
    chunk.deadline = platform.now() + form.timeoutMs;
    if (!this.#target.isLate) chunk.encode();
    this.#out.add(chunk);
    lane.send(chunk);
  }

  flushLater(): void {
    if (this.#flushScheduled || this.#chunk.records.length === 0) return;
    this.#flushScheduled = true;
    this.#settings.platform.defer(() => {
      this.#flushScheduled = false;
      this.flush();
    });
  }

  async resumed(): Promise<void> {
    await this.#settings.resumed();
    this.check();
  }

  /** Resolves when at most so many chunks are out. */
  async room(most = CHUNKS_OUT - 1): Promise<void> {
    while (this.#out.size > most) {
      await new Promise<void>((resolve) => {
        this.#onChange = resolve;
      });
    }
  }

  /** Throws when it must not go on. */
  check(): void {
    const { signal } = this.#settings;
    if (signal?.aborted) throw signal.reason;
    this.#settings.checkRunning();
  }

  abort(reason: unknown): void {
    for (const chunk of [...this.#out]) this.#settings.lane.cancel(chunk, reason);
  }

  onRecordPublished(reply: RespValue): void {
    this.result.published++;
    this.#target.onReply(reply);
  }

  onRecordFailed(error: unknown, record: unknown, unknown: boolean): void {
    this.result[unknown ? 'unknown' : 'failed']++;
    this.#settings.onFailed(error, record);
    tellFailure(this.#settings.onFailure, error, record);
  }

  onChunkSettled(chunk: Chunk): void {
    this.#out.delete(chunk);
    // Once a chunk: each count looks at the clock.
    this.#settings.onPublished(this.result.published - this.#toldCount);
    this.#toldCount = this.result.published;
    this.#onChange?.();
  }

  #newChunk(): Chunk {
    return new Chunk(this, this.#target, this.#settings.form);
  }
}
