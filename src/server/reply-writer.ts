// Writes replies in the protocol of one connection: RESP2 or RESP3. Called by the command handlers.
// Output is one byte string that grows until the end of the turn: concatenation costs nothing until it is written,
// and one write a connection and turn is what makes pipelines fast. It must never touch a socket.

const LINE_BREAK = /[\r\n]/;
const LINE_BREAKS = /[\r\n]/g;

export class ReplyWriter {
  protocol: 2 | 3 = 2;
  /** Bytes to be written, each character one byte. */
  out = '';
  /** What stays of them when a reply is taken back (CLIENT REPLY): confirmations and messages. */
  kept: string | undefined = undefined;

  raw(bytes: string): void {
    this.out += bytes;
  }

  simple(text: string): void {
    this.out += `+${text}\r\n`;
  }

  ok(): void {
    this.out += '+OK\r\n';
  }

  /** `text` begins with the code. Line breaks in it would break the framing, and become blanks as in Redis. */
  error(text: string): void {
    this.out += `-${LINE_BREAK.test(text) ? text.replace(LINE_BREAKS, ' ') : text}\r\n`;
  }

  integer(value: number | bigint): void {
    this.out += `:${value}\r\n`;
  }

  bulk(bytes: string): void {
    this.out += `$${bytes.length}\r\n${bytes}\r\n`;
  }

  bulkOrNull(bytes: string | undefined): void {
    if (bytes === undefined) this.nil();
    else this.bulk(bytes);
  }

  /** A null in the place of a bulk. */
  nil(): void {
    this.out += this.protocol === 3 ? '_\r\n' : '$-1\r\n';
  }

  /** A null in the place of an array. */
  nilArray(): void {
    this.out += this.protocol === 3 ? '_\r\n' : '*-1\r\n';
  }

  array(count: number): void {
    this.out += `*${count}\r\n`;
  }

  /** `count` pairs follow: a map in RESP3, a flat array in RESP2. */
  map(count: number): void {
    this.out += this.protocol === 3 ? `%${count}\r\n` : `*${count * 2}\r\n`;
  }

  set(count: number): void {
    this.out += this.protocol === 3 ? `~${count}\r\n` : `*${count}\r\n`;
  }

  /** Out of band in RESP3, an array among the replies in RESP2. */
  push(count: number): void {
    this.out += this.protocol === 3 ? `>${count}\r\n` : `*${count}\r\n`;
  }

  verbatim(text: string): void {
    if (this.protocol === 3) this.out += `=${text.length + 4}\r\ntxt:${text}\r\n`;
    else this.bulk(text);
  }
}

/** Text of ours as a byte string. */
export function bytesOf(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** A byte string as text, for what people read. */
export function textOf(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
