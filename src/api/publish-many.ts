// `publishMany`: records from an iterable, many in one command, replies counted instead of promised.
// Called by the publishers to a server. Memory is bounded by the chunks that are out; the iterable waits for room.

import type { AbortSignalLike, Command, Frame } from '../net/index.ts';
import { replyError } from '../net/index.ts';
import { RespError, type RespValue } from '../resp/index.ts';
import type { PublishManyResult } from './config-types.ts';
import { FrameBuilder } from './frame-builder.ts';
import type { PublishForm } from './publish-command.ts';

/** A chunk is full at so many bytes or records; so many chunks may be out. */
const CHUNK_BYTES = 32 * 1024;
const CHUNK_RECORDS = 512;
const CHUNKS_OUT = 8;

/** The way to the server. */
export interface ManyTarget {
  /** Adds the record's command to the chunk. Throws, before it adds anything, for what can't be sent. */
  append(data: unknown, chunk: FrameBuilder): void;
  /** Or else, where the bytes must be made when the chunk is handed over (what is refused before has no number). */
  readonly late?: {
    /** Throws for what can't be sent. */
    payload(data: unknown): string | Uint8Array;
    append(payload: string | Uint8Array, chunk: FrameBuilder): void;
  };
  readonly repliesPerRecord: number;
  /** Of the command and of its replies: a line server's differ. */
  readonly name: string;
  readonly replyTypes: number;
  readonly routingKey?: string | undefined;
  /** The reply of a record that was published. */
  onReply(reply: RespValue): void;
  send(command: Command): void;
  cancel(command: Command, reason: unknown): void;
  defer(callback: () => void): void;
}

export interface ManySettings {
  readonly form: PublishForm;
  deadline(): number;
  /** One record a command: such a server takes one at a time. */
  readonly isLine: boolean;
  readonly signal: AbortSignalLike | undefined;
  readonly onFailure: ((error: Error, record: never) => void) | undefined;
  readonly isSuspended: () => boolean;
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
  const onAbort = () => run.abort(signal?.reason);
  signal?.addEventListener('abort', onAbort);
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
    signal?.removeEventListener('abort', onAbort);
    run.flush();
    await run.finished();
  }
  if (signal?.aborted) throw signal.reason;
  return run.result;
}

/** One chunk: a command with a reply, or four, for each of its records. */
class ChunkCommand implements Command {
  frame: Frame | undefined;
  readonly byteEstimate: number;
  readonly asBytes = false;
  readonly errorsAsValues = true;
  readonly deadline: number;
  readonly name: string;
  readonly replyCount: number;
  readonly replyTypes: number;
  readonly records: readonly unknown[];
  place = 0;
  /** Replies so far. */
  replies = 0;
  readonly #run: ManyRun;
  readonly #target: ManyTarget;
  readonly #payloads: readonly (string | Uint8Array)[];
  readonly #form: PublishForm;
  readonly #repliesPerRecord: number;
  readonly routingKey: string | undefined;
  #refused: RespError | undefined;

  constructor(run: ManyRun, target: ManyTarget, settings: ManySettings, chunk: Chunk) {
    this.frame = target.late === undefined ? chunk.builder.frame() : undefined;
    this.byteEstimate = chunk.bytes;
    this.deadline = settings.deadline();
    this.records = chunk.records;
    this.replyCount = chunk.records.length * target.repliesPerRecord;
    this.name = target.name;
    this.replyTypes = target.replyTypes;
    this.routingKey = target.routingKey;
    this.#run = run;
    this.#target = target;
    this.#payloads = chunk.payloads;
    this.#form = settings.form;
    this.#repliesPerRecord = target.repliesPerRecord;
  }

  get retry(): boolean {
    return this.#form.retry;
  }

  get failWhenDisconnected(): boolean {
    return this.#form.failWhenDisconnected;
  }

  get timeoutMs(): number {
    return this.#form.timeoutMs;
  }

