// Shows RESP as a tree with offsets: bytes from a file, from standard input, or a server's answer to a command.
// Run: node --import tsx examples/resp-inspect.ts capture.bin
//      node --import tsx examples/resp-inspect.ts --command "HELLO 3" [--host localhost] [--port 6379]

import { createReadStream } from 'node:fs';
import { connect } from 'node:net';
import { parseArgs } from 'node:util';
import { encodeCommand, NEED_DATA, ProtocolError, RespDecoder } from '../src/resp/index.ts';
import { serverAddress } from './support/address.ts';

const NAMES: Record<string, string> = {
  '+': 'simple string',
  '-': 'error',
  ':': 'integer',
  $: 'bulk string',
  '*': 'array',
  _: 'null',
  '#': 'boolean',
  ',': 'double',
  '(': 'big number',
  '!': 'bulk error',
  '=': 'verbatim string',
  '%': 'map',
  '~': 'set',
  '|': 'attribute',
  '>': 'push',
  ';': 'chunk',
  '.': 'end of stream',
};

/** Prints what is whole. The decoder judges the bytes; the printer below only walks what it accepted. */
class Inspector {
  readonly #decoder = new RespDecoder();
  #bytes = Buffer.alloc(0);
  #base = 0;

  /** False once the bytes broke the protocol. */
  push(chunk: Uint8Array): boolean {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    this.#decoder.push(chunk);
    let accepted = true;
    try {
      while (this.#decoder.read() !== NEED_DATA);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      accepted = false;
      this.#printWhole();
      console.log(`${String(error.offset).padStart(8)}  ✗ ${error.message}`);
      return accepted;
    }
    this.#printWhole();
    return accepted;
  }

  get pendingBytes(): number {
    return this.#bytes.length;
  }

  #printWhole(): void {
    for (;;) {
      const lines: string[] = [];
      const end = this.#walk(0, 0, lines);
      if (end < 0) return;
      for (const line of lines) console.log(line);
      this.#bytes = this.#bytes.subarray(end);
      this.#base += end;
    }
  }

  /** Describes the value at `at` and gives the offset behind it, or −1 when it is not whole. */
  #walk(at: number, depth: number, lines: string[]): number {
    const lineEnd = this.#bytes.indexOf('\r\n', at);
    if (lineEnd < 0) return -1;
    const type = String.fromCharCode(this.#bytes[at] ?? 0);
    if (NAMES[type] === undefined) return -1;
    const text = this.#bytes.toString('utf8', at + 1, lineEnd);
    let end = lineEnd + 2;
    const indent = '  '.repeat(depth);
    const tell = (what: string) =>
      lines.push(`${String(this.#base + at).padStart(8)}  ${indent}${NAMES[type]} ${what}`);
    if ('$!=;'.includes(type) && text !== '?' && Number(text) > 0) {
      const stop = end + Number(text);
      if (stop + 2 > this.#bytes.length) return -1;
      tell(`(${text} bytes) ${shorten(this.#bytes.toString('utf8', end, stop))}`);
      return stop + 2;
    }
    const isStream = text === '?';
    if (!isStream && !'*%~|>'.includes(type)) {
      tell(shorten(text));
      return end;
    }
    tell(isStream ? '(streamed)' : `(${text})`);
    let remaining = isStream ? Infinity : Number(text) * ('%|'.includes(type) ? 2 : 1);
    while (remaining > 0) {
      const next = String.fromCharCode(this.#bytes[end] ?? 0);
      end = this.#walk(end, depth + 1, lines);
      if (end < 0) return -1;
      if (isStream && (next === '.' || (next === ';' && lines.at(-1)?.endsWith('chunk "0"')))) return end;
      // A push or an attribute among the elements is not one of them.
      if (next !== '>' && next !== '|') remaining--;
    }
    // What an attribute describes follows at the same depth.
    return end;
  }
}

function shorten(text: string): string {
  const shown = JSON.stringify(text);
  return shown.length > 80 ? `${shown.slice(0, 76)}…"` : shown;
}

const { values, positionals } = parseArgs({
  options: {
    command: { type: 'string' },
    host: { type: 'string' },
    port: { type: 'string' },
    url: { type: 'string' },
  },
  allowPositionals: true,
});
const inspector = new Inspector();

if (values.command === undefined) {
  const source = positionals[0] === undefined ? process.stdin : createReadStream(positionals[0]);
  for await (const chunk of source) if (!inspector.push(chunk as Buffer)) break;
} else {
  const { host = 'localhost', port = 6379 } = serverAddress();
  const socket = connect(port, host);
  socket.setTimeout(1000, () => socket.end());
  socket.write(encodeCommand(values.command.split(' ')));
  for await (const chunk of socket) if (!inspector.push(chunk as Buffer)) break;
}
if (inspector.pendingBytes > 0)
  console.log(`${inspector.pendingBytes} bytes of a value that is not whole, or not RESP`);
