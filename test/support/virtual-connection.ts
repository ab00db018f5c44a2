// A connection on virtual time against a server that answers by script: what the tests of the net room stand on.
// No real clock, no real socket. The script is given whole commands, as words.

import assert from 'node:assert/strict';
import { Connection } from '../../src/net/connection.ts';
import type { Command, ConnectionHandler, ConnectionOptions, Frame, StateEvent } from '../../src/net/index.ts';
import { commandFrame, REPLY } from '../../src/net/index.ts';
import type { RespValue } from '../../src/resp/index.ts';
import { cutCommand, greeting, HELLO_3 } from './scripted-server.ts';
import { type ServerEnd, SimulatedNetwork, type SimulatedPlatform } from './simulation/network.ts';
import { SeededRandom } from './simulation/random.ts';
import { VirtualTime } from './simulation/virtual-time.ts';

export { greeting, HELLO_3 };

/** Answers each command by OK. */
export const store: VirtualScript = (words) => greeting(words) ?? '+OK\r\n';

export const DEFAULTS: ConnectionOptions = {
  resolver: () => ({ host: 'localhost', port: 6379, generation: 1 }),
  dialect: 'auto',
  protocol: 3,
  credentials: undefined,
  clientName: undefined,
  db: 0,
  connectTimeoutMs: 5000,
  commandTimeoutMs: 5000,
  closeTimeoutMs: 2000,
  waitOnFirstConnect: false,
  heartbeatIntervalMs: 10_000,
  heartbeatTimeoutMs: 5000,
  reconnect: { maxAttempts: Infinity, maxDelayMs: 5000 },
  offlineMaxCount: 10_000,
  offlineMaxBytes: 16 * 1024 * 1024,
  maxBacklogBytes: 64 * 1024 * 1024,
  subscriber: false,
  unref: false,
  quoting: 'auto',
};

/** What the server knows of one link. */
export interface VirtualEnd {
  /** From 1. */
  readonly number: number;
  readonly commands: string[][];
  /** latin1 */
  received: string;
  reply(text: string): void;
  close(): void;
  closed: boolean;
}

export type VirtualScript = (words: string[], end: VirtualEnd) => string | undefined;

const encoder = new TextEncoder();

export class VirtualConnection {
  readonly time = new VirtualTime();
  readonly network: SimulatedNetwork;
  readonly platform: SimulatedPlatform;
  readonly ends: VirtualEnd[] = [];
  readonly events: StateEvent[] = [];
  readonly connection: Connection;
  script: VirtualScript;
  onLink: (end: VirtualEnd) => void = () => {};

  constructor(
    options: Partial<ConnectionOptions> = {},
    script: VirtualScript = greeting,
    handler: ConnectionHandler = {},
    seed = 11,
  ) {
    const random = new SeededRandom(seed);
    this.script = script;
    this.network = new SimulatedNetwork(this.time, random);
    this.network.onAccept = (end) => this.#accept(end);
    this.platform = this.network.platform('test', random, 1_700_000_000_000);
    this.connection = new Connection({ ...DEFAULTS, ...options }, this.platform, {
      ...handler,
      onState: (event) => {
        this.events.push(event);
        handler.onState?.(event);
      },
    });
  }

  /** The last link that was accepted. */
  get end(): VirtualEnd {
    const end = this.ends.at(-1);
    if (end === undefined) throw new Error('Cannot find a link: none was accepted');
    return end;
  }

  get states(): string[] {
    return this.events.map((event) => event.to);
  }

  async run(ms: number): Promise<void> {
    await this.time.runFor(ms);
  }

  /** Closes while time goes on; no link and no timer may be left. */
  async close(): Promise<void> {
    const closed = this.connection.close();
    await this.run(2500);
    await closed;
    assert.deepEqual([this.network.links.size, this.platform.timerCount], [0, 0]);
  }

  async connect(): Promise<void> {
    const promise = this.connection.connect();
    promise.catch(() => {});
    await this.run(20);
    await promise;
  }

  /** Sends a command and says how it ended. */
  send(args: string[], changes: Partial<Command> = {}): Sent {
    const sent = new Sent(args, this.time.now() + 5000, changes);
    this.connection.send(sent);
    return sent;
  }

  cutAll(): void {
    for (const link of [...this.network.links]) link.cut();
  }

  freezeAll(): void {
    for (const link of this.network.links) link.freeze();
  }

  thawAll(): void {
    for (const link of this.network.links) link.thaw();
  }

  #accept(server: ServerEnd): void {
    const end: VirtualEnd = {
      number: this.ends.length + 1,
      commands: [],
      received: '',
      reply: (text) => server.send(encoder.encode(text)),
      close: () => server.close(),
      closed: false,
    };
    this.ends.push(end);
    server.onClose = () => {
      end.closed = true;
    };
    let buffer = '';
    server.onData = (bytes) => {
      const text = Buffer.from(bytes).toString('latin1');
      end.received += text;
      buffer += text;
      for (;;) {
        const cut = cutCommand(buffer);
        if (cut === undefined) return;
        buffer = cut.rest;
        end.commands.push(cut.words);
        const reply = this.script(cut.words, end);
        if (reply !== undefined && !end.closed) end.reply(reply);
      }
    };
    this.onLink(end);
  }
}

/** A command that remembers how it ended. */
export class Sent implements Command {
  readonly name: string;
  frame: Frame | undefined;
  readonly replyCount: number = 1;
  readonly replyTypes: number = REPLY.any;
  readonly asBytes: boolean = false;
  readonly deadline: number;
  readonly retry: boolean = false;
  readonly failWhenDisconnected: boolean = false;
  readonly replies: RespValue[] = [];
  readonly failures: unknown[] = [];

  constructor(args: string[], deadline: number, changes: Partial<Command>) {
    this.name = (args[0] as string).toUpperCase();
    this.frame = commandFrame(args);
    this.deadline = deadline;
    Object.assign(this, changes);
  }

  get failure(): Error & { code?: string; safeToRetry?: boolean } {
    if (this.failures.length !== 1) throw new Error(`${this.name} failed ${this.failures.length} times`);
    return this.failures[0] as Error;
  }

  get settled(): boolean {
    return this.failures.length > 0 || this.replies.length >= this.replyCount;
  }

  onReply(value: RespValue): void {
    if (this.settled) throw new Error(`${this.name} settled twice`);
    this.replies.push(value);
  }

  onFailure(error: unknown): void {
    if (this.settled) throw new Error(`${this.name} settled twice`);
    this.failures.push(error);
  }
}
