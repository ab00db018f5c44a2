// A TCP server that answers by script: for behaviour that no real server shows on demand.
// Used by unit and integration tests. It listens on a free loopback port and ends with `stop()`.

import { createServer, type Server, type Socket } from 'node:net';
import { resetSocket } from './reset-socket.ts';

/** One accepted link, seen from the server. */
export interface ScriptedLink {
  /** From 1, in order of arrival. */
  readonly number: number;
  readonly socket: Socket;
  /** Every command received, as words. */
  readonly commands: string[][];
  /** Every byte received, as latin1. */
  received: string;
  write(bytes: string | Uint8Array): void;
  /** RST: the peer sees ECONNRESET. */
  reset(): void;
}

/** Gives the reply to one command; undefined sends nothing. */
export type Script = (words: string[], link: ScriptedLink) => string | Uint8Array | undefined;

export interface ScriptedServer {
  readonly port: number;
  readonly url: string;
  readonly links: ScriptedLink[];
  /** Changes what commands are answered with from now on. */
  script: Script;
  /** Called for each link before it is read. */
  onLink: (link: ScriptedLink) => void;
  /** Resolves with the link number `number`, at once when it is there. */
  linked(number: number): Promise<ScriptedLink>;
  /** Resolves when `predicate` holds; asked again after each command. */
  until(predicate: () => boolean): Promise<void>;
  stop(): Promise<void>;
}

export const HELLO_3 =
  '%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n7.0.0\r\n$5\r\nproto\r\n:3\r\n$2\r\nid\r\n:1\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n';

/** What a server says to a handshake; undefined for every other command. */
export function greeting(words: string[]): string | undefined {
  const name = words[0]?.toUpperCase();
  if (name === 'HELLO') return words[1] === '3' ? HELLO_3 : '*4\r\n$5\r\nproto\r\n:2\r\n$4\r\nrole\r\n$6\r\nmaster\r\n';
  if (name === 'PING') return words.length > 1 ? bulk(words[1] as string) : '+PONG\r\n';
  if (name === 'AUTH' || name === 'SELECT' || name === 'CLIENT') return '+OK\r\n';
  return undefined;
}

export function bulk(text: string): string {
  return `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
}

export async function startScriptedServer(script: Script = greeting, port = 0): Promise<ScriptedServer> {
  const links: ScriptedLink[] = [];
  const waiting: (() => void)[] = [];
  const changed = () => {
    for (const look of waiting.splice(0)) look();
  };
  const server: Server = createServer({ noDelay: true }, (socket) => {
    const link: ScriptedLink = {
      number: links.length + 1,
      socket,
      commands: [],
      received: '',
      write: (bytes) => void socket.write(bytes as string, 'latin1'),
      reset: () => resetSocket(socket),
    };
    links.push(link);
    scripted.onLink(link);
    let buffer = '';
    socket.on('data', (chunk) => {
      const text = chunk.toString('latin1');
      link.received += text;
      buffer += text;
      for (;;) {
        const command = cutCommand(buffer);
        if (command === undefined) break;
        buffer = command.rest;
        link.commands.push(command.words);
        const reply = scripted.script(command.words, link);
        if (reply !== undefined && !socket.destroyed) link.write(reply);
        changed();
      }
    });
    socket.on('error', () => {});
    socket.on('close', changed);
    changed();
  });
  const scripted: ScriptedServer = {
    port: 0,
    url: '',
    links,
    script,
    onLink: () => {},
    linked: async (number) => {
      await scripted.until(() => links.length >= number);
      return links[number - 1] as ScriptedLink;
    },
    until: async (predicate) => {
      while (!predicate()) await new Promise<void>((resolve) => waiting.push(resolve));
    },
    stop: async () => {
      for (const { socket } of links) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('Cannot listen on a port');
  return Object.assign(scripted, { port: address.port, url: `redis://127.0.0.1:${address.port}` });
}

/** One array of bulk strings, or one line, from the front of `text` (latin1); undefined when it is not whole. */
export function cutCommand(text: string): { words: string[]; rest: string } | undefined {
  if (!text.startsWith('*')) {
    const end = text.indexOf('\n');
    if (end < 0) return undefined;
    return { words: text.slice(0, end).trim().split(/\s+/), rest: text.slice(end + 1) };
  }
  let at = text.indexOf('\r\n');
  if (at < 0) return undefined;
  const words: string[] = [];
  const count = Number(text.slice(1, at));
  at += 2;
  for (let index = 0; index < count; index++) {
    const end = text.indexOf('\r\n', at);
    if (end < 0) return undefined;
    const length = Number(text.slice(at + 1, end));
    if (text.length < end + 2 + length + 2) return undefined;
    words.push(text.slice(end + 2, end + 2 + length));
    at = end + 2 + length + 2;
  }
  return { words, rest: text.slice(at) };
}
