// A model of a Redis server's publish/subscribe side, for the simulator: small enough to be believed, and it keeps a
// journal of what it really did, against which the checker holds what clients were told.
// It parses requests with code of its own, so that a fault of the library's decoder can't hide itself.

import type { ServerEnd } from './network.ts';
import type { VirtualTime } from './virtual-time.ts';

/** One PUBLISH that was executed. */
export interface Published {
  readonly order: number;
  readonly at: number;
  readonly channel: string;
  readonly payload: string;
  readonly receivers: number;
}

interface Session {
  readonly end: ServerEnd;
  readonly id: number;
  buffer: Uint8Array;
  protocol: 2 | 3;
  readonly channels: Set<string>;
  readonly patterns: Set<string>;
  readonly shardChannels: Set<string>;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The model. `loadingUntil`, `denied` and `supportsHello` are turned by the world. */
export class ModelServer {
  readonly journal: Published[] = [];
  readonly denied = new Set<string>();
  /** Commands by name that are refused, and how. */
  readonly forbidden = new Set<string>();
  refusal = 'NOPERM User has no permissions to run the command';
  loadingUntil = 0;
  supportsHello = true;
  /** Every command executed, by name. */
  readonly executed = new Map<string, number>();
  readonly #sessions = new Set<Session>();
  readonly #values = new Map<string, string>();
  readonly #time: VirtualTime;
  #nextId = 1;

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  accept(end: ServerEnd): void {
    const session: Session = {
      end,
      id: this.#nextId++,
      buffer: new Uint8Array(0),
      protocol: 2,
      channels: new Set(),
      patterns: new Set(),
      shardChannels: new Set(),
    };
    this.#sessions.add(session);
    end.onClose = () => this.#sessions.delete(session);
    end.onData = (bytes) => this.#read(session, bytes);
  }

  get sessionCount(): number {
    return this.#sessions.size;
  }

  /** A restart: every connection is closed, every value is gone. */
  restart(loadingMs: number): void {
    for (const session of [...this.#sessions]) session.end.close();
    this.#sessions.clear();
    this.#values.clear();
    this.loadingUntil = this.#time.now() + loadingMs;
  }

  /** CLIENT KILL of one connection that has subscriptions, or of any. */
  killOne(index: number): void {
    const all = [...this.#sessions];
    const session = all[index % Math.max(1, all.length)];
    if (session === undefined) return;
    this.#sessions.delete(session);
    session.end.close();
  }

  /** What a proxy does that loses a subscription and keeps the link: nobody is told. */
  deafen(index: number, channel?: string): void {
    const all = [...this.#sessions].filter((session) => session.channels.size > 0);
    const session = all[index % Math.max(1, all.length)];
    if (channel === undefined) session?.channels.clear();
    else session?.channels.delete(channel);
  }

  /** A server-sent `unsubscribe`. */
  unsubscribeByServer(index: number): void {
    const all = [...this.#sessions].filter((session) => session.channels.size > 0);
    const session = all[index % Math.max(1, all.length)];
    const channel = session === undefined ? undefined : [...session.channels][0];
    if (session === undefined || channel === undefined) return;
    session.channels.delete(channel);
    this.#confirm(session, 'unsubscribe', channel);
  }

  /** The server takes one name away from all that have it, and says so unless `quietly`. */
  takeAway(kind: 'channel' | 'pattern' | 'shard', name: string, quietly = false): void {
    for (const session of this.#sessions) {
      const names = { channel: session.channels, pattern: session.patterns, shard: session.shardChannels }[kind];
      const word = { channel: 'unsubscribe', pattern: 'punsubscribe', shard: 'sunsubscribe' }[kind];
      if (names.delete(name) && !quietly) this.#confirm(session, word, name);
    }
  }

  #read(session: Session, bytes: Uint8Array): void {
    if (!this.#sessions.has(session)) return;
    const joined = new Uint8Array(session.buffer.byteLength + bytes.byteLength);
    joined.set(session.buffer);
    joined.set(bytes, session.buffer.byteLength);
    let offset = 0;
    for (;;) {
      const parsed = parseCommand(joined, offset);
      if (parsed === undefined) break;
      offset = parsed.end;
      this.#execute(session, parsed.words);
      if (!this.#sessions.has(session)) return;
    }
    session.buffer = joined.slice(offset);
  }

  #send(session: Session, text: string): void {
    session.end.send(encoder.encode(text));
  }

  #execute(session: Session, words: string[]): void {
    const name = (words[0] ?? '').toUpperCase();
    this.executed.set(name, (this.executed.get(name) ?? 0) + 1);
    const argument = words[1] ?? '';
    if (this.#time.now() < this.loadingUntil && name !== 'HELLO') {
      this.#send(session, '-LOADING Redis is loading the dataset in memory\r\n');
      return;
    }
    if (this.forbidden.has(name)) return this.#send(session, `-${this.refusal}\r\n`);
    switch (name) {
      case 'HELLO':
        if (!this.supportsHello) this.#send(session, "-ERR unknown command 'HELLO'\r\n");
        else if (this.#time.now() < this.loadingUntil)
          this.#send(session, '-LOADING Redis is loading the dataset in memory\r\n');
        else this.#hello(session, argument);
        return;
      case 'PING':
        if (session.protocol === 2 && isSubscriber(session))
          this.#send(session, `*2\r\n$4\r\npong\r\n${bulk(argument)}`);
        else this.#send(session, words.length > 1 ? bulk(argument) : '+PONG\r\n');
        return;
      case 'CLIENT':
        if (argument.toUpperCase() === 'INFO') {
          const { channels, patterns, shardChannels } = session;
          this.#send(
            session,
            bulk(
              `id=${session.id} sub=${channels.size} psub=${patterns.size} ssub=${shardChannels.size} resp=${session.protocol}\n`,
            ),
          );
        } else this.#send(session, '+OK\r\n');
        return;
      case 'AUTH':
      case 'SELECT':
        this.#send(session, '+OK\r\n');
        return;
      case 'SET':
        this.#values.set(argument, words[2] ?? '');
        this.#send(session, '+OK\r\n');
        return;
      case 'GET': {
        const value = this.#values.get(argument);
        this.#send(session, value === undefined ? (session.protocol === 3 ? '_\r\n' : '$-1\r\n') : bulk(value));
        return;
      }
      case 'PUBLISH':
        this.#send(session, `:${this.publishFrom(argument, words[2] ?? '')}\r\n`);
        return;
      case 'SUBSCRIBE':
        // One refusal for all of them, as Redis does it.
        if (words.some((channel) => this.denied.has(channel))) {
          this.#send(session, `-NOPERM No permissions to access a channel\r\n`);
          return;
        }
        return this.#change(session, 'subscribe', words, (channel) => session.channels.add(channel));
      case 'PSUBSCRIBE':
        return this.#change(session, 'psubscribe', words, (pattern) => session.patterns.add(pattern));
      case 'SSUBSCRIBE':
        return this.#change(session, 'ssubscribe', words, (channel) => session.shardChannels.add(channel));
      case 'SUNSUBSCRIBE':
        return this.#change(session, 'sunsubscribe', words, (channel) => session.shardChannels.delete(channel));
      case 'UNSUBSCRIBE':
        return this.#change(session, 'unsubscribe', words, (channel) => session.channels.delete(channel));
      case 'PUNSUBSCRIBE':
        return this.#change(session, 'punsubscribe', words, (pattern) => session.patterns.delete(pattern));
      case 'QUIT':
        this.#send(session, '+OK\r\n');
        session.end.close();
        return;
      default:
        this.#send(session, `-ERR unknown command '${name}'\r\n`);
    }
  }

  #change(session: Session, kind: string, words: readonly string[], change: (name: string) => unknown): void {
    for (const name of words.slice(1)) {
      change(name);
      this.#confirm(session, kind, name);
    }
  }

  #hello(session: Session, version: string): void {
    session.protocol = version === '3' ? 3 : 2;
    const fields = [
      'server',
      'redis',
      'version',
      '7.2.0',
      'proto',
      session.protocol,
      'id',
      session.id,
      'mode',
      'standalone',
      'role',
      'master',
    ];
    const head = session.protocol === 3 ? `%${fields.length / 2}\r\n` : `*${fields.length}\r\n`;
    this.#send(
      session,
      head + fields.map((field) => (typeof field === 'number' ? `:${field}\r\n` : bulk(field))).join(''),
    );
  }

  #confirm(session: Session, kind: string, channel: string): void {
    const isShard = kind === 'ssubscribe' || kind === 'sunsubscribe';
    const count = isShard ? session.shardChannels.size : session.channels.size + session.patterns.size;
    this.#send(session, `${session.protocol === 3 ? '>' : '*'}3\r\n${bulk(kind)}${bulk(channel)}:${count}\r\n`);
  }

