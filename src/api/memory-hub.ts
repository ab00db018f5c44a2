// Channels that stay in the process: what `memory://` publishers and subscribers meet at.
// Used by the memory transports alone. It keeps a channel only while somebody listens.

export type MemoryListener = (channel: string, payload: string | Uint8Array) => void;

/** The process is the transport, so that its one hub hangs on the global object: copies of this module share it. */
const HUB = Symbol.for('ashredis.memory.channels');

/** Made at first use, never at import. */
function channels(): Map<string, Set<MemoryListener>> {
  const place = globalThis as { [HUB]?: Map<string, Set<MemoryListener>> };
  place[HUB] ??= new Map();
  return place[HUB];
}

/** Gives the number of receivers. */
export function publishInMemory(channel: string, payload: string | Uint8Array): number {
  // A copy: a listener may leave while it is told.
  const listeners = [...(channels().get(channel) ?? [])];
  for (const listener of listeners) listener(channel, payload);
  return listeners.length;
}

export function listenInMemory(channel: string, listener: MemoryListener): () => void {
  const all = channels();
  const listeners = all.get(channel) ?? new Set();
  all.set(channel, listeners.add(listener));
  return () => {
    if (listeners.delete(listener) && listeners.size === 0) all.delete(channel);
  };
}
