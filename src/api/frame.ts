// Wire forms of the publishers' commands, with everything that does not change prepared once.
// Called once a publish. Pure; the line dialect's bytes are made by the line room.

import { type Frame, utf8Length } from '../net/index.ts';
import { joinFrames } from './frame-builder.ts';

/** `$<bytes>\r\n<text>\r\n` */
function bulkText(text: string): string {
  return `$${utf8Length(text)}\r\n${text}\r\n`;
}

/** The start of `PUBLISH channel …` (or SPUBLISH), to be prepared once a publisher. */
export function publishPrefix(command: 'PUBLISH' | 'SPUBLISH', channel: string): string {
  return `*3\r\n${bulkText(command)}${bulkText(channel)}`;
}

/** `prefix`, then the payload as the last argument. */
export function payloadFrame(prefix: string, prefixBytes: number, payload: string | Uint8Array): Frame {
  if (typeof payload !== 'string') {
    const head = `${prefix}$${payload.length}\r\n`;
    const byteLength = prefixBytes + (head.length - prefix.length) + payload.length + 2;
    return { text: undefined, ascii: false, parts: [head, payload, '\r\n'], byteLength };
  }
  const bytes = utf8Length(payload);
  const text = `${prefix}$${bytes}\r\n${payload}\r\n`;
  const ascii = bytes === payload.length && prefixBytes === prefix.length;
  return {
    text,
    ascii,
    parts: undefined,
    byteLength: text.length + (bytes - payload.length) + (prefixBytes - prefix.length),
  };
}

const SET = '*3\r\n$3\r\nSET\r\n$';
const SET_PX = '*5\r\n$3\r\nSET\r\n$';

/** The end of a SET with a time to live, to be prepared once where it is always the same. */
export function ttlTail(ttlMs: number): string {
  return `$2\r\nPX\r\n${bulkText(String(ttlMs))}`;
}

/** `SET key payload [PX ttlMs]`. `key` has the region's prefix already; `tail` is that of `ttlTail`, or empty. */
export function setFrame(key: string, payload: string | Uint8Array, tail: string): Frame {
  const keyBytes = utf8Length(key);
  const prefix = `${tail === '' ? SET : SET_PX}${keyBytes}\r\n${key}\r\n`;
  // What is more than ASCII is counted by the key alone: the rest is ours.
  const frame = payloadFrame(prefix, prefix.length - key.length + keyBytes, payload);
  if (tail === '') return frame;
  if (frame.text !== undefined) frame.text += tail;
  else frame.parts?.push(tail);
  frame.byteLength += tail.length;
  return frame;
}

const MULTI: Frame = { text: '*1\r\n$5\r\nMULTI\r\n', ascii: true, parts: undefined, byteLength: 15 };
const EXEC: Frame = { text: '*1\r\n$4\r\nEXEC\r\n', ascii: true, parts: undefined, byteLength: 14 };

/** MULTI, SET (no TTL), PUBLISH, EXEC in one write: four replies. */
export function retainFrame(key: string, publish: string, payload: string | Uint8Array): Frame {
  return joinFrames([MULTI, setFrame(key, payload, ''), payloadFrame(publish, utf8Length(publish), payload), EXEC]);
}
