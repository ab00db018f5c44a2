// The model of the AshRedis line server on a TCP port, with the behaviour of the real one that hurts: dead threads,
// closes without a reply, silence. It notes every line and whether two requests ever overlapped on a connection.
// Used by integration tests of the line dialect. It listens on a free loopback port and ends with `stop()`.

import { createServer, type Server, type Socket } from 'node:net';
import { LineModel, type ModelBuild } from './line-model.ts';

export interface LineModelLink {
  /** From 1, in order of arrival. */
  readonly number: number;
  readonly socket: Socket;
  /** Every line received, without its end. */
  readonly lines: string[];
}

export interface LineModelServer {
  readonly port: number;
  readonly url: string;
  readonly model: LineModel;
  readonly links: LineModelLink[];
  /** Lines that came while an earlier one of their connection was unanswered, `link: line`. Empty when all is well. */
  readonly overlaps: string[];
  /** All lines of all links, in order of arrival. */
  readonly lines: string[];
  /** Accepted and never answered, as when an I/O thread of the real server has died. */
  isDead: (link: LineModelLink) => boolean;
  /** Asked before a line is answered: it is executed and the link closed without a reply. */
  closesAfter: (line: string, link: LineModelLink) => boolean;
  /** Asked before a line is answered; nothing is answered until the promise resolves. */
  delay: (line: string, link: LineModelLink) => Promise<void> | undefined;
  /** Resolves when `predicate` holds; asked again after each packet and close. */
  until(predicate: () => boolean): Promise<void>;
  /** Ends every link. */
  cut(): void;
  stop(): Promise<void>;
}

export async function startLineModelServer(
  options: { build?: ModelBuild; port?: number } = {},
): Promise<LineModelServer> {
  const model = new LineModel({ build: options.build });
  const waiting: (() => void)[] = [];
  const changed = () => {
    for (const look of waiting.splice(0)) look();
  };
  const server: Server = createServer({ noDelay: true }, (socket) => {
    const link: LineModelLink = { number: state.links.length + 1, socket, lines: [] };
    state.links.push(link);
    serve(link, state);
    socket.on('error', () => {});
    socket.on('close', changed);
    socket.on('data', changed);
    changed();
  });
  const state: LineModelServer = {
    port: 0,
    url: '',
    model,
    links: [],
    overlaps: [],
    lines: [],
    isDead: () => false,
    closesAfter: () => false,
    delay: () => undefined,
    until: async (predicate) => {
      while (!predicate()) await new Promise<void>((resolve) => waiting.push(resolve));
    },
    cut: () => {
      for (const { socket } of state.links) socket.destroy();
    },
    stop: async () => {
      state.cut();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('Cannot listen on a port');
  return Object.assign(state, { port: address.port, url: `redis://127.0.0.1:${address.port}` });
}

/** Answers one link, one packet at a time. */
function serve(link: LineModelLink, server: LineModelServer): void {
  const connection = server.model.connect();
  const { socket } = link;
  let unanswered = 0;
  let answering: Promise<void> = Promise.resolve();

  const answer = async (packet: Buffer, lines: string[]): Promise<void> => {
    for (const line of lines) await server.delay(line, link);
    // One turn later, so that a request that does not wait for its predecessor's reply is seen.
    await new Promise((resolve) => setImmediate(resolve));
    const { replies, closed } = connection.receive(packet);
    unanswered -= lines.length;
    if (closed || lines.some((line) => server.closesAfter(line, link))) socket.end();
    else for (const reply of replies) socket.write(reply);
  };

  socket.on('data', (packet: Buffer) => {
    const lines = packet
      .toString()
      .split('\n')
      .slice(0, -1)
      .map((line) => line.replace(/\r$/, ''));
    // A RESP array is one request, though this server sees a line in each of its parts.
    const isArray = link.lines.length === 0 && packet[0] === 42;
    if (unanswered > 0 || (lines.length > 1 && !isArray)) server.overlaps.push(`${link.number}: ${lines.join(' | ')}`);
    link.lines.push(...lines);
    server.lines.push(...lines);
    unanswered += lines.length;
    if (server.isDead(link)) return;
    answering = answering.then(() => answer(packet, lines));
  });
}
