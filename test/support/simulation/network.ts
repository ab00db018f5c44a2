// A network that exists in memory, on virtual time, and breaks on purpose: latency, fragments, cuts, freezes.
// It gives the client its `Platform.dial` and the model server its accepted ends. No real socket is ever opened.

import type { Address, Frame, Link, LinkEvents, Platform, TimerHandle } from '../../../src/net/index.ts';
import type { SeededRandom } from './random.ts';
import type { EventHandle, VirtualTime } from './virtual-time.ts';

/** What the model server sees of a link. */
export interface ServerEnd {
  readonly id: number;
  send(bytes: Uint8Array): void;
  close(): void;
  onData: (bytes: Uint8Array) => void;
  onClose: () => void;
}

/** How the network behaves at this moment. */
export interface Weather {
  /** `refuse`: nobody listens. `blackhole`: the dial is never answered. */
  dial: 'accept' | 'refuse' | 'blackhole';
  latencyMs: number;
  jitterMs: number;
  /** Probability that a piece is cut into fragments. */
  fragment: number;
}

const encoder = new TextEncoder();

/** The network: dials, deliveries and their faults. */
export class SimulatedNetwork {
  readonly weather: Weather = { dial: 'accept', latencyMs: 0.2, jitterMs: 0.3, fragment: 0.2 };
  readonly links = new Set<SimulatedLink>();
  onAccept: (end: ServerEnd) => void = () => {};
  dialCount = 0;

  readonly time: VirtualTime;
  readonly random: SeededRandom;

  constructor(time: VirtualTime, random: SeededRandom) {
    this.time = time;
    this.random = random;
  }

  dial(owner: string, events: LinkEvents): Link {
    this.dialCount++;
    return new SimulatedLink(this, owner, events);
  }

  openCount(owner: string): number {
    let count = 0;
    for (const link of this.links) if (link.owner === owner) count++;
    return count;
  }

  /** A platform for one client, with chance of its own. `skewMs` moves its wall clock. */
  platform(owner: string, random: SeededRandom, wallClockStart: number): SimulatedPlatform {
    return new SimulatedPlatform(this, owner, random, wallClockStart);
  }
}

/** One client's view of time, chance and network. */
export class SimulatedPlatform implements Platform {
  /** A jump of the wall clock, as NTP or an operator makes it. */
  wallClockSkewMs = 0;
  timerCount = 0;

  readonly network: SimulatedNetwork;
  readonly owner: string;
  readonly chance: SeededRandom;
  readonly wallClockStart: number;

  constructor(network: SimulatedNetwork, owner: string, chance: SeededRandom, wallClockStart: number) {
    this.network = network;
    this.owner = owner;
    this.chance = chance;
    this.wallClockStart = wallClockStart;
  }

  now(): number {
    return this.network.time.now();
  }

  wallClock(): number {
    return this.wallClockStart + this.network.time.now() + this.wallClockSkewMs;
  }

  random(): number {
    return this.chance.next();
  }

  setTimer(delayMs: number, callback: () => void): TimerHandle {
    this.timerCount++;
    return this.network.time.schedule(delayMs, () => {
      this.timerCount--;
      callback();
    });
  }

  clearTimer(handle: TimerHandle): void {
    const event = handle as EventHandle;
    if (event.run !== undefined) this.timerCount--;
    this.network.time.cancel(event);
  }

  defer(callback: () => void): void {
    this.network.time.defer(callback);
  }

  afterRead(callback: () => void): void {
    this.network.time.afterRead(callback);
  }

  dial(_address: Address, events: LinkEvents): Link {
    return this.network.dial(this.owner, events);
  }
}

interface Piece {
  bytes: Uint8Array;
  dueAt: number;
}

/** A link with two ends. Each direction keeps its order; a frozen link delivers nothing and closes nothing. */
export class SimulatedLink implements Link {
  readonly owner: string;
  readonly #network: SimulatedNetwork;
  readonly #events: LinkEvents;
  #gone = false;
  #frozen = false;
  #paused = false;
  #server: ServerEnd | undefined;
  readonly #toServer: Piece[] = [];
  readonly #toClient: Piece[] = [];
  #pendingBytes = 0;

