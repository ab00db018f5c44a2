// Channels that stay in the process: what `memory://` publishers and subscribers meet at.
// Used by the memory transports alone. It keeps a channel only while somebody listens.

export type MemoryListener = (channel: string, payload: string | Uint8Array) => void;

/** The process is the transport, so that its one hub hangs on the global object: copies of this module share it. */
const HUB = Symbol.for('ashredis.memory');

export class MemoryHub {
  readonly #channels = new Map<string, Set<MemoryListener>>();

  /** The number of receivers. */
  publish(channel: string, payload: string | Uint8Array): number {
    const listeners = this.#channels.get(channel);
    if (listeners === undefined) return 0;
    // A copy: a listener may leave while it is told.
    for (const listener of [...listeners]) listener(channel, payload);
    return listeners.size;
  }

  listen(channel: string, listener: MemoryListener): () => void {
    const listeners = this.#channels.get(channel) ?? new Set();
    this.#channels.set(channel, listeners.add(listener));
    return () => {
      if (listeners.delete(listener) && listeners.size === 0 && this.#channels.get(channel) === listeners) {
        this.#channels.delete(channel);
      }
    };
  }
}

/** Made at first use, never at import. */
export function memoryHub(): MemoryHub {
  const place = globalThis as { [HUB]?: MemoryHub };
  place[HUB] ??= new MemoryHub();
  return place[HUB];
}