  encode(): Frame {
    const builder = new FrameBuilder();
    for (const payload of this.#payloads) this.#target.late?.append(payload, builder);
    this.frame = builder.frame();
    return this.frame;
  }

  onReply(value: RespValue): void {
    this.replies++;
    if (value instanceof RespError) this.#refused ??= value;
    if (this.#repliesPerRecord > 1) {
      if (this.replies % this.#repliesPerRecord !== 0) return;
      if (Array.isArray(value)) {
        const inner = value.find((entry) => entry instanceof RespError) as RespError | undefined;
        this.#refused ??= inner;
      }
    }
    const refused = this.#refused;
    const record = this.records[this.replies / this.#repliesPerRecord - 1];
    this.#refused = undefined;
    if (refused === undefined) this.#run.onRecordPublished(value);
    else this.#run.onRecordFailed(replyError(refused, this.name), record, false);
    if (this.replies === this.replyCount) this.#run.onChunkSettled(this);
  }

  onFailure(error: unknown): void {
    const unknown = (error as { safeToRetry?: unknown } | null | undefined)?.safeToRetry !== true;
    const answered = Math.floor(this.replies / this.#repliesPerRecord);
    for (let i = answered; i < this.records.length; i++) this.#run.onRecordFailed(error, this.records[i], unknown);
    this.#run.onChunkSettled(this);
  }
}

/** Records that will leave together. */
class Chunk {
  readonly builder = new FrameBuilder();
  readonly records: unknown[] = [];
  /** Where the bytes are made late. */
  readonly payloads: (string | Uint8Array)[] = [];
  #payloadBytes = 0;

  /** About; what is made late is counted by its length. */
  get bytes(): number {
    return this.builder.byteLength + this.#payloadBytes;
  }

  addPayload(payload: string | Uint8Array): void {
    this.payloads.push(payload);
    this.#payloadBytes += payload.length + 64;
  }
}

class ManyRun {
  readonly result: PublishManyResult = { published: 0, failed: 0, unknown: 0 };
  readonly #target: ManyTarget;
  readonly #settings: ManySettings;
  readonly #out = new Set<ChunkCommand>();
  #chunk = new Chunk();
  #flushScheduled = false;
  /** Of `result.published`: what the publisher was told. */
  #toldCount = 0;
  #onChange: (() => void) | undefined;

  constructor(target: ManyTarget, settings: ManySettings) {
    this.#target = target;
    this.#settings = settings;
  }

  get isFull(): boolean {
    return this.#out.size >= CHUNKS_OUT;
  }

  add(record: unknown): void {
    const chunk = this.#chunk;
    const { late } = this.#target;
    try {
      const data = this.#settings.pack(record);
      if (late === undefined) this.#target.append(data, chunk.builder);
      else chunk.addPayload(late.payload(data));
    } catch (error) {
      return this.onRecordFailed(error, record, false);
    }
    chunk.records.push(record);
    if (chunk.bytes >= CHUNK_BYTES || chunk.records.length >= CHUNK_RECORDS || this.#settings.isLine) this.flush();
  }

  flush(): void {
    const chunk = this.#chunk;
    if (chunk.records.length === 0) return;
    this.#chunk = new Chunk();
    const command = new ChunkCommand(this, this.#target, this.#settings, chunk);
    this.#out.add(command);
    this.#target.send(command);
  }

  flushLater(): void {
    if (this.#flushScheduled || this.#chunk.records.length === 0) return;
    this.#flushScheduled = true;
    this.#target.defer(() => {
      this.#flushScheduled = false;
      this.flush();
    });
  }

  async resumed(): Promise<void> {
    await this.#settings.resumed();
    this.check();
  }

  async room(): Promise<void> {
    while (this.isFull) await this.#change();
  }

  async finished(): Promise<void> {
    while (this.#out.size > 0) await this.#change();
  }

  /** Throws when it must not go on. */
  check(): void {
    const { signal } = this.#settings;
    if (signal?.aborted) throw signal.reason;
    this.#settings.checkRunning();
  }

  abort(reason: unknown): void {
    for (const command of [...this.#out]) this.#target.cancel(command, reason);
  }

  onRecordPublished(reply: RespValue): void {
    this.result.published++;
    this.#target.onReply(reply);
  }

  onRecordFailed(error: unknown, record: unknown, unknown: boolean): void {
    if (unknown) this.result.unknown++;
    else this.result.failed++;
    this.#settings.onFailed(error, record);
    try {
      this.#settings.onFailure?.(error instanceof Error ? error : new Error(String(error)), record as never);
    } catch {
      // A broken hook is no reason to lose count of the rest.
    }
  }

  onChunkSettled(command: ChunkCommand): void {
    this.#out.delete(command);
    // Once a chunk: each count looks at the clock.
    this.#settings.onPublished(this.result.published - this.#toldCount);
    this.#toldCount = this.result.published;
    this.#onChange?.();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#onChange = resolve;
    });
  }
}