  constructor(network: SimulatedNetwork, owner: string, events: LinkEvents) {
    this.#network = network;
    this.owner = owner;
    this.#events = events;
    network.links.add(this);
    const { dial } = network.weather;
    if (dial === 'blackhole') return;
    network.time.schedule(this.#latency(), () => {
      if (this.#gone) return;
      if (network.weather.dial !== 'accept') {
        this.#finish(Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED' }));
        return;
      }
      this.#server = {
        id: network.dialCount,
        send: (bytes) => this.#sendToClient(bytes),
        close: () => this.#closeFromServer(),
        onData: () => {},
        onClose: () => {},
      };
      network.onAccept(this.#server);
      events.onOpen();
    });
  }

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  write(frames: readonly Frame[]): void {
    if (this.#gone) return;
    const pieces: Uint8Array[] = [];
    for (const frame of frames) {
      if (frame.text !== undefined) pieces.push(encoder.encode(frame.text));
      else for (const part of frame.parts ?? []) pieces.push(typeof part === 'string' ? encoder.encode(part) : part);
    }
    const size = pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
    const bytes = new Uint8Array(size);
    let offset = 0;
    for (const piece of pieces) {
      bytes.set(piece, offset);
      offset += piece.byteLength;
    }
    this.#pendingBytes += size;
    this.#enqueue(this.#toServer, bytes, () => this.#deliverToServer());
  }

  pauseReading(): void {
    this.#paused = true;
  }

  resumeReading(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#network.time.schedule(0, () => this.#deliverToClient());
  }

  destroy(): void {
    if (this.#gone) return;
    const server = this.#server;
    const told = !this.#frozen;
    this.#finish(undefined);
    if (server !== undefined && told) this.#network.time.schedule(this.#latency(), () => server.onClose());
    else if (server !== undefined) this.#network.time.schedule(60_000, () => server.onClose());
  }

  unref(): void {}

  /** A reset, as both ends see it. What was under way is lost. */
  cut(): void {
    if (this.#gone) return;
    const server = this.#server;
    this.#finish(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }));
    server?.onClose();
  }

  /** Half-open: neither bytes nor closes pass until `thaw`. */
  freeze(): void {
    this.#frozen = true;
  }

  thaw(): void {
    if (!this.#frozen) return;
    this.#frozen = false;
    this.#network.time.schedule(0, () => {
      this.#deliverToServer();
      this.#deliverToClient();
    });
  }

  #latency(): number {
    const { latencyMs, jitterMs } = this.#network.weather;
    return latencyMs + jitterMs * this.#network.random.next();
  }

  #enqueue(queue: Piece[], bytes: Uint8Array, deliver: () => void): void {
    const { random, time, weather } = this.#network;
    let start = 0;
    while (start < bytes.byteLength) {
      const rest = bytes.byteLength - start;
      const size = rest > 1 && random.chance(weather.fragment) ? random.integer(1, rest - 1) : rest;
      const last = queue[queue.length - 1];
      const dueAt = Math.max(time.now() + this.#latency(), last?.dueAt ?? 0);
      queue.push({ bytes: bytes.slice(start, start + size), dueAt });
      time.schedule(dueAt - time.now(), deliver);
      start += size;
    }
  }

  #deliverToServer(): void {
    const { time } = this.#network;
    while (!this.#gone && !this.#frozen) {
      const piece = this.#toServer[0];
      if (piece === undefined || piece.dueAt > time.now()) return;
      this.#toServer.shift();
      this.#pendingBytes -= piece.bytes.byteLength;
      this.#server?.onData(piece.bytes);
      if (this.#pendingBytes === 0 && !this.#gone) this.#events.onDrain();
    }
  }

  #deliverToClient(): void {
    const { time } = this.#network;
    while (!this.#gone && !this.#frozen && !this.#paused) {
      const piece = this.#toClient[0];
      if (piece === undefined || piece.dueAt > time.now()) return;
      this.#toClient.shift();
      this.#events.onData(piece.bytes);
      // The door says that a chunk is valid during the call only: make every later use of it visible.
      piece.bytes.fill(0x3f);
    }
  }

  #sendToClient(bytes: Uint8Array): void {
    if (this.#gone) return;
    this.#enqueue(this.#toClient, bytes, () => this.#deliverToClient());
  }

  #closeFromServer(): void {
    if (this.#gone) return;
    const last = this.#toClient[this.#toClient.length - 1];
    const { time } = this.#network;
    time.schedule(Math.max(this.#latency(), (last?.dueAt ?? 0) - time.now()), () => {
      if (this.#gone || this.#frozen) return;
      const server = this.#server;
      this.#finish(undefined);
      server?.onClose();
    });
  }

  #finish(error: Error | undefined): void {
    this.#gone = true;
    this.#network.links.delete(this);
    this.#toClient.length = 0;
    this.#toServer.length = 0;
    this.#network.time.schedule(0, () => this.#events.onClose(error));
  }
}
