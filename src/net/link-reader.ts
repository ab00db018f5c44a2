// From the bytes of one link to values: looks at the first line, then lets the dialect's decoder read.
// Called by the live link for each chunk. It must never guess: what fits no dialect is a Handshake- or ProtocolError.

import { type HandshakeError, ProtocolError } from '../errors/index.ts';
import { LineDecoder, LineError, NEED_LINE_DATA } from '../line/index.ts';
import { NEED_DATA, RespDecoder, RespError, RespMessage, RespPush, type RespValue } from '../resp/index.ts';
import { refusedError } from './connect-errors.ts';
import type { ConnectionOptions, Dialect } from './types.ts';

export interface ReaderSink {
  readonly peer: string;
  /** Whether strings of the next reply are wanted as bytes. */
  readonly wantsBytes: boolean;
  /** Whether the next reply is that to KEYS. */
  readonly asksKeys: boolean;
  onMessage(message: RespMessage): void;
  onValue(value: RespValue): void;
  /** The first line came from a line server, though RESP was spoken. */
  onLineServer(): void;
  /** False when the link was dropped meanwhile: reading stops. */
  readonly isReading: boolean;
}

const LF = 10;
const CR = 13;
/** First bytes of RESP replies. */
const RESP_TYPES = '+-:$*_,#!=(%~>|';
const MAX_FIRST_LINE = 512;

export class LinkReader {
  readonly #sink: ReaderSink;
  readonly #options: ConnectionOptions;
  #resp: RespDecoder | undefined;
  #line: LineDecoder | undefined;
  /** Bytes before the first line's end. */
  #first: Uint8Array | undefined;
  /** Bytes that came over this link. */
  bytesRead = 0;

  constructor(sink: ReaderSink, dialect: Dialect, options: ConnectionOptions) {
    this.#sink = sink;
    this.#options = options;
    if (dialect === 'line') this.#line = new LineDecoder();
    else this.#first = new Uint8Array(0);
  }

  /** The chunk is not kept. Throws a `ProtocolError` or a `HandshakeError`: the link is then to be dropped. */
  feed(chunk: Uint8Array): void {
    this.bytesRead += chunk.length;
    if (this.#resp !== undefined) return this.#readResp(this.#resp, chunk);
    if (this.#line !== undefined) return this.#readLine(this.#line, chunk);
    this.#look(chunk);
  }

  #look(chunk: Uint8Array): void {
    const before = this.#first as Uint8Array;
    const bytes = new Uint8Array(before.length + chunk.length);
    bytes.set(before);
    bytes.set(chunk, before.length);
    this.#first = bytes;
    const first = String.fromCharCode(bytes[0] as number);
    if (!RESP_TYPES.includes(first)) throw this.#foreign(bytes);
    const end = bytes.indexOf(LF);
    // A first line this long is no greeting; the decoder has limits of its own.
    if (end < 0 && bytes.length < MAX_FIRST_LINE) return;
    if (end >= 0 && bytes[end - 1] !== CR) return this.#sink.onLineServer();
    this.#first = undefined;
    this.#resp = new RespDecoder({ messages: this.#options.subscriber });
    this.#readResp(this.#resp, bytes);
  }

  #foreign(bytes: Uint8Array): HandshakeError {
    const { peer } = this.#sink;
    const text = String.fromCharCode(...bytes.subarray(0, 40));
    // Record type "alert" or "handshake", version 3.x: RFC 8446, section 5.1.
    if ((bytes[0] === 0x15 || bytes[0] === 0x16) && (bytes.length < 2 || bytes[1] === 3)) {
      return refusedError(peer, 'found a server that speaks TLS, but the link is plain', 'use rediss:// or tls: true');
    }
    const found = text.startsWith('HTTP/') ? 'an HTTP server' : JSON.stringify(text);
    return refusedError(peer, `found ${found}, allowed is a server that speaks RESP`, 'check host and port');
  }

  #readResp(decoder: RespDecoder, chunk: Uint8Array): void {
    const sink = this.#sink;
    const alwaysBytes = this.#options.subscriberBytes;
    decoder.push(chunk);
    while (sink.isReading) {
      const wantsBytes = sink.wantsBytes;
      decoder.asBytes = alwaysBytes || wantsBytes;
      const value = decoder.read();
      if (value instanceof RespMessage) sink.onMessage(value);
      else if (value === NEED_DATA) return;
      else if (!alwaysBytes || (wantsBytes && !(value instanceof RespPush))) sink.onValue(value);
      else sink.onValue(textOf(value));
    }
  }

  #readLine(decoder: LineDecoder, chunk: Uint8Array): void {
    const sink = this.#sink;
    decoder.push(chunk);
    while (sink.isReading) {
      const value = decoder.read();
      if (value === NEED_LINE_DATA) return;
      if (value instanceof LineError) {
        // Its text may go on in lines to come, which would be taken for other commands' replies.
        const endless = sink.asksKeys;
        sink.onValue(new RespError(value.message));
        if (endless)
          throw new ProtocolError('Cannot tell where the error that answers KEYS ends: the link is made anew');
      } else sink.onValue(sink.wantsBytes ? bytesOf(value) : value);
    }
  }
}

/** A line server has only text. */
function bytesOf(value: RespValue): RespValue {
  if (typeof value === 'string') return new TextEncoder().encode(value);
  return Array.isArray(value) ? value.map(bytesOf) : value;
}

/** Confirmations, pongs and the greeting are text, also where payloads are bytes. */
function textOf(value: RespValue): RespValue {
  if (value instanceof Uint8Array) return new TextDecoder().decode(value);
  if (Array.isArray(value)) return value.map(textOf);
  if (value instanceof RespPush) return new RespPush(value.kind, value.values.map(textOf));
  if (value instanceof Map) return new Map([...value].map(([key, entry]) => [textOf(key), textOf(entry)]));
  return value;
}