  /** SET and GET by another client, at once. */
  setValue(key: string, value: string): void {
    this.#values.set(key, value);
  }

  getValue(key: string): string | null {
    return this.#values.get(key) ?? null;
  }

  /** A PUBLISH by somebody outside of the world. */
  publishFrom(channel: string, payload: string): number {
    let receivers = 0;
    for (const other of this.#sessions) {
      const mark = other.protocol === 3 ? '>' : '*';
      if (other.channels.has(channel)) {
        receivers++;
        this.#send(other, `${mark}3\r\n${bulk('message')}${bulk(channel)}${bulk(payload)}`);
      }
      for (const pattern of other.patterns) {
        if (!channel.startsWith(pattern.slice(0, -1))) continue;
        receivers++;
        this.#send(other, `${mark}4\r\n${bulk('pmessage')}${bulk(pattern)}${bulk(channel)}${bulk(payload)}`);
      }
    }
    this.journal.push({ order: this.journal.length, at: this.#time.now(), channel, payload, receivers });
    return receivers;
  }
}

function isSubscriber(session: Session): boolean {
  return session.channels.size + session.patterns.size + session.shardChannels.size > 0;
}

function bulk(text: string): string {
  return `$${encoder.encode(text).byteLength}\r\n${text}\r\n`;
}

/** One array of bulks, or undefined when it is not whole yet. */
function parseCommand(bytes: Uint8Array, start: number): { words: string[]; end: number } | undefined {
  let offset = start;
  const line = (mark: number): number | undefined => {
    const end = bytes.indexOf(13, offset);
    if (end < 0 || end + 1 >= bytes.byteLength) return undefined;
    if (bytes[offset] !== mark || bytes[end + 1] !== 10)
      throw new Error('The model server was sent what is not a command');
    const value = Number(decoder.decode(bytes.subarray(offset + 1, end)));
    offset = end + 2;
    return value;
  };
  if (offset >= bytes.byteLength) return undefined;
  const count = line(0x2a);
  if (count === undefined) return undefined;
  const words: string[] = [];
  for (let index = 0; index < count; index++) {
    if (offset >= bytes.byteLength) return undefined;
    const length = line(0x24);
    if (length === undefined || offset + length + 2 > bytes.byteLength) return undefined;
    words.push(decoder.decode(bytes.subarray(offset, offset + length)));
    if (bytes[offset + length] !== 13 || bytes[offset + length + 1] !== 10) {
      throw new Error('The model server was sent a bulk that does not end with CRLF');
    }
    offset += length + 2;
  }
  return { words, end: offset };
}
