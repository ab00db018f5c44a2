// A bare TCP connection for tests that look at bytes: what a server answers, and whether it closes.
// Used by the tests of the embedded server. It must never interpret what it reads.

import { connect, type Socket } from 'node:net';

export class RawConnection {
  readonly socket: Socket;
  received = '';
  ended = false;
  #waiting: (() => void)[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => {
      this.received += chunk.toString('latin1');
      this.#wake();
    });
    const end = () => {
      this.ended = true;
      this.#wake();
    };
    socket.on('error', end);
    socket.on('end', end);
    socket.on('close', end);
  }

  static open(server: { host: string; port: number }): Promise<RawConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: server.host, port: server.port, noDelay: true });
      socket.once('error', reject);
      socket.once('connect', () => resolve(new RawConnection(socket)));
    });
  }

  /** Strings are byte strings (latin1). */
  write(bytes: string | Uint8Array): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /** Resolves when the predicate holds or the server has closed; rejects after `limitMs`. */
  async until(predicate: (received: string) => boolean, limitMs = 10_000): Promise<string> {
    const deadline = performance.now() + limitMs;
    while (!predicate(this.received) && !this.ended) {
      const left = deadline - performance.now();
      if (left <= 0)
        throw new Error(`Nothing more within ${limitMs} ms after ${JSON.stringify(this.received.slice(-200))}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
    return this.received;
  }

  /** Everything up to the server's close. */
  async untilClosed(limitMs = 10_000): Promise<string> {
    return this.until(() => false, limitMs);
  }

  /** What the server answers to these bytes, up to and with `end`, and takes it. */
  async ask(bytes: string | Uint8Array, end: string): Promise<string> {
    this.write(bytes);
    await this.until((received) => received.includes(end));
    return this.take();
  }

  take(): string {
    const received = this.received;
    this.received = '';
    return received;
  }

  close(): void {
    this.socket.destroy();
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
